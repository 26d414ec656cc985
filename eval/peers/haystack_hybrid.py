"""Haystack with Qdrant, which fuses the legs itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from haystack_integrations.components.embedders.fastembed import (
    FastembedSparseDocumentEmbedder,
    FastembedSparseTextEmbedder,
)
from haystack_integrations.components.retrievers.qdrant import (
    QdrantEmbeddingRetriever,
    QdrantHybridRetriever,
)
from haystack_integrations.document_stores.qdrant import QdrantDocumentStore

from eval.peers.encoder import TORCH
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
from eval.peers.sparse import MODEL, parameters
from eval.peers.worker import Peer, work

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from haystack import Pipeline

    from eval.peers.protocol import Job, Passage
    from eval.peers.worker import Ask

DIMS = 384
SPARSE = {"model": MODEL, "model_kwargs": parameters(), "progress_bar": False}


class Hybrid(Peer):
    """`QdrantHybridRetriever`, with BM25 as FastEmbed has it."""

    def __init__(self, job: Job) -> None:
        self._store = QdrantDocumentStore(
            ":memory:",
            embedding_dim=DIMS,
            use_sparse_embeddings=True,
            sparse_idf=True,
            progress_bar=False,
        )
        self._model = model(job, TORCH)
        self._indexing = self._pipeline()

    def ingest(self, passages: Sequence[Passage]) -> None:
        """See `Peer.ingest`."""
        self._indexing.run({"sparse": {"documents": documents(passages)}})

    def ways(self) -> Mapping[str, Ask]:
        """See `Peer.ways`."""
        vectors = QdrantEmbeddingRetriever(self._store, top_k=CANDIDATES)
        return {
            "vectors": by_vectors(self._model, vectors),
            "hybrid, RRF": self._hybrid(),
            "hybrid, RRF, vectors .7": self._hybrid([0.3, 0.7]),
        }

    def _pipeline(self) -> Pipeline:
        pipeline = indexing(open_embedder(self._model), self._store)
        pipeline.add_component("sparse", FastembedSparseDocumentEmbedder(**SPARSE))
        pipeline.connect("sparse", "embedder")
        return pipeline

    def _hybrid(self, weights: list[float] | None = None) -> Ask:
        retriever = QdrantHybridRetriever(self._store, top_k=CANDIDATES, rrf_weights=weights)
        pipeline = searching(self._model, retriever)
        pipeline.add_component("sparse", FastembedSparseTextEmbedder(**SPARSE))
        pipeline.connect("sparse.sparse_embedding", "retriever.query_sparse_embedding")

        def ask(question: str) -> list[str]:
            asked = {"embedder": {"text": question}, "sparse": {"text": question}}
            return ids(pipeline.run(asked)["retriever"])

        return ask


if __name__ == "__main__":
    work(
        {"haystack-hybrid": Hybrid},
        (*LIBRARIES, "fastembed-haystack", "qdrant-haystack", "qdrant-client", "fastembed"),
    )
