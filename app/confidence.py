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
from typing import TYPE_CHECKING

from retrieval.lexical import word_shares

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from llm.extractive import Quote
    from retrieval.types import Passage


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


def evidence(
    question: str, passages: Sequence[Passage], quotes: Sequence[Quote]
) -> dict[str, float]:
    """The signals that speak for and against an answer; all zero when nothing was found."""
    if not passages or not quotes:
        return dict.fromkeys(SIGNALS, 0.0)
    best = passages[0]
    lead = quotes[0]
    texts = [f"{p.chunk.embedded_text}" for p in passages]
    shares = word_shares(question, texts)
    quoted = word_shares(question, [f"{lead.passage.chunk.context} {lead.text}", *texts[1:]])
    return {
        "score": best.score,
        "late": best.signals.late,
        "dense": best.signals.dense,
        "margin": best.score - (passages[1].score if len(passages) > 1 else 0.0),
        "spread": best.score - _median([p.score for p in passages]),
        "words": shares[0],
        "quoted_words": quoted[0],
        "lead": lead.score,
    }


SIGNALS = ("score", "late", "dense", "margin", "spread", "words", "quoted_words", "lead")


def _median(values: Sequence[float]) -> float:
    return sorted(values)[len(values) // 2]
