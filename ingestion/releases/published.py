"""The index as readers see it: each reads the release that is current when it begins."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from retrieval.errors import StoreUnavailable
from retrieval.index import ChunkReader

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ingestion.releases.ledger import Ledger
    from ingestion.releases.types import Head
    from retrieval.index import Candidate, IndexQuery
    from retrieval.types import Chunk, Reader

LOOK_SECONDS = 0.5  # how long a release may be read after the next one is current

_log = logging.getLogger(__name__)


class PublishedIndex(ChunkReader):
    """An index through its ledger: a reader that names no release reads the current one.

    Give a whole request one `pinned` reader, and it never sees two releases.
    """

    def __init__(self, index: ChunkReader, ledger: Ledger) -> None:
        self._index = index
        self._ledger = ledger
        self._heads: Mapping[str, Head] = {}
        self._looked = float("-inf")
        self._looking = asyncio.Lock()

    async def pinned(self, reader: Reader) -> Reader:
        """The reader, holding on to the release that is current now."""
        if reader.release is not None:
            return reader
        async with self._looking:
            if time.monotonic() - self._looked > LOOK_SECONDS:
                await self._look()
        head = self._heads.get(reader.tenant)
        return replace(reader, release=head.current if head else 0)

    async def search(self, query: IndexQuery) -> list[Candidate]:
        """See `ChunkReader.search`."""
        reader = await self.pinned(query.reader)
        return await self._index.search(replace(query, reader=reader))

    async def read(self, ids: Sequence[str], reader: Reader) -> list[Chunk]:
        """See `ChunkReader.read`."""
        return await self._index.read(ids, await self.pinned(reader))

    async def page(self, page: str, reader: Reader) -> list[Chunk]:
        """See `ChunkReader.page`."""
        return await self._index.page(page, await self.pinned(reader))

    async def _look(self) -> None:
        """Read where every tenant stands; while the ledger is away, the last known holds."""
        try:
            self._heads = await self._ledger.heads()
        except StoreUnavailable as error:
            if not self._heads:
                raise
            _log.warning("The release readers see may be out of date: %s", error)
        self._looked = time.monotonic()
