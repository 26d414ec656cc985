from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.edge import EdgeIndex
from retrieval.expansion import Excerpt, Expander
from retrieval.types import Reader, Scope
from tests.fakes import IndexDown
from tests.library import SCOPE, chunk, encoded, passage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence
    from pathlib import Path

    from retrieval.index import ChunkReader
    from retrieval.types import Chunk

PUBLIC = Reader()
STAFF = Reader(audiences=("public", "staff"))
PLENTY = 1000

# Headings and text of each chunk, in page order; every text is five words long.
PARTS = (
    ((), "The kettle boils water quickly."),
    (("Cleaning",), "Wipe the lid every week."),
    (("Cleaning",), "Never wash the base, though."),
    (("Cleaning", "Descaling"), "Use vinegar or citric acid."),
    (("Cleaning", "Descaling"), "Rinse it twice with water."),
    (("Repairs",), "Send it in for free."),
    (("Repairs", "Abroad"), "Ask your shop about it."),
)


def page_of(name: str, *, first: int = 1, scope: Scope = SCOPE) -> list[Chunk]:
    """A page's chunks as ingestion would cut them, two characters apart."""
    chunks = []
    start = 0
    for position, (headings, text) in enumerate(PARTS):
        made = chunk(
            text, n=first + position, page=name, position=position, start=start, scope=scope
        )
        chunks.append(replace(made, headings=headings, url=f"{name}#{'-'.join(headings)}"))
        start = made.end + 2
    return chunks


KETTLE = page_of("kettle.md")
POT = page_of("pot.md", first=20)


def words(text: str) -> int:
    return len(text.split())


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EdgeIndex]:
    """An index with both pages, to read."""
    index = EdgeIndex.open(tmp_path_factory.mktemp("pages"), model="m", dims=32)
    asyncio.run(index.upsert([encoded(each) for each in (*KETTLE, *POT)]))
    yield index
    asyncio.run(index.close())


@pytest.fixture
async def empty(tmp_path: Path) -> AsyncIterator[EdgeIndex]:
    """An index to write to."""
    index = EdgeIndex.open(tmp_path / "index", model="m", dims=32)
    yield index
    await index.close()


async def expand(
    index: ChunkReader, found: Sequence[Chunk], room: int = PLENTY, reader: Reader = PUBLIC
) -> tuple[Excerpt, ...]:
    """Expand with `room` words for neighbours beside the passages."""
    passages = [passage(each) for each in found]
    tokens = sum(each.tokens for each in passages)
    return await Expander(index, words, max_tokens=tokens + room).expand(passages, reader)


@pytest.mark.parametrize(
    ("found", "room", "first", "last"),
    [
        (4, 15, 1, 4),  # Descaling is a part of Cleaning
        (4, 14, 3, 4),  # which is too long now; its own section is not
        (2, 15, 1, 4),  # so it is with a section that has parts of its own
        (2, 14, 1, 3),  # nothing fits whole: what is beside it
        (2, 9, 2, 3),  # the next goes first
        (2, 4, 2, 2),
        (5, 30, 0, 6),  # a section of the page itself brings the page
        (6, 5, 5, 6),
        (0, 5, 0, 1),
    ],
)
async def test_a_passage_brings_the_widest_section_that_fits_or_what_is_beside_it(
    index: EdgeIndex, found: int, room: int, first: int, last: int
) -> None:
    expected = Excerpt(tuple(KETTLE[first : last + 1]), (KETTLE[found],))
    assert await expand(index, [KETTLE[found]], room) == (expected,)


async def test_the_text_is_read_on_with_the_headings_that_begin_in_it(index: EdgeIndex) -> None:
    [excerpt] = await expand(index, [KETTLE[4]])
    assert excerpt.headings == ("Cleaning",)
    assert excerpt.text == (
        "Wipe the lid every week.\n\nNever wash the base, though.\n\n"
        "## Descaling\n\nUse vinegar or citric acid.\n\nRinse it twice with water."
    )


async def test_an_excerpt_says_where_its_best_passage_can_be_read(index: EdgeIndex) -> None:
    [excerpt] = await expand(index, [KETTLE[6]])
    assert (excerpt.page, excerpt.title) == ("kettle.md", "Title")
    assert excerpt.url == "kettle.md#Repairs-Abroad"


