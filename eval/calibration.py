"""Measures what the confidence is worth."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from eval.metrics import CONFIDENCE, RESAMPLES, SEED, Interval

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from eval.answers import ScoredReply

    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]
    Positions = NDArray[np.intp]

BINS = 10
RISKS = (0.05, 0.1)


@dataclass(frozen=True, slots=True)
class Reliability:
    """How far confidence can be taken at its word.

    Attributes:
        confidence: Mean confidence of each bin of equally many replies.
        accuracy: Share of right replies in each.
        ece: Expected calibration error: the mean distance of the two.
        auroc_right: Probability that a right reply has more confidence than a wrong one; None
            when all are right, or all wrong.
        auroc_answerable: The same for answerable and unanswerable questions.
    """

    confidence: tuple[float, ...]
    accuracy: tuple[float, ...]
    ece: float
    auroc_right: Interval | None
    auroc_answerable: Interval | None


@dataclass(frozen=True, slots=True)
class RiskCoverage:
    """How often replies are wrong when only the surest are given (El-Yaniv and Wiener, 2010).

    Attributes:
        coverage: Share of questions answered, for each threshold there is, the highest first.
        risk: Share of those whose reply is wrong.
        aurc: Mean risk over all coverages: the area under the curve; 0 is perfect.
        coverage_at: For each of `RISKS`, the greatest coverage without more risk than that.
    """

    coverage: tuple[float, ...]
    risk: tuple[float, ...]
    aurc: Interval
    coverage_at: Mapping[float, Interval]


def reliability(confidences: Floats, replies: Sequence[ScoredReply]) -> Reliability:
    """Compare confidence with what was right; there has to be at least one reply."""
    right = _right(replies)
    answerable = np.array([reply.golden.answerable for reply in replies])
    bins = np.array_split(np.argsort(confidences, kind="stable"), min(BINS, len(replies)))
    means = [float(confidences[b].mean()) for b in bins]
    accuracies = [float(right[b].mean()) for b in bins]
    gaps = [
        len(b) * abs(mean - accuracy)
        for b, mean, accuracy in zip(bins, means, accuracies, strict=True)
    ]
    aurocs = _intervals(
        lambda at: (_auroc(right[at], confidences[at]), _auroc(answerable[at], confidences[at])),
        len(replies),
    )
    return Reliability(
        confidence=tuple(means),
        accuracy=tuple(accuracies),
        ece=sum(gaps) / len(replies),
        auroc_right=None if math.isnan(aurocs[0].value) else aurocs[0],
        auroc_answerable=None if math.isnan(aurocs[1].value) else aurocs[1],
    )


def risk_coverage(confidences: Floats, replies: Sequence[ScoredReply]) -> RiskCoverage:
    """What each threshold would answer, and how much of it wrongly; needs one reply or more."""
    wrong = ~_right(replies)
    coverage, risk = _curve(confidences, wrong)
    aurc, *coverages = _intervals(
        lambda at: _under_curve(*_curve(confidences[at], wrong[at])), len(replies)
    )
    return RiskCoverage(
        coverage=tuple(coverage.tolist()),
        risk=tuple(risk.tolist()),
        aurc=aurc,
        coverage_at=dict(zip(RISKS, coverages, strict=True)),
    )


def _right(replies: Sequence[ScoredReply]) -> Flags:
    return np.array([reply.passage_right for reply in replies])


def _auroc(positive: Flags, scores: Floats) -> float:
    """By the rank sum of Mann and Whitney, ties counting half; NaN for a single class."""
    hits = int(positive.sum())
    misses = len(positive) - hits
    if not hits or not misses:
        return math.nan
    _, place, held = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(held) - (held - 1) / 2)[place]
    above = ranks[positive].sum() - hits * (hits + 1) / 2
    return float(above / (hits * misses))


def _curve(confidences: Floats, wrong: Flags) -> tuple[Floats, Floats]:
    """Coverage and risk at each threshold; questions of one confidence go together."""
    order = np.argsort(-confidences, kind="stable")
    falling = confidences[order]
    ends = np.flatnonzero(np.append(falling[1:] != falling[:-1], True))
    answered = ends + 1
    return answered / len(wrong), np.cumsum(wrong[order])[ends] / answered


def _under_curve(coverage: Floats, risk: Floats) -> tuple[float, ...]:
    """The area, then the greatest coverage within each of `RISKS`."""
    area = float((np.diff(coverage, prepend=0) * risk).sum())
    return area, *(float(coverage[risk <= most].max(initial=0)) for most in RISKS)


def _intervals(statistic: Callable[[Positions], Sequence[float]], count: int) -> list[Interval]:
    """The percentile bootstrap of figures that are not means.

    Args:
        statistic: The figures over the questions at these positions; NaN where they define none.
        count: How many questions there are.

    Returns:
        An interval for each figure, from the draws that define it.
    """
    draws = np.random.default_rng(SEED)
    drawn = [statistic(draws.integers(count, size=count)) for _ in range(RESAMPLES)]
    values = statistic(np.arange(count))
    return [_interval(*figure) for figure in zip(values, np.transpose(drawn), strict=True)]


def _interval(value: float, drawn: Floats) -> Interval:
    defined = drawn[~np.isnan(drawn)]
    tail = (100 - CONFIDENCE) / 2
    ends = np.percentile(defined, [tail, 100 - tail]) if len(defined) else (value, value)
    return Interval(value, float(ends[0]), float(ends[1]))
