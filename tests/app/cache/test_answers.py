from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from app.cache.answers import AnswerCache, open_cache
from app.cache.memory import MemoryStore
from app.cache.types import CacheHit, CacheMiss, CacheUnavailable, Lookup, Matched, Missed
from app.cache.verifier import Verifier, shipped_pair_score
from retrieval.errors import BadInput
from retrieval.types import Reader
from tests.app.cache.asking import PARTITION, READER, Shelves, entry, ids, lookup

if TYPE_CHECKING:
    from app.cache.store import AnswerStore
    from app.cache.types import Entry, Partition
    from tests.app.cache.asking import Ask

AN_HOUR = timedelta(hours=1)
VERIFIER = Verifier(shipped_pair_score())
SHELVES = Shelves({("default", 1): {1, 2}, ("default", 2): {2, 3}})
RESET = "How do I reset my password?"
RESET_AGAIN = "How can I reset my password?"


@pytest.fixture
def cache(store: AnswerStore) -> AnswerCache:
    return AnswerCache(store, VERIFIER, AN_HOUR, look_up_seconds=1.0)


async def test_the_same_words_are_answered_whatever_the_manners(
    cache: AnswerCache, ask: Ask
) -> None:
    await cache.store(entry(ask(RESET)))
    found = await cache.find(lookup(ask("hello, how do I reset my password??")), SHELVES, READER)
    assert isinstance(found, CacheHit)
    assert (found.matched, found.answer, found.score) == (Matched.EXACT, b"42", 1.0)
    assert found.question == RESET
    assert [chunk.id for chunk in found.chunks] == ids(1)


async def test_other_words_for_the_same_are_answered(cache: AnswerCache, ask: Ask) -> None:
    await cache.store(entry(ask(RESET)))
    found = await cache.find(lookup(ask(RESET_AGAIN)), SHELVES, READER)
    assert isinstance(found, CacheHit)
    assert found.matched is Matched.SEMANTIC
    assert found.score >= VERIFIER.pair_score.threshold
    assert cache.counts == {"stored": 1, "semantic": 1}


async def test_what_only_sounds_alike_is_not(cache: AnswerCache, ask: Ask) -> None:
    await cache.store(entry(ask("How do I turn dark mode on?")))
    found = await cache.find(lookup(ask("How do I turn dark mode off?")), SHELVES, READER)
    assert isinstance(found, CacheMiss)
    assert found.reason is Missed.REFUSED
    assert [(seen.refused, seen.cosine > 0.85) for seen in found.looked_at] == [("opposites", True)]


async def test_nothing_like_it_is_a_miss(cache: AnswerCache, ask: Ask) -> None:
    await cache.store(entry(ask(RESET)))
    found = await cache.find(lookup(ask("Do penguins have knees?")), SHELVES, READER)
    assert found == CacheMiss(Missed.NOTHING_LIKE_IT)


async def test_an_answer_is_served_only_where_all_that_supports_it_is_shown(
    cache: AnswerCache, ask: Ask
) -> None:
    await cache.store(entry(ask(RESET), chunks=(1, 2)))
    for text in (RESET, RESET_AGAIN):
        shown = await cache.find(lookup(ask(text)), SHELVES, Reader(release=1))
        gone = await cache.find(lookup(ask(text)), SHELVES, Reader(release=2))
        rolled_back = await cache.find(lookup(ask(text)), SHELVES, Reader(release=1))
        assert isinstance(shown, CacheHit)
        assert isinstance(gone, CacheMiss)
        assert gone.reason is Missed.NOT_SHOWN
        assert rolled_back == shown


async def test_an_index_that_is_down_serves_nothing_from_the_cache(
    cache: AnswerCache, ask: Ask
) -> None:
    await cache.store(entry(ask(RESET)))
    found = await cache.find(lookup(ask(RESET)), Shelves(down=True), READER)
    assert isinstance(found, CacheMiss)
    assert found.reason is Missed.NOT_SHOWN


async def test_what_is_not_cacheable_is_not_looked_up(cache: AnswerCache, ask: Ask) -> None:
    await cache.store(entry(ask(RESET)))
    personal = Lookup(PARTITION, ask(RESET), cacheable=False)
    assert await cache.find(personal, SHELVES, READER) == CacheMiss(Missed.NOT_CACHEABLE)


async def test_answers_without_support_or_confidence_are_not_kept(ask: Ask) -> None:
    cache = AnswerCache(MemoryStore(), VERIFIER, AN_HOUR, least_confidence=0.7)
    assert not await cache.store(entry(ask(RESET), chunks=()))
    assert not await cache.store(entry(ask(RESET), confidence=0.69))
    assert await cache.store(entry(ask(RESET), confidence=0.7))


