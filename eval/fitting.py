"""Fits the confidence to questions whose outcome is known.

Of several sets the weights are shared and every set has an intercept of its own: how evidence
counts carries over from one help centre to another, how often anything answers does not. Of one
set, the weights that come with the service are set right by intercept and slope (Platt, 1999)
unless the set is large enough for weights of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import minimize
from sklearn.model_selection import StratifiedKFold

from app.confidence import SIGNALS, Calibration
from eval.calibration import reliability, risk_coverage
from retrieval.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from eval.answers import ScoredReply
    from eval.calibration import Reliability, RiskCoverage
    from eval.metrics import Interval

    Floats = NDArray[np.float64]
    Positions = NDArray[np.intp]

FOLDS = 10
# How strongly weights are drawn to zero, where signals have a deviation of 1 and questions count 1
# in all.
PENALTIES = (0.003, 0.01, 0.03, 0.1)
# One set alone leaves none out to choose by. Fitted on 40 to 200 questions of each of four sets,
# this did best on the rest of them.
ALONE = 0.03
# How far from 1 the slope may be that shipped weights need, as a standard deviation.
SLOPE_SPREAD = 0.3
# With 60 questions, weights of their own did no better on the rest of the set than shipped ones
# set right, on three of four sets; with 100, on two.
FEWEST_FOR_WEIGHTS = 100


@dataclass(frozen=True, slots=True)
class Sample:
    """Questions of one set, each searched for once, and what became of them.

    Attributes:
        name: What was asked of what.
        replies: The outcomes.
        share: How much the set counts beside others.
    """

    name: str
    replies: tuple[ScoredReply, ...]
    share: float = 1.0

    @property
    def evidence(self) -> Floats:
        """A row of `SIGNALS` for each question."""
        return np.array([[reply.evidence[0][s] for s in SIGNALS] for reply in self.replies])

    @property
    def right(self) -> Floats:
        """1 for each question whose reply cites the answer, else 0."""
        return np.array([float(reply.passage_right) for reply in self.replies])

    def part(self, positions: Positions) -> Sample:
        """Some of its questions."""
        return replace(self, replies=tuple(self.replies[i] for i in positions))


@dataclass(frozen=True, slots=True)
class SampleFigures:
    """What a fit is worth on one set.

    Attributes:
        name: The set.
        questions: How many of its questions there were.
        seen: AUROC, answerable or not, of the fit on all questions; None where all are one.
        unseen: The set's own confidence on questions left out of each fit.
        curve: What thresholds would do with that.
        left_out: AUROC, answerable or not, of weights fitted on the other sets; None without any.
        ece_written: ECE of the calibration as it is written, whose intercept is the first set's.
    """

    name: str
    questions: int
    seen: Interval | None
    unseen: Reliability
    curve: RiskCoverage
    left_out: Interval | None
    ece_written: float


@dataclass(frozen=True, slots=True)
class Fitting:
    """What fitting came to.

    Attributes:
        calibration: What to use.
        why: What was fitted, and why that.
        sets: What it is worth on each set, the first one's intercept being the calibration's.
    """

    calibration: Calibration
    why: str
    sets: tuple[SampleFigures, ...]


def fit_pooled(samples: Sequence[Sample]) -> Fitting:
    """Fit weights to several sets, with the first one's intercept.

    The first, which is what the confidence is for, counts as much as the others together; they
    count the same, however many questions they have.

    Raises:
        BadInput: A set has too few right or wrong replies to leave some out of each fit.
    """
    first, *others = samples
    samples = [replace(first, share=float(len(others))), *others]
    for sample in samples:
        _check(sample)
    losses = {penalty: _loss_elsewhere(samples, penalty) for penalty in PENALTIES}
    penalty = min(losses, key=lambda tried: losses[tried])
    return Fitting(
        calibration=_pooled(samples, penalty),
        why=f"Weights were fitted to {len(samples)} sets, the first counting as much as the others "
        f"together, with the penalty ({penalty:g}) that does best on sets left out.",
        sets=tuple(_in_pool(samples, place, penalty) for place in range(len(samples))),
    )


def fit_own(sample: Sample, shipped: Calibration) -> Fitting:
    """Fit to one set: weights of its own, or intercept and slope of the shipped ones.

    Raises:
        BadInput: There are too few right or wrong replies to leave some out of each fit.
    """
    _check(sample)
    refit, why = _worth_refitting(sample, shipped)

    def fit(part: Sample) -> Calibration:
        return _pooled([part], ALONE) if refit else _recalibrated(shipped, part)

    calibration = fit(sample)
    return Fitting(calibration, why, (_figures(sample, fit, calibration, None),))


def _check(sample: Sample) -> None:
    hits, count = int(sample.right.sum()), len(sample.replies)
    if min(hits, count - hits) < FOLDS:
        raise BadInput(
            f"{sample.name}: {hits} of {count} replies are right; a fit needs {FOLDS} right and as "
            "many wrong ones.",
            hint="Add questions, of those the documents answer and of those they do not.",
        )


def _worth_refitting(sample: Sample, shipped: Calibration) -> tuple[bool, str]:
    """Whether one set gets weights of its own, and why."""
    stay = "The shipped weights stay, with intercept and slope fitted"
    if len(sample.replies) < FEWEST_FOR_WEIGHTS:
        few = f"weights of their own take {FEWEST_FOR_WEIGHTS} questions, these are"
        return False, f"{stay}: {few} {len(sample.replies)}."
    own, set_right = (
        _log_loss(_unseen(sample, fit), sample.right)
        for fit in (lambda part: _pooled([part], ALONE), lambda part: _recalibrated(shipped, part))
    )
    compared = f"on questions left out log loss is {own:.4f} so, {set_right:.4f} otherwise"
    if own < set_right:
        return True, f"Weights of the set's own were fitted: {compared}."
    compared = f"on questions left out log loss is {set_right:.4f} so, {own:.4f} with its own"
    return False, f"{stay}: {compared}."


def _in_pool(samples: Sequence[Sample], place: int, penalty: float) -> SampleFigures:
    """What pooled weights are worth on one of the sets."""
    sample, others = samples[place], [*samples[:place], *samples[place + 1 :]]
    elsewhere = _confidences(_pooled(others, penalty), sample)
    return _figures(
        sample,
        lambda part: _pooled([part, *others], penalty),
        _pooled(samples, penalty),
        reliability(elsewhere, sample.replies).auroc_answerable,
    )


def _figures(
    sample: Sample,
    fit: Callable[[Sample], Calibration],
    written: Calibration,
    left_out: Interval | None,
) -> SampleFigures:
    unseen = _unseen(sample, fit)
    seen = reliability(_confidences(written, sample), sample.replies)
    return SampleFigures(
        name=sample.name,
        questions=len(sample.replies),
        seen=seen.auroc_answerable,
        unseen=reliability(unseen, sample.replies),
        curve=risk_coverage(unseen, sample.replies),
        left_out=left_out,
        ece_written=seen.ece,
    )


def _unseen(sample: Sample, fit: Callable[[Sample], Calibration]) -> Floats:
    """Each question's confidence by a fit that did not see it."""
    confidences = np.zeros(len(sample.replies))
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    for kept, left_out in folds.split(sample.evidence, sample.right):
        confidences[left_out] = _confidences(fit(sample.part(kept)), sample.part(left_out))
    return confidences


