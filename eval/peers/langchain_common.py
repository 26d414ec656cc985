"""What the set-ups of LangChain have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from langchain_core.documents import Document
from langchain_huggingface import HuggingFaceEmbeddings

from eval.peers.encoder import encoder

if TYPE_CHECKING:
    from collections.abc import Iterable

    from eval.peers.protocol import Job, Passage

LIBRARIES = ("langchain-core", "langchain-huggingface", "sentence-transformers", "torch")


def embeddings(job: Job, backend: str) -> HuggingFaceEmbeddings:
    """The model as LangChain runs it, loaded and warm."""
    model = encoder(job, backend)
    loaded = HuggingFaceEmbeddings(
        model_name=model.folder, model_kwargs={"device": "cpu", "backend": model.backend}
    )
    loaded.embed_documents(["warm"])
    return loaded


def documents(passages: Iterable[Passage]) -> list[Document]:
    """The passages as LangChain knows them."""
    return [Document(page_content=p.full_text, metadata={"id": p.id}) for p in passages]


def ids(found: Iterable[Document]) -> list[str]:
    """What the passages are called."""
    return [str(document.metadata["id"]) for document in found]
