"""What a trained model is worth, measured on utterances that it did not learn from."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from app.router.checkpoints import Epoch

REPORT = "report.json"
PAGE = "report.html"
PICTURE = "confusion.svg"

BINS = 10  # groups of utterances in the reliability diagram, equally many in each


@dataclass(frozen=True, slots=True)
class IntentScore:
    """How well one intent is found.

    Attributes:
        intent: Its name.
        precision: Share of the utterances taken for it that are it; 0 when none was.
        recall: Share of its utterances that were taken for it.
        f1: Their harmonic mean.
        utterances: How many it has.
    """

    intent: str
    precision: float
    recall: float
    f1: float
    utterances: int


@dataclass(frozen=True, slots=True)
class Mistaken:
    """Utterances of one intent that were taken for another.

    Attributes:
        intent: What they are.
        taken_for: What they were taken for; the same for those that were understood.
        times: How many.
    """

    intent: str
    taken_for: str
    times: int


@dataclass(frozen=True, slots=True)
class Group:
    """A tenth of the utterances, all about as sure.

    Attributes:
        probability: Their mean probability.
        accuracy: Share of them that is right.
    """

    probability: float
    accuracy: float


@dataclass(frozen=True, slots=True)
class OutOfScope:
    """How well questions about something else are told.

    Attributes:
        threshold: From this on, a question is taken to be about something else.
        false_alarms: Share of the utterances in scope that reach it.
        recall: Share of the utterances out of scope that do; None when the data has none.
        utterances: How many out of scope were held out.
    """

    threshold: float
    false_alarms: float
    recall: float | None
    utterances: int


@dataclass(frozen=True, slots=True)
class TrainingReport:
    """A training and what came of it; every figure is of utterances held out.

    Attributes:
        base: The model that it started from.
        seconds: How long the training took, without what a killed one did before.
        learned: How many utterances the model learned from.
        held_out: How many it was measured and calibrated on.
        epochs: The epochs; the model is as after the best.
        accuracy: Share of the utterances whose intent is found.
        macro_f1: Mean F1 of the intents.
        calibration_error: Mean distance of probability from accuracy, by group.
        scores: Each intent's, the worst first.
        confusion: What was taken for what, where that happened at all.
        reliability: Groups of utterances, from unsure to sure.
        out_of_scope: How well questions about something else are told.
        median_ms: Time of one prediction on one thread, in milliseconds.
    """

    base: str
    seconds: float
    learned: int
    held_out: int
    epochs: tuple[Epoch, ...]
    accuracy: float
    macro_f1: float
    calibration_error: float
    scores: tuple[IntentScore, ...]
    confusion: tuple[Mistaken, ...]
    reliability: tuple[Group, ...]
    out_of_scope: OutOfScope
    median_ms: float

    @property
    def most_mistaken(self) -> list[Mistaken]:
        """The pairs that are confused most often."""
        wrong = [pair for pair in self.confusion if pair.intent != pair.taken_for]
        return sorted(wrong, key=lambda pair: -pair.times)[:20]

    def write(self, folder: Path) -> None:
        """Write the report as JSON and as a page, and the confusion matrix as a picture."""
        (folder / REPORT).write_text(json.dumps(asdict(self), indent=2), encoding="utf-8")
        environment = Environment(
            loader=PackageLoader("app.router", ""),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        names = sorted({score.intent for score in self.scores})
        for name, template in ((PICTURE, "confusion.svg.j2"), (PAGE, "training_report.html.j2")):
            drawn = environment.get_template(template).render(report=self, names=names)
            (folder / name).write_text(drawn, encoding="utf-8")


def scores_of(wanted: Sequence[str], found: Sequence[str]) -> tuple[IntentScore, ...]:
    """Each intent's scores, the worst first."""
    rights = Counter(w for w, f in zip(wanted, found, strict=True) if w == f)
    asked, given = Counter(wanted), Counter(found)
    scores = []
    for intent, count in asked.items():
        right = rights[intent]
        f1 = 2 * right / (count + given[intent])
        precision = right / given[intent] if given[intent] else 0.0
        scores.append(IntentScore(intent, precision, right / count, f1, count))
    return tuple(sorted(scores, key=lambda score: (score.f1, score.intent)))


def confusion_of(wanted: Sequence[str], found: Sequence[str]) -> tuple[Mistaken, ...]:
    """What was taken for what, and how often."""
    pairs = Counter(zip(wanted, found, strict=True))
    return tuple(Mistaken(*pair, times) for pair, times in sorted(pairs.items()))


def reliability_of(
    probabilities: NDArray[np.float64], right: NDArray[np.bool_]
) -> tuple[tuple[Group, ...], float]:
    """Groups of equally many utterances, and the expected calibration error over them."""
    order = np.argsort(probabilities)
    parts = [part for part in np.array_split(order, BINS) if len(part)]
    groups = [Group(float(probabilities[part].mean()), float(right[part].mean())) for part in parts]
    gaps = [abs(group.probability - group.accuracy) for group in groups]
    error = sum(gap * len(part) for gap, part in zip(gaps, parts, strict=True)) / len(order)
    return tuple(groups), float(error)
