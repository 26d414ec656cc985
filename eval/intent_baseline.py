"""The baseline that an intent model has to beat: words counted, and logistic regression."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline, make_union

from app.router.intent import Intent
from app.router.utterances import OUT_OF_SCOPE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from app.router.utterances import Division

INVERSE_REGULARISATION = 10.0
MOST_STEPS = 1000


@dataclass(frozen=True, slots=True)
class WordCounts:
    """TF-IDF of words, pairs of words and parts of words, with a logistic regression.

    It takes a question for foreign when no intent is likely.

    Attributes:
        names: The intents it knows.
        model: The fitted pipeline.
        unlikely: For each held-out utterance in scope, how unlikely its likeliest intent is;
            ascending.
    """

    name: ClassVar[str] = "TF-IDF + LR"

    names: tuple[str, ...]
    model: Pipeline
    unlikely: NDArray[np.float64]

    @classmethod
    def fit(cls, division: Division) -> Self:
        """Learn from one part of the utterances, and calibrate on the other."""
        counts = make_union(
            TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True),
            TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True),
        )
        classes = LogisticRegression(C=INVERSE_REGULARISATION, max_iter=MOST_STEPS)
        model = make_pipeline(counts, classes)
        model.fit(*zip(*((one.text, one.intent) for one in division.learn), strict=True))
        inside = [one.text for one in division.held_out if one.intent != OUT_OF_SCOPE]
        unlikely = np.sort(1 - model.predict_proba(inside).max(axis=1))
        return cls(tuple(model.classes_.tolist()), model, unlikely)

    def classify_all(self, texts: Sequence[str]) -> list[Intent]:
        """What each text wants, in the order given."""
        return [self._intent(row) for row in self.model.predict_proba(list(texts))]

    def _intent(self, probabilities: NDArray[np.float64]) -> Intent:
        second, first = np.argsort(probabilities)[-2:]
        less = np.searchsorted(self.unlikely, 1 - probabilities[first], side="left")
        return Intent(
            name=self.names[first],
            probability=float(probabilities[first]),
            out_of_scope=float(less / len(self.unlikely)),
            runner_up=self.names[second],
            runner_up_probability=float(probabilities[second]),
        )
