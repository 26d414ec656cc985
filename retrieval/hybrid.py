"""A question to ranked passages: two legs, one fused score, late interaction on top.

The score is a weighted sum of three signals on the same scale, less a penalty for length:

    score = 0.5 late + 0.4 dense + 0.25 lexical - 0.02 log2(tokens)

The weights sit on a plateau and no statistics of the corpus are kept
(docs/decisions/0002-fusion.md).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from retrieval.index import IndexQuery
from retrieval.types import Passage, Retrieval, Signals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from retrieval.batching import QuestionEncoder
    from retrieval.embedders import Encoding
    from retrieval.index import Candidate, ChunkReader
    from retrieval.late import LateScore, TokenCodec
    from retrieval.lexical import Bm25Encoder
    from retrieval.types import Reader


# BM25 has no upper bound: a score counts relative to the best one, and a best one that is
# itself low (a question of common words only) counts for less.
LEXICAL_FLOOR = 10.0
# A chunk that a full lexical leg left out would have scored somewhat below its last.
ABSENT_SHARE = 0.7
FIRST_WORD = 996  # where BERT's vocabulary turns from special entries to words


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
        candidates: int = 20,  # for each leg; 50 rank no better
    ) -> None:
        self._index = index
        self._encoder = encoder
        self._bm25 = bm25
        self._codec = codec
        self._weights = weights
        self._candidates = candidates

    async def retrieve(self, question: str, reader: Reader) -> Retrieval:
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
        tokens = tuple(question[start:end] for start, end in encoding.offsets)
        return Retrieval(question, tokens, tuple(self._rank(encoding, found)))

    def _rank(self, question: Encoding, found: Sequence[Candidate]) -> list[Passage]:
        weights = token_weights(question.ids)
        late = self._codec.score(question, weights, [candidate.late for candidate in found])
        lexical = self._lexical(found)
        passages = [
            self._passage(candidate, score, share)
            for candidate, score, share in zip(found, late, lexical, strict=True)
        ]
        return sorted(passages, key=lambda passage: -passage.score)

    def _lexical(self, found: Sequence[Candidate]) -> list[float]:
        """BM25 of each candidate, relative to the best."""
        scores = [candidate.lexical for candidate in found if candidate.lexical is not None]
        if not scores:
            return [0.0] * len(found)
        absent = ABSENT_SHARE * min(scores) if len(scores) >= self._candidates else 0.0
        ceiling = max(scores) + LEXICAL_FLOOR
        return [(absent if c.lexical is None else c.lexical) / ceiling for c in found]

    def _passage(self, candidate: Candidate, late: LateScore, lexical: float) -> Passage:
        signals = Signals(late=late.passage, dense=candidate.dense, lexical=lexical)
        weights = self._weights
        score = (
            weights.late * signals.late
            + weights.dense * signals.dense
            + weights.lexical * signals.lexical
            - weights.length * math.log2(max(candidate.late.length, 1))
        )
        return Passage(
            candidate.chunk, score, signals, late.units, late.matches, candidate.late.length
        )


def token_weights(ids: NDArray[np.int32]) -> NDArray[np.float32]:
    """Weight of each question token, summing to 1.

    BERT's vocabulary is ordered by frequency, roughly, behind its special entries: a token's
    rank stands in for its inverse document frequency.
    """
    ranks = np.maximum(ids - FIRST_WORD, 0)
    weights = 4.0 + np.log1p(ranks / 30.0)
    return np.asarray(weights / max(weights.sum(), 1e-9), dtype=np.float32)
