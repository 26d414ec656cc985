"""LlamaIndex: its fusion of BM25 and a vector index."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import faiss
from llama_index.core import StorageContext, VectorStoreIndex
from llama_index.core.llms import MockLLM
from llama_index.core.retrievers import QueryFusionRetriever
from llama_index.core.schema import TextNode
from llama_index.embeddings.huggingface import HuggingFaceEmbedding
from llama_index.retrievers.bm25 import BM25Retriever
from llama_index.vector_stores.faiss import FaissVectorStore

from eval.peers.encoder import OPENVINO, TORCH, encoder
from eval.peers.protocol import CANDIDATES
from eval.peers.worker import Peer, work

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from llama_index.core.retrievers import BaseRetriever
    from llama_index.core.schema import NodeWithScore

    from eval.peers.protocol import Job, Passage
    from eval.peers.worker import Ask

LIBRARIES = (
    "llama-index-core",
    "llama-index-embeddings-huggingface",
    "llama-index-retrievers-bm25",
    "llama-index-vector-stores-faiss",
    "sentence-transformers",
    "torch",
    "faiss-cpu",
    "bm25s",
)
DIMS = 384


class Fusion(Peer):
    """`QueryFusionRetriever` over `BM25Retriever` and a FAISS store.

    The store that comes with it compares the question with one passage after the other in Python.
    """

    def __init__(self, job: Job, backend: str = TORCH) -> None:
        model = encoder(job, backend)
        self._embedding = HuggingFaceEmbedding(
            model_name=model.folder, device="cpu", backend=model.backend
        )
        self._embedding.get_text_embedding("warm")
        self._legs: list[BaseRetriever] = []

    def ingest(self, passages: Sequence[Passage]) -> None:
        """See `Peer.ingest`."""
        nodes = [_node(passage) for passage in passages]
        # Fusion needs scores that are higher for what is better: no distances.
        store = FaissVectorStore(faiss.IndexFlatIP(DIMS))
        index = VectorStoreIndex(
            nodes,
            storage_context=StorageContext.from_defaults(vector_store=store),
            embed_model=self._embedding,
        )
        bm25 = BM25Retriever.from_defaults(nodes=nodes, similarity_top_k=CANDIDATES)
        self._legs = [index.as_retriever(similarity_top_k=CANDIDATES), bm25]

    def ways(self) -> Mapping[str, Ask]:
        """See `Peer.ways`."""
        return {
            "vectors": lambda question: _ids(self._legs[0].retrieve(question)),
            "reciprocal_rerank": self._fused("reciprocal_rerank"),
            # The weights of its guide, and those that were best where they were tried.
            "relative_score, vectors .6": self._fused("relative_score", 0.6),
            "dist_based_score, vectors .6": self._fused("dist_based_score", 0.6),
            "dist_based_score, vectors .7": self._fused("dist_based_score", 0.7),
        }

    def _fused(self, mode: str, vectors: float = 0.5) -> Ask:
        retriever = QueryFusionRetriever(
            self._legs,
            llm=MockLLM(),  # never asked: there is one query, the question
            mode=mode,
            similarity_top_k=CANDIDATES,
            num_queries=1,
            use_async=False,
            retriever_weights=[vectors, 1 - vectors],
        )
        return lambda question: _ids(retriever.retrieve(question))


def _node(passage: Passage) -> TextNode:
    # Nodes of the same text and metadata count as one; the id keeps them apart.
    return TextNode(
        id_=passage.id,
        text=passage.full_text,
        metadata={"id": passage.id},
        excluded_embed_metadata_keys=["id"],
    )


def _ids(found: Iterable[NodeWithScore]) -> list[str]:
    return [str(entry.node.node_id) for entry in found]


if __name__ == "__main__":
    work(
        {
            "llamaindex-fusion": Fusion,
            "llamaindex-fusion-openvino": partial(Fusion, backend=OPENVINO),
        },
        LIBRARIES,
    )
