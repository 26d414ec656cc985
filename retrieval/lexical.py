"""BM25 term weights, as sparse vectors that every index understands.

The engine multiplies in the inverse document frequency itself (Qdrant's `Idf` modifier), so
a chunk's weights never change when other chunks come and go.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from qdrant_edge import Bm25, Bm25Config

if TYPE_CHECKING:
    from collections.abc import Sequence

MEAN_CHUNK_WORDS = 90.0  # measured on our own chunks; BM25 is flat around it


@dataclass(frozen=True, slots=True)
class SparseVector:
    """Weights of the terms that occur, by hashed term."""

    indices: tuple[int, ...]
    values: tuple[float, ...]


class Bm25Encoder:
    """English-stemmed BM25 weights for passages and questions."""

    def __init__(self) -> None:
        self._model = Bm25(Bm25Config(avg_len=MEAN_CHUNK_WORDS))

    def passage(self, text: str) -> SparseVector:
        """Saturated term frequencies of a passage."""
        vector = self._model.embed_document(text)
        return SparseVector(tuple(vector.indices), tuple(vector.values))

    def question(self, text: str) -> SparseVector:
        """Each distinct term of a question, with weight 1."""
        vector = self._model.embed_query(text)
        return SparseVector(tuple(vector.indices), tuple(vector.values))


_WORDS = Bm25(Bm25Config())


@lru_cache(maxsize=10_000)
def is_content_word(word: str) -> bool:
    """Whether a word says something by itself: no stop word and no punctuation."""
    return bool(_WORDS.embed_query(word).indices)


def word_shares(question: str, texts: Sequence[str]) -> list[float]:
    """How much of the question's words each text holds, in [0, 1].

    Words are compared by their stems, stop words left out. A word counts by how few of the
    texts hold it; a word that none holds counts most, so a text cannot score well by holding
    only what all of them do.
    """
    asked = set(_WORDS.embed_query(question).indices)
    held = [asked.intersection(_WORDS.embed_query(text).indices) for text in texts]
    spread = Counter(word for words in held for word in words)
    weights = {word: math.log(1 + len(texts) / (spread[word] + 0.5)) for word in asked}
    total = sum(weights.values())
    return [sum(weights[word] for word in words) / total if total else 0.0 for words in held]
