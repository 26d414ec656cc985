"""A run that stops half-way, and one that is refused: readers see the release before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ingestion.engines import BATCH
from ingestion.releases.publishing import FEW_PAGES, RunOptions
from ingestion.releases.types import Outcome
from ingestion.releases.upkeep import vacuum
from retrieval.errors import IndexUnavailable, ReleaseRefused
from retrieval.index import VersionQuery
from tests.library import write_pages

if TYPE_CHECKING:
    from pathlib import Path

    from tests.ingestion.releases.press import Press


def numbered(count: int, word: str = "Screw") -> dict[str, str]:
    return {f"{n:04}.md": f"# Part {n}\n\n{word} {n} holds plate {n}.\n" for n in range(count)}


async def test_a_run_that_stops_half_way_publishes_nothing_and_is_taken_up_again(
    press: Press, tmp_path: Path
) -> None:
    folder = write_pages(tmp_path / "pages", numbered(3))
    await press.publish(folder)
    before = await press.shown()
    write_pages(folder, numbered(2 * BATCH, "Bolt"))
    press.encoder.fails_on = f"Bolt {2 * BATCH - 1} "
    with pytest.raises(IndexUnavailable):
        await press.publish(folder)
    assert await press.shown() == before
    [run, _] = await press.ledger.runs("default")
    assert (run.outcome, run.release, run.note) == (
        Outcome.FAILED,
        None,
        "The encoder failed half-way.",
    )

    press.encoder.fails_on = ""
    report = await press.publish(folder)
    assert (report.release, report.counts.added, report.counts.changed) == (2, 2 * BATCH - 3, 3)
    assert (report.counts.encoded, report.counts.reused) == (BATCH, BATCH)
    shown = await press.shown()
    assert len(shown) == 2 * BATCH
    assert all("Bolt" in text for text in shown.values())


async def test_what_a_stopped_run_wanted_is_not_published_when_it_is_not_wanted_any_more(
    press: Press, tmp_path: Path
) -> None:
    folder = write_pages(tmp_path / "pages", numbered(3))
    await press.publish(folder)
    write_pages(folder, numbered(2 * BATCH, "Bolt"))
    press.encoder.fails_on = f"Bolt {2 * BATCH - 1} "
    with pytest.raises(IndexUnavailable):
        await press.publish(folder)
    for page in folder.iterdir():
        page.unlink()
    write_pages(folder, numbered(4))
    report = await press.publish(folder)
    assert (report.release, report.counts.added, report.counts.unchanged) == (2, 1, 3)
    assert list(await press.shown()) == ["0000.md", "0001.md", "0002.md", "0003.md"]
    await vacuum(press.index, press.ledger, "default", keep=1)
    assert await press.index.count() == 4


async def test_a_source_that_suddenly_loses_most_pages_is_refused_unless_that_is_allowed(
    press: Press, tmp_path: Path
) -> None:
    folder = write_pages(tmp_path / "pages", numbered(FEW_PAGES))
    await press.publish(folder)
    for n in range(FEW_PAGES // 2 + 1):
        (folder / f"{n:04}.md").unlink()
    with pytest.raises(ReleaseRefused, match=r"lose 6 of its 10 pages.*--allow-removals"):
        await press.publish(folder)
    assert len(await press.shown()) == FEW_PAGES
    assert (await press.ledger.runs("default"))[0].outcome == Outcome.REFUSED
    assert await press.index.unfinished("default", 2) == []
    report = await press.publish(folder, options=RunOptions(allow_removals=True))
    assert (report.release, report.counts.removed) == (2, FEW_PAGES // 2 + 1)
    assert len(await press.shown()) == FEW_PAGES // 2 - 1


async def test_a_source_may_lose_half_of_its_pages(press: Press, tmp_path: Path) -> None:
    folder = write_pages(tmp_path / "pages", numbered(FEW_PAGES))
    await press.publish(folder)
    for n in range(FEW_PAGES // 2):
        (folder / f"{n:04}.md").unlink()
    assert (await press.publish(folder)).counts.removed == FEW_PAGES // 2


async def test_pages_that_moved_are_not_lost(press: Press, tmp_path: Path) -> None:
    folder = write_pages(tmp_path / "pages", numbered(FEW_PAGES))
    await press.publish(folder)
    folder.rename(tmp_path / "old")
    (tmp_path / "pages").mkdir()
    (tmp_path / "old").rename(folder / "guide")
    counts = (await press.publish(folder)).counts
    assert (counts.moved, counts.removed, counts.encoded) == (FEW_PAGES, 0, 0)


async def test_a_refused_candidate_is_put_back_whole(press: Press, tmp_path: Path) -> None:
    folder = write_pages(tmp_path / "pages", numbered(FEW_PAGES))
    await press.publish(folder)
    before = await press.index.versions(VersionQuery("default", 1))
    for n in range(FEW_PAGES - 1):
        (folder / f"{n:04}.md").unlink()
    write_pages(folder, {"new.md": "# New\n\nWords.\n", "0009.md": "# Part 9\n\nOther words.\n"})
    with pytest.raises(ReleaseRefused):
        await press.publish(folder)
    after = await press.index.versions(VersionQuery("default", 2))
    assert set(after) == set(before)
