"""What an index shows of a chunk from one release to another; the same for every index."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from retrieval.index import OPEN, VersionQuery
from retrieval.payload import version_id
from retrieval.types import Reader, Scope
from tests.library import chunk, encoded
from tests.retrieval.asking import query, same_tokens

if TYPE_CHECKING:
    from retrieval.index import ChunkIndex

UNKNOWN = str(UUID(int=999_999))

pytestmark = pytest.mark.filterwarnings(
    "ignore:Payload indexes have no effect in the local Qdrant:UserWarning"
)


@pytest.fixture
def index(any_index: ChunkIndex) -> ChunkIndex:
    return any_index


BEFORE, AFTER = Reader(release=1), Reader(release=2)


async def every_read(index: ChunkIndex, reader: Reader) -> list[str]:
    """What a reader sees, having made sure that all the ways to look agree."""
    searched = await index.search(query(words="kettle", reader=reader, limit=50))
    seen = sorted((c.chunk.id, c.chunk.url) for c in searched)
    ids = [i for i, _ in seen]
    assert sorted((c.id, c.url) for c in await index.read(ids, reader)) == seen
    assert sorted((c.id, c.url) for c in await index.page("page.md", reader)) == seen
    return ids


async def test_a_release_shows_its_own_chunks_and_no_others(index: ChunkIndex) -> None:
    old, kept, new = (chunk("Boil the kettle.", n=n) for n in (1, 2, 3))
    await index.upsert([encoded(old), encoded(kept)], release=1)
    await index.upsert([encoded(new)], release=2)
    await index.end([version_id(old, 1)], until=2)
    assert await every_read(index, BEFORE) == [old.id, kept.id]
    assert await every_read(index, AFTER) == [kept.id, new.id]
    assert await every_read(index, Reader()) == [kept.id, new.id]
    assert [await index.count("default", release) for release in (1, 2)] == [2, 2]
    assert await index.count() == 3
    assert await index.count("nobody") == 0


async def test_a_chunk_that_moved_stands_in_each_release_where_it_stood(index: ChunkIndex) -> None:
    before = chunk("Boil the kettle.")
    after = replace(before, start=100, end=116, position=7, url="https://new.example.com")
    await index.upsert([encoded(before)], release=1)
    await index.upsert([encoded(after)], release=2)
    await index.end([version_id(before, 1)], until=2)
    assert await index.read([before.id], BEFORE) == [before]
    assert await index.read([before.id], AFTER) == [after]
    [shown] = await index.versions(VersionQuery("default", 2, "documents"))
    assert shown.place == after.place != before.place


async def test_an_end_is_taken_back(index: ChunkIndex) -> None:
    only = chunk("Boil the kettle.")
    await index.upsert([encoded(only)], release=1)
    await index.end([version_id(only, 1)], until=2)
    assert await every_read(index, AFTER) == []
    await index.end([version_id(only, 1)], until=OPEN)
    assert await every_read(index, AFTER) == [only.id]


async def test_what_a_release_begins_and_ends_is_told_by_tenant(index: ChunkIndex) -> None:
    old, kept, new = (chunk("Boil the kettle.", n=n) for n in (1, 2, 3))
    other = chunk("Boil the kettle.", n=4, scope=Scope("other"))
    await index.upsert([encoded(old), encoded(kept)], release=1)
    await index.upsert([encoded(new), encoded(other)], release=2)
    await index.end([version_id(old, 1)], until=2)
    assert {v.chunk for v in await index.unfinished("default", 2)} == {old.id, new.id}
    assert await index.unfinished("default", 3) == []


async def test_vacuum_removes_what_no_kept_release_shows(index: ChunkIndex) -> None:
    first, second, third = (chunk("Boil the kettle.", n=n) for n in (1, 2, 3))
    other = chunk("Boil the kettle.", n=4, scope=Scope("other"))
    for release, each in enumerate((first, second, third), start=1):
        await index.upsert([encoded(each)], release=release)
        await index.end([version_id(each, release)], until=release + 1)
    await index.upsert([encoded(other)], release=1)
    await index.end([version_id(other, 1)], until=2)
    assert await index.vacuum("default", 2) == 1
    assert await every_read(index, AFTER) == [second.id]
    assert await every_read(index, BEFORE) == []
    assert await index.count() == 3
    assert await index.vacuum("default", 2) == 0


async def test_content_stored_once_need_not_be_encoded_again(index: ChunkIndex) -> None:
    stored = encoded(chunk("Boil the kettle.", context="Tea"))
    await index.upsert([stored])
    renamed = replace(stored.chunk, id=UNKNOWN, page="renamed.md", url="https://new.example.com")
    others = [
        replace(renamed, context="Coffee"),
        replace(renamed, text="Boil the pot."),
        replace(renamed, units=()),
    ]
    [again] = await index.encoded([renamed, *others])
    assert again.chunk == renamed
    assert again.dense == pytest.approx(stored.dense, abs=1e-6)
    assert dict(zip(again.lexical.indices, again.lexical.values, strict=True)) == pytest.approx(
        dict(zip(stored.lexical.indices, stored.lexical.values, strict=True))
    )
    assert same_tokens(again.late, stored.late)


async def test_another_tenants_vectors_are_never_taken(index: ChunkIndex) -> None:
    await index.upsert([encoded(chunk("Boil the kettle."))])
    same = chunk("Boil the kettle.", scope=Scope("other"))
    assert await index.encoded([same]) == []
