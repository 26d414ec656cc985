"""Where chunks live: what an index can do, and how one is opened by URL."""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from retrieval.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from retrieval.late import TokenMatrix
    from retrieval.lexical import SparseVector
    from retrieval.types import Chunk, Reader


DEFAULT_COLLECTION = "answerable"
FIRST = 1  # releases are counted from here
# Until when a version is shown that no release has ended; releases stay below it.
OPEN = 2**31 - 1
NEWEST = OPEN - 1
NEVER = 0  # until when a version is shown that no release shows


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
class Version:
    """One chunk as it stood from one release to another.

    Attributes:
        id: The version's own id, a UUID.
        chunk: The chunk's id.
        page: Its page.
        place: `Chunk.place` when it was stored.
        since: The first release that shows it.
        until: The first release that no longer does; `OPEN` while none has ended it.
    """

    id: str
    chunk: str
    page: str
    place: str
    since: int
    until: int


@dataclass(frozen=True, slots=True)
class VersionQuery:
    """Which versions are wanted.

    Attributes:
        tenant: Whose they are.
        release: The release that shows them.
        source: The source they were read from; None for any.
        pages: The pages they stand on; None for any.
        chunks: The chunks they are versions of; None for any.
    """

    tenant: str
    release: int
    source: str | None = None
    pages: tuple[str, ...] | None = None
    chunks: tuple[str, ...] | None = None


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
    """What a release is written with. Nothing here touches what an earlier release shows."""

    async def versions(self, wanted: VersionQuery) -> list[Version]:
        """The versions that a release shows."""

    async def unfinished(self, tenant: str, release: int) -> list[Version]:
        """The versions, of every source, that `release` begins or ends."""

    async def encoded(self, chunks: Sequence[Chunk]) -> list[EncodedChunk]:
        """Those of the chunks whose content their tenant has stored, with the stored vectors."""

    async def upsert(self, chunks: Sequence[EncodedChunk], *, release: int = FIRST) -> None:
        """Store chunks as they stand from `release` on, replacing what it stored of them."""

    async def end(self, versions: Sequence[str], *, until: int) -> None:
        """Show versions no longer from the release `until` on; `OPEN` shows them again."""

    async def delete(self, versions: Sequence[str]) -> None:
        """Remove versions altogether; unknown ids are ignored."""

    async def vacuum(self, tenant: str, oldest: int) -> int:
        """Remove the versions that neither release `oldest` nor a later one shows.

        Returns:
            How many were removed.
        """


class ChunkIndex(ChunkReader, ChunkWriter, Protocol):
    """A whole index. `EdgeIndex` and `QdrantIndex` are the two there are."""

    async def flush(self) -> None:
        """Make what was written durable and searchable at full speed."""

    async def count(self, tenant: str | None = None, release: int | None = None) -> int:
        """Versions stored, of every tenant or one, of every release or those one shows."""

    async def close(self) -> None:
        """Release files, locks and connections."""


def place_of(model: str) -> str:
    """The name of a model's own part of an index: vectors of two models do not compare."""
    named = re.sub(r"[^A-Za-z0-9]+", "-", model.rstrip("/").rpartition("/")[2]).strip("-")
    return f"{named}-{blake2b(model.encode(), digest_size=4).hexdigest()}"


async def open_index(url: str, *, model: str, dims: int) -> ChunkIndex:
    """Open a model's part of the index a URL names, creating it when it is not there.

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

        return EdgeIndex.open(Path(rest) / place_of(model), model=model, dims=dims)
    if kind in {"http", "https"}:
        from retrieval.qdrant import QdrantIndex  # noqa: PLC0415

        return await QdrantIndex.open(url, model=model, dims=dims)
    raise BadInput(
        f"'{url}' does not name an index.",
        hint="Set ANSWERABLE_INDEX_URL to edge:FOLDER, or http://HOST:6333 for a Qdrant server.",
    )
