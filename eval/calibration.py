"""Fits the confidence: how often a reply with this evidence is right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from app.confidence import SIGNALS, Calibration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from eval.answers import ScoredReply

FOLDS = 10
BINS = 10
# Strong enough that no signal gets a weight it earned on a handful of questions.
REGULARISATION = 0.3


@dataclass(frozen=True, slots=True)
class Reliability:
    """How far confidence can be taken at its word.

    Attributes:
        confidence: Mean confidence of each bin of equally many replies.
        accuracy: Share of right replies in each.
        ece: Expected calibration error: the mean distance of the two.
        auroc_right: Probability that a right reply has more confidence than a wrong one.
        auroc_answerable: The same for answerable and unanswerable questions.
    """

    confidence: tuple[float, ...]
    accuracy: tuple[float, ...]
    ece: float
    auroc_right: float
    auroc_answerable: float


def fit(replies: Sequence[ScoredReply], name: str) -> tuple[Calibration, NDArray[np.float64]]:
    """Fit on single questions whose outcome is known.

    Returns:
        The calibration, and each reply's confidence by a model that did not see it (10-fold).
    """
    evidence = np.array([[reply.evidence[0][s] for s in SIGNALS] for reply in replies])
    right = np.array([reply.passage_right for reply in replies])
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    unseen = cross_val_predict(_model(), evidence, right, cv=folds, method="predict_proba")[:, 1]
    return _unscaled(_model().fit(evidence, right), name), unseen


def reliability(confidences: NDArray[np.float64], replies: Sequence[ScoredReply]) -> Reliability:
    """Compare confidence with what was right."""
    right = np.array([reply.passage_right for reply in replies])
    answerable = np.array([reply.golden.answerable for reply in replies])
    bins = np.array_split(np.argsort(confidences), BINS)
    means = [float(confidences[b].mean()) for b in bins]
    accuracies = [float(right[b].mean()) for b in bins]
    gaps = [
        len(b) * abs(mean - accuracy)
        for b, mean, accuracy in zip(bins, means, accuracies, strict=True)
    ]
    return Reliability(
        confidence=tuple(means),
        accuracy=tuple(accuracies),
        ece=sum(gaps) / len(replies),
        auroc_right=float(roc_auc_score(right, confidences)),
        auroc_answerable=float(roc_auc_score(answerable, confidences)),
    )


def _model() -> Pipeline:
    return make_pipeline(StandardScaler(), LogisticRegression(C=REGULARISATION))


def _unscaled(model: Pipeline, name: str) -> Calibration:
    """The same model, for signals as they are."""
    scaler, regression = model[0], model[1]
    weights = regression.coef_[0] / scaler.scale_
    intercept = regression.intercept_[0] - weights @ scaler.mean_
    named = zip(SIGNALS, weights, strict=True)
    return Calibration(
        name=name,
        intercept=round(float(intercept), 4),
        weights={signal: round(float(weight), 4) for signal, weight in named},
    )
