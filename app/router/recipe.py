"""How an intent model is trained."""

from __future__ import annotations

from dataclasses import dataclass

from retrieval.models import BUNDLED_MODEL

VERSION = 1  # counts up when training changes in a way that the fields below do not show


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to train.

    Attributes:
        base: The model to start from, by folder or hub name.
        epochs: The most times each utterance is seen.
        patience: Stop after so many epochs without a better one.
        batch: Utterances in a step.
        rate: The encoder's highest learning rate.
        smoothing: Share of the certainty that is spread over all intents.
        consistency: How much it counts that an utterance is understood alike twice, with other
            parts of the network dropped out each time (Liang et al. 2021, "R-Drop").
        held_out: Share of each intent's utterances to measure and calibrate on.
        longest: Tokens of an utterance that are read.
        seed: The same seed and data give the same model.
        version: Of the training itself.
    """

    base: str = BUNDLED_MODEL
    epochs: int = 5
    patience: int = 3
    batch: int = 32
    rate: float = 1e-4
    smoothing: float = 0.1
    consistency: float = 1.0
    held_out: float = 0.1
    longest: int = 128
    seed: int = 0
    version: int = VERSION
