"""Stores to test, and a way to ask that encodes each question once."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import pytest

from app.cache.memory import MemoryStore
from app.cache.redis import RedisStore
from app.cache.wording import Asked
from tests.redis_server import redis_server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from app.cache.store import AnswerStore
    from retrieval.embedders import Embedder
    from tests.app.cache.asking import Ask
    from tests.redis_server import RedisServer


@pytest.fixture(scope="session")
def ask(embedder: Embedder) -> Ask:
    @cache
    def encoded(text: str) -> Asked:
        return Asked(text, embedder.question(text))

    return encoded


@pytest.fixture(scope="session")
def running_redis() -> Iterator[RedisServer]:
    """One server for all the tests that leave it as it is."""
    with redis_server() as server:
        yield server


@pytest.fixture
async def redis_store(running_redis: RedisServer) -> AsyncIterator[RedisStore]:
    """An empty store on a real server."""
    store = RedisStore.open(running_redis.url)
    await store._redis.flushall()
    yield store
    await store.close()


@pytest.fixture(params=["memory", "redis"])
def store(request: pytest.FixtureRequest) -> AnswerStore:
    """Each of the stores there are, empty."""
    if request.param == "memory":
        return MemoryStore()
    return request.getfixturevalue("redis_store")  # type: ignore[no-any-return] # a fixture
