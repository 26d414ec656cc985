"""Chunks to what an index stores about them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from retrieval.index import EncodedChunk
from retrieval.late import Encoded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from retrieval.embedders import Embedder
    from retrieval.late import TokenCodec
    from retrieval.lexical import Bm25Encoder
    from retrieval.types import Chunk

# What the headings add to a passage's sentence vector. More drowns the passage's own words:
# mean nDCG@10 over seven sets falls from .73 to .71 at 1.0.
CONTEXT_SHARE = 0.2


class ChunkEncoder:
    """Gives a chunk its sentence vector, its token vectors and its term weights.

    A passage and the headings above it are encoded apart, so that a long title does not colour
    every word of a short passage; the headings of a page are encoded once.
    """

    def __init__(self, embedder: Embedder, bm25: Bm25Encoder, codec: TokenCodec) -> None:
        self._embedder = embedder
        self._bm25 = bm25
        self._codec = codec

    def count(self, text: str) -> int:
        """Tokens the embedder reads in `text`, its own markers included."""
        return self._embedder.count(text)

    def encode(self, chunks: Sequence[Chunk]) -> list[EncodedChunk]:
        """Encode chunks, in the order given."""
        contexts = dict.fromkeys(chunk.context for chunk in chunks)
        texts = [*contexts, *(chunk.text for chunk in chunks)]
        encoded = [
            Encoded(text, encoding)
            for text, encoding in zip(texts, self._embedder.passages(texts), strict=True)
        ]
        above = dict(zip(contexts, encoded, strict=False))
        passages = encoded[len(contexts) :]
        return [
            self._one(chunk, above[chunk.context], passage)
            for chunk, passage in zip(chunks, passages, strict=True)
        ]

    def _one(self, chunk: Chunk, context: Encoded, passage: Encoded) -> EncodedChunk:
        return EncodedChunk(
            chunk=chunk,
            dense=_sentence(context, passage),
            lexical=self._bm25.passage(chunk.embedded_text),
            late=self._codec.pack(context, passage, chunk.units),
        )


def _sentence(context: Encoded, passage: Encoded) -> NDArray[np.float32]:
    if not context.text:
        return passage.encoding.sentence
    mixed = passage.encoding.sentence + CONTEXT_SHARE * context.encoding.sentence
    return np.asarray(mixed / np.linalg.norm(mixed), dtype=np.float32)
