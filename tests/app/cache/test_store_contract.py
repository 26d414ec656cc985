"""What every store has to do; run over all of them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from app.cache.store import Forbidden
from retrieval.embedders import Encoding
from tests.app.cache.asking import DIMS, PARTITION, entry, ids, made_up

if TYPE_CHECKING:
    from app.cache.store import AnswerStore
    from app.cache.types import Entry
    from app.cache.wording import Asked

LONG = 60.0
OTHER_PARTITIONS = {
    "tenant": replace(PARTITION, tenant="other"),
    "fewer audiences": replace(PARTITION, audiences=frozenset()),
    "more audiences": replace(PARTITION, audiences=frozenset({"public", "staff"})),
    "locale": replace(PARTITION, locale="de"),
    "product": replace(PARTITION, product="kettle"),
    "line": replace(PARTITION, line="another line"),
}


def close_to(asked: Asked, text: str) -> Asked:
    """Another question whose sentence vector is almost the same."""
    noise = np.random.default_rng(0).standard_normal(DIMS) / 100
    moved = asked.encoding.sentence + noise
    vector = np.asarray(moved / np.linalg.norm(moved), dtype=np.float32)
    other = made_up(text).encoding
    return replace(made_up(text), encoding=Encoding(vector, other.tokens, other.offsets, other.ids))


def same(one: Entry, other: Entry) -> bool:
    return (one.id, one.answer, one.chunks, one.confidence, one.partition) == (
        other.id,
        other.answer,
        other.chunks,
        other.confidence,
        other.partition,
    )


async def test_what_was_kept_is_found_whole(store: AnswerStore) -> None:
    kept = entry(made_up("How do I reset it?"), answer="Press\nboth ☕", chunks=(1, 2))
    await store.put(kept, LONG)
    found = await store.get(kept.id, PARTITION)
    assert found is not None
    assert same(found.entry, kept)
    assert found.entry.asked.text == kept.asked.text
    assert found.forbidden == ()
    vectors = found.entry.asked.encoding
    np.testing.assert_allclose(vectors.sentence, kept.asked.encoding.sentence)
    np.testing.assert_allclose(vectors.tokens, kept.asked.encoding.tokens, atol=0.02)
    np.testing.assert_array_equal(vectors.offsets, kept.asked.encoding.offsets)
    np.testing.assert_array_equal(vectors.ids, kept.asked.encoding.ids)


async def test_what_was_never_kept_is_not_found(store: AnswerStore) -> None:
    asked = made_up("How do I reset it?")
    assert await store.get(PARTITION.entry_id(asked.text), PARTITION) is None
    assert await store.near(asked.encoding.sentence, PARTITION, 5) == []


async def test_the_closest_come_first_and_no_more_than_wanted(store: AnswerStore) -> None:
    asked = made_up("How do I reset it?")
    close = entry(close_to(asked, "How can I reset it?"))
    for kept in (*(entry(made_up(f"Number {n}")) for n in range(10)), close):
        await store.put(kept, LONG)
    found = await store.near(asked.encoding.sentence, PARTITION, 3)
    assert len(found) == 3
    assert same(found[0].entry, close)


@pytest.mark.parametrize("name", OTHER_PARTITIONS)
async def test_nothing_crosses_a_partition(store: AnswerStore, name: str) -> None:
    partition = OTHER_PARTITIONS[name]
    kept = entry(made_up("How do I reset it?"))
    await store.put(kept, LONG)
    assert await store.get(partition.entry_id(kept.asked.text), partition) is None
    assert await store.get(kept.id, partition) is None
    assert await store.near(kept.asked.encoding.sentence, partition, 5) == []


async def test_an_entry_ends_with_its_time_however_often_it_is_read(store: AnswerStore) -> None:
    kept = entry(made_up("How do I reset it?"))
    await store.put(kept, 0.3)
    for _ in range(5):
        assert await store.get(kept.id, PARTITION) is not None
        await asyncio.sleep(0.02)
    await asyncio.sleep(0.3)
    assert await store.get(kept.id, PARTITION) is None
    assert await store.near(kept.asked.encoding.sentence, PARTITION, 5) == []


async def test_an_answer_anew_takes_the_place_of_the_old_one(store: AnswerStore) -> None:
    asked = made_up("How do I reset it?")
    await store.put(entry(asked, answer="old", chunks=(1,)), LONG)
    await store.put(entry(asked, answer="new", chunks=(2,)), LONG)
    found = await store.near(asked.encoding.sentence, PARTITION, 5)
    assert [kept.entry.answer for kept in found] == [b"new"]
    assert await store.drop(PARTITION.tenant, ids(1)) == 0
    assert await store.drop(PARTITION.tenant, ids(2)) == 1


async def test_dropping_takes_exactly_what_rests_on_the_chunks(store: AnswerStore) -> None:
    questions = [made_up(f"Question {n}") for n in range(4)]
    for asked, chunks in zip(questions, [(1,), (1, 2), (2, 3), (3,)], strict=True):
        await store.put(entry(asked, chunks=chunks), LONG)
    other = entry(questions[0], chunks=(1,), partition=OTHER_PARTITIONS["tenant"])
    await store.put(other, LONG)
    staff = entry(questions[0], chunks=(2,), partition=OTHER_PARTITIONS["more audiences"])
    await store.put(staff, LONG)

    assert await store.drop(PARTITION.tenant, ids(2, 9)) == 3

    left = [await store.get(PARTITION.entry_id(q.text), PARTITION) for q in questions]
    assert [kept is not None for kept in left] == [True, False, False, True]
    assert await store.get(staff.id, staff.partition) is None
    assert await store.get(other.id, other.partition) is not None
    for asked in questions[1:3]:
        near = await store.near(asked.encoding.sentence, PARTITION, 5)
        assert {kept.entry.asked.text for kept in near} == {"Question 0", "Question 3"}
    assert await store.drop(PARTITION.tenant, ids(2, 9)) == 0


async def test_dropping_for_no_chunks_drops_nothing(store: AnswerStore) -> None:
    await store.put(entry(made_up("How do I reset it?")), LONG)
    assert await store.drop(PARTITION.tenant, []) == 0


async def test_what_was_forbidden_outlives_the_entry(store: AnswerStore) -> None:
    kept = entry(made_up("How do I reset it?"))
    mark = Forbidden("how do i sell it", made_up("How do I sell it?").encoding.sentence)
    await store.put(kept, LONG)
    await store.forbid(kept.id, mark)
    await store.drop(PARTITION.tenant, ids(1))
    await store.put(kept, LONG)
    found = await store.get(kept.id, PARTITION)
    assert found is not None
    assert [forbidden.question for forbidden in found.forbidden] == [mark.question]
    np.testing.assert_allclose(found.forbidden[0].vector, mark.vector)


async def test_both_stores_look_for_the_like(store: AnswerStore) -> None:
    assert await store.semantic_off() == ""
