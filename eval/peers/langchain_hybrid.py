"""LangChain with Qdrant, which fuses the legs itself."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from langchain_qdrant import FastEmbedSparse, QdrantVectorStore, RetrievalMode
from qdrant_client.models import Fusion, FusionQuery, Modifier

from eval.peers.encoder import TORCH
from eval.peers.langchain_common import LIBRARIES, documents, embeddings, ids
from eval.peers.protocol import CANDIDATES
from eval.peers.sparse import MODEL, parameters
from eval.peers.worker import Peer, work

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from eval.peers.protocol import Job, Passage
    from eval.peers.worker import Ask


class Hybrid(Peer):
    """`QdrantVectorStore` in hybrid mode.

    As its guide has it, with one thing added that BM25 needs and the guide leaves out: the
    collection multiplies in the inverse document frequency.
    """

    def __init__(self, job: Job) -> None:
        self._embeddings = embeddings(job, TORCH)
        self._sparse = FastEmbedSparse(MODEL, **parameters())
        self._store: QdrantVectorStore | None = None

    def ingest(self, passages: Sequence[Passage]) -> None:
        """See `Peer.ingest`."""
        self._store = QdrantVectorStore.from_documents(
            documents(passages),
            embedding=self._embeddings,
            sparse_embedding=self._sparse,
            retrieval_mode=RetrievalMode.HYBRID,
            sparse_vector_params={"modifier": Modifier.IDF},
            location=":memory:",
        )

    def ways(self) -> Mapping[str, Ask]:
        """See `Peer.ways`."""
        return {
            "vectors": partial(self._search, RetrievalMode.DENSE, None),
            "hybrid, RRF": partial(self._search, RetrievalMode.HYBRID, Fusion.RRF),
            "hybrid, DBSF": partial(self._search, RetrievalMode.HYBRID, Fusion.DBSF),
        }

    def _search(self, mode: RetrievalMode, fusion: Fusion | None, question: str) -> list[str]:
        store = self._store
        if store is None:
            raise RuntimeError("Nothing has been ingested.")
        store.retrieval_mode = mode
        chosen = FusionQuery(fusion=fusion) if fusion else None
        return ids(store.similarity_search(question, k=CANDIDATES, hybrid_fusion=chosen))


if __name__ == "__main__":
    work(
        {"langchain-hybrid": Hybrid}, (*LIBRARIES, "langchain-qdrant", "qdrant-client", "fastembed")
    )
