"""Several signals to the one score that passages are ranked by.

    score = 0.5 late + 0.4 dense + 0.25 lexical - 0.02 log2(tokens)

The weights sit on a plateau and no statistics of the corpus are kept
(docs/decisions/0002-fusion.md); those of one's own documents can be fitted and named in
`ANSWERABLE_FUSION`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from retrieval.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from retrieval.types import Passage

# BM25 has no upper bound: a score counts relative to the best one, and a best one that is
# itself low (a question of common words only) counts for less.
LEXICAL_FLOOR = 10.0
# A chunk that a full lexical leg left out would have scored somewhat below its last.
ABSENT_SHARE = 0.7


@dataclass(frozen=True, slots=True)
class FusionWeights:
    """How much each signal counts.

    Attributes:
        late: Of the weighted MaxSim.
        dense: Of the sentence vectors' cosine.
        lexical: Of BM25, relative to the best candidate's.
        length: Taken off for each doubling of a passage's tokens: MaxSim grows with them.
        name: What the weights were fitted on, for traces.
    """

    late: float = 0.5
    dense: float = 0.4
    lexical: float = 0.25
    length: float = 0.02
    name: str = "shipped"


SHIPPED_WEIGHTS = FusionWeights()
LARGEST_WEIGHT = 100.0  # signals are cosines: weights far above 1 are a slip
NUMBERS = tuple(field.name for field in fields(FusionWeights) if field.name != "name")


@dataclass(frozen=True, slots=True)
class SignalArrays:
    """The signals of many candidates, one array for each; all of one shape.

    Attributes:
        late: `Signals.late` of each candidate.
        dense: `Signals.dense` of each.
        lexical: `Signals.lexical` of each.
        tokens: `Passage.tokens` of each.
    """

    late: NDArray[np.float64]
    dense: NDArray[np.float64]
    lexical: NDArray[np.float64]
    tokens: NDArray[np.float64]

    @classmethod
    def of(cls, passages: Sequence[Passage]) -> SignalArrays:
        """The signals of retrieved passages, in their order."""
        rows = [
            (p.signals.late, p.signals.dense, p.signals.lexical, float(p.tokens)) for p in passages
        ]
        return cls(*np.array(rows, dtype=np.float64).reshape(-1, 4).T)


def fuse(signals: SignalArrays, weights: FusionWeights) -> NDArray[np.float64]:
    """The score of each candidate; higher is better."""
    return np.asarray(
        weights.late * signals.late
        + weights.dense * signals.dense
        + weights.lexical * signals.lexical
        - weights.length * np.log2(np.maximum(signals.tokens, 1.0))
    )


def relative_lexical(scores: Sequence[float | None], limit: int) -> NDArray[np.float64]:
    """BM25 of one question's candidates, relative to the best one's; below 1.

    Args:
        scores: Each candidate's score; None where the lexical leg did not return it.
        limit: How many the leg was asked for. One that returned fewer left out only what holds
            no word of the question.
    """
    bm25 = np.array([np.nan if score is None else score for score in scores], dtype=np.float64)
    present = bm25[~np.isnan(bm25)]
    if not len(present):
        return np.zeros(len(bm25))
    absent = ABSENT_SHARE * present.min() if len(present) >= limit else 0.0
    return np.asarray(np.nan_to_num(bm25, nan=absent) / (present.max() + LEXICAL_FLOOR))


def open_weights(path: str) -> FusionWeights:
    """The weights in a JSON file that `answerable eval tune` wrote; the shipped ones for "".

    Raises:
        BadInput: There is no such file, or it holds no usable weights.
    """
    if not path:
        return SHIPPED_WEIGHTS
    try:
        found = json.loads(Path(path).expanduser().read_text(encoding="utf-8"))
    except OSError as error:
        raise _unusable(path, f"it cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise _unusable(path, f"it is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise _unusable(path, "it does not hold a JSON object")
    if problem := _problem(found):
        raise _unusable(path, problem)
    numbers = {name: float(found[name]) for name in NUMBERS}
    return FusionWeights(**numbers, name=str(found.get("name", Path(path).name)))


def _problem(found: Mapping[str, object]) -> str:
    """What is wrong with weights read from a file; empty when nothing is."""
    if unknown := sorted(set(found) - {*NUMBERS, "name"}):
        return f"there is no weight '{unknown[0]}'"
    if missing := [name for name in NUMBERS if name not in found]:
        return f"'{missing[0]}' is missing"
    for name in NUMBERS:
        if not _is_weight(found[name]):
            given = json.dumps(found[name])
            return f"'{name}' is {given}, not a number from 0 to {LARGEST_WEIGHT:g}"
    if not any(found[name] for name in NUMBERS if name != "length"):
        return "no signal counts"
    return ""


def _is_weight(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return 0 <= value <= LARGEST_WEIGHT


def _unusable(path: str, problem: str) -> BadInput:
    return BadInput(
        f"The fusion weights in {path} cannot be used: {problem}.",
        hint=f"Set ANSWERABLE_FUSION to a JSON object with {', '.join(NUMBERS)}, as "
        "`answerable eval tune` writes it, or leave it empty.",
    )
