"""A whole run: read the sources into a candidate, check it, and switch readers over."""

from __future__ import annotations

import logging
import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ingestion.engines import LocalEngine
from ingestion.releases.candidate import SourceUpdate, SourceUpdater, Workshop
from ingestion.releases.gate import GateResult  # noqa: TC001 - pydantic reads the annotations
from ingestion.releases.lease import Lease, write_lease
from ingestion.releases.recovery import put_back
from ingestion.releases.types import Counts, Head, Outcome, Release, total
from ingestion.releases.upkeep import KEPT_RELEASES, sweep
from ingestion.releases.verification import verify
from ingestion.sources.source import Skipped  # noqa: TC001 - pydantic reads the annotations
from retrieval.errors import AnswerableError, BadInput, ReleaseRefused
from retrieval.types import Reader

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ingestion.engines import Engine
    from ingestion.progress import Meter
    from ingestion.releases.gate import Gate
    from ingestion.releases.ledger import Ledger
    from ingestion.releases.types import PageRecord
    from ingestion.sources.spec import SourceSpec
    from retrieval.encoding import ChunkEncoder
    from retrieval.index import ChunkIndex

_log = logging.getLogger(__name__)

MOST_REMOVED = 0.5
FEW_PAGES = 10  # below so many, removing most of them is nothing out of the ordinary


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How a run is to go about it.

    Attributes:
        dry: Only say what would be done.
        allow_removals: Publish even when most pages of a source would be removed.
        keep: How many releases to keep for rolling back to.
    """

    dry: bool = False
    allow_removals: bool = False
    keep: int = KEPT_RELEASES


DEFAULT_OPTIONS = RunOptions()


@dataclass(frozen=True, slots=True)
class RunReport:
    """What a run did.

    Attributes:
        tenant: Whose knowledge it was about.
        outcome: How it ended.
        release: The number of the release that readers see now.
        counts: What was done, over all sources.
        sources: What became of each, by name.
        skipped: Files that could not be used, and why.
        gate: What the golden questions said; None when none were asked.
        seconds: How long the run took.
        encoder_seconds: How much of that the embedder worked.
    """

    tenant: str
    outcome: Outcome
    release: int
    counts: Counts
    sources: dict[str, Counts]
    skipped: tuple[Skipped, ...]
    gate: GateResult | None
    seconds: float
    encoder_seconds: float


class Publisher:
    """Publishes releases of one index.

    Args:
        index: Where chunks are stored.
        ledger: Where releases are noted.
        encoder: Makes vectors.
        meter: Is told how far a run is.
        folder: Where an embedded index lives, to watch its free space; else None.
        engine: Where files are read and passages encoded; None for this process.
    """

    def __init__(
        self,
        *,
        index: ChunkIndex,
        ledger: Ledger,
        encoder: ChunkEncoder,
        meter: Meter,
        folder: Path | None = None,
        engine: Engine | None = None,
    ) -> None:
        self._index = index
        self._ledger = ledger
        self._engine = engine or LocalEngine(encoder)
        self._meter = meter
        self._folder = folder

    async def run(
        self,
        specs: Sequence[SourceSpec],
        *,
        gate: Gate | None = None,
        options: RunOptions = DEFAULT_OPTIONS,
    ) -> RunReport:
        """Bring one tenant's knowledge up to date with some of its sources.

        Raises:
            BadInput: The sources are of several tenants, or two have the same name.
            WriterBusy: Another run is at work.
            ReleaseRefused: A check failed; readers see what they saw before.
            AnswerableError: A source or a part is not there; nothing was published.
        """
        tenant = _one_tenant(specs)
        if options.dry:
            return await self._build(tenant, specs, _unleased(), gate=None, options=options)
        async with write_lease(self._ledger) as lease:
            run = await self._ledger.begin_run(tenant, [spec.name for spec in specs])
            try:
                report = await self._build(tenant, specs, lease, gate=gate, options=options)
            except AnswerableError as error:
                refused = isinstance(error, ReleaseRefused)
                outcome = Outcome.REFUSED if refused else Outcome.FAILED
                await self._ledger.end_run(run, outcome, note=str(error))
                raise
            await self._ledger.end_run(run, report.outcome, release=report.release)
            return report

    async def _build(
        self,
        tenant: str,
        specs: Sequence[SourceSpec],
        lease: Lease,
        *,
        gate: Gate | None,
        options: RunOptions,
    ) -> RunReport:
        started = time.perf_counter()
        head = await self._ledger.head(tenant)
        if not options.dry:
            await put_back(self._index, tenant, head.candidate)
        workshop = Workshop(self._index, self._engine, self._meter, self._folder, options.dry)
        updates = [await self._read(spec, lease, head, workshop) for spec in specs]
        counts = total(update.counts for update in updates)
        result = None
        if counts.differs and not options.dry:
            result = await self._check(tenant, head, updates, gate, options)
            await self._switch(tenant, head, updates, counts, lease)
            await sweep(self._index, self._ledger, tenant, keep=options.keep)
        elif not options.dry:
            await self._ledger.hold(tenant, _held(updates), lease.holder)
            _remember(updates)
        return RunReport(
            tenant=tenant,
            outcome=_outcome(counts, dry=options.dry),
            release=head.candidate if counts.differs and not options.dry else head.current,
            counts=counts,
            sources={update.spec.name: update.counts for update in updates},
            skipped=tuple(skipped for update in updates for skipped in update.skipped),
            gate=result,
            seconds=time.perf_counter() - started,
            encoder_seconds=sum(update.encoder_seconds for update in updates),
        )

    async def _read(
        self, spec: SourceSpec, lease: Lease, head: Head, workshop: Workshop
    ) -> SourceUpdate:
        held = await self._ledger.pages(spec.scope.tenant, spec.name)
        updater = SourceUpdater(
            workshop=workshop, lease=lease, candidate=head.candidate, spec=spec, held=held
        )
        return await updater.run()

    async def _check(
        self,
        tenant: str,
        head: Head,
        updates: Sequence[SourceUpdate],
        gate: Gate | None,
        options: RunOptions,
    ) -> GateResult | None:
        try:
            if not options.allow_removals:
                _expect_most_pages(updates)
            await self._index.flush()
            await verify(self._index, tenant, head, updates)
            return await gate.judge(Reader(tenant), head, self._meter) if gate else None
        except ReleaseRefused:
            await put_back(self._index, tenant, head.candidate)
            raise

    async def _switch(
        self,
        tenant: str,
        head: Head,
        updates: Sequence[SourceUpdate],
        counts: Counts,
        lease: Lease,
    ) -> None:
        lease.check()
        release = Release(
            tenant=tenant,
            number=head.candidate,
            published_at=datetime.now(UTC),
            sources=tuple(update.spec.name for update in updates),
            counts=counts,
        )
        await self._ledger.publish(release, _held(updates), lease.holder)
        _remember(updates)


def _held(updates: Sequence[SourceUpdate]) -> dict[str, tuple[PageRecord, ...]]:
    return {update.spec.name: update.records for update in updates}


def _remember(updates: Sequence[SourceUpdate]) -> None:
    """Have sources note how far they were read; without that they are read in full once more."""
    for update in updates:
        try:
            update.spec.source.commit()
        except AnswerableError as error:
            _log.warning("The next run will read all of '%s': %s", update.spec.name, error)


def _one_tenant(specs: Sequence[SourceSpec]) -> str:
    tenants = {spec.scope.tenant for spec in specs}
    names = Counter(spec.name for spec in specs)
    if len(tenants) != 1:
        raise BadInput(
            f"A run is for one tenant, and these sources are of {len(tenants)}: "
            f"{', '.join(sorted(tenants)) or 'none'}.",
            hint="Run them one tenant after another.",
        )
    if twice := [name for name, count in names.items() if count > 1]:
        raise BadInput(
            f"Two sources are named '{twice[0]}'.", hint="Give each source a name of its own."
        )
    return tenants.pop()


def _expect_most_pages(updates: Sequence[SourceUpdate]) -> None:
    """A source that is suddenly all but empty is more often broken than meant."""
    for update in updates:
        counts = update.counts
        before = counts.unchanged + counts.changed + counts.moved + counts.removed
        if before >= FEW_PAGES and counts.removed > MOST_REMOVED * before:
            raise ReleaseRefused(
                f"'{update.spec.name}' would lose {counts.removed} of its {before} pages.",
                hint="If that is meant, run it again with --allow-removals.",
            )


def _outcome(counts: Counts, *, dry: bool) -> Outcome:
    if dry:
        return Outcome.PLANNED
    return Outcome.PUBLISHED if counts.differs else Outcome.UNCHANGED


def _unleased() -> Lease:
    """What a dry run shows, which writes nothing."""
    return Lease("nobody")