async def test_what_touches_is_one_excerpt_and_the_better_passage_comes_first(
    index: EdgeIndex,
) -> None:
    found = [KETTLE[2], POT[0], KETTLE[1], KETTLE[4]]
    assert await expand(index, found, room=0) == (
        Excerpt(tuple(KETTLE[1:3]), (KETTLE[2], KETTLE[1])),
        Excerpt((POT[0],), (POT[0],)),
        Excerpt((KETTLE[4],), (KETTLE[4],)),
    )


async def test_the_best_passage_is_surrounded_first(index: EdgeIndex) -> None:
    best, other = await expand(index, [KETTLE[6], KETTLE[0]], room=5)
    assert best.chunks == tuple(KETTLE[5:7])
    assert other.chunks == (KETTLE[0],)


async def test_what_the_reader_may_not_see_is_not_shown_and_ends_the_excerpt(
    empty: EdgeIndex,
) -> None:
    for_staff = replace(KETTLE[2], scope=Scope(audience="staff"))
    await empty.upsert([encoded(each) for each in (*KETTLE[:2], for_staff, *KETTLE[3:])])
    for reader in (PUBLIC, STAFF):
        before, after = await expand(empty, [KETTLE[1], KETTLE[5]], reader=reader)
        assert before.chunks == tuple(KETTLE[:2])
        assert after.chunks == tuple(KETTLE[3:])
    [hidden] = await expand(empty, [for_staff], reader=STAFF)
    assert hidden.chunks == (for_staff,)


async def test_a_page_of_the_same_name_in_another_source_is_left_out(empty: EdgeIndex) -> None:
    other = page_of("kettle.md", first=20, scope=Scope(source="faq"))
    await empty.upsert([encoded(each) for each in (*KETTLE, *other)])
    [excerpt] = await expand(empty, [KETTLE[0]])
    assert excerpt.chunks == tuple(KETTLE)


async def test_a_passage_that_has_left_its_page_stands_alone(empty: EdgeIndex) -> None:
    await empty.upsert([encoded(each) for each in (KETTLE[0], *KETTLE[2:])])
    gone, page = await expand(empty, [KETTLE[1], KETTLE[3]])
    assert gone.chunks == (KETTLE[1],)
    assert page.chunks == tuple(KETTLE[2:5])


async def test_a_page_that_cannot_be_read_leaves_its_passages_as_they_are(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        excerpts = await expand(IndexDown(), KETTLE[:2])
    assert excerpts == tuple(Excerpt((each,), (each,)) for each in KETTLE[:2])
    assert "kettle.md" in caplog.text


class Turnstile(EdgeIndex):
    """Lets a page be read only while others are asked for, as many as expected together."""

    def __init__(self, index: EdgeIndex, expected: int) -> None:
        super().__init__(index._shard, index._lock)
        self._barrier = asyncio.Barrier(expected)

    async def page(self, page: str, reader: Reader) -> list[Chunk]:
        async with asyncio.timeout(5):
            await self._barrier.wait()
        return await super().page(page, reader)


async def test_each_page_is_read_once_and_all_at_the_same_time(index: EdgeIndex) -> None:
    excerpts = await expand(Turnstile(index, expected=2), [KETTLE[0], POT[0], KETTLE[5]])
    assert [excerpt.chunks for excerpt in excerpts] == [tuple(KETTLE), tuple(POT)]


async def test_nothing_found_is_nothing_to_read(index: EdgeIndex) -> None:
    assert await expand(index, []) == ()


def test_what_two_chunks_share_is_read_once() -> None:
    text = "The kettle boils water quickly. Wipe the lid every week."
    first, second = (
        chunk(text[start:end], n=start + 1, start=start) for start, end in ((0, 31), (11, 56))
    )
    assert Excerpt((first, second), (first,)).text == text


@given(st.lists(st.integers(0, 6), min_size=1, max_size=4, unique=True), st.integers(-5, 50))
async def test_no_passage_is_lost_nothing_is_shown_twice_and_all_fits(
    index: EdgeIndex, found: list[int], room: int
) -> None:
    excerpts = await expand(index, [KETTLE[i] for i in found], room)
    shown = [each.position for excerpt in excerpts for each in excerpt.chunks]
    assert sorted(each.position for e in excerpts for each in e.primary) == sorted(found)
    assert len(set(shown)) == len(shown) <= len(found) + max(room, 0) // 5
    for excerpt in excerpts:
        positions = [each.position for each in excerpt.chunks]
        assert positions == list(range(positions[0], positions[-1] + 1))
        assert all(each.text in excerpt.text for each in excerpt.chunks)
