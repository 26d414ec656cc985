"""English stop words without a download.

They are NLTK's, as `llama-index-core` ships them. Qdrant's own BM25, compiled into
`qdrant-edge-py`, drops every word on that list.
"""

from __future__ import annotations

from importlib.metadata import distribution
from pathlib import Path

LISTED = "llama_index/core/_static/nltk_cache/corpora/stopwords/english"


def stop_words() -> frozenset[str]:
    """Words that say nothing by themselves, in lower case."""
    path = Path(str(distribution("llama-index-core").locate_file(LISTED)))
    return frozenset(path.read_text(encoding="utf-8").split())
