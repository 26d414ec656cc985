"""Where cached answers are kept: what a store can do. Memory and Redis are the two there are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from app.cache.types import Entry, Partition


@dataclass(frozen=True, slots=True)
class Forbidden:
    """A question that an entry is never to answer again.

    Attributes:
        question: As normalised.
        vector: Its unit sentence vector.
    """

    question: str
    vector: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Kept:
    """An entry as it was found, with the questions it must not answer."""

    entry: Entry
    forbidden: tuple[Forbidden, ...]


class AnswerStore(Protocol):
    """Keeps entries until they end. An entry is there as a whole or not at all.

    Every method raises `CacheUnavailable` when the store does not answer.
    """

    async def get(self, entry_id: str, partition: Partition) -> Kept | None:
        """The partition's entry of that id, if there is one."""

    async def near(
        self, vector: NDArray[np.float32], partition: Partition, limit: int
    ) -> list[Kept]:
        """The partition's entries whose questions are closest, the closest first."""

    async def put(self, entry: Entry, seconds: float) -> None:
        """Keep an entry for that long, in place of an earlier one for the same question."""

    async def drop(self, tenant: str, chunks: Sequence[str]) -> int:
        """Remove a tenant's entries that any of the chunks supports; says how many."""

    async def forbid(self, entry_id: str, forbidden: Forbidden) -> None:
        """Remember for good that an entry must not answer a question."""

    async def semantic_off(self) -> str:
        """Why only exact matches are found; empty when others are found too."""

    async def close(self) -> None:
        """Let go of connections."""
