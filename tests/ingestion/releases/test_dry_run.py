"""A dry run says what a run would do, and does nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from ingestion.engines import BATCH
from ingestion.releases.lease import write_lease
from ingestion.releases.publishing import RunOptions
from ingestion.releases.schema import leases
from ingestion.releases.types import Outcome
from tests.ingestion.releases.press import folder_spec, sections
from tests.library import SCOPE, write_pages

if TYPE_CHECKING:
    from pathlib import Path

    from tests.ingestion.releases.press import Press

DRY = RunOptions(dry=True)


async def everything(press: Press) -> tuple[object, ...]:
    """All that a run may write."""
    ledger = press.ledger
    async with ledger.database.transaction() as connection:
        held = (await connection.execute(select(leases))).all()
    return (
        await press.index.count(),
        await press.shown(),
        await ledger.releases("default"),
        await ledger.runs("default"),
        await ledger.pages("default", SCOPE.source),
        held,
    )


async def test_a_dry_run_writes_nothing_and_foretells_the_run_after_it(
    press: Press, good: Path
) -> None:
    empty = await everything(press)
    first = await press.publish(good, options=DRY)
    assert (first.outcome, first.release, first.counts.encoded) == (Outcome.PLANNED, 0, 1)
    assert await everything(press) == empty
    assert press.encoder.encoded == []

    write_pages(good, {"manual.md": sections("lid", "base"), "old.md": "# Old\n\nOld words."})
    await press.publish(good)
    (good / "old.md").unlink()
    (good / "good.md").rename(good / "better.md")
    write_pages(good, {"manual.md": sections("lid", "spout", "base"), "new.md": "# New\n\nNew."})
    before = await everything(press)
    press.encoder.encoded.clear()
    planned = await press.publish(good, options=DRY)
    assert await everything(press) == before
    assert press.encoder.encoded == []
    done = await press.publish(good)
    assert planned.counts == done.counts
    assert planned.sources == done.sources
    assert (done.counts.moved, done.counts.changed) == (1, 1)


async def test_a_dry_run_counts_what_is_said_twice_as_the_run_will(
    press: Press, tmp_path: Path
) -> None:
    """Of copies far apart only the first goes through the embedder."""
    copies = {f"{n:04}.md": "# Copy\n\nThe same words.\n" for n in range(BATCH + 20)}
    folder = write_pages(tmp_path / "pages", copies)
    other = write_pages(tmp_path / "other", {"copy.md": "# Copy\n\nThe same words.\n"})
    specs = [folder_spec(folder, "one"), folder_spec(other, "two")]
    planned = await press.run(specs, options=DRY)
    assert planned.counts == (await press.run(specs)).counts


async def test_a_dry_run_need_not_wait_for_a_run(press: Press, good: Path) -> None:
    async with write_lease(press.ledger):
        assert (await press.publish(good, options=DRY)).outcome == Outcome.PLANNED


async def test_a_dry_run_without_changes_says_so(press: Press, good: Path) -> None:
    await press.publish(good)
    report = await press.publish(good, options=DRY)
    assert (report.release, report.counts.unchanged) == (1, 1)
    assert not report.counts.differs