def _loss_elsewhere(samples: Sequence[Sample], penalty: float) -> float:
    """Mean log loss of each set by weights fitted on the others, with an intercept of its own."""
    losses = []
    for place, sample in enumerate(samples):
        fitted = _pooled([*samples[:place], *samples[place + 1 :]], penalty)
        logits = _logits(fitted, sample)
        ones, counts = np.ones((len(logits), 1)), np.full(len(logits), 1 / len(logits))
        shift = _logistic(ones, sample.right, counts, np.zeros(1), logits)
        losses.append(_log_loss(_probability(logits + shift), sample.right))
    return float(np.mean(losses))


def _pooled(samples: Sequence[Sample], penalty: float) -> Calibration:
    """Weights for all sets, and the intercept of the first."""
    mean = np.mean([sample.evidence.mean(axis=0) for sample in samples], axis=0)
    deviation = np.sqrt(np.mean([sample.evidence.var(axis=0) for sample in samples], axis=0))
    scale = np.where(deviation > 0, deviation, 1.0)
    evidence = np.concatenate([(sample.evidence - mean) / scale for sample in samples])
    sizes = np.array([len(sample.replies) for sample in samples])
    shares = np.array([sample.share for sample in samples])
    of_set = np.repeat(np.eye(len(samples)), sizes, axis=0)
    fitted = _logistic(
        np.hstack([evidence, of_set]),
        np.concatenate([sample.right for sample in samples]),
        np.repeat(shares / (sizes * shares.sum()), sizes),
        np.repeat([penalty, 0.0], [len(SIGNALS), len(samples)]),
    )
    weights = fitted[: len(SIGNALS)] / scale
    name = f"{', '.join(sample.name for sample in samples)}: {sizes.sum()} questions"
    return _calibration(name, float(fitted[len(SIGNALS)] - weights @ mean), weights)


