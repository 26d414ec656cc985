"""A release being built. Nothing stored here is seen by a reader before it is published."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from random import Random
from typing import TYPE_CHECKING, TypeVar

from ingestion.chunked_file import ChunkedFile, fingerprint, manner
from ingestion.releases.changes import changes
from ingestion.releases.types import Counts, PageRecord
from ingestion.sources.source import Skipped, SkipReason, SourceFile, Unchanged
from retrieval.errors import DiskFull
from retrieval.index import VersionQuery

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet
    from pathlib import Path

    from ingestion.engines import Engine
    from ingestion.progress import Meter
    from ingestion.releases.lease import Lease
    from ingestion.sources.source import SourceItem
    from ingestion.sources.spec import SourceSpec
    from retrieval.index import ChunkWriter, EncodedChunk
    from retrieval.types import Chunk

ITEMS_AT_ONCE = 256
SAMPLES = 20
# An engine that maps its files into memory dies when the disk fills under it, so a run stops
# while there is still room: for a batch of large chunks, the engine's own segments and a log.
RESERVE_BYTES = 256 * 2**20
BYTES_PER_CHUNK = 40_000
# What is not to be read any more, in contrast to what cannot be read just now.
T = TypeVar("T")
WITHDRAWN = frozenset({SkipReason.UNPUBLISHED, SkipReason.RULED_OUT})


@dataclass(frozen=True, slots=True)
class SourceUpdate:
    """What became of one source.

    Attributes:
        spec: The source.
        records: What the candidate holds of it, whole.
        counts: What was done.
        skipped: What could not be used, and why.
        growth: How many more passages the candidate shows for it.
        begun: Some of the chunks that were stored, to look for.
        ended: Ids of all the chunks that are not to be found any more.
        encoder_seconds: How long the embedder worked.
    """

    spec: SourceSpec
    records: tuple[PageRecord, ...]
    counts: Counts
    skipped: tuple[Skipped, ...]
    growth: int
    begun: tuple[EncodedChunk, ...]
    ended: tuple[str, ...]
    encoder_seconds: float


@dataclass(frozen=True, slots=True)
class Workshop:
    """What a candidate is built with.

    Attributes:
        index: Where chunks are stored.
        engine: Reads files and makes vectors.
        meter: Is told how far the run is.
        folder: Where an embedded index lives, to watch its free space; else None.
        dry: Nothing is encoded or stored, only counted.
        planned: Contents that were counted as encoded in a dry run, of all its sources.
    """

    index: ChunkWriter
    engine: Engine
    meter: Meter
    folder: Path | None = None
    dry: bool = False
    planned: set[str] = field(default_factory=set)


@dataclass(slots=True)
class _Tally:
    """What one source's update has come to so far."""

    seen: set[str] = field(default_factory=set)
    unread: set[str] = field(default_factory=set)
    records: dict[str, PageRecord] = field(default_factory=dict)
    skipped: list[Skipped] = field(default_factory=list)
    pending: list[ChunkedFile] = field(default_factory=list)
    touched: set[str] = field(default_factory=set)
    begun: list[EncodedChunk] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    encoded: int = 0
    reused: int = 0
    versions_ended: int = 0
    encoder_seconds: float = 0.0


