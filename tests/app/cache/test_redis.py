"""What only a server can do: go away, hang, come back empty, be of an older kind."""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import timedelta
from statistics import median
from typing import TYPE_CHECKING

import pytest
from redis.crc import key_slot

from app.cache.answers import AnswerCache
from app.cache.redis import RedisStore
from app.cache.store import Forbidden
from app.cache.types import CacheHit, CacheMiss, CacheUnavailable, Missed
from app.cache.verifier import Verifier, shipped_pair_score
from tests.app.cache.asking import PARTITION, READER, Shelves, entry, lookup, made_up
from tests.redis_server import redis_server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from tests.app.cache.asking import Ask
    from tests.redis_server import RedisServer

AN_HOUR = timedelta(hours=1)
SHELVES = Shelves({("default", 1): {1}})
VERIFIER = Verifier(shipped_pair_score())
RESET = "How do I reset my password?"


@pytest.fixture
def own_redis() -> Iterator[RedisServer]:
    """A server of the test's own, to be treated badly."""
    with redis_server() as server:
        yield server


@pytest.fixture
async def own_cache(own_redis: RedisServer) -> AsyncIterator[AnswerCache]:
    cache = AnswerCache(RedisStore.open(own_redis.url), VERIFIER, AN_HOUR, look_up_seconds=0.05)
    yield cache
    await cache.close()


async def test_all_keys_of_a_tenant_are_on_one_node_of_a_cluster(redis_store: RedisStore) -> None:
    await redis_store.put(entry(made_up("Question"), chunks=(1, 2)), 60)
    mark = Forbidden("question", made_up("Question").encoding.sentence)
    await redis_store.forbid(entry(made_up("Question")).id, mark)
    keys = await redis_store._run("KEYS", "*")
    assert len(keys) == 5
    assert len({key_slot(key) for key in keys}) == 1


async def test_everything_but_what_is_forbidden_ends_by_itself(redis_store: RedisStore) -> None:
    await redis_store.put(entry(made_up("Question")), 60)
    lasting = [
        k for k in await redis_store._run("KEYS", "*") if await redis_store._redis.ttl(k) < 0
    ]
    assert [b":vectors:" in key for key in lasting] == [True]


async def test_the_vectors_of_ended_entries_do_not_pile_up(redis_store: RedisStore) -> None:
    for n in range(50):
        await redis_store.put(entry(made_up(f"Short {n}")), 0.01)
    await asyncio.sleep(0.05)
    for n in range(100):
        await redis_store.put(entry(made_up(f"Long {n}")), 60)
    key = next(k for k in await redis_store._run("KEYS", "*") if b":vectors:" in k)
    assert await redis_store._run("VCARD", key) < 115


async def test_a_reader_never_gets_half_an_entry(redis_store: RedisStore) -> None:
    """Entries come, change and go while others read."""
    asked = made_up("Question")
    texts = {f"{n} " * 2000 for n in range(5)}

    async def write() -> None:
        for n in range(150):
            await redis_store.put(entry(asked, answer=f"{n % 5} " * 2000, chunks=(n % 5,)), 60)
            if n % 7 == 0:
                await redis_store.drop(PARTITION.tenant, entry(asked, chunks=(n % 5,)).chunks)

    async def read() -> int:
        seen = 0
        for _ in range(150):
            for kept in await redis_store.near(asked.encoding.sentence, PARTITION, 5):
                text = kept.entry.answer.decode()
                assert text in texts
                assert kept.entry.chunks == entry(asked, chunks=(int(text[0]),)).chunks
                seen += 1
        return seen

    *_, seen = await asyncio.gather(write(), read(), read())
    assert seen > 50


async def test_a_killed_server_costs_misses_and_comes_back(
    own_redis: RedisServer, own_cache: AnswerCache, ask: Ask
) -> None:
    await own_cache.store(entry(ask(RESET)))
    assert isinstance(await own_cache.find(lookup(ask(RESET)), SHELVES, READER), CacheHit)
    own_redis.stop()
    gone = await own_cache.find(lookup(ask(RESET)), SHELVES, READER)
    assert gone == CacheMiss(Missed.UNAVAILABLE)
    own_redis.start()
    await asyncio.sleep(1.1)  # the breaker's first pause
    empty = await own_cache.find(lookup(ask(RESET)), SHELVES, READER)
    assert empty == CacheMiss(Missed.NOTHING_LIKE_IT)
    await own_cache.store(entry(ask(RESET)))
    assert isinstance(await own_cache.find(lookup(ask(RESET)), SHELVES, READER), CacheHit)


async def test_a_paused_server_costs_one_wait_and_then_nothing(
    own_redis: RedisServer, own_cache: AnswerCache, ask: Ask
) -> None:
    await own_cache.store(entry(ask(RESET)))
    own_redis.pause()
    spent = []
    for _ in range(50):
        started = time.perf_counter()
        found = await own_cache.find(lookup(ask(RESET)), SHELVES, READER)
        spent.append(time.perf_counter() - started)
        assert found == CacheMiss(Missed.UNAVAILABLE)
    own_redis.resume()
    assert spent[0] < 0.5
    assert median(spent[1:]) < 0.001
    await asyncio.sleep(1.1)
    assert isinstance(await own_cache.find(lookup(ask(RESET)), SHELVES, READER), CacheHit)


async def test_a_server_that_was_never_there_is_a_miss(ask: Ask) -> None:
    cache = AnswerCache(RedisStore.open("redis://127.0.0.1:1"), VERIFIER, AN_HOUR)
    assert await cache.find(lookup(ask(RESET)), SHELVES, READER) == CacheMiss(Missed.UNAVAILABLE)
    with pytest.raises(CacheUnavailable):
        await cache.semantic_off()
    await cache.close()


async def test_without_vector_sets_exact_matches_still_work_and_the_log_says_why(
    ask: Ask, caplog: pytest.LogCaptureFixture
) -> None:
    with redis_server() as server:
        store = RedisStore.open(server.url)
        await store._run("ACL SETUSER", "default", "-vcard", "-vadd", "-vsim")
        cache = AnswerCache(store, VERIFIER, AN_HOUR, look_up_seconds=1)
        with caplog.at_level(logging.WARNING):
            assert await cache.store(entry(ask(RESET)))
            exact = await cache.find(lookup(ask(RESET)), SHELVES, READER)
            near = await cache.find(lookup(ask("How can I reset my password?")), SHELVES, READER)
        assert isinstance(exact, CacheHit)
        assert near == CacheMiss(Missed.NOTHING_LIKE_IT)
        assert "vector sets, which Redis 8 has" in await cache.semantic_off()
        assert len(caplog.records) == 1
        assert await cache.evict("default", entry(ask(RESET)).chunks) == 1
        await cache.close()
