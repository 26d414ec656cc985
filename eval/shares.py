"""How many of how many, and how far that could be off by the chance of what was asked."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from eval.metrics import Interval

if TYPE_CHECKING:
    from collections.abc import Iterable

Z = 1.96  # standard deviations that hold 95% of a normal distribution


@dataclass(frozen=True, slots=True)
class Share:
    """How many of how many.

    Attributes:
        count: Those that went well.
        total: All of them; may be 0.
    """

    count: int
    total: int

    @classmethod
    def of(cls, outcomes: Iterable[bool]) -> Share:
        """The share of outcomes that are true."""
        seen = tuple(outcomes)
        return cls(sum(seen), len(seen))

    @property
    def interval(self) -> Interval | None:
        """The share with Wilson's 95% score interval (1927); None of nothing.

        Resampling would call 5 of 5 certain; this does not.
        """
        if not self.total:
            return None
        share, spread = self.count / self.total, Z**2 / self.total
        centre = (share + spread / 2) / (1 + spread)
        half = math.sqrt(spread * (share * (1 - share) + spread / 4)) / (1 + spread)
        return Interval(share, max(0.0, centre - half), min(1.0, centre + half))

    def __str__(self) -> str:
        return f"{self.count} of {self.total}"
