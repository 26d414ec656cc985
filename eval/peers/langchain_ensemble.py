"""LangChain's ensemble of BM25 and a vector store."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

import Stemmer
from langchain_classic.retrievers import EnsembleRetriever
from langchain_community.retrievers import BM25Retriever
from langchain_community.vectorstores import FAISS

from eval.peers.encoder import OPENVINO, TORCH
from eval.peers.langchain_common import LIBRARIES, documents, embeddings, ids
from eval.peers.protocol import CANDIDATES
from eval.peers.stopwords import stop_words
from eval.peers.worker import Peer, work

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from langchain_core.retrievers import BaseRetriever

    from eval.peers.protocol import Job, Passage
    from eval.peers.worker import Ask

_WORD = re.compile(r"\w+")


class Ensemble(Peer):
    """`EnsembleRetriever` over `BM25Retriever` and a FAISS store.

    BM25 gets lower-case stems without stop words; as it comes it splits at spaces and no more.
    """

    def __init__(self, job: Job, backend: str = TORCH) -> None:
        self._embeddings = embeddings(job, backend)
        self._legs: list[BaseRetriever] = []
        self._stop_words = stop_words()
        self._stem = Stemmer.Stemmer("english").stemWords

    def ingest(self, passages: Sequence[Passage]) -> None:
        """See `Peer.ingest`."""
        found = documents(passages)
        bm25 = BM25Retriever.from_documents(found, preprocess_func=self._words, k=CANDIDATES)
        store = FAISS.from_documents(found, self._embeddings)
        self._legs = [bm25, store.as_retriever(search_kwargs={"k": CANDIDATES})]

    def ways(self) -> Mapping[str, Ask]:
        """See `Peer.ways`."""
        return {
            "vectors": lambda question: ids(self._legs[1].invoke(question)),
            "ensemble": self._fused(0.5),
            "ensemble, vectors .7": self._fused(0.7),
        }

    def _fused(self, vectors: float) -> Ask:
        retriever = EnsembleRetriever(
            retrievers=self._legs, weights=[1 - vectors, vectors], id_key="id"
        )
        return lambda question: ids(retriever.invoke(question))

    def _words(self, text: str) -> list[str]:
        words = _WORD.findall(text.lower())
        stems: list[str] = self._stem([word for word in words if word not in self._stop_words])
        return stems


if __name__ == "__main__":
    work(
        {
            "langchain-ensemble": Ensemble,
            "langchain-ensemble-openvino": partial(Ensemble, backend=OPENVINO),
        },
        (*LIBRARIES, "langchain-classic", "langchain-community", "faiss-cpu", "rank-bm25"),
    )
