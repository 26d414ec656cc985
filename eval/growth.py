"""More passages than there are: real ones, and mixtures of them, to fill an index of any size.

A mixture takes its sentence vector from between two real passages (the first counts for half to
nine tenths) with a little noise, its text and token vectors from the first, and of both passages'
BM25 terms each with the probability of that passage's share. So each point costs the engine what a
real one costs, the terms are as frequent and the vectors as long and as near to one another as in
a larger library of the same kind, where much is said several times in other words.

That the search is neither easier nor harder over mixtures was tried with graphs that were forced
on small indexes: over 3,000 real passages of product documentation recall@20 was .958, .984 and
.996 with `hnsw_ef` at 20, 32 and 64; over 1,000 of them and 2,000 mixtures .961, .982 and .997.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import UUID

import numpy as np

from retrieval.index import EncodedChunk
from retrieval.lexical import SparseVector

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

SHARES = (0.5, 0.9)  # of the first passage
NOISE = 0.05  # its length, beside a vector of length 1


def grow(real: Sequence[EncodedChunk], count: int, tenants: int) -> Iterator[EncodedChunk]:
    """Make `count` chunks, the same for the same arguments: the real ones, then mixtures.

    Args:
        real: Encoded passages; at least one.
        count: How many chunks are wanted.
        tenants: How many tenants they are dealt to in turn; see `tenant_of`.

    Yields:
        Chunks whose ids are their numbers, from 0; see `number_of`.
    """
    random = np.random.default_rng(seed=0)
    for number in range(count):
        made = real[number] if number < len(real) else _mixture(real, number, random)
        scope = replace(made.chunk.scope, tenant=tenant_of(number, tenants))
        chunk = replace(made.chunk, id=str(UUID(int=number)), scope=scope)
        yield replace(made, chunk=chunk)


def tenant_of(number: int, tenants: int) -> str:
    """Whose a chunk is."""
    return f"tenant-{number % tenants}"


def number_of(chunk_id: str) -> int:
    """Which of the chunks made this one is."""
    return UUID(chunk_id).int


def _mixture(
    real: Sequence[EncodedChunk], number: int, random: np.random.Generator
) -> EncodedChunk:
    first, second = (real[i] for i in random.integers(len(real), size=2))
    share = random.uniform(*SHARES)
    # Pages stay as long as they are: each round of mixtures has pages of its own.
    page = f"{first.chunk.page} ({number // len(real)})"
    return EncodedChunk(
        chunk=replace(first.chunk, page=page),
        dense=_between(first.dense, second.dense, share, random),
        lexical=_terms(first.lexical, second.lexical, share, random),
        late=first.late,
    )


def _between(
    first: NDArray[np.float32],
    second: NDArray[np.float32],
    share: float,
    random: np.random.Generator,
) -> NDArray[np.float32]:
    noise = random.standard_normal(len(first))
    mixed = _unit(share * first + (1 - share) * second) + NOISE * _unit(noise)
    return _unit(mixed).astype(np.float32)


def _unit(vector: NDArray[np.floating]) -> NDArray[np.floating]:
    return vector / np.linalg.norm(vector)


def _terms(
    first: SparseVector, second: SparseVector, share: float, random: np.random.Generator
) -> SparseVector:
    terms: dict[int, float] = {}
    for vector, chance in ((second, 1 - share), (first, share)):
        taken = random.random(len(vector.indices)) < chance
        pairs = zip(vector.indices, vector.values, taken, strict=True)
        terms |= {index: value for index, value, take in pairs if take}
    return SparseVector(tuple(terms), tuple(terms.values()))
