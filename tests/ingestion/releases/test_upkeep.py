"""Going back, telling apart and clearing away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ingestion.releases.lease import write_lease
from ingestion.releases.publishing import RunOptions
from ingestion.releases.upkeep import KEPT_RELEASES, PageDifference, difference, rollback, vacuum
from retrieval.errors import IndexUnavailable, UnknownRelease, WriterBusy
from retrieval.types import Scope
from tests.ingestion.releases.press import sections
from tests.library import write_pages

if TYPE_CHECKING:
    from pathlib import Path

    from tests.ingestion.releases.press import Press

KEEP_ALL = RunOptions(keep=100)


async def publish_states(press: Press, folder: Path, *numbers: int) -> None:
    """Publish one release for each number, which its one page says."""
    for number in numbers:
        write_pages(folder, {"page.md": f"# Page\n\nThis is state {number}.\n"})
        await press.publish(folder, options=KEEP_ALL)


async def kept(press: Press) -> list[int]:
    return [release.number for release in await press.ledger.releases("default")]


async def test_readers_go_back_and_forward_again(press: Press, tmp_path: Path) -> None:
    await publish_states(press, tmp_path / "pages", 1, 2, 3)
    assert await rollback(press.ledger, "default") == 2
    assert await press.says("page.md") == "This is state 2."
    assert await rollback(press.ledger, "default") == 1
    assert await press.says("page.md") == "This is state 1."
    assert await rollback(press.ledger, "default", 3) == 3
    assert await press.says("page.md") == "This is state 3."
    assert await kept(press) == [3, 2, 1]


async def test_a_release_that_is_not_kept_cannot_be_gone_back_to(
    press: Press, tmp_path: Path
) -> None:
    with pytest.raises(UnknownRelease, match="answerable releases"):
        await rollback(press.ledger, "default")
    await publish_states(press, tmp_path / "pages", 1)
    with pytest.raises(UnknownRelease, match="before 1"):
        await rollback(press.ledger, "default")
    with pytest.raises(UnknownRelease, match="no release 7"):
        await rollback(press.ledger, "default", 7)
    assert await press.says("page.md") == "This is state 1."


async def test_after_a_rollback_the_next_run_goes_on_from_the_newest_release(
    press: Press, tmp_path: Path
) -> None:
    await publish_states(press, tmp_path / "pages", 1, 2)
    await rollback(press.ledger, "default")
    again = await press.publish(tmp_path / "pages", options=KEEP_ALL)
    assert (again.release, again.counts.unchanged) == (1, 1), "the newest one has it already"
    await publish_states(press, tmp_path / "pages", 3)
    assert await kept(press) == [3, 2, 1]
    assert await press.says("page.md") == "This is state 3."
    assert await press.shown(1) == {"page.md": "This is state 1."}
    assert await press.shown(2) == {"page.md": "This is state 2."}


async def test_two_releases_are_told_apart_page_by_page(press: Press, tmp_path: Path) -> None:
    folder = write_pages(
        tmp_path / "pages",
        {"manual.md": sections("lid", "base"), "old.md": "# Old\n\nOld.", "same.md": "# S\n\nS."},
    )
    await press.publish(folder)
    (folder / "old.md").unlink()
    write_pages(folder, {"manual.md": sections("spout", "lid", "base"), "new.md": "# New\n\nNew."})
    await press.publish(folder)
    found = await difference(press.index, press.ledger, "default", 1, 2)
    assert found == [
        PageDifference("manual.md", added=1, removed=0, moved=2),
        PageDifference("new.md", added=1, removed=0, moved=0),
        PageDifference("old.md", added=0, removed=1, moved=0),
    ]
    back = await difference(press.index, press.ledger, "default", 2, 1)
    assert back[0] == PageDifference("manual.md", added=0, removed=1, moved=2)
    assert await difference(press.index, press.ledger, "default", 2, 2) == []
    with pytest.raises(UnknownRelease, match="no release 3"):
        await difference(press.index, press.ledger, "default", 1, 3)


async def test_a_run_keeps_so_many_releases_and_clears_away_the_rest(
    press: Press, tmp_path: Path
) -> None:
    folder = tmp_path / "pages"
    for number in range(1, KEPT_RELEASES + 3):
        write_pages(folder, {"page.md": f"# Page\n\nThis is state {number}.\n"})
        await press.publish(folder)
    assert await kept(press) == [7, 6, 5, 4, 3]
    assert await press.index.count() == KEPT_RELEASES
    for number in await kept(press):
        assert await press.shown(number) == {"page.md": f"This is state {number}."}


async def test_vacuum_keeps_what_releases_that_are_kept_show(press: Press, tmp_path: Path) -> None:
    folder = write_pages(tmp_path / "pages", {"always.md": "# Always\n\nThe same.\n"})
    await publish_states(press, folder, 1, 2, 3, 4)
    assert await vacuum(press.index, press.ledger, "default", keep=2) == 2
    assert await kept(press) == [4, 3]
    assert await press.shown(3) == {"always.md": "The same.", "page.md": "This is state 3."}
    assert await press.shown(4) == {"always.md": "The same.", "page.md": "This is state 4."}
    assert await vacuum(press.index, press.ledger, "default", keep=2) == 0
    with pytest.raises(UnknownRelease):
        await rollback(press.ledger, "default", 2)


async def test_vacuum_never_removes_the_release_that_readers_see(
    press: Press, tmp_path: Path
) -> None:
    await publish_states(press, tmp_path / "pages", 1, 2, 3, 4)
    await rollback(press.ledger, "default", 2)
    assert await vacuum(press.index, press.ledger, "default", keep=1) == 1
    assert await press.says("page.md") == "This is state 2."
    assert await kept(press) == [4, 3, 2]
    await rollback(press.ledger, "default", 4)
    await vacuum(press.index, press.ledger, "default", keep=1)
    assert await kept(press) == [4]
    assert await press.index.count() == 1


async def test_vacuum_touches_no_other_tenant(press: Press, tmp_path: Path) -> None:
    folder = tmp_path / "pages"
    for number in (1, 2):
        write_pages(folder, {"page.md": f"# Page\n\nThis is state {number}.\n"})
        for tenant in ("acme", "globex"):
            await press.publish(folder, scope=Scope(tenant))
    await vacuum(press.index, press.ledger, "acme", keep=1)
    assert await press.index.count("acme") == 1
    assert await press.shown(1, "globex") == {"page.md": "This is state 1."}


@pytest.mark.parametrize("releases", [0, 1, 3])
async def test_vacuum_leaves_nothing_over_of_a_run_that_stopped(
    press: Press, tmp_path: Path, releases: int
) -> None:
    folder = tmp_path / "pages"
    await publish_states(press, folder, *range(1, releases + 1))
    pages = {f"{n}.md": f"# Part {n}\n\nScrew {n} holds plate {n}.\n" for n in range(200)}
    write_pages(folder, {**pages, "zz.md": "# Last\n\nFails."})
    press.encoder.fails_on = "Fails."
    with pytest.raises(IndexUnavailable):
        await press.publish(folder)
    assert await press.index.count() > releases
    await vacuum(press.index, press.ledger, "default", keep=5)
    assert await press.index.count() == releases, "one page in each release that is kept"
    await vacuum(press.index, press.ledger, "default", keep=1)
    assert await press.index.count() == await press.index.count("default", releases)
    assert await press.index.unfinished("default", releases + 1) == []


async def test_vacuum_keeps_out_of_the_way_of_a_run(press: Press, good: Path) -> None:
    await press.publish(good)
    async with write_lease(press.ledger):
        with pytest.raises(WriterBusy):
            await vacuum(press.index, press.ledger, "default", keep=1)
