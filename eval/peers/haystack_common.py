"""What the set-ups of Haystack have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from haystack import Document, Pipeline
from haystack.components.writers import DocumentWriter
from haystack.utils import ComponentDevice
from haystack_integrations.components.embedders.sentence_transformers import (
    SentenceTransformersDocumentEmbedder,
    SentenceTransformersTextEmbedder,
)

from eval.peers.encoder import encoder

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from haystack.core.component import Component
    from haystack.document_stores.types import DocumentStore

    from eval.peers.protocol import Job, Passage
    from eval.peers.worker import Ask

LIBRARIES = ("haystack-ai", "sentence-transformers-haystack", "sentence-transformers", "torch")


def open_embedder(parameters: Mapping[str, object]) -> SentenceTransformersDocumentEmbedder:
    """An embedder of documents, its model loaded and warm."""
    embedder = SentenceTransformersDocumentEmbedder(**parameters)
    embedder.warm_up()
    embedder.run([Document(content="warm")])
    return embedder


def model(job: Job, backend: str) -> dict[str, object]:
    """What an embedder is created with."""
    chosen = encoder(job, backend)
    return {
        "model": chosen.folder,
        "device": ComponentDevice.from_str("cpu"),
        "backend": chosen.backend,
        "progress_bar": False,
    }


def indexing(
    embedder: SentenceTransformersDocumentEmbedder,
    store: DocumentStore,
) -> Pipeline:
    """A pipeline that embeds documents and writes them into a store."""
    pipeline = Pipeline()
    pipeline.add_component("embedder", embedder)
    pipeline.add_component("writer", DocumentWriter(store))
    pipeline.connect("embedder", "writer")
    return pipeline


def searching(
    embedder: Mapping[str, object],
    retriever: Component,
) -> Pipeline:
    """A pipeline that embeds a question and searches with its vector."""
    pipeline = Pipeline()
    pipeline.add_component("embedder", SentenceTransformersTextEmbedder(**embedder))
    pipeline.add_component("retriever", retriever)
    pipeline.connect("embedder.embedding", "retriever.query_embedding")
    return pipeline


def by_vectors(
    embedder: Mapping[str, object],
    retriever: Component,
) -> Ask:
    """The way that searches by vectors alone."""
    pipeline = searching(embedder, retriever)
    return lambda question: ids(pipeline.run({"embedder": {"text": question}})["retriever"])


def documents(passages: Iterable[Passage]) -> list[Document]:
    """The passages as Haystack knows them."""
    return [Document(id=passage.id, content=passage.full_text) for passage in passages]


def ids(output: Mapping[str, Iterable[Document]]) -> list[str]:
    """What the documents that a component put out are called."""
    return [str(document.id) for document in output["documents"]]
