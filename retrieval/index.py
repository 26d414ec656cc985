"""Where chunks live: what an index can do, and how one is opened by URL."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from retrieval.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from retrieval.late import TokenMatrix
    from retrieval.lexical import SparseVector
    from retrieval.types import Chunk, Reader


@dataclass(frozen=True, slots=True)
class EncodedChunk:
    """A chunk with everything an index stores about it.

    Attributes:
        chunk: The passage.
        dense: Unit sentence vector, float32 of shape (dims,).
        lexical: BM25 term weights.
        late: Token vectors.
    """

    chunk: Chunk
    dense: NDArray[np.float32]
    lexical: SparseVector
    late: TokenMatrix


@dataclass(frozen=True, slots=True)
class IndexQuery:
    """One question, as an index understands it.

    Attributes:
        dense: Unit sentence vector, float32 of shape (dims,).
        lexical: BM25 query terms.
        reader: Who asks; nothing outside what they may see is returned.
        limit: Candidates wanted from each of the two legs.
    """

    dense: NDArray[np.float32]
    lexical: SparseVector
    reader: Reader
    limit: int


@dataclass(frozen=True, slots=True)
class Candidate:
    """A chunk that one leg or both found.

    Attributes:
        chunk: The passage.
        late: Its token vectors.
        dense: Cosine of the sentence vectors, in [-1, 1].
        lexical: BM25 score, None when the lexical leg did not return the chunk.
    """

    chunk: Chunk
    late: TokenMatrix
    dense: float
    lexical: float | None


@dataclass(frozen=True, slots=True)
class Stored:
    """What planning a run needs to know of a stored chunk.

    Attributes:
        page: Its page.
        place: `Chunk.place` when it was stored.
    """

    page: str
    place: str


class ChunkReader(Protocol):
    """What a serving process needs of an index."""

    async def search(self, query: IndexQuery) -> list[Candidate]:
        """Candidates of both legs, best dense score first.

        Raises:
            IndexUnavailable: The index does not answer.
        """

    async def read(self, ids: Sequence[str], reader: Reader) -> list[Chunk]:
        """The chunks with these ids that `reader` may see, in the order asked for."""

    async def page(self, page: str, reader: Reader) -> list[Chunk]:
        """All chunks of one page that `reader` may see, by position."""


class ChunkWriter(Protocol):
    """What ingestion needs of an index."""

    async def stored(self, tenant: str, source: str) -> Mapping[str, Stored]:
        """The chunks a tenant has from a source, by id."""

    async def upsert(self, chunks: Sequence[EncodedChunk]) -> None:
        """Add chunks, replacing those with the same id."""

    async def relocate(self, chunks: Sequence[Chunk]) -> None:
        """Note where stored chunks stand now; their text is what it was."""

    async def delete(self, ids: Sequence[str]) -> None:
        """Remove chunks; unknown ids are ignored."""


class ChunkIndex(ChunkReader, ChunkWriter, Protocol):
    """A whole index. `EdgeIndex` and `QdrantIndex` are the two there are."""

    async def flush(self) -> None:
        """Make what was written durable and searchable at full speed."""

    async def count(self) -> int:
        """Chunks stored, of every scope."""

    async def close(self) -> None:
        """Release files, locks and connections."""


async def open_index(url: str, *, model: str, dims: int) -> ChunkIndex:
    """Open the index a URL names, creating it when it is not there.

    Args:
        url: `edge:FOLDER` for the embedded engine, `http(s)://HOST:PORT[/COLLECTION]` for a
            Qdrant server.
        model: The embedder whose vectors it holds.
        dims: Length of the sentence vectors.

    Raises:
        BadInput: The URL is of neither form.
        IndexBusy: Another process has the embedded index open.
        IndexUnavailable: The server does not answer.
        ModelMismatch: The index holds another model's vectors.
    """
    kind, _, rest = url.partition(":")
    if kind == "edge" and rest:
        from retrieval.edge import EdgeIndex  # noqa: PLC0415 - only the chosen engine is loaded

        return EdgeIndex.open(Path(rest), model=model, dims=dims)
    if kind in {"http", "https"}:
        from retrieval.qdrant import QdrantIndex  # noqa: PLC0415

        return await QdrantIndex.open(url, model=model, dims=dims)
    raise BadInput(
        f"'{url}' does not name an index.",
        hint="Set ANSWERABLE_INDEX_URL to edge:FOLDER, or http://HOST:6333 for a Qdrant server.",
    )
