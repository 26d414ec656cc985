"""Fits the verifier's pair score to labelled pairs, and chooses from which score on to serve."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold

from app.cache.likeness import SIGNALS
from app.cache.verifier import PairScore
from eval.hit_rates import NEVER, Curve, rates_at
from retrieval.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from eval.hit_rates import Rates
    from eval.pair_sets import Compared

    Floats = NDArray[np.float64]

FOLDS = 5
FEWEST = 20  # pairs of either kind that the checks let pass
RIDGE = 0.3  # scikit-learn's C, on standardised signals
SEED = 0


@dataclass(frozen=True, slots=True)
class CacheFitting:
    """What fitting came to.

    Attributes:
        pair_score: The fitted score with its threshold.
        rates: What the threshold makes of the pairs, each left out of the fit that scored it.
    """

    pair_score: PairScore
    rates: Rates


def fit(compared: Sequence[Compared], name: str, budget: float) -> CacheFitting:
    """Fit the weights, and choose the threshold on scores of pairs that their fit did not see.

    Raises:
        BadInput: There are too few pairs to fit to, or to be sure of the budget.
    """
    same = np.array([one.pair.same for one in compared])
    passed = np.array([not one.contradiction for one in compared])
    fewest = min((same & passed).sum(), (~same & passed).sum())
    if fewest < FEWEST:
        raise BadInput(
            f"Only {fewest} pairs of one kind get past the checks; {FEWEST} are needed.",
            hint="Give more pairs: what customers ask, beside what only sounds like it.",
        )
    signals = np.array([[one.signals[signal] for signal in SIGNALS] for one in compared])
    scores = np.full(len(same), NEVER)
    scores[passed] = _unseen(signals[passed], same[passed])
    threshold = Curve.of(scores, same).surely_within(budget)
    if threshold is None:
        raise BadInput(
            f"No threshold is sure to keep false hits within {budget:.1%} on these pairs.",
            hint="Give more pairs, look for wrong labels among them, or allow a larger budget.",
        )
    intercept, weights = _fitted(signals[passed], same[passed])
    named = dict(zip(SIGNALS, (round(float(w), 5) for w in weights), strict=True))
    pair_score = PairScore(name, round(intercept, 5), named, round(threshold, 5), budget)
    return CacheFitting(pair_score, rates_at(scores, same, threshold))


def _unseen(signals: Floats, same: NDArray[np.bool_]) -> Floats:
    scores = np.zeros(len(same))
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=SEED)
    for seen, left_out in folds.split(signals, same):
        intercept, weights = _fitted(signals[seen], same[seen])
        scores[left_out] = 1 / (1 + np.exp(-(intercept + signals[left_out] @ weights)))
    return scores


def _fitted(signals: Floats, same: NDArray[np.bool_]) -> tuple[float, Floats]:
    """Intercept and weights, on the signals as they are."""
    centre, spread = signals.mean(axis=0), np.maximum(signals.std(axis=0), 1e-9)
    model = LogisticRegression(C=RIDGE, max_iter=2000).fit((signals - centre) / spread, same)
    weights = model.coef_[0] / spread
    return float(model.intercept_[0] - centre @ weights), weights