class SourceUpdater:
    """Brings a candidate up to date with one source.

    Args:
        workshop: What it is built with.
        lease: The right to write.
        candidate: The candidate's number.
        spec: The source.
        held: What the release before holds of the source, by file.
    """

    def __init__(
        self,
        *,
        workshop: Workshop,
        lease: Lease,
        candidate: int,
        spec: SourceSpec,
        held: Mapping[str, PageRecord],
    ) -> None:
        self._workshop = workshop
        self._lease = lease
        self._candidate = candidate
        self._spec = spec
        self._held = held
        self._tally = _Tally()
        self._random = Random(candidate)  # noqa: S311 - chooses samples

    async def run(self) -> SourceUpdate:
        """Read the source, store what is new, end what is gone.

        Raises:
            SourceNotFound: There is no such source.
            NothingToIngest: It holds nothing that can be read.
            DiskFull: There is not enough room.
            LeaseLost: Another writer took over.
            IndexUnavailable: The index does not answer.
        """
        source = self._spec.source
        total = await asyncio.to_thread(source.count)
        self._workshop.meter.start(f"Reading {self._spec.name}", total)
        items = await asyncio.to_thread(source.read, self._read_alike())
        while found := await asyncio.to_thread(self._next, items):
            for item in found:
                await self._take(item)
            self._workshop.meter.advance(len(found))
        await self._settle()
        gone = [page for record in self._gone() for page in record.pages]
        for pages in _batches(gone, ITEMS_AT_ONCE):
            await self._bring(pages, [])
        return self._update()

    def _read_alike(self) -> AbstractSet[str]:
        """Files that would be read today as they were: only these may be told to be unchanged."""
        today = manner(self._spec.placement) + "-"
        return {file for file, held in self._held.items() if held.fingerprint.startswith(today)}

    def _next(self, items: Iterator[SourceItem]) -> list[Unchanged | Skipped | ChunkedFile]:
        """The source's next items; files that are not as they were are read and cut up."""
        found: list[Unchanged | Skipped | ChunkedFile] = []
        changed: list[SourceFile] = []
        for item in items:
            looked_at = self._looked_at(item)
            if isinstance(looked_at, SourceFile):
                changed.append(looked_at)
            else:
                found.append(looked_at)
            if len(changed) == self._workshop.engine.files_at_once or len(found) == ITEMS_AT_ONCE:
                break
        return [*found, *self._workshop.engine.chunk(changed, self._spec.placement)]

    def _looked_at(self, item: SourceItem) -> SourceItem:
        """What becomes of an item before it is read."""
        if not isinstance(item, SourceFile):
            return item
        if self._spec.placement.of(item.page) is None:
            return Skipped(item.page, SkipReason.RULED_OUT, "")
        held = self._held.get(item.page)
        if held is not None and held.fingerprint == fingerprint(item, self._spec.placement):
            return Unchanged(item.page)
        return item

    async def _take(self, item: Unchanged | Skipped | ChunkedFile) -> None:
        tally = self._tally
        if isinstance(item, Skipped):
            self._skip(item)
        elif isinstance(item, Unchanged):
            tally.seen.add(item.page)
            tally.records[item.page] = self._held[item.page]
        else:
            for part in item.skipped:
                self._skip(part)
            tally.seen.add(item.file)
            tally.pending.append(item)
            passages = sum(len(file.chunks) for file in tally.pending)
            if passages >= self._workshop.engine.passages_at_once:
                await self._settle()

    def _skip(self, skipped: Skipped) -> None:
        self._tally.skipped.append(skipped)
        if skipped.reason not in WITHDRAWN:
            self._tally.unread.add(skipped.page)

    async def _settle(self) -> None:
        """Bring the pages of the pending files up to date in the candidate."""
        files, self._tally.pending = self._tally.pending, []
        pages: set[str] = set()
        for file in files:
            before = self._held[file.file].pages if file.file in self._held else ()
            unread = {page for page in before if self._is_unread(page)}.difference(file.pages)
            pages.update({*file.pages, *before} - unread)
            self._record(file, (*file.pages, *sorted(unread)))
        await self._bring(sorted(pages), [chunk for file in files for chunk in file.chunks])

    def _record(self, file: ChunkedFile, pages: tuple[str, ...]) -> None:
        if pages:
            # What could not be used is reported again next time, so the file is read again.
            known = "" if file.skipped else file.fingerprint
            self._tally.records[file.file] = PageRecord(file.file, known, pages)

    def _gone(self) -> list[PageRecord]:
        """What was read of files that the source no longer has; what it cannot read now stays."""
        gone = []
        for file, record in self._held.items():
            if file in self._tally.seen:
                continue
            if self._is_unread(file):
                self._tally.records[file] = record
            else:
                gone.append(record)
        return gone

    def _is_unread(self, page: str) -> bool:
        path = PurePosixPath(page)
        unread = self._tally.unread
        # An address is looked for as it stands: as a path it would lose one of its slashes.
        return "" in unread or page in unread or any(str(part) in unread for part in path.parents)

    async def _bring(self, pages: Sequence[str], chunks: Sequence[Chunk]) -> None:
        """Have the candidate show these chunks, and no others, of these pages."""
        scope = self._spec.scope
        before = VersionQuery(scope.tenant, self._candidate - 1, scope.source, tuple(pages))
        shown = await self._workshop.index.versions(before)
        found = changes(shown, chunks)
        self._tally.touched |= found.pages
        for batch in _batches(found.begin, self._workshop.engine.passages_at_once):
            await self._begin(batch)
        begun = {chunk.id for chunk in found.begin}
        self._tally.ended += [v.chunk for v in found.end if v.chunk not in begun]
        self._tally.versions_ended += len(found.end)
        if not self._workshop.dry:
            self._lease.check()
            ended = [version.id for version in found.end]
            await self._workshop.index.end(ended, until=self._candidate)

    async def _begin(self, chunks: Sequence[Chunk]) -> None:
        known = await self._workshop.index.encoded(chunks)
        reused = {each.chunk.id for each in known}
        reused |= {chunk.id for chunk in chunks if chunk.content in self._workshop.planned}
        new = [chunk for chunk in chunks if chunk.id not in reused]
        self._tally.reused += len(reused)
        self._tally.encoded += len(new)
        if self._workshop.dry:
            self._workshop.planned.update(chunk.content for chunk in new)
        else:
            self._lease.check()
            self._check_room(len(chunks))
            await self._store([*known, *await self._encoded(new)])

    async def _encoded(self, chunks: Sequence[Chunk]) -> list[EncodedChunk]:
        started = time.perf_counter()
        encoded = await asyncio.to_thread(self._workshop.engine.encode, chunks) if chunks else []
        self._tally.encoder_seconds += time.perf_counter() - started
        return encoded

    async def _store(self, encoded: Sequence[EncodedChunk]) -> None:
        await self._workshop.index.upsert(encoded, release=self._candidate)
        for each in encoded:
            self._sample(each)

    def _sample(self, encoded: EncodedChunk) -> None:
        """Keep some of what is stored, whenever it comes, each as likely as any other."""
        begun = self._tally.begun
        if len(begun) < SAMPLES:
            begun.append(encoded)
        elif (place := self._random.randrange(self._tally.encoded + self._tally.reused)) < SAMPLES:
            begun[place] = encoded

    def _check_room(self, chunks: int) -> None:
        folder = self._workshop.folder
        if folder is None:
            return
        free = shutil.disk_usage(folder).free
        needed = RESERVE_BYTES + chunks * BYTES_PER_CHUNK
        if free < needed:
            raise DiskFull(
                f"{folder} has {free / 2**20:.0f} MB free; storing {chunks} passages "
                f"safely takes {needed / 2**20:.0f} MB.",
                hint="Free some space and run it again: it goes on where it stopped.",
            )

    def _update(self) -> SourceUpdate:
        tally = self._tally
        begun = tally.encoded + tally.reused
        pages = _pages(self._held, tally.records, tally.touched)
        return SourceUpdate(
            spec=self._spec,
            records=tuple(tally.records.values()),
            counts=replace(
                pages, encoded=tally.encoded, reused=tally.reused, ended=tally.versions_ended
            ),
            skipped=tuple(tally.skipped),
            growth=begun - tally.versions_ended,
            begun=tuple(tally.begun),
            ended=tuple(tally.ended),
            encoder_seconds=tally.encoder_seconds,
        )


def _pages(
    held: Mapping[str, PageRecord],
    records: Mapping[str, PageRecord],
    touched: AbstractSet[str],
) -> Counts:
    """What became of the files, by comparing what is held of them before and after."""
    new = [record for file, record in records.items() if file not in held]
    gone = [record for file, record in held.items() if file not in records]
    moved = (_contents(new) & _contents(gone)).total()
    changed = sum(
        file in held and not touched.isdisjoint({*record.pages, *held[file].pages})
        for file, record in records.items()
    )
    return Counts(
        read=len(records),
        added=len(new) - moved,
        changed=changed,
        moved=moved,
        removed=len(gone) - moved,
        unchanged=len(records) - len(new) - changed,
    )


def _contents(records: Sequence[PageRecord]) -> Counter[str]:
    return Counter(record.fingerprint for record in records if record.fingerprint)


def _batches(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (items[start : start + size] for start in range(0, len(items), size))
