"""Chunks to what an index stores about them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retrieval.index import EncodedChunk

if TYPE_CHECKING:
    from collections.abc import Sequence

    from retrieval.embedders import Embedder, Encoding
    from retrieval.late import TokenCodec
    from retrieval.lexical import Bm25Encoder
    from retrieval.types import Chunk


class ChunkEncoder:
    """One forward pass a chunk gives all three: sentence vector, token vectors, term weights."""

    def __init__(self, embedder: Embedder, bm25: Bm25Encoder, codec: TokenCodec) -> None:
        self._embedder = embedder
        self._bm25 = bm25
        self._codec = codec

    def count(self, text: str) -> int:
        """Tokens the embedder reads in `text`, its own markers included."""
        return self._embedder.count(text)

    def encode(self, chunks: Sequence[Chunk]) -> list[EncodedChunk]:
        """Encode chunks, in the order given."""
        encodings = self._embedder.passages([chunk.embedded_text for chunk in chunks])
        return [self._one(chunk, e) for chunk, e in zip(chunks, encodings, strict=True)]

    def _one(self, chunk: Chunk, encoding: Encoding) -> EncodedChunk:
        text = chunk.embedded_text
        shift = len(text) - len(chunk.text)
        return EncodedChunk(
            chunk=chunk,
            dense=encoding.sentence,
            lexical=self._bm25.passage(text),
            late=self._codec.pack(text, encoding, shift, chunk.units),
        )
