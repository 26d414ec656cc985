"""Anything may happen in any order: nobody is told what their release does not show."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from app.cache.answers import AnswerCache
from app.cache.redis import RedisStore
from app.cache.types import CacheHit
from app.cache.verifier import Verifier, shipped_pair_score
from retrieval.types import Reader
from tests.app.cache.asking import PARTITION, Shelves, entry, lookup, made_up
from tests.redis_server import redis_server

if TYPE_CHECKING:
    from app.cache.store import AnswerStore

OPERATIONS = 10_000
TENANTS = ("one", "two")
# Answers serve anything close here, so that only the check of what supports them is left.
SERVES_ALL = Verifier(replace(shipped_pair_score(), threshold=0.0))
QUESTIONS = [made_up(f"Question {n}") for n in range(12)]


@dataclass
class World:
    """What is published: each release shows some numbered chunks, and answers quote them."""

    shelves: Shelves = field(default_factory=Shelves)
    current: dict[str, int] = field(default_factory=lambda: dict.fromkeys(TENANTS, 1))
    newest: dict[str, int] = field(default_factory=lambda: dict.fromkeys(TENANTS, 1))

    def publish(self, tenant: str, chance: random.Random) -> set[int]:
        """A release with other chunks; says which ended."""
        before = self.shelves.shown.get((tenant, self.current[tenant]), set())
        self.newest[tenant] += 1
        self.current[tenant] = self.newest[tenant]
        shown = set(chance.sample(range(1, 30), 15))
        self.shelves.shown[tenant, self.newest[tenant]] = shown
        return before - shown


async def one_operation(
    cache: AnswerCache, world: World, chance: random.Random, tally: dict[str, int]
) -> None:
    tenant = chance.choice(TENANTS)
    what = chance.choices(("ask", "publish", "roll back"), (30, 2, 1))[0]
    if what == "publish":
        ended = world.publish(tenant, chance)
        if chance.random() < 0.7:  # an eviction may be lost
            await cache.evict(tenant, [str(UUID(int=n)) for n in ended])
    elif what == "roll back":
        world.current[tenant] = chance.randint(1, world.newest[tenant])
    else:
        await _ask(cache, world, chance, tenant, tally)


async def _ask(
    cache: AnswerCache, world: World, chance: random.Random, tenant: str, tally: dict[str, int]
) -> None:
    reader = Reader(tenant=tenant, release=world.current[tenant])
    shown = world.shelves.shown.get((tenant, reader.release), set())
    partition = replace(PARTITION, tenant=tenant)
    asked = chance.choice(QUESTIONS)
    found = await cache.find(lookup(asked, partition), world.shelves, reader)
    if isinstance(found, CacheHit):
        whose, *chunks = found.answer.decode().split()
        tally["hits"] += 1
        tally["stale"] += not {int(n) for n in chunks} <= shown
        tally["cross-tenant"] += whose != tenant
    elif shown:
        support = chance.sample(sorted(shown), 2)
        answer = " ".join((tenant, *map(str, support)))
        await cache.store(entry(asked, answer, support, partition))


async def play(store: AnswerStore, seed: int, operations: int) -> dict[str, int]:
    chance = random.Random(seed)  # noqa: S311 - a test's dice
    cache = AnswerCache(store, SERVES_ALL, timedelta(seconds=0.5), look_up_seconds=1.0)
    world, tally = World(), {"hits": 0, "stale": 0, "cross-tenant": 0}
    for _ in range(operations // 4):
        # Four at a time: what one is told may end while another is on its way.
        await asyncio.gather(*(one_operation(cache, world, chance, tally) for _ in range(4)))
    return tally


@pytest.mark.parametrize("seed", [0, 1])
async def test_nothing_stale_and_nothing_of_another_tenant(store: AnswerStore, seed: int) -> None:
    tally = await play(store, seed, OPERATIONS // 2)
    assert tally["hits"] > OPERATIONS // 40
    assert (tally["stale"], tally["cross-tenant"]) == (0, 0)


async def test_nor_when_the_server_starts_again_in_between() -> None:
    with redis_server() as server:
        store = RedisStore.open(server.url)
        playing = asyncio.create_task(play(store, 2, OPERATIONS // 4))
        for _ in range(3):
            await asyncio.sleep(0.4)
            server.stop()
            server.start()
        tally = await playing
        await store.close()
    assert tally["hits"] > 0
    assert (tally["stale"], tally["cross-tenant"]) == (0, 0)
