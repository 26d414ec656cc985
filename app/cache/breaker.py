"""Keeps a part that does not answer from being asked again and again."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

FIRST_PAUSE = 1.0  # seconds
LONGEST_PAUSE = 30.0


class Breaker:
    """Opens at the first failure; then lets one request through after each pause.

    A pause is twice as long as the one before it, until one request goes well.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._pause = 0.0
        self._until = 0.0
        self._trying = False

    def lets_through(self) -> bool:
        """Whether to ask now; whoever is let through reports `worked` or `failed`."""
        if self._clock() < self._until:
            return False
        if self._pause:
            self._trying = True
            self._until = self._clock() + self._pause  # the others wait for this one
        return True

    def worked(self) -> None:
        """It answered."""
        self._pause = self._until = 0.0
        self._trying = False

    def failed(self) -> None:
        """It did not answer. Requests that were under way together count as one."""
        if self._pause and not self._trying:
            return
        self._trying = False
        self._pause = min(max(FIRST_PAUSE, 2 * self._pause), LONGEST_PAUSE)
        self._until = self._clock() + self._pause
