"""How much memory an index takes while it is searched.

Measured in a process of its own: one that has built an index has memory to spare, and holds a model
besides.
"""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

from retrieval.index import open_index

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from retrieval.index import ChunkIndex, IndexQuery


@dataclass(frozen=True, slots=True)
class Memory:
    """What a process holds, in bytes.

    Attributes:
        own: Memory that only it has.
        mapped: Pages of files, which the system takes back when it needs room.
    """

    own: int
    mapped: int

    @classmethod
    def now(cls) -> Memory | None:
        """What this process holds; None where the system does not tell."""
        return cls.of(os.getpid())

    @classmethod
    def of(cls, process: int) -> Memory | None:
        """What a process holds; None where the system does not tell, or no longer."""
        try:
            status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
        except OSError:
            return None
        lines = (line.split() for line in status.splitlines())
        kilobytes = {words[0]: int(words[1]) for words in lines if words[0].startswith("Rss")}
        if "RssAnon:" not in kilobytes:  # it has ended, and waits to be asked how
            return None
        return cls(kilobytes["RssAnon:"] * 1024, kilobytes["RssFile:"] * 1024)

    def since(self, before: Memory) -> Memory:
        """How much more it is."""
        return Memory(max(0, self.own - before.own), max(0, self.mapped - before.mapped))


async def footprint(
    folder: str, model: str, dims: int, queries: Sequence[IndexQuery]
) -> Memory | None:
    """What an embedded index takes once it has been asked all this; it must not be open.

    Returns:
        The memory, or None where the system does not tell.
    """
    with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as process:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(process, _measured, folder, model, dims, queries)


@asynccontextmanager
async def opened(folder: str, model: str, dims: int) -> AsyncIterator[ChunkIndex]:
    """The embedded index in a folder, closed again at the end."""
    index = await open_index(f"edge:{folder}", model=model, dims=dims)
    try:
        yield index
    finally:
        await index.close()


def _measured(folder: str, model: str, dims: int, queries: Sequence[IndexQuery]) -> Memory | None:
    async def ask() -> Memory | None:
        async with opened(folder, model, dims) as index:
            for query in queries:
                await index.search(query)
            return Memory.now()

    before = Memory.now()
    after = asyncio.run(ask())
    return after.since(before) if before and after else None
