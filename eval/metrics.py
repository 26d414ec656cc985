"""How good rankings are, and how far each figure can be trusted.

The measures are computed by ir-measures, in the way of trec_eval: the gain of a passage is its
grade, and a question for which nothing was found scores zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import ir_measures
import numpy as np
from ir_measures import RR, Qrel, R, ScoredDoc, nDCG

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

NDCG = "ndcg_10"
MEASURES = {NDCG: nDCG @ 10, "recall_5": R @ 5, "recall_10": R @ 10, "mrr_10": RR @ 10}
NAMES = {NDCG: "nDCG@10", "recall_5": "recall@5", "recall_10": "recall@10", "mrr_10": "MRR@10"}

RESAMPLES = 2000
CONFIDENCE = 95  # percent
SEED = 0


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean over questions, and where it would lie with other questions of the kind.

    Attributes:
        value: The mean.
        low: Lower end of its 95% bootstrap interval.
        high: Upper end.
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Scores:
    """Every measure of every question.

    Attributes:
        by_measure: For each key of `MEASURES`, one value for each question, in their order.
    """

    by_measure: Mapping[str, NDArray[np.float64]]

    @property
    def ndcg(self) -> NDArray[np.float64]:
        """The measure that rankings are compared by."""
        return self.by_measure[NDCG]

    def intervals(self) -> dict[str, Interval]:
        """Each measure's mean, with its interval."""
        return {name: bootstrap(values) for name, values in self.by_measure.items()}


def score(
    rankings: Mapping[str, Sequence[str]], relevant: Mapping[str, Mapping[str, int]]
) -> Scores:
    """Measure one ranking for each question.

    Args:
        rankings: For each question's id, what was found, best first.
        relevant: For each question's id, the grade of each relevant passage.
    """
    qrels = [Qrel(q, d, grade) for q in rankings for d, grade in relevant[q].items()]
    # Ranks go in as scores: ties would be ordered by name otherwise.
    run = [ScoredDoc(q, d, -rank) for q, found in rankings.items() for rank, d in enumerate(found)]
    rows = {question: row for row, question in enumerate(rankings)}
    values = {str(measure): np.zeros(len(rows)) for measure in MEASURES.values()}
    for result in ir_measures.iter_calc(MEASURES.values(), qrels, run):
        values[str(result.measure)][rows[result.query_id]] = result.value
    return Scores({name: values[str(measure)] for name, measure in MEASURES.items()})


def bootstrap(values: NDArray[np.float64]) -> Interval:
    """The mean, with the percentile interval of means of questions drawn with replacement.

    The draws are the same every time. As many means lie below the interval as above it.
    """
    draws = np.random.default_rng(SEED).integers(len(values), size=(RESAMPLES, len(values)))
    outside = (100 - CONFIDENCE) / 2
    low, high = np.percentile(values[draws].mean(axis=1), [outside, 100 - outside])
    return Interval(float(values.mean()), float(low), float(high))