async def test_publishing_evicts_what_it_touches(cache: AnswerCache, ask: Ask) -> None:
    await cache.store(entry(ask(RESET), chunks=(1, 2)))
    await cache.store(entry(ask("Do penguins have knees?"), chunks=(2,)))
    assert await cache.evict("default", ids(1)) == 1
    assert await cache.find(lookup(ask(RESET)), SHELVES, READER) == CacheMiss(
        Missed.NOTHING_LIKE_IT
    )
    assert cache.counts["evicted"] == 1


async def test_never_again_holds_for_the_question_and_those_like_it(
    cache: AnswerCache, ask: Ask
) -> None:
    kept = entry(ask(RESET))
    await cache.store(kept)
    await cache.never_again("default", kept.id, ask(RESET_AGAIN))
    for text in (RESET_AGAIN, "How could I reset my password?"):
        found = await cache.find(lookup(ask(text)), SHELVES, READER)
        assert isinstance(found, CacheMiss)
        assert found.looked_at[0].refused == "never again"
    assert isinstance(await cache.find(lookup(ask(RESET)), SHELVES, READER), CacheHit)


async def test_never_again_for_its_own_question_ends_an_entry(cache: AnswerCache, ask: Ask) -> None:
    kept = entry(ask(RESET))
    await cache.store(kept)
    await cache.never_again("default", kept.id, ask(RESET))
    await cache.store(kept)
    assert isinstance(await cache.find(lookup(ask(RESET)), SHELVES, READER), CacheMiss)


async def test_another_tenant_cannot_forbid(cache: AnswerCache, ask: Ask) -> None:
    with pytest.raises(BadInput, match="no cached answer"):
        await cache.never_again("other", entry(ask(RESET)).id, ask(RESET))


class SlowStore(MemoryStore):
    """A store that takes its time, or breaks."""

    def __init__(self, seconds: float = 0.0) -> None:
        super().__init__()
        self.seconds = seconds
        self.broken = False
        self.asked = 0

    async def get(self, _entry_id: str, _partition: Partition) -> None:
        self.asked += 1
        await asyncio.sleep(self.seconds)
        if self.broken:
            raise CacheUnavailable("It is broken.")

    async def put(self, _entry: Entry, _seconds: float) -> None:
        raise CacheUnavailable("It is broken.")

    async def drop(self, _tenant: str, _chunks: object) -> int:
        raise CacheUnavailable("It is broken.")


async def test_a_slow_store_costs_one_request_its_wait_and_the_others_nothing(
    ask: Ask, caplog: pytest.LogCaptureFixture
) -> None:
    store = SlowStore(seconds=5)
    cache = AnswerCache(store, VERIFIER, AN_HOUR)
    started = asyncio.get_running_loop().time()
    with caplog.at_level(logging.WARNING):
        for _ in range(200):
            found = await cache.find(lookup(ask(RESET)), SHELVES, READER)
            assert found == CacheMiss(Missed.UNAVAILABLE)
    assert asyncio.get_running_loop().time() - started < 0.5
    assert store.asked == 1
    assert cache.counts["failed"] == len(caplog.records) == 1
    assert "did not answer within 15 ms" in caplog.text


async def test_a_broken_store_is_never_the_request_s_trouble(ask: Ask) -> None:
    store = SlowStore()
    store.broken = True
    cache = AnswerCache(store, VERIFIER, AN_HOUR)
    assert not await cache.store(entry(ask(RESET)))
    assert await cache.evict("default", ids(1)) == 0
    assert await cache.find(lookup(ask(RESET)), SHELVES, READER) == CacheMiss(Missed.UNAVAILABLE)


@pytest.mark.parametrize("url", ["", "memory:x", "http://cache", "redis", "memcached://host"])
def test_a_url_that_names_no_cache_is_refused(url: str) -> None:
    with pytest.raises(BadInput, match="does not name a cache"):
        open_cache(url, verifier=VERIFIER, ttl=AN_HOUR)


def test_a_password_is_never_told() -> None:
    with pytest.raises(BadInput) as caught:
        open_cache("redis://user:s3cr:et@host:s3cret/0", verifier=VERIFIER, ttl=AN_HOUR)
    assert "s3cr" not in str(caught.value)
    assert caught.value.__suppress_context__


async def test_a_cache_opens_by_its_url() -> None:
    for url in ("memory:", "redis://127.0.0.1:1/0"):
        cache = open_cache(url, verifier=VERIFIER, ttl=AN_HOUR)
        await cache.close()
