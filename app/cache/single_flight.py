"""The same question asked many times at once is answered once."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable

K = TypeVar("K", bound="Hashable")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Landed(Generic[V]):
    """What came of a flight.

    Attributes:
        value: What the work gave.
        followed: Whether somebody else did it.
    """

    value: V
    followed: bool


class SingleFlight(Generic[K, V]):
    """Lets one caller do the work for a key while the others wait for what comes of it.

    When that one fails or is cancelled, only it learns of that: the next one does the work.
    """

    def __init__(self) -> None:
        self._flights: dict[K, asyncio.Future[Landed[V] | None]] = {}

    async def run(self, key: K, work: Callable[[], Awaitable[V]]) -> Landed[V]:
        """Do the work, or wait for whoever is at it.

        Raises:
            Exception: Whatever `work` raises, when this caller did it.
        """
        while (flight := self._flights.get(key)) is not None:
            # A follower that gives up must not cancel the flight for the others.
            if landed := await asyncio.shield(flight):
                return landed
        return await self._lead(key, work)

    async def _lead(self, key: K, work: Callable[[], Awaitable[V]]) -> Landed[V]:
        flight = self._flights[key] = asyncio.get_running_loop().create_future()
        landed = None
        try:
            value = await work()
            landed = Landed(value, followed=True)
        finally:
            del self._flights[key]
            flight.set_result(landed)
        return Landed(value, followed=False)
