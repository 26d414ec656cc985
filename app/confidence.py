"""How likely a reply is to answer the question, from what retrieval found.

A logistic regression over a few signals, fitted by `answerable eval calibrate` on questions with
and without an answer in the documents. Its coefficients are in `confidence.json` beside this file;
those fitted to one's own questions can be named in `ANSWERABLE_CALIBRATION`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import fmean, median
from typing import TYPE_CHECKING

from app.logistic import not_a_coefficient, probability, read_fit
from retrieval.errors import BadInput
from retrieval.lexical import is_content_word
from retrieval.types import UnitKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from retrieval.types import Passage, Retrieval


SIGNALS = ("unit", "score_lift", "weakest", "length")
FIELDS = ("name", "intercept", "weights")


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
        return probability(self.intercept, self.weights, signals)


@cache
def shipped_calibration() -> Calibration:
    """The calibration that comes with the service."""
    return open_calibration(Path(__file__).with_name("confidence.json"))


def open_calibration(path: Path) -> Calibration:
    """The calibration in a JSON file that `answerable eval calibrate` wrote.

    Raises:
        BadInput: There is no such file, or it holds no usable calibration.
    """
    try:
        found = read_fit(path)
    except ValueError as error:
        raise _unusable(path, str(error)) from error
    if not isinstance(found, dict):
        raise _unusable(path, "it does not hold a JSON object")
    if problem := _problem(found):
        raise _unusable(path, problem)
    weights = {signal: float(found["weights"][signal]) for signal in SIGNALS}
    return Calibration(str(found["name"]), float(found["intercept"]), weights)


def evidence(retrieval: Retrieval) -> dict[str, float]:
    """The signals that speak for and against an answer; all zero when nothing was found.

    Returns:
        unit: How well the best passage's best unit matches.
        score_lift: How far the best passage's score stands out from the middling one's.
        weakest: How well the least matched third of the question's content words is matched.
        length: The natural logarithm of the question's tokens: a long question never matches as
            closely as a short one does.
    """
    passages = retrieval.passages
    if not passages:
        return dict.fromkeys(SIGNALS, 0.0)
    best = passages[0]
    return {
        "unit": _best_unit(best),
        "score_lift": best.score - median(p.score for p in passages),
        "weakest": _weakest(retrieval.tokens, best.matches),
        "length": math.log(1 + len(retrieval.tokens)),
    }


def _best_unit(passage: Passage) -> float:
    scored = zip(passage.chunk.units, passage.unit_scores, strict=True)
    return max((s for unit, s in scored if unit.kind is not UnitKind.HEADING), default=0.0)


def _weakest(tokens: Sequence[str], matches: Sequence[float]) -> float:
    content = [m for token, m in zip(tokens, matches, strict=True) if is_content_word(token)]
    worst = sorted(content or matches)
    return fmean(worst[: max(1, len(worst) // 3)]) if worst else 0.0


def _problem(found: Mapping[str, object]) -> str:
    """What is wrong with a calibration read from a file; empty when nothing is."""
    weights = found.get("weights")
    if problem := _wrong_names(found, FIELDS, "field"):
        return problem
    if not isinstance(weights, dict):
        return "'weights' is not a JSON object"
    if problem := _wrong_names(weights, SIGNALS, "signal"):
        return problem
    for name, value in {"intercept": found["intercept"], **weights}.items():
        if problem := not_a_coefficient(name, value):
            return problem
    return ""


def _wrong_names(given: Mapping[str, object], known: Sequence[str], what: str) -> str:
    if unknown := sorted(set(given) - set(known)):
        return f"there is no {what} '{unknown[0]}'"
    if missing := [name for name in known if name not in given]:
        return f"the {what} '{missing[0]}' is missing"
    return ""


def _unusable(path: Path, problem: str) -> BadInput:
    return BadInput(
        f"The calibration in {path} cannot be used: {problem}.",
        hint="Set ANSWERABLE_CALIBRATION to a file that this version's `answerable eval calibrate` "
        "wrote, or leave it empty.",
    )
