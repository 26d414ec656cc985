"""How long a cache takes to find close questions, from a thousand entries to a hundred thousand."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from app.cache.answers import open_store
from app.cache.types import Entry, Partition
from app.cache.wording import Asked
from retrieval.embedders import Encoding
from retrieval.types import Reader

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from app.cache.store import AnswerStore
    from ingestion.progress import Meter

DIMS = 384
WORDS = 10
LOOK_UPS = 500
CANDIDATES = 5
SEED = 0
TOPICS = 200  # questions gather around as many subjects
MINUTES_KEPT = 30 * 60.0


@dataclass(frozen=True, slots=True)
class LookUps:
    """Look-ups at one size.

    Attributes:
        entries: How many entries there are.
        exact_ms: Median milliseconds of an exact look-up.
        p50: Median milliseconds of finding close ones, entries read.
        p95: The 95th percentile of it.
    """

    entries: int
    exact_ms: float
    p50: float
    p95: float


async def measure(url: str, sizes: Sequence[int], meter: Meter) -> list[LookUps]:
    """Fill a cache with made-up entries and time it at each size, the smallest first.

    The entries are a partition's of their own, and end within half an hour.
    """
    store = open_store(url)
    partition = Partition.of(Reader(tenant="eval"), f"speed {time.time_ns()}")
    random = np.random.default_rng(SEED)
    topics = _unit(random.standard_normal((TOPICS, DIMS)))
    timed: list[LookUps] = []
    there = 0
    try:
        for size in sorted(sizes):
            meter.start(f"Storing {size} entries", size - there)
            for number in range(there, size):
                await store.put(_entry(number, partition, topics, random), MINUTES_KEPT)
                meter.advance()
            there = size
            timed.append(await _time(store, partition, topics, random, size))
    finally:
        await store.close()
    return timed


async def _time(
    store: AnswerStore,
    partition: Partition,
    topics: NDArray[np.float32],
    random: np.random.Generator,
    size: int,
) -> LookUps:
    exact, near = [], []
    for _ in range(LOOK_UPS):
        started = time.perf_counter()
        await store.get(partition.entry_id(f"question {random.integers(size)}"), partition)
        exact.append(time.perf_counter() - started)
        vector = _around(topics, random)
        started = time.perf_counter()
        await store.near(vector, partition, CANDIDATES)
        near.append(time.perf_counter() - started)
    p50, p95 = (1000 * float(value) for value in np.percentile(near, [50, 95]))
    return LookUps(size, 1000 * float(np.median(exact)), p50, p95)


def _entry(
    number: int, partition: Partition, topics: NDArray[np.float32], random: np.random.Generator
) -> Entry:
    tokens = _unit(random.standard_normal((WORDS, DIMS)))
    offsets, ids = np.zeros((WORDS, 2), np.int32), np.arange(WORDS, dtype=np.int32)
    asked = Asked(f"question {number}", Encoding(_around(topics, random), tokens, offsets, ids))
    return Entry(partition, asked, b"x" * 1000, (f"chunk {number % 5000}",), confidence=0.9)


def _around(topics: NDArray[np.float32], random: np.random.Generator) -> NDArray[np.float32]:
    return _unit(topics[random.integers(len(topics))] + random.standard_normal(DIMS) / DIMS**0.5)


def _unit(vectors: NDArray[np.float64]) -> NDArray[np.float32]:
    norms = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / norms, dtype=np.float32)
