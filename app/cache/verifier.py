"""Whether two questions ask for the same, beyond doubt.

First what contradicts it (`app.cache.contradictions`), then a logistic regression over how alike
they are (`app.cache.likeness`). `answerable eval calibrate-cache` fits its coefficients, and the
score from which a cached answer is served, to labelled pairs and a stated share of wrong hits;
those that come with the service are in `verifier.json` beside this file.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from app.cache.contradictions import contradiction
from app.cache.likeness import SIGNALS, likeness
from app.cache.wording import read_wording
from app.logistic import not_a_coefficient, probability, read_fit
from retrieval.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.cache.wording import Asked, Wording

NUMBERS = ("intercept", "threshold", "budget")


@dataclass(frozen=True, slots=True)
class PairScore:
    """A fitted score, and where it was decided to serve.

    Attributes:
        name: What it was fitted on, for traces.
        intercept: Its constant term.
        weights: Its coefficient for each signal of `likeness`.
        threshold: The least score that is served, in [0, 1].
        budget: The share of served answers that may be wrong, which the threshold was chosen for.
    """

    name: str
    intercept: float
    weights: Mapping[str, float]
    threshold: float
    budget: float

    def of(self, signals: Mapping[str, float]) -> float:
        """Probability that both questions ask the same, in [0, 1]."""
        return probability(self.intercept, self.weights, signals)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the verifier says of two questions.

    Attributes:
        score: Probability that they ask the same; 0 when something contradicts it.
        refused: Why one's answer is not to be given to the other; empty when it may be.
    """

    score: float
    refused: str

    @property
    def same(self) -> bool:
        """Whether the one's answer may be given to the other."""
        return not self.refused


@dataclass(frozen=True, slots=True)
class Verifier:
    """Compares questions; any doubt means that they are not the same."""

    pair_score: PairScore

    def judge(self, asked: Asked, stored: Asked) -> Verdict:
        """Whether the answer to `stored` may be given to `asked`."""
        return self.judge_read(read_wording(asked), read_wording(stored))

    def judge_read(self, asked: Wording, stored: Wording) -> Verdict:
        """The same for questions already taken apart."""
        if found := contradiction(asked, stored):
            return Verdict(0.0, found)
        score = self.pair_score.of(likeness(asked, stored))
        return Verdict(score, "" if score >= self.pair_score.threshold else "score")


@cache
def shipped_pair_score() -> PairScore:
    """The pair score that comes with the service."""
    return open_pair_score(Path(__file__).with_name("verifier.json"))


def open_pair_score(path: Path) -> PairScore:
    """The pair score in a JSON file that `answerable eval calibrate-cache` wrote.

    Raises:
        BadInput: There is no such file, or it holds no usable pair score.
    """
    try:
        found = read_fit(path)
    except ValueError as error:
        raise _unusable(path, str(error)) from error
    if problem := _problem(found):
        raise _unusable(path, problem)
    weights = {name: float(found["weights"][name]) for name in SIGNALS}
    numbers = {name: float(found[name]) for name in NUMBERS}
    return PairScore(name=str(found["name"]), weights=weights, **numbers)


def _problem(found: object) -> str:
    """What is wrong with a pair score read from a file; empty when nothing is."""
    if not isinstance(found, dict) or set(found) != {"name", "weights", *NUMBERS}:
        return f"it has to hold 'name', 'weights', {', '.join(map(repr, NUMBERS))} and nothing else"
    weights = found["weights"]
    if not isinstance(weights, dict) or set(weights) != set(SIGNALS):
        return f"'weights' has to hold {', '.join(map(repr, SIGNALS))} and nothing else"
    for name, value in {**{n: found[n] for n in NUMBERS}, **weights}.items():
        if problem := not_a_coefficient(name, value):
            return problem
    return ""


def _unusable(path: Path, problem: str) -> BadInput:
    return BadInput(
        f"The pair score in {path} cannot be used: {problem}.",
        hint="Name a file that this version's `answerable eval calibrate-cache` wrote.",
    )
