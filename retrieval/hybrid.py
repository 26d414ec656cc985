"""A question to ranked passages: two legs, one fused score, late interaction on top.

The score is a weighted sum of three signals on the same scale, less a penalty for length:

    score = 0.5 late + 0.4 dense + 0.25 lexical - 0.02 log2(tokens)

The weights sit on a plateau: chosen on any six of seven data sets they come out alike
(docs/decisions/0002-fusion.md).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from retrieval.index import IndexQuery
from retrieval.types import Passage, Signals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from retrieval.batching import QuestionEncoder
    from retrieval.embedders import Encoding
    from retrieval.index import Candidate, ChunkReader
    from retrieval.late import LateScore, TokenCodec
    from retrieval.lexical import Bm25Encoder
    from retrieval.types import Reader


@dataclass(frozen=True, slots=True)
class FusionWeights:
    """How much each signal counts."""

    late: float = 0.5
    dense: float = 0.4
    lexical: float = 0.25
    length: float = 0.02


class Retriever:
    """Finds passages for questions in one index."""

    def __init__(
        self,
        *,
        index: ChunkReader,
        encoder: QuestionEncoder,
        bm25: Bm25Encoder,
        codec: TokenCodec,
        weights: FusionWeights = FusionWeights(),
        candidates: int = 30,
    ) -> None:
        self._index = index
        self._encoder = encoder
        self._bm25 = bm25
        self._codec = codec
        self._weights = weights
        self._candidates = candidates

    async def retrieve(self, question: str, reader: Reader) -> list[Passage]:
        """Passages that `reader` may see, best first.

        Raises:
            IndexUnavailable: The index does not answer.
        """
        encoding = await self._encoder.encode(question)
        query = IndexQuery(
            dense=encoding.sentence,
            lexical=self._bm25.question(question),
            reader=reader,
            limit=self._candidates,
        )
        found = await self._index.search(query)
        return self._rank(encoding, found)

    def _rank(self, question: Encoding, found: Sequence[Candidate]) -> list[Passage]:
        weights = token_weights(question.ids)
        late = self._codec.score(question, weights, [candidate.late for candidate in found])
        highest = max((candidate.lexical for candidate in found), default=0.0)
        passages = [
            self._passage(candidate, score, highest)
            for candidate, score in zip(found, late, strict=True)
        ]
        return sorted(passages, key=lambda passage: -passage.score)

    def _passage(self, candidate: Candidate, late: LateScore, highest: float) -> Passage:
        signals = Signals(
            late=late.passage,
            dense=candidate.dense,
            lexical=candidate.lexical / highest if highest else 0.0,
        )
        weights = self._weights
        score = (
            weights.late * signals.late
            + weights.dense * signals.dense
            + weights.lexical * signals.lexical
            - weights.length * math.log2(max(candidate.late.length, 1))
        )
        return Passage(candidate.chunk, score, signals, late.units)


def token_weights(ids: NDArray[np.int32]) -> NDArray[np.float32]:
    """Weight of each question token, summing to 1.

    BERT's vocabulary is ordered by frequency, roughly: a token's rank stands in for its
    inverse document frequency, and no corpus statistics have to be kept.
    """
    weights = 2.0 + np.log1p(ids / 1000.0)
    return np.asarray(weights / max(weights.sum(), 1e-9), dtype=np.float32)
