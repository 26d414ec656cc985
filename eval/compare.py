"""Whether two rankings of the same questions differ by more than chance would have it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from eval.metrics import SEED, Interval, bootstrap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from eval.corpus import DatasetQuestion

PERMUTATIONS = 10_000
# Means of the same numbers added up in another order may differ by this much.
_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class Change:
    """A question on which two runs differ.

    Attributes:
        id: Its id.
        question: Its text.
        before: nDCG@10 of the run compared with.
        after: nDCG@10 of this run.
    """

    id: str
    question: str
    before: float
    after: float

    @property
    def difference(self) -> float:
        """How much better it is now; below zero when it is worse."""
        return self.after - self.before


@dataclass(frozen=True, slots=True)
class Comparison:
    """This run against another, by nDCG@10.

    Attributes:
        before: The other run's mean.
        after: This run's mean.
        difference: The mean difference, with its interval.
        p: How often chance alone would make a difference as large, in either direction.
        differences: Each question's difference, in the questions' order.
        changes: The questions that differ, the largest difference first.
    """

    before: float
    after: float
    difference: Interval
    p: float
    differences: tuple[float, ...]
    changes: tuple[Change, ...]


def compare(
    questions: Sequence[DatasetQuestion],
    before: NDArray[np.float64],
    after: NDArray[np.float64],
) -> Comparison:
    """Compare two runs, each with one value for each of the questions."""
    changes = [
        Change(question.id, question.text, float(old), float(new))
        for question, old, new in zip(questions, before, after, strict=True)
        if abs(new - old) > _ROUNDING
    ]
    return Comparison(
        before=float(before.mean()),
        after=float(after.mean()),
        difference=bootstrap(after - before),
        p=sign_flip_test(after - before),
        differences=tuple((after - before).tolist()),
        changes=tuple(sorted(changes, key=lambda change: -abs(change.difference))),
    )


def sign_flip_test(differences: NDArray[np.float64]) -> float:
    """Two-sided p of a paired randomisation test, as in Smucker, Allan and Carterette (2007).

    If it made no difference which run a value is from, each difference could as well have had
    the other sign. The p is how often random signs lead as far from zero as the real ones, the
    real ones counted among them, so that it is never 0.
    """
    random = np.random.default_rng(SEED)
    signs = random.choice(np.array([-1, 1], np.int8), size=(PERMUTATIONS, len(differences)))
    means = signs @ differences / len(differences)
    as_far = np.abs(means) >= abs(differences.mean()) - _ROUNDING
    return float((1 + as_far.sum()) / (1 + PERMUTATIONS))