def _recalibrated(shipped: Calibration, sample: Sample) -> Calibration:
    """The shipped weights with the intercept and slope that suit a set."""
    logits, count = _logits(shipped, sample), len(sample.replies)
    steeper, shift = _logistic(
        np.column_stack([logits, np.ones(count)]),
        sample.right,
        np.full(count, 1 / count),
        np.array([1 / (count * SLOPE_SPREAD**2), 0.0]),
        logits,
    )
    slope = 1 + steeper
    weights = slope * np.array([shipped.weights[signal] for signal in SIGNALS])
    name = f"{shipped.name}; then {sample.name}: {count} questions"
    return _calibration(name, float(slope * shipped.intercept + shift), weights)


def _calibration(name: str, intercept: float, weights: Floats) -> Calibration:
    named = zip(SIGNALS, weights, strict=True)
    return Calibration(
        name=name,
        intercept=round(intercept, 4),
        weights={signal: round(float(weight), 4) for signal, weight in named},
    )


def _logistic(
    columns: Floats, right: Floats, counts: Floats, penalties: Floats, offset: Floats | float = 0.0
) -> Floats:
    """Coefficients of a logistic regression.

    Args:
        columns: One row for each question.
        right: 1 or 0 for each.
        counts: How much each question counts; 1 in all.
        penalties: How strongly each coefficient is drawn to zero.
        offset: What each question's logit has beforehand.
    """

    def loss(coefficients: Floats) -> tuple[float, Floats]:
        logits = offset + columns @ coefficients
        drawn = penalties * coefficients
        value = counts @ (np.logaddexp(0, logits) - right * logits) + drawn @ coefficients / 2
        return float(value), columns.T @ (counts * (_probability(logits) - right)) + drawn

    found = minimize(loss, np.zeros(columns.shape[1]), jac=True, method="L-BFGS-B", tol=1e-10)
    return np.asarray(found.x)


def _logits(calibration: Calibration, sample: Sample) -> Floats:
    weights = np.array([calibration.weights[signal] for signal in SIGNALS])
    return np.asarray(sample.evidence @ weights + calibration.intercept)


def _confidences(calibration: Calibration, sample: Sample) -> Floats:
    return _probability(_logits(calibration, sample))


def _probability(logits: Floats) -> Floats:
    return np.asarray(np.exp(-np.logaddexp(0, -logits)))


def _log_loss(confidences: Floats, right: Floats) -> float:
    likely = np.where(right > 0, confidences, 1 - confidences)
    return float(-np.log(np.maximum(likely, 1e-12)).mean())
