"""Questions asked while release after release is published: no answer is made of two."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ingestion.releases import published as reading
from ingestion.releases.published import PublishedIndex
from ingestion.releases.publishing import RunOptions
from retrieval.index import IndexQuery
from retrieval.lexical import Bm25Encoder
from tests.ingestion.releases.press import PUBLIC
from tests.library import unit_vector, write_pages

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from retrieval.types import Chunk, Reader
    from tests.ingestion.releases.press import Press

RELEASES = 20
PAGES = 12
KEEP_ALL = RunOptions(keep=RELEASES)


def states(chunks: list[Chunk]) -> set[int]:
    """The numbers that some passages say."""
    return {int(chunk.text.split()[-1].rstrip(".")) for chunk in chunks}


class Asker:
    """Asks in all the ways there are, again and again."""

    def __init__(self, index: PublishedIndex) -> None:
        self._index = index
        self.seen: list[int] = []
        self.stopped = False

    async def ask_on(self) -> None:
        while not self.stopped:
            await self._ask_pinned()
            assert len(states(await self._search(PUBLIC))) == 1, "even one call sees one release"

    async def _ask_pinned(self) -> None:
        reader = await self._index.pinned(PUBLIC)
        found = await self._search(reader)
        assert len(found) == PAGES
        on_page = [c for n in range(PAGES) for c in await self._index.page(f"{n}.md", reader)]
        read = await self._index.read([chunk.id for chunk in found], reader)
        assert len(on_page) == len(read) == PAGES
        [state] = states([*found, *on_page, *read])
        assert state == reader.release
        self.seen.append(state)

    async def _search(self, reader: Reader) -> list[Chunk]:
        query = IndexQuery(unit_vector(1), Bm25Encoder().question("state"), reader, limit=50)
        return [candidate.chunk for candidate in await self._index.search(query)]


async def test_no_reader_sees_two_releases_while_twenty_are_published(
    press: Press, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "LOOK_SECONDS", 0.01)

    async def publish(number: int) -> None:
        pages = {f"{n}.md": f"# Page {n}\n\nThis is state {number}.\n" for n in range(PAGES)}
        report = await press.publish(write_pages(tmp_path / "pages", pages), options=KEEP_ALL)
        assert report.release == number

    await publish(1)
    askers = [Asker(PublishedIndex(press.index, press.ledger)) for _ in range(3)]
    asking = [asyncio.create_task(asker.ask_on()) for asker in askers]
    for number in range(2, RELEASES + 1):
        await publish(number)
    for asker in askers:
        asker.stopped = True
    await asyncio.gather(*asking)
    for asker in askers:
        assert asker.seen == sorted(asker.seen), "nobody goes back"
        assert len(set(asker.seen)) > RELEASES / 2, "they asked while releases were published"
