from __future__ import annotations

import pytest

from app.cache.memory import MemoryStore
from tests.app.cache.asking import PARTITION, entry, made_up


async def test_what_was_not_asked_for_longest_makes_room() -> None:
    store = MemoryStore(capacity=3)
    kept = [entry(made_up(f"Question {n}")) for n in range(4)]
    for one in kept[:3]:
        await store.put(one, 60)
    await store.get(kept[0].id, PARTITION)
    await store.put(kept[3], 60)
    there = [await store.get(one.id, PARTITION) is not None for one in kept]
    assert there == [True, False, True, True]


@pytest.mark.parametrize("seed", range(3))
async def test_rows_stay_with_their_entries_through_any_coming_and_going(seed: int) -> None:
    store = MemoryStore(capacity=150)
    kept = [entry(made_up(f"Question {n}"), chunks=(n,)) for n in range(400)]
    for n, one in enumerate(kept):
        await store.put(one, 60)
        if n % 3 == seed:
            await store.drop(PARTITION.tenant, kept[n // 2].chunks)
    for one in kept:
        near = await store.near(one.asked.encoding.sentence, PARTITION, 1)
        there = await store.get(one.id, PARTITION) is not None
        assert (near[0].entry.id == one.id) == there


async def test_an_emptied_partition_takes_no_room() -> None:
    store = MemoryStore()
    await store.put(entry(made_up("Question")), 60)
    await store.drop(PARTITION.tenant, entry(made_up("Question")).chunks)
    assert not store._shelves
