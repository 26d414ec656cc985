"""The ledger on its own, in a real database."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from ingestion.releases.lease import write_lease
from ingestion.releases.ledger import Ledger
from ingestion.releases.types import Counts, Head, Outcome, PageRecord, Release
from retrieval.errors import LeaseLost, StoreUnavailable, UnknownRelease
from tests.library import open_ledger

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

RECORD = PageRecord("guide.zip", "abc", ("guide.zip/lid.md", "guide.zip/base.md"))
AT = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)


async def publish(
    ledger: Ledger, number: int, tenant: str = "default", held: Sequence[PageRecord] = (RECORD,)
) -> Release:
    """Publish a release that holds one source."""
    release = Release(tenant, number, AT, ("docs",), Counts(read=1, added=1, encoded=2))
    async with write_lease(ledger) as lease:
        await ledger.publish(release, {"docs": held}, lease.holder)
    return release


async def test_before_the_first_release_there_is_nothing(own_ledger: Ledger) -> None:
    assert await own_ledger.head("default") == Head(0, 0)
    assert (await own_ledger.head("default")).candidate == 1
    assert await own_ledger.releases("default") == []
    assert await own_ledger.runs("default") == []


async def test_a_release_is_read_as_it_was_published(own_ledger: Ledger) -> None:
    release = await publish(own_ledger, 1)
    assert await own_ledger.head("default") == Head(1, 1)
    assert await own_ledger.releases("default") == [release]
    assert await own_ledger.pages("default", "docs") == {"guide.zip": RECORD}


async def test_a_release_replaces_what_is_held_of_its_sources_and_of_no_other(
    own_ledger: Ledger,
) -> None:
    await publish(own_ledger, 1)
    async with write_lease(own_ledger) as lease:
        other = PageRecord("other.md", "x", ("other.md",))
        await own_ledger.hold("default", {"other": [other]}, lease.holder)
    await publish(own_ledger, 2, held=())
    assert await own_ledger.pages("default", "docs") == {}
    assert await own_ledger.pages("default", "other") == {"other.md": other}


async def test_without_the_lease_nothing_is_published(own_ledger: Ledger) -> None:
    release = Release("default", 1, AT, ("docs",), Counts())
    with pytest.raises(LeaseLost):
        await own_ledger.publish(release, {"docs": [RECORD]}, "somebody")
    with pytest.raises(LeaseLost):
        await own_ledger.hold("default", {"docs": [RECORD]}, "somebody")
    assert await own_ledger.head("default") == Head(0, 0)
    assert await own_ledger.pages("default", "docs") == {}


async def test_a_release_that_cannot_be_noted_whole_is_not_noted_at_all(
    own_ledger: Ledger,
) -> None:
    twice = (RECORD, RECORD)
    with pytest.raises(StoreUnavailable):
        await publish(own_ledger, 1, held=twice)
    assert await own_ledger.head("default") == Head(0, 0)
    assert await own_ledger.releases("default") == []


async def test_tenants_and_indexes_do_not_see_each_other(tmp_path: Path) -> None:
    one = await open_ledger(tmp_path)
    other = await Ledger.open(f"sqlite+aiosqlite:///{tmp_path / 'releases.db'}", "another")
    await publish(one, 1, "acme")
    await publish(one, 1, "globex")
    await publish(one, 2, "globex")
    await publish(other, 1, "acme", held=())
    assert await one.heads() == {"acme": Head(1, 1), "globex": Head(2, 2)}
    assert await other.heads() == {"acme": Head(1, 1)}
    assert await one.pages("acme", "docs") == {"guide.zip": RECORD}
    assert [release.number for release in await one.releases("globex")] == [2, 1]
    for ledger in (one, other):
        await ledger.close()


async def test_readers_may_be_pointed_at_any_release_that_is_kept(own_ledger: Ledger) -> None:
    for number in (1, 2, 3):
        await publish(own_ledger, number)
    await own_ledger.point("default", 1)
    assert await own_ledger.head("default") == Head(current=1, newest=3)
    assert (await own_ledger.head("default")).candidate == 4, "a number is never used again"
    with pytest.raises(UnknownRelease, match=r"no release 4.*3, 2, 1"):
        await own_ledger.point("default", 4)
    with pytest.raises(UnknownRelease, match=r"'nobody' has no release 1.*none"):
        await own_ledger.point("nobody", 1)
    assert await own_ledger.head("default") == Head(current=1, newest=3)


async def test_pointing_elsewhere_while_a_release_is_published_loses_neither(
    own_ledger: Ledger,
) -> None:
    await publish(own_ledger, 1)
    for number in range(2, 12):
        await asyncio.gather(publish(own_ledger, number), own_ledger.point("default", 1))
        assert (await own_ledger.head("default")).newest == number


async def test_the_current_release_is_never_forgotten(own_ledger: Ledger) -> None:
    for number in (1, 2, 3, 4):
        await publish(own_ledger, number)
    await own_ledger.point("default", 2)
    assert await own_ledger.forget("default", before=4) == 2
    assert [release.number for release in await own_ledger.releases("default")] == [4, 3, 2]
    await own_ledger.point("default", 4)
    assert await own_ledger.forget("default", before=4) == 4
    assert await own_ledger.forget("nobody", before=4) == 0


async def test_runs_are_listed_newest_first_with_how_they_ended(own_ledger: Ledger) -> None:
    first = await own_ledger.begin_run("default", ["docs"])
    await own_ledger.end_run(first, Outcome.PUBLISHED, release=1)
    second = await own_ledger.begin_run("default", ["docs", "site"])
    await own_ledger.end_run(second, Outcome.FAILED, note="No such folder.")
    [failed, published] = await own_ledger.runs("default")
    assert (failed.outcome, failed.note, failed.release) == (
        Outcome.FAILED,
        "No such folder.",
        None,
    )
    assert (published.outcome, published.release, published.sources) == (
        Outcome.PUBLISHED,
        1,
        ("docs",),
    )
    assert failed.seconds is not None
    assert failed.started_at.tzinfo is not None
    assert len(await own_ledger.runs("default", limit=1)) == 1


async def test_a_run_that_never_ended_was_interrupted(own_ledger: Ledger) -> None:
    await own_ledger.begin_run("default", ["docs"])
    await own_ledger.begin_run("other", ["docs"])
    await own_ledger.begin_run("default", ["docs"])
    [running, killed] = await own_ledger.runs("default")
    assert (running.outcome, killed.outcome) == (Outcome.RUNNING, Outcome.INTERRUPTED)
    assert killed.seconds is None
    assert (await own_ledger.runs("other"))[0].outcome == Outcome.RUNNING


async def test_a_ledger_is_still_there_when_it_is_opened_again(tmp_path: Path) -> None:
    ledger = await open_ledger(tmp_path)
    release = await publish(ledger, 1)
    await ledger.close()
    ledger = await open_ledger(tmp_path)
    assert await ledger.releases("default") == [release]
    await ledger.close()


@pytest.mark.usefixtures("settled")
async def test_a_ledger_that_does_not_open_says_so(tmp_path: Path) -> None:
    (tmp_path / "releases.db").write_bytes(b"not a database" * 100)
    with pytest.raises(StoreUnavailable):
        await open_ledger(tmp_path)
