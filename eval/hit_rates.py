"""How often a cache serves, and how often it is wrong, from one threshold to the next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import beta

from eval.metrics import CONFIDENCE, RESAMPLES, SEED, Interval

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]

NEVER = -1.0  # the score of a pair that is refused whatever the threshold
SURE = 0.95  # how sure it has to be that a threshold keeps to its budget


@dataclass(frozen=True, slots=True)
class Rates:
    """What became of pairs.

    Attributes:
        right: Served, and the same.
        wrong: Served, and not the same.
        missed: Not served, though the same.
        refused: Not served, and not the same.
    """

    right: int
    wrong: int
    missed: int
    refused: int

    @property
    def false_hit_rate(self) -> float:
        """Share of what is served that is wrong; 0 when nothing is."""
        return self.wrong / max(1, self.right + self.wrong)

    def intervals(self) -> dict[str, Interval]:
        """`hit_rate`, `false_hit_rate` and `true_hit_recall`, each with its bootstrap interval."""
        counts = np.array([[self.right, self.wrong, self.missed, self.refused]])
        total = int(counts.sum())
        # Drawing pairs with replacement is drawing their four outcomes.
        draws = np.random.default_rng(SEED).multinomial(total, counts[0] / total, RESAMPLES)
        drawn, values = _shares(draws), _shares(counts)
        return {name: _interval(values[name][0], drawn[name]) for name in values}


@dataclass(frozen=True, slots=True)
class Curve:
    """What each threshold serves, the highest first.

    Attributes:
        thresholds: Each score there is, falling.
        right: Pairs served rightly from that score up.
        wrong: Pairs served wrongly.
    """

    thresholds: Floats
    right: NDArray[np.intp]
    wrong: NDArray[np.intp]

    @classmethod
    def of(cls, scores: Floats, same: Flags) -> Curve:
        """The curve of some pairs; those that score `NEVER` are not served."""
        order = np.argsort(-scores, kind="stable")
        order = order[scores[order] > NEVER]
        falling = scores[order]
        ends = np.flatnonzero(np.append(falling[1:] != falling[:-1], True))[: len(falling)]
        right = np.cumsum(same[order], dtype=np.intp)[ends]
        return cls(falling[ends], right, ends + 1 - right)

    @property
    def false_hit_rates(self) -> Floats:
        """Share of what is served that is wrong."""
        return np.asarray(self.wrong / np.maximum(1, self.right + self.wrong))

    def most_within(self, risk: float) -> float | None:
        """The threshold that serves most without more false hits than `risk`, on these pairs."""
        return self._last(self.false_hit_rates <= risk)

    def surely_within(self, budget: float) -> float | None:
        """The lowest threshold whose false-hit rate is within `budget` on other pairs too.

        By the upper end of Clopper and Pearson's interval (1934), at 95%.
        """
        upper = beta.ppf(SURE, self.wrong + 1, np.maximum(self.right, 1e-9))
        return self._last(upper <= budget)

    def _last(self, allowed: Flags) -> float | None:
        places = np.flatnonzero(allowed)
        return float(self.thresholds[places[-1]]) if len(places) else None


def rates_at(scores: Floats, same: Flags, threshold: float | None) -> Rates:
    """What a threshold makes of pairs; None serves nothing."""
    served = np.zeros(len(same), bool) if threshold is None else scores >= threshold
    right, wrong = int((served & same).sum()), int((served & ~same).sum())
    return Rates(right, wrong, int(same.sum()) - right, int((~same).sum()) - wrong)


def _shares(counts: NDArray[np.int64]) -> dict[str, Floats]:
    right, wrong, missed, refused = np.asarray(counts, float).T
    return {
        "hit_rate": (right + wrong) / np.maximum(1, right + wrong + missed + refused),
        "false_hit_rate": wrong / np.maximum(1, right + wrong),
        "true_hit_recall": right / np.maximum(1, right + missed),
    }


def _interval(value: float, drawn: Floats) -> Interval:
    tail = (100 - CONFIDENCE) / 2
    low, high = np.percentile(drawn, [tail, 100 - tail])
    return Interval(float(value), float(low), float(high))
