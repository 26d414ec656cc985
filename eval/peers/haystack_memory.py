"""Haystack with everything in memory."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from haystack.components.joiners import DocumentJoiner
from haystack.components.retrievers.in_memory import (
    InMemoryBM25Retriever,
    InMemoryEmbeddingRetriever,
)
from haystack.document_stores.in_memory import InMemoryDocumentStore

from eval.peers.encoder import OPENVINO, TORCH
from eval.peers.haystack_common import (
    LIBRARIES,
    by_vectors,
    documents,
    ids,
    indexing,
    model,
    open_embedder,
    searching,
)
from eval.peers.protocol import CANDIDATES
from eval.peers.worker import Peer, work

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from eval.peers.protocol import Job, Passage
    from eval.peers.worker import Ask


class InMemory(Peer):
    """The hybrid pipeline of its guide: BM25 and vectors in memory, joined.

    BM25 is Okapi's, one of its three. README.md says how the default did.
    """

    def __init__(self, job: Job, backend: str = TORCH) -> None:
        self._store = InMemoryDocumentStore(bm25_algorithm="BM25Okapi")
        self._model = model(job, backend)
        self._indexing = indexing(open_embedder(self._model), self._store)

    def ingest(self, passages: Sequence[Passage]) -> None:
        """See `Peer.ingest`."""
        self._indexing.run({"embedder": {"documents": documents(passages)}})

    def ways(self) -> Mapping[str, Ask]:
        """See `Peer.ways`."""
        return {
            "vectors": by_vectors(self._model, self._retriever()),
            "join, RRF": self._joined("reciprocal_rank_fusion"),
            "join, RRF, vectors .7": self._joined("reciprocal_rank_fusion", [0.3, 0.7]),
            "join, DBSF": self._joined("distribution_based_rank_fusion"),
        }

    def _retriever(self) -> InMemoryEmbeddingRetriever:
        return InMemoryEmbeddingRetriever(self._store, top_k=CANDIDATES)

    def _joined(self, mode: str, weights: list[float] | None = None) -> Ask:
        pipeline = searching(self._model, self._retriever())
        bm25 = InMemoryBM25Retriever(self._store, top_k=CANDIDATES)
        pipeline.add_component("bm25", bm25)
        pipeline.add_component("joiner", DocumentJoiner(join_mode=mode, weights=weights))
        pipeline.connect("bm25", "joiner")
        pipeline.connect("retriever", "joiner")

        def ask(question: str) -> list[str]:
            asked = {"embedder": {"text": question}, "bm25": {"query": question}}
            return ids(pipeline.run(asked)["joiner"])

        return ask


if __name__ == "__main__":
    work(
        {
            "haystack-memory": InMemory,
            "haystack-memory-openvino": partial(InMemory, backend=OPENVINO),
        },
        LIBRARIES,
    )
