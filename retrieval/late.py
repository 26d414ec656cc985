"""Token vectors kept with each chunk, and late interaction over them.

MaxSim as in ColBERT (Khattab and Zaharia, 2020): each token of the question finds its best
match among a passage's tokens. The tokens are the embedder's own, projected to fewer
dimensions and rounded to 95 steps, so that a passage of 120 tokens takes about 15 kB.
"""

from __future__ import annotations

import string
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from retrieval.models import BUNDLED_MODEL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from retrieval.embedders import Encoding
    from retrieval.types import Unit

TOKEN_DIMS = 128  # measured in docs/decisions/0001-embedded-engine-with-token-payload.md
# Components of a unit vector in 100 or so dimensions rarely pass 0.5. There are as many steps
# as ASCII has printable characters, which makes a code a byte of text (`retrieval.payload`).
CODE_MAX = 47
CODE_SCALE = 2.0 * CODE_MAX


@dataclass(frozen=True, slots=True)
class Encoded:
    """A text and what the embedder made of it."""

    text: str
    encoding: Encoding


@dataclass(frozen=True, slots=True)
class TokenMatrix:
    """A passage's token vectors, as stored.

    Attributes:
        codes: int8 of shape (tokens, dims); unit vectors times `CODE_SCALE`, clipped to
            `CODE_MAX` either way.
        bounds: Unit i's tokens are rows bounds[i] to bounds[i + 1]; rows before bounds[0]
            belong to the context. Empty for a chunk without units.
        length: Tokens of context and passage, punctuation included.
    """

    codes: NDArray[np.int8]
    bounds: tuple[int, ...]
    length: int


@dataclass(frozen=True, slots=True)
class LateScore:
    """How well a question's tokens are matched by one passage.

    Attributes:
        passage: Weighted mean over the question's tokens of each one's best cosine.
        units: The same within each of the passage's units, in their order.
        matches: Each question token's best cosine.
    """

    passage: float
    units: tuple[float, ...]
    matches: tuple[float, ...]


class TokenCodec:
    """Between the embedder's token vectors and the ones stored.

    Args:
        basis: Orthonormal columns to project on, float32 of shape (dims, kept).
    """

    def __init__(self, basis: NDArray[np.float32]) -> None:
        self._basis = basis

    @classmethod
    def for_model(cls, model: str, dims: int) -> TokenCodec:
        """The codec every index of this model uses.

        The bundled model has a basis fitted on support prose (`eval.token_basis`); any other
        gets a random one, which is the same everywhere and costs about a hundredth of nDCG.
        """
        if model == BUNDLED_MODEL:
            path = Path(__file__).with_name("token_basis.npy")
            return cls(np.load(path).astype(np.float32))
        noise = np.random.default_rng(seed=0).standard_normal((dims, min(dims, TOKEN_DIMS)))
        basis, triangle = np.linalg.qr(noise)
        # The signs make the factorisation unique, whatever library computed it.
        return cls((basis * np.sign(np.diag(triangle))).astype(np.float32))

    def pack(self, context: Encoded, text: Encoded, units: Sequence[Unit]) -> TokenMatrix:
        """Store a passage's tokens, those of its context first, punctuation dropped.

        Args:
            context: What stands above the passage, encoded by itself.
            text: The passage, encoded by itself.
            units: What may be quoted of the passage, in order.
        """
        above = context.encoding.tokens[_spoken(context)]
        spoken = _spoken(text)
        vectors = np.concatenate([above, text.encoding.tokens[spoken]])
        codes = np.clip(self._project(vectors) * CODE_SCALE, -CODE_MAX, CODE_MAX)
        starts = text.encoding.offsets[spoken, 0]
        return TokenMatrix(
            codes=np.rint(codes).astype(np.int8),
            bounds=_bounds(starts, len(above), units),
            length=len(context.encoding.tokens) + len(text.encoding.tokens),
        )

    def score(
        self,
        question: Encoding,
        weights: NDArray[np.float32],
        passages: Sequence[TokenMatrix],
    ) -> list[LateScore]:
        """MaxSim of a question with each passage, and with each unit of it.

        Args:
            question: The encoded question.
            weights: Weight of each question token, summing to 1, shape (tokens,).
            passages: Stored passages.
        """
        if not passages or not len(question.tokens):
            return [_unmatched(p.bounds, len(question.tokens)) for p in passages]
        projected = self._project(question.tokens) / CODE_SCALE
        stored = np.concatenate([p.codes for p in passages]).astype(np.float32)
        spans = _spans(passages)
        matches = _best_in_each(stored @ projected.T, np.array([s for each in spans for s in each]))
        scores = (matches @ weights).tolist()
        firsts = np.cumsum([0, *(len(each) for each in spans)])
        return [
            LateScore(scores[i], tuple(scores[i + 1 : end]), tuple(matches[i].tolist()))
            for i, end in pairwise(firsts.tolist())
        ]

    def _project(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        projected = vectors @ self._basis
        norms = np.linalg.norm(projected, axis=1, keepdims=True)
        return np.asarray(projected / np.maximum(norms, 1e-9), dtype=np.float32)


def _spans(passages: Sequence[TokenMatrix]) -> list[list[tuple[int, int]]]:
    """For each passage, which of all rows are its own, then which are each of its units'."""
    spans = []
    first = 0
    for passage in passages:
        last = first + len(passage.codes)
        units = ((first + start, first + end) for start, end in pairwise(passage.bounds))
        spans.append([(first, last), *units])
        first = last
    return spans


def _best_in_each(similarity: NDArray[np.float32], spans: NDArray[np.intp]) -> NDArray[np.float32]:
    """The greatest of each column in each span of rows; 0 in an empty one."""
    # `reduceat` takes where to start and where to stop by turns, and both have to be rows.
    rows = np.vstack([similarity, np.zeros((1, similarity.shape[1]), np.float32)])
    best = np.maximum.reduceat(rows, spans.ravel(), axis=0)[::2]
    best[spans[:, 0] == spans[:, 1]] = 0.0
    return np.asarray(best, dtype=np.float32)


def _unmatched(bounds: Sequence[int], tokens: int) -> LateScore:
    return LateScore(0.0, (0.0,) * max(len(bounds) - 1, 0), (0.0,) * tokens)


def _bounds(starts: NDArray[np.int32], first: int, units: Sequence[Unit]) -> tuple[int, ...]:
    if not units:
        return ()
    edges = np.searchsorted(starts, [unit.start for unit in units])
    return (*(first + int(edge) for edge in edges), first + len(starts))


def _spoken(encoded: Encoded) -> NDArray[np.bool_]:
    """Which tokens are more than punctuation."""
    pieces = (encoded.text[start:end] for start, end in encoded.encoding.offsets)
    return np.array([any(c not in string.punctuation for c in piece) for piece in pieces], bool)
