"""Which release a reader sees."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from ingestion.releases import published as reading
from ingestion.releases.ledger import Ledger
from ingestion.releases.published import LOOK_SECONDS, PublishedIndex
from ingestion.releases.upkeep import rollback
from retrieval.errors import IndexUnavailable, StoreUnavailable
from retrieval.index import IndexQuery
from retrieval.lexical import Bm25Encoder
from retrieval.types import Reader
from tests.ingestion.releases.press import PUBLIC
from tests.library import unit_vector, write_pages

if TYPE_CHECKING:
    from pathlib import Path

    from ingestion.releases.types import Head
    from tests.ingestion.releases.press import Press


class Leaving(Ledger):
    """A ledger that may go away."""

    away = False

    async def heads(self) -> dict[str, Head]:
        if self.away:
            raise StoreUnavailable("The ledger is away.")
        return await super().heads()


@pytest.fixture
def leaving(press: Press) -> Leaving:
    return Leaving(press.ledger.database, press.ledger.index_name)


def numbered(folder: Path, number: int) -> Path:
    return write_pages(folder, {"page.md": f"# Page\n\nThis is state {number}.\n"})


async def state(index: PublishedIndex, reader: Reader = PUBLIC) -> str:
    """What a reader sees, whichever way they look."""
    [on_page] = await index.page("page.md", reader)
    query = IndexQuery(unit_vector(1), Bm25Encoder().question("state"), reader, limit=10)
    [found] = await index.search(query)
    [read] = await index.read([on_page.id], reader)
    assert found.chunk.text == on_page.text == read.text
    return on_page.text.removeprefix("This is ").removesuffix(".")


async def test_before_the_first_release_there_is_nothing_to_see(press: Press, good: Path) -> None:
    index = PublishedIndex(press.index, press.ledger)
    assert (await index.pinned(PUBLIC)).release == 0
    await press.publish(good)
    assert await press.page("good.md", Reader("another")) == []


async def test_readers_see_a_new_release_within_the_time_promised(
    press: Press, tmp_path: Path
) -> None:
    index = PublishedIndex(press.index, press.ledger)
    await press.publish(numbered(tmp_path / "pages", 1))
    assert await state(index) == "state 1"
    await press.publish(numbered(tmp_path / "pages", 2))
    published = time.monotonic()
    while await state(index) == "state 1":  # noqa: ASYNC110 - a reader only looks
        await asyncio.sleep(0.02)
    assert time.monotonic() - published < LOOK_SECONDS + 0.4
    assert await state(index) == "state 2"
    await rollback(press.ledger, "default")
    await asyncio.sleep(LOOK_SECONDS)
    assert await state(index) == "state 1"


async def test_the_ledger_is_not_asked_for_every_question(press: Press, good: Path) -> None:
    await press.publish(good)
    asked = 0

    class Counting(Ledger):
        async def heads(self) -> dict[str, Head]:
            nonlocal asked
            asked += 1
            return await super().heads()

    index = PublishedIndex(press.index, Counting(press.ledger.database, press.ledger.index_name))
    found = await asyncio.gather(*(index.page("good.md", PUBLIC) for _ in range(50)))
    assert all(found)
    assert asked == 1


async def test_a_pinned_reader_stays_with_its_release(press: Press, tmp_path: Path) -> None:
    await press.publish(numbered(tmp_path / "pages", 1))
    index = PublishedIndex(press.index, press.ledger)
    pinned = await index.pinned(PUBLIC)
    assert pinned == replace(PUBLIC, release=1)
    assert await index.pinned(pinned) == pinned
    await press.publish(numbered(tmp_path / "pages", 2))
    await asyncio.sleep(LOOK_SECONDS)
    assert await state(index) == "state 2"
    assert await state(index, pinned) == "state 1"


async def test_while_the_ledger_is_away_the_last_release_known_holds(
    press: Press, leaving: Leaving, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await press.publish(numbered(tmp_path / "pages", 1))
    index = PublishedIndex(press.index, leaving)
    assert await state(index) == "state 1"
    leaving.away = True
    await asyncio.sleep(LOOK_SECONDS)
    assert await state(index) == "state 1"
    assert "may be out of date: The ledger is away." in caplog.text
    await press.publish(numbered(tmp_path / "pages", 2))
    leaving.away = False
    await asyncio.sleep(LOOK_SECONDS)
    assert await state(index) == "state 2"


async def test_without_a_ledger_that_ever_answered_there_is_no_telling_what_to_show(
    press: Press, leaving: Leaving, tmp_path: Path
) -> None:
    await press.publish(numbered(tmp_path / "pages", 1))
    leaving.away = True
    index = PublishedIndex(press.index, leaving)
    with pytest.raises(StoreUnavailable):
        await index.page("page.md", PUBLIC)
    leaving.away = False
    assert await state(index) == "state 1"


async def test_a_candidate_is_never_seen(
    press: Press, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even a run that stops just before it publishes leaves readers what they had."""
    monkeypatch.setattr(reading, "LOOK_SECONDS", 0.0)
    await press.publish(numbered(tmp_path / "pages", 1))
    index = PublishedIndex(press.index, press.ledger)
    during: list[str] = []

    async def stop(*_: object) -> None:
        during.append(await state(index))
        raise IndexUnavailable("Stopped on purpose.")

    with monkeypatch.context() as patch:
        patch.setattr("ingestion.releases.publishing.verify", stop)
        with pytest.raises(IndexUnavailable):
            await press.publish(numbered(tmp_path / "pages", 2))
    assert [*during, await state(index)] == ["state 1", "state 1"]
    assert await press.index.unfinished("default", 2), "it was all there but for the switch"
