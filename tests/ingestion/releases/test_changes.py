from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ingestion.releases.changes import changes
from retrieval.index import OPEN, Version
from tests.library import chunk

if TYPE_CHECKING:
    from retrieval.types import Chunk

LID = chunk("The lid is made of copper.", n=1, page="kettle.md")
BASE = chunk("The base is made of iron.", n=2, page="kettle.md", position=1)


def shown(stored: Chunk) -> Version:
    return Version(f"version of {stored.id}", stored.id, stored.page, stored.place, 1, OPEN)


def test_nothing_changes_when_what_is_wanted_is_shown() -> None:
    found = changes([shown(BASE), shown(LID)], [LID, BASE])
    assert (found.begin, found.end, found.pages) == ((), (), frozenset())


def test_a_new_chunk_begins_and_one_that_is_gone_ends() -> None:
    found = changes([shown(LID)], [BASE])
    assert (found.begin, found.end) == ((BASE,), (shown(LID),))
    assert found.pages == {"kettle.md"}


def test_a_chunk_that_stands_elsewhere_begins_there_and_ends_where_it_stood() -> None:
    moved = replace(LID, position=3)
    found = changes([shown(LID), shown(BASE)], [moved, BASE])
    assert (found.begin, found.end) == ((moved,), (shown(LID),))


def test_both_the_pages_that_lose_and_those_that_gain_are_named() -> None:
    other = replace(BASE, page="iron.md")
    assert changes([shown(LID)], [other]).pages == {"kettle.md", "iron.md"}
