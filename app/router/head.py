"""From a text's vector to intents, and to how foreign it is to all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from app.router.utterances import OUT_OF_SCOPE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]

TRIED = np.geomspace(5, 100, 100)  # sharpnesses, 3% apart
STEPS = 1000  # of the share of known questions that is less foreign


@dataclass(frozen=True, slots=True)
class Head:
    """What was learned beside the network.

    Attributes:
        names: The intents.
        directions: A unit vector for each, of shape (intents, dims).
        sharpness: What cosines are multiplied by before the softmax.
        strangeness: How foreign the held-out utterances in scope look, in `STEPS` even steps from
            the most at home to the most foreign; ascending.
    """

    names: tuple[str, ...]
    directions: Vectors
    sharpness: float
    strangeness: NDArray[np.float64]

    def probabilities(self, vectors: Vectors) -> NDArray[np.float64]:
        """Of each intent for each text, of shape (texts, intents)."""
        return softmax(self.sharpness * (vectors @ self.directions.T).astype(np.float64))

    def foreignness(self, vectors: Vectors) -> NDArray[np.float64]:
        """For each text, the share of known questions that look less foreign."""
        strange = strangeness(self.names, self.directions, vectors)
        below = np.searchsorted(self.strangeness, strange, side="left")
        return np.asarray(below / len(self.strangeness), dtype=np.float64)

    def write(self, path: Path) -> None:
        """Write it to a file that `read` reads."""
        np.savez(
            path,
            names=np.array(self.names),
            directions=self.directions,
            sharpness=self.sharpness,
            strangeness=self.strangeness,
        )

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read what `write` wrote."""
        with np.load(path, allow_pickle=False) as arrays:
            return cls(
                names=tuple(arrays["names"].tolist()),
                directions=arrays["directions"],
                sharpness=float(arrays["sharpness"]),
                strangeness=arrays["strangeness"],
            )


def fit_head(
    names: tuple[str, ...], directions: Vectors, vectors: Vectors, intents: Sequence[str]
) -> Head:
    """Calibrate on utterances that the network did not learn from.

    Args:
        names: The intents.
        directions: As the network learned them.
        vectors: The utterances' vectors.
        intents: What each of them means.
    """
    inside = np.array([intent != OUT_OF_SCOPE for intent in intents])
    known = np.array([intent in names for intent in intents])
    wanted = np.array([names.index(intent) for intent in intents if intent in names])
    sharpness = fit_sharpness(vectors[known] @ directions.T, wanted)
    strange = strangeness(names, directions, vectors[inside])
    steps = np.quantile(strange, np.linspace(0, 1, STEPS))
    return Head(names, directions, sharpness, steps)


def strangeness(names: Sequence[str], directions: Vectors, vectors: Vectors) -> NDArray[np.float64]:
    """How far each text is from the nearest intent, as a cosine below 1.

    It tells questions about something else from others better than the softmax does, which has to
    share its certainty out however far all intents are, and as well as the distance to the nearest
    utterances or Mahalanobis's, which need the utterances or their spread beside the model.
    """
    known = [i for i, name in enumerate(names) if name != OUT_OF_SCOPE]
    return np.asarray(1 - (vectors @ directions[known].T).max(axis=1), dtype=np.float64)


def fit_sharpness(cosines: NDArray[np.float32], wanted: NDArray[np.int64]) -> float:
    """What to multiply cosines by, so that probabilities are the shares that come true.

    Found by trying: the loss has one lowest point (Guo et al. 2017, "On calibration of modern
    neural networks", where its inverse is called the temperature).
    """
    rows = np.arange(len(wanted))

    def loss(sharpness: float) -> float:
        return -float(np.log(softmax(sharpness * cosines)[rows, wanted] + 1e-12).mean())

    return float(min(TRIED, key=loss))


def softmax(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """Shares that add up to 1 in each row."""
    raised = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))
