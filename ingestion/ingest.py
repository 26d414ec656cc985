"""One run: read a source, chunk it, encode what is new, remove what is gone."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ingestion.chunking import chunk_page
from ingestion.parsing import parse
from ingestion.plan import Plan, plan
from ingestion.sources.source import Skipped, SkipReason
from retrieval.errors import DiskFull, UnreadableDocument

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ingestion.progress import Meter
    from ingestion.sources.files import FolderSource
    from ingestion.sources.source import SourceFile
    from retrieval.encoding import ChunkEncoder
    from retrieval.index import ChunkWriter
    from retrieval.types import Chunk, Scope

BATCH = 128
# An engine that maps its files into memory dies when the disk fills under it, so a run stops
# while there is still room: for a batch of large chunks, the engine's own segments and a log.
RESERVE_BYTES = 256 * 2**20
BYTES_PER_CHUNK = 40_000


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What a run did.

    Attributes:
        pages: Pages read.
        chunks: Chunks they were cut into.
        added: Chunks encoded and stored.
        moved: Stored chunks that stand elsewhere on their page now, or under another URL.
        removed: Chunks removed.
        unchanged: Chunks that were stored already.
        skipped: Files that could not be used, and why.
        seconds: How long the run took.
        encoder_seconds: How much of that was spent in the embedder.
    """

    pages: int
    chunks: int
    added: int
    moved: int
    removed: int
    unchanged: int
    skipped: tuple[Skipped, ...]
    seconds: float
    encoder_seconds: float


@dataclass(frozen=True, slots=True)
class _Reading:
    pages: int
    chunks: tuple[Chunk, ...]
    skipped: tuple[Skipped, ...]


class Ingestion:
    """Brings an index up to date with a source."""

    def __init__(
        self, index: ChunkWriter, encoder: ChunkEncoder, meter: Meter, folder: Path | None
    ) -> None:
        """`folder` is where an embedded index lives, to watch its free space; else None."""
        self._index = index
        self._encoder = encoder
        self._meter = meter
        self._folder = folder
        self._encoder_seconds = 0.0

    async def run(self, source: FolderSource, scope: Scope) -> IngestReport:
        """Read `source` and store what changed under `scope`.

        New chunks are stored before old ones are removed, and a page that could not be read
        keeps what was stored of it. Running twice changes nothing.

        Raises:
            SourceNotFound: The folder does not exist.
            NothingToIngest: It holds no document.
            DiskFull: There is not enough room; what was stored stays usable.
            IndexUnavailable: The index does not answer.
        """
        started = time.perf_counter()
        self._encoder_seconds = 0.0
        reading = self._read(source, scope)
        stored = await self._index.stored(scope.tenant, scope.source)
        changes = plan(stored, reading.chunks, {skipped.page for skipped in reading.skipped})
        await self._apply(changes)
        return IngestReport(
            pages=reading.pages,
            chunks=len(reading.chunks),
            added=len(changes.added),
            moved=len(changes.moved),
            removed=len(changes.removed),
            unchanged=changes.unchanged,
            skipped=reading.skipped,
            seconds=time.perf_counter() - started,
            encoder_seconds=self._encoder_seconds,
        )

    def _read(self, source: FolderSource, scope: Scope) -> _Reading:
        self._meter.start("Reading pages", source.count())
        chunks: list[Chunk] = []
        skipped: list[Skipped] = []
        pages = 0
        for file in source.read():
            result = file if isinstance(file, Skipped) else self._chunk(file, source, scope)
            if isinstance(result, Skipped):
                skipped.append(result)
            else:
                pages += 1
                chunks.extend(result)
            self._meter.advance()
        return _Reading(pages, tuple(chunks), tuple(skipped))

    def _chunk(self, file: SourceFile, source: FolderSource, scope: Scope) -> list[Chunk] | Skipped:
        try:
            document = parse(file)
        except UnreadableDocument as error:
            return Skipped(file.page, SkipReason.UNPARSABLE, str(error))
        declared = {key: document.metadata[key] for key in ("audience", "locale")}
        scope = replace(scope, **{key: value for key, value in declared.items() if value})
        return chunk_page(document, tokenizer=self._encoder, scope=scope, base_url=source.base_url)

    async def _apply(self, changes: Plan) -> None:
        self._check_room(len(changes.added))
        self._meter.start("Encoding passages", len(changes.added))
        for start in range(0, len(changes.added), BATCH):
            batch = changes.added[start : start + BATCH]
            self._check_room(len(batch))
            await self._store(batch)
            self._meter.advance(len(batch))
        await self._index.relocate(changes.moved)
        await self._index.delete(changes.removed)

    async def _store(self, batch: Sequence[Chunk]) -> None:
        started = time.perf_counter()
        encoded = self._encoder.encode(batch)
        self._encoder_seconds += time.perf_counter() - started
        await self._index.upsert(encoded)

    def _check_room(self, chunks: int) -> None:
        if self._folder is None:
            return
        free = shutil.disk_usage(self._folder).free
        needed = RESERVE_BYTES + chunks * BYTES_PER_CHUNK
        if free < needed:
            raise DiskFull(
                f"{self._folder} has {free / 2**20:.0f} MB free; storing {chunks} passages "
                f"safely takes {needed / 2**20:.0f} MB.",
                hint="Free some space and run it again; what is stored already stays.",
            )
