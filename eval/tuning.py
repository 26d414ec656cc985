"""Fits the fusion weights to an operator's own questions, where that is worth anything.

Every mix on a grid is tried on the candidates that the search found. Of the mixes that are as good
as the best one within a standard error, the one nearest to the shipped weights is taken (the
one-standard-error rule: Breiman et al., Classification and Regression Trees, 1984). What that is
worth is measured on questions left out of each fit, and the shipped weights stay unless the gain
there is more than chance.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from eval.metrics import Interval, bootstrap
from eval.searching import standalone
from retrieval.errors import BadInput
from retrieval.fusion import SHIPPED_WEIGHTS, FusionWeights, SignalArrays, fuse
from retrieval.types import Reader

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from eval.run import Asking
    from ingestion.progress import Meter

FOLDS = 5
FEWEST = 30  # questions; with fewer the grid fits their accidents
DEPTH = 10  # ranks that count, as in nDCG@10
STEP = 0.05
LENGTHS = (0.0, 0.01, 0.02, 0.03, 0.05)
SEED = 0


@dataclass(frozen=True, slots=True)
class Judged:
    """The candidates of one question.

    Attributes:
        signals: What fusion has to go by.
        right: Which of them carry the answer.
    """

    signals: SignalArrays
    right: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Tuning:
    """What fitting came to.

    Attributes:
        weights: The fitted weights, or the shipped ones where those stay.
        questions: How many questions had their answer among the candidates.
        shipped: nDCG@10 of the shipped weights on them, among what was found.
        gain: What fitted weights add on questions left out of each fit.
    """

    weights: FusionWeights
    questions: int
    shipped: float
    gain: Interval

    @property
    def adopted(self) -> bool:
        """Whether the gain is more than chance."""
        return self.gain.low > 0


async def judge_candidates(asking: Asking, meter: Meter) -> list[Judged]:
    """Search for each answerable question, as the service does."""
    answerable = [question for question in asking.questions if question.answerable]
    meter.start("Asking questions", len(answerable))
    judged = []
    for golden in answerable:
        asked = standalone(golden.question, golden.earlier)
        found = (await asking.service.retriever.retrieve(asked, Reader())).passages
        right = np.array([asking.is_right(passage.chunk, golden) for passage in found], bool)
        judged.append(Judged(SignalArrays.of(found), right))
        meter.advance()
    return judged


def tune(judged: Sequence[Judged], name: str) -> Tuning:
    """Fit weights, and find out what fitting is worth.

    Args:
        judged: The candidates of each question.
        name: What the questions are, for traces.

    Raises:
        BadInput: Too few questions have their answer among the candidates.
    """
    useful = [one for one in judged if one.right.any()]
    if len(useful) < FEWEST:
        raise BadInput(
            f"{len(useful)} of {len(judged)} questions have their answer among what was found; "
            f"fitting takes {FEWEST}.",
            hint="Add questions with the passages that answer them.",
        )
    mixes = [SHIPPED_WEIGHTS, *_grid(name)]
    quality = np.array([[_ndcg(one, mix) for mix in mixes] for one in useful])
    gain = bootstrap(_unseen(quality, mixes) - quality[:, 0])
    weights = mixes[_choose(quality, mixes)] if gain.low > 0 else SHIPPED_WEIGHTS
    return Tuning(weights, len(useful), float(quality[:, 0].mean()), gain)


def _grid(name: str) -> Iterable[FusionWeights]:
    """Mixes of the same total as the shipped ones, since confidence is read off the scores."""
    total = sum(_mix(SHIPPED_WEIGHTS))
    steps = np.arange(0, 1 + STEP / 2, STEP).tolist()
    for late, dense, length in product(steps, steps, LENGTHS):
        lexical = 1 - late - dense
        if lexical > -STEP / 2:
            yield FusionWeights(
                late=round(late * total, 4),
                dense=round(dense * total, 4),
                lexical=round(max(lexical, 0.0) * total, 4),
                length=length,
                name=name,
            )


def _ndcg(judged: Judged, weights: FusionWeights) -> float:
    """nDCG@10 of the candidates' order; the ideal has those that are right ahead."""
    discounts = 1 / np.log2(np.arange(2, DEPTH + 2))
    order = np.argsort(-fuse(judged.signals, weights), kind="stable")[:DEPTH]
    gained = judged.right[order] @ discounts[: len(order)]
    return float(gained / discounts[: int(judged.right.sum())].sum())


def _unseen(quality: NDArray[np.float64], mixes: Sequence[FusionWeights]) -> NDArray[np.float64]:
    """Each question's quality with weights fitted on the other folds."""
    folds = np.random.default_rng(SEED).permutation(len(quality)) % FOLDS
    found = np.zeros(len(quality))
    for fold in range(FOLDS):
        left_out = folds == fold
        found[left_out] = quality[left_out, _choose(quality[~left_out], mixes)]
    return found


def _choose(quality: NDArray[np.float64], mixes: Sequence[FusionWeights]) -> int:
    """The mix nearest to the shipped one among those within a standard error of the best."""
    means = quality.mean(axis=0)
    behind = quality[:, [int(means.argmax())]] - quality
    error = behind.std(axis=0, ddof=1) / np.sqrt(len(quality))
    near: list[int] = np.flatnonzero(behind.mean(axis=0) <= error).tolist()
    return min(near, key=lambda i: _distance(mixes[i], SHIPPED_WEIGHTS))


def _distance(one: FusionWeights, other: FusionWeights) -> float:
    apart = zip((*_mix(one), one.length), (*_mix(other), other.length), strict=True)
    return sum(abs(a - b) for a, b in apart)


def _mix(weights: FusionWeights) -> tuple[float, float, float]:
    return weights.late, weights.dense, weights.lexical
