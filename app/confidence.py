"""How likely a reply is to answer the question, from what retrieval found.

A logistic regression over a few signals, fitted by `answerable eval calibrate` on questions with
and without an answer in the documents; its coefficients are in `confidence.json` beside this file.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import fmean, median
from typing import TYPE_CHECKING

from retrieval.lexical import is_content_word

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from retrieval.types import Retrieval


@dataclass(frozen=True, slots=True)
class Calibration:
    """A fitted model.

    Attributes:
        name: What it was fitted on, for traces.
        intercept: Its constant term.
        weights: Its coefficient for each signal of `evidence`.
    """

    name: str
    intercept: float
    weights: Mapping[str, float]

    def confidence(self, signals: Mapping[str, float]) -> float:
        """Probability that the reply answers, in [0, 1]."""
        logit = self.intercept + sum(
            weight * signals[name] for name, weight in self.weights.items()
        )
        return 1 / (1 + math.exp(-max(-30.0, min(30.0, logit))))


@cache
def shipped_calibration() -> Calibration:
    """The calibration that comes with the service."""
    fields = json.loads(Path(__file__).with_name("confidence.json").read_text())
    return Calibration(**fields)


SIGNALS = ("score", "score_lift", "weakest", "length")


def evidence(retrieval: Retrieval) -> dict[str, float]:
    """The signals that speak for and against an answer; all zero when nothing was found.

    Returns:
        score: What the best passage is ranked by.
        score_lift: How far it stands out from the middling one.
        weakest: How well the least matched third of the question's content words is matched.
        length: The natural logarithm of the question's tokens: a long question never matches as
            closely as a short one does.
    """
    passages = retrieval.passages
    if not passages:
        return dict.fromkeys(SIGNALS, 0.0)
    best = passages[0]
    return {
        "score": best.score,
        "score_lift": best.score - median(p.score for p in passages),
        "weakest": _weakest(retrieval.tokens, best.matches),
        "length": math.log(1 + len(retrieval.tokens)),
    }


def _weakest(tokens: Sequence[str], matches: Sequence[float]) -> float:
    content = [m for token, m in zip(tokens, matches, strict=True) if is_content_word(token)]
    worst = sorted(content or matches)
    return fmean(worst[: max(1, len(worst) // 3)]) if worst else 0.0
