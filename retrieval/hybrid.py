"""A question to ranked passages: candidates of two legs, their signals, and a reranker's say.

Late interaction is always scored, whatever ranks the passages: replies quote by it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from retrieval.fusion import SHIPPED_WEIGHTS, SignalArrays, fuse, relative_lexical
from retrieval.index import IndexQuery
from retrieval.rerankers import FUSED_ORDER
from retrieval.types import Passage, Retrieval, Signals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from retrieval.batching import QuestionEncoder
    from retrieval.embedders import Encoding
    from retrieval.fusion import FusionWeights
    from retrieval.index import Candidate, ChunkReader
    from retrieval.late import LateScore, TokenCodec
    from retrieval.lexical import Bm25Encoder
    from retrieval.rerankers import Reranker
    from retrieval.types import Reader


FIRST_WORD = 996  # where BERT's vocabulary turns from special entries to words


class Retriever:
    """Finds passages for questions in one index."""

    def __init__(  # noqa: PLR0913 - parts, by name
        self,
        *,
        index: ChunkReader,
        encoder: QuestionEncoder,
        bm25: Bm25Encoder,
        codec: TokenCodec,
        weights: FusionWeights = SHIPPED_WEIGHTS,
        reranker: Reranker = FUSED_ORDER,
        candidates: int = 20,  # for each leg; 50 rank no better
    ) -> None:
        self._index = index
        self._encoder = encoder
        self._bm25 = bm25
        self._codec = codec
        self._weights = weights
        self._reranker = reranker
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
        ranking = await self._reranker.rank(question, self._fused(encoding, found))
        tokens = tuple(question[start:end] for start, end in encoding.offsets)
        return Retrieval(question, tokens, ranking.passages, ranking.note)

    def _fused(self, question: Encoding, found: Sequence[Candidate]) -> list[Passage]:
        """The candidates by their fused score, best first."""
        weights = token_weights(question.ids)
        late = self._codec.score(question, weights, [candidate.late for candidate in found])
        signals = SignalArrays(
            late=np.array([score.passage for score in late]),
            dense=np.array([candidate.dense for candidate in found]),
            lexical=relative_lexical([c.lexical for c in found], self._candidates),
            tokens=np.array([float(candidate.late.length) for candidate in found]),
        )
        scores = fuse(signals, self._weights)
        return [
            _passage(found[i], late[i], float(signals.lexical[i]), float(scores[i]))
            for i in np.argsort(-scores, kind="stable")
        ]


def _passage(candidate: Candidate, late: LateScore, lexical: float, score: float) -> Passage:
    signals = Signals(late=late.passage, dense=candidate.dense, lexical=lexical)
    length = candidate.late.length
    return Passage(candidate.chunk, score, signals, late.units, late.matches, length)


def token_weights(ids: NDArray[np.int32]) -> NDArray[np.float32]:
    """Weight of each question token, summing to 1.

    BERT's vocabulary is ordered by frequency, roughly, behind its special entries: a token's
    rank stands in for its inverse document frequency.
    """
    ranks = np.maximum(ids - FIRST_WORD, 0)
    weights = 4.0 + np.log1p(ranks / 30.0)
    return np.asarray(weights / max(weights.sum(), 1e-9), dtype=np.float32)
