"""FastEmbed's BM25, which LangChain and Haystack use with Qdrant."""

from __future__ import annotations

from eval.peers.stopwords import stop_words

MODEL = "Qdrant/bm25"


def parameters() -> dict[str, object]:
    """What to create the model with where nothing can be downloaded.

    All there is to it are lists of stop words. Given one, it reads nothing from the folder that
    stands in for the download.
    """
    return {"specific_model_path": ".", "stopwords": set(stop_words())}
