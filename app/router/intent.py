"""What a question wants, from a trained model."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from app.router.encoder import IntentEncoder
from app.router.head import Head
from app.router.utterances import OUT_OF_SCOPE
from retrieval.errors import ModelMismatch
from retrieval.prepared import GRAPH, TOKENIZER, sha256

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

FACTS = "intent.json"
HEAD = "head.npz"
VERSION = 1  # of the folder's form

_PARTS = (GRAPH, GRAPH.replace(".xml", ".bin"), TOKENIZER, HEAD)


@dataclass(frozen=True, slots=True)
class Intent:
    """What a question was taken to want.

    Attributes:
        name: The likeliest intent.
        probability: How likely it is, in [0, 1], if the question is about anything known.
        out_of_scope: Share of known questions that look less foreign than this one, in [0, 1].
        runner_up: The second likeliest intent.
        runner_up_probability: How likely that one is.
    """

    name: str
    probability: float
    out_of_scope: float
    runner_up: str
    runner_up_probability: float

    def is_foreign(self, foreign_from: float) -> bool:
        """Whether the question is taken to be about nothing known.

        Args:
            foreign_from: The share of known questions that it has to look more foreign than.
        """
        return self.name == OUT_OF_SCOPE or self.out_of_scope >= foreign_from


class IntentClassifier:
    """A trained model, loaded. It does not change, and may be used from many threads.

    Attributes:
        names: The intents it knows, `OUT_OF_SCOPE` among them if it saw examples of that.
        backend: What runs it, for traces and `answerable doctor`.
    """

    def __init__(self, encoder: IntentEncoder, head: Head) -> None:
        self.names = head.names
        self.backend = f"openvino, {encoder.precision}"
        self._encoder = encoder
        self._head = head

    @classmethod
    def open(cls, folder: Path, threads: int) -> Self:
        """Load the model in `folder`.

        Args:
            folder: As `answerable train intent` wrote it.
            threads: How many to run on; 0 for one on each core.

        Raises:
            ModelMismatch: It is not there, not whole, or of another version.
        """
        encoder = IntentEncoder(folder, _longest(folder), threads)
        return cls(encoder, Head.read(folder / HEAD))

    def classify(self, text: str) -> Intent:
        """What one question wants."""
        return self.classify_all([text])[0]

    def classify_all(self, texts: Sequence[str]) -> list[Intent]:
        """What each of several questions wants, in the order given."""
        if not texts:
            return []
        vectors = self._encoder.vectors(texts)
        probabilities = self._head.probabilities(vectors)
        foreign = self._head.foreignness(vectors)
        return [self._intent(*each) for each in zip(probabilities, foreign, strict=True)]

    def _intent(self, probabilities: NDArray[np.float64], foreign: float) -> Intent:
        second, first = np.argsort(probabilities)[-2:]
        return Intent(
            name=self.names[first],
            probability=float(probabilities[first]),
            out_of_scope=float(foreign),
            runner_up=self.names[second],
            runner_up_probability=float(probabilities[second]),
        )


def write_facts(folder: Path, *, base: str, longest: int) -> None:
    """Declare the model in `folder` whole: nothing opens it before.

    Args:
        folder: Holds all of its other files.
        base: What it was trained from.
        longest: Tokens of a text that it reads.
    """
    facts = {"version": VERSION, "base": base, "longest": longest, "digests": _digests(folder)}
    scratch = folder / f"{FACTS}.part"
    scratch.write_text(json.dumps(facts, indent=2), encoding="utf-8")
    scratch.replace(folder / FACTS)


def _longest(folder: Path) -> int:
    """How many tokens the model in `folder` reads, once it is sure that the model is whole."""
    try:
        facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
        whole = facts["version"] == VERSION and facts["digests"] == _digests(folder)
        longest = int(facts["longest"])
    except FileNotFoundError as error:
        raise ModelMismatch(
            f"There is no whole intent model in {folder}: {error.filename} is missing.",
            hint=f"Train one: answerable train intent DATA.csv --out {folder}",
        ) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _damaged(folder) from error
    if not whole:
        raise _damaged(folder)
    return longest


def _damaged(folder: Path) -> ModelMismatch:
    return ModelMismatch(
        f"The intent model in {folder} is damaged, or of another version of Answerable.",
        hint=f"Train it again: answerable train intent DATA.csv --out {folder}",
    )


def _digests(folder: Path) -> dict[str, str]:
    return {name: sha256(folder / name) for name in _PARTS}
