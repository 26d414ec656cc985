"""Cached answers of one process."""

from __future__ import annotations

import time
from collections import OrderedDict, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from app.cache.store import AnswerStore, Kept
from app.cache.types import tenant_digest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from app.cache.store import Forbidden
    from app.cache.types import Entry, Partition

CAPACITY = 10_000  # entries; at 12 kB each
FIRST_ROWS = 64


@dataclass(slots=True)
class _Shelf:
    """The vectors of one partition, in rows without gaps."""

    ids: list[str] = field(default_factory=list)
    rows: dict[str, int] = field(default_factory=dict)
    vectors: NDArray[np.float32] = field(default_factory=lambda: np.empty((0, 0), np.float32))

    def put(self, entry_id: str, vector: NDArray[np.float32]) -> None:
        row = self.rows.setdefault(entry_id, len(self.ids))
        if row == len(self.ids):
            self.ids.append(entry_id)
        if row >= len(self.vectors):
            grown = np.zeros((max(FIRST_ROWS, 2 * row), len(vector)), np.float32)
            grown[:row] = self.vectors[:row].reshape(row, len(vector))
            self.vectors = grown
        self.vectors[row] = vector

    def remove(self, entry_id: str) -> None:
        """Take a row out; the last one moves to its place."""
        row, last = self.rows.pop(entry_id), self.ids.pop()
        if last != entry_id:
            self.ids[row] = last
            self.rows[last] = row
            self.vectors[row] = self.vectors[len(self.ids)]

    def near(self, vector: NDArray[np.float32], limit: int) -> list[str]:
        similar = self.vectors[: len(self.ids)] @ vector
        few = np.argpartition(-similar, min(limit, len(similar)) - 1)[:limit]
        return [self.ids[row] for row in few[np.argsort(-similar[few], kind="stable")]]


class MemoryStore(AnswerStore):
    """Entries in this process's memory; those not asked for longest make room for new ones."""

    def __init__(
        self, capacity: int = CAPACITY, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._capacity = capacity
        self._clock = clock
        self._entries: OrderedDict[str, tuple[Entry, float]] = OrderedDict()
        self._shelves: defaultdict[str, _Shelf] = defaultdict(_Shelf)
        self._forbidden: defaultdict[str, dict[str, Forbidden]] = defaultdict(dict)

    async def get(self, entry_id: str, partition: Partition) -> Kept | None:
        """See `AnswerStore.get`."""
        if not self._is_there(entry_id) or self._entries[entry_id][0].partition != partition:
            return None
        self._entries.move_to_end(entry_id)
        forbidden = tuple(self._forbidden.get(entry_id, {}).values())
        return Kept(self._entries[entry_id][0], forbidden)

    async def near(
        self, vector: NDArray[np.float32], partition: Partition, limit: int
    ) -> list[Kept]:
        """See `AnswerStore.near`."""
        shelf = self._shelves.get(partition.name)
        ids = shelf.near(vector, limit) if shelf else []
        found = [await self.get(entry_id, partition) for entry_id in ids]
        return [kept for kept in found if kept is not None]

    async def put(self, entry: Entry, seconds: float) -> None:
        """See `AnswerStore.put`."""
        self._entries[entry.id] = (entry, self._clock() + seconds)
        self._entries.move_to_end(entry.id)
        self._shelves[entry.partition.name].put(entry.id, entry.asked.encoding.sentence)
        while len(self._entries) > self._capacity:
            self._remove(next(iter(self._entries)))

    async def drop(self, tenant: str, chunks: Sequence[str]) -> int:
        """See `AnswerStore.drop`."""
        ended = set(chunks)
        mine = f"{tenant_digest(tenant)}."
        touched = [
            entry_id
            for entry_id, (entry, _) in self._entries.items()
            if entry_id.startswith(mine) and not ended.isdisjoint(entry.chunks)
        ]
        for entry_id in touched:
            self._remove(entry_id)
        return len(touched)

    async def forbid(self, entry_id: str, forbidden: Forbidden) -> None:
        """See `AnswerStore.forbid`."""
        self._forbidden[entry_id][forbidden.question] = forbidden

    async def semantic_off(self) -> str:
        """See `AnswerStore.semantic_off`."""
        return ""

    async def close(self) -> None:
        """See `AnswerStore.close`."""

    def _is_there(self, entry_id: str) -> bool:
        if entry_id not in self._entries:
            return False
        if self._clock() < self._entries[entry_id][1]:
            return True
        self._remove(entry_id)
        return False

    def _remove(self, entry_id: str) -> None:
        entry, _ = self._entries.pop(entry_id)
        name = entry.partition.name
        self._shelves[name].remove(entry_id)
        if not self._shelves[name].ids:
            del self._shelves[name]
