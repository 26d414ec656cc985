"""Asking an index of made-up vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from retrieval.index import IndexQuery
from retrieval.lexical import Bm25Encoder, SparseVector
from retrieval.types import Reader
from tests.library import unit_vector

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from retrieval.index import ChunkIndex
    from retrieval.late import TokenMatrix

DIMS = 32
PUBLIC = Reader()
NO_WORDS = SparseVector((), ())


def query(
    dense: NDArray[np.float32] | None = None,
    words: str = "",
    reader: Reader = PUBLIC,
    limit: int = 10,
) -> IndexQuery:
    lexical = Bm25Encoder().question(words) if words else NO_WORDS
    return IndexQuery(unit_vector(0) if dense is None else dense, lexical, reader, limit)


async def found(index: ChunkIndex, asked: IndexQuery) -> list[str]:
    return [candidate.chunk.id for candidate in await index.search(asked)]


def same_tokens(one: TokenMatrix, other: TokenMatrix) -> bool:
    same = np.array_equal(one.codes, other.codes) and one.codes.shape == other.codes.shape
    return same and (one.bounds, one.length) == (other.bounds, other.length)
