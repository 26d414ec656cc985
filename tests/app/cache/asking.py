"""Questions, partitions and releases to test the cache with."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import numpy as np

from app.cache.types import Entry, Lookup, Partition
from app.cache.wording import Asked
from retrieval.embedders import Encoding
from retrieval.errors import IndexUnavailable
from retrieval.types import Reader
from tests.library import chunk

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from retrieval.index import Candidate, IndexQuery
    from retrieval.types import Chunk

    Ask = Callable[[str], Asked]

HERE = Path(__file__).parent
READER = Reader(release=1)
PARTITION = Partition.of(READER, "line")
DIMS = 16


def made_up(text: str) -> Asked:
    """A question whose vectors are made up: the same text has the same, another has far others."""
    seed = int.from_bytes(blake2b(text.encode(), digest_size=8).digest())
    rows = np.random.default_rng(seed).standard_normal((len(text.split()) + 1, DIMS))
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    words = len(rows) - 1
    starts = np.cumsum([0, *(len(word) + 1 for word in text.split()[:-1])])
    ends = [start + len(word) for start, word in zip(starts, text.split(), strict=True)]
    offsets = np.array(list(zip(starts, ends, strict=True)), np.int32).reshape(words, 2)
    return Asked(text, Encoding(rows[0], rows[1:], offsets, np.arange(words, dtype=np.int32)))


def entry(
    asked: Asked,
    answer: str = "42",
    chunks: Sequence[int] = (1,),
    partition: Partition = PARTITION,
    confidence: float = 0.9,
) -> Entry:
    ids = tuple(str(UUID(int=n)) for n in chunks)
    return Entry(partition, asked, answer.encode(), ids, confidence)


def lookup(asked: Asked, partition: Partition = PARTITION) -> Lookup:
    return Lookup(partition, asked)


def ids(*chunks: int) -> list[str]:
    return [str(UUID(int=n)) for n in chunks]


@dataclass
class Shelves:
    """What each release of each tenant shows, by hand.

    Attributes:
        shown: For a tenant and release, the chunks' numbers.
        down: Whether it answers at all.
    """

    shown: dict[tuple[str, int | None], set[int]] = field(default_factory=dict)
    down: bool = False

    async def search(self, query: IndexQuery) -> list[Candidate]:
        raise NotImplementedError

    async def page(self, page: str, reader: Reader) -> list[Chunk]:
        raise NotImplementedError

    async def read(self, ids: Sequence[str], reader: Reader) -> list[Chunk]:
        if self.down:
            raise IndexUnavailable("The index is down.")
        there = self.shown.get((reader.tenant, reader.release), set())
        return [chunk("Text.", n=UUID(i).int) for i in ids if UUID(i).int in there]


def load(name: str) -> list[dict[str, str]]:
    """The pairs in a file beside this one."""
    lines = (HERE / name).read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines if line.strip()]
