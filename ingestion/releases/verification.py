"""Looks whether a candidate is what it should be, by asking the index as readers do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retrieval.errors import ReleaseRefused
from retrieval.index import IndexQuery, VersionQuery
from retrieval.types import Reader

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingestion.releases.candidate import SourceUpdate
    from ingestion.releases.types import Head
    from retrieval.index import ChunkIndex, EncodedChunk
    from retrieval.types import Scope

# A chunk's own sentence vector finds it, or one just like it, with a cosine of 1 but for rounding.
SURELY_FOUND = 0.999
READ_AT_ONCE = 256
RUN_AGAIN = "Nothing was published. Run it again; what is stored already is not encoded again."


async def verify(
    index: ChunkIndex, tenant: str, head: Head, updates: Sequence[SourceUpdate]
) -> None:
    """Check a candidate's counts, that what is new is found, and that what is gone is not.

    Raises:
        ReleaseRefused: It is not what the run meant it to be.
        IndexUnavailable: The index does not answer.
    """
    await _expect_count(index, tenant, head, sum(update.growth for update in updates))
    for update in updates:
        for chunk in update.begun:
            await _expect_found(index, chunk, head.candidate)
        await _expect_gone(index, update, head.candidate)


async def _expect_count(index: ChunkIndex, tenant: str, head: Head, growth: int) -> None:
    before = await index.count(tenant, head.newest)
    after = await index.count(tenant, head.candidate)
    if after != before + growth:
        raise ReleaseRefused(
            f"Release {head.candidate} shows {after} passages; {before + growth} were expected.",
            hint=RUN_AGAIN,
        )


async def _expect_found(index: ChunkIndex, stored: EncodedChunk, release: int) -> None:
    reader = _reader(stored.chunk.scope, release)
    query = IndexQuery(stored.dense, stored.lexical, reader, limit=1)
    found = await index.search(query)
    if not found or found[0].dense < SURELY_FOUND:
        raise ReleaseRefused(
            f"A passage of {stored.chunk.page} is not found by its own words.", hint=RUN_AGAIN
        )


async def _expect_gone(index: ChunkIndex, update: SourceUpdate, release: int) -> None:
    """Ask for every passage that was removed, whoever was to see it."""
    tenant = update.spec.scope.tenant
    for start in range(0, len(update.ended), READ_AT_ONCE):
        chunks = update.ended[start : start + READ_AT_ONCE]
        if shown := await index.versions(VersionQuery(tenant, release, chunks=chunks)):
            raise ReleaseRefused(
                f"{len(shown)} removed passages are still found, one of them on {shown[0].page}.",
                hint=RUN_AGAIN,
            )


def _reader(scope: Scope, release: int) -> Reader:
    return Reader(scope.tenant, (scope.audience,), scope.locale, release=release)
