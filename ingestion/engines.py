"""Where a run's heavy work is done: in this process, or elsewhere (`ingestion.ray_engine`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from ingestion.chunked_file import ChunkedFile, Placement, chunk_file

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingestion.sources.source import SourceFile
    from retrieval.encoding import ChunkEncoder
    from retrieval.index import EncodedChunk
    from retrieval.types import Chunk


BATCH = 128  # passages that are encoded and stored together


class Engine(Protocol):
    """Reads files and encodes passages."""

    @property
    def files_at_once(self) -> int:
        """How many files to hand over together."""

    @property
    def passages_at_once(self) -> int:
        """How many passages to hand over together."""

    def chunk(self, files: Sequence[SourceFile], placement: Placement) -> list[ChunkedFile]:
        """Read files and cut them up, in the order given."""

    def encode(self, chunks: Sequence[Chunk]) -> list[EncodedChunk]:
        """Encode passages, in the order given."""


class LocalEngine:
    """This process, one file after another; the embedder uses all cores."""

    files_at_once = 1
    passages_at_once = BATCH

    def __init__(self, encoder: ChunkEncoder) -> None:
        self._encoder = encoder

    def chunk(self, files: Sequence[SourceFile], placement: Placement) -> list[ChunkedFile]:
        """See `Engine.chunk`."""
        return [chunk_file(file, placement, self._encoder) for file in files]

    def encode(self, chunks: Sequence[Chunk]) -> list[EncodedChunk]:
        """See `Engine.encode`."""
        return self._encoder.encode(chunks)
