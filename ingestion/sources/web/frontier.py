"""Which addresses are still to be visited, nearest first."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ingestion.sources.files import DEFAULT_MAX_BYTES
from ingestion.sources.patterns import matches
from ingestion.sources.web.addresses import page_key

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much of a site is read.

    Attributes:
        max_pages: At most this many addresses are visited.
        max_depth: How many links from the start a page may be.
        max_bytes: Larger pages are skipped.
        max_seconds: When this long has passed, no further page is visited.
        include: Patterns of the pages to read; all when there are none.
        exclude: Patterns of the pages to leave out.
    """

    max_pages: int = 1000
    max_depth: int = 10
    max_bytes: int = DEFAULT_MAX_BYTES
    max_seconds: float = 3600.0
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    def choose(self, page: str) -> bool:
        """Whether the patterns let a page in."""
        included = not self.include or matches(page, *self.include)
        return included and not matches(page, *self.exclude)


@dataclass(slots=True)
class Frontier:
    """A queue that takes each page once, however often it is linked and by whichever address.

    Attributes:
        bounds: Which pages it takes.
        visited: The keys of the pages that need no visit any more.
    """

    bounds: Bounds
    visited: set[str] = field(default_factory=set)
    _queue: deque[tuple[str, int]] = field(default_factory=deque)
    _queued: set[str] = field(default_factory=set)
    _too_deep: set[str] = field(default_factory=set)

    def add(self, addresses: Iterable[str], depth: int) -> None:
        """Take the addresses that are new and within the bounds."""
        for address in addresses:
            key = page_key(address)
            if key in self._queued or key in self.visited or not self.bounds.choose(key):
                continue
            if depth > self.bounds.max_depth:
                self._too_deep.add(key)
            else:
                self._queued.add(key)
                self._queue.append((address, depth))

    def pop(self) -> tuple[str, int] | None:
        """The next address and how many links from the start it is; None when all are done."""
        while self._queue:
            address, depth = self._queue.popleft()
            if page_key(address) not in self.visited:
                return address, depth
        return None

    def left(self) -> tuple[str, ...]:
        """The keys of pages that were found and not visited, sorted."""
        return tuple(sorted((self._queued | self._too_deep) - self.visited))
