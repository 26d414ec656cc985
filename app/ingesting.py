"""Gets work on an index done: here, or by the server that has the embedded index open."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from app.bootstrap import open_library
from app.control import served_knowledge
from app.knowledge import EVERYBODY, IngestRequest, Knowledge, OwnKnowledge
from ingestion.progress import open_meter

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from rich.console import Console

    from app.settings import Settings
    from ingestion.releases.publishing import RunReport
    from retrieval.types import Scope


@asynccontextmanager
async def open_knowledge(settings: Settings) -> AsyncIterator[Knowledge]:
    """The index: opened here, unless a server on this machine has the embedded one open.

    Raises:
        IndexBusy: Another process has it open, and does not take orders.
        AnswerableError: A part does not open; see `app.bootstrap.open_library`.
    """
    served = await served_knowledge(settings)
    if served is not None:
        yield served
        return
    async with open_library(settings) as library:
        yield OwnKnowledge(settings, library)


async def ingest_folders(
    settings: Settings,
    paths: Sequence[Path],
    console: Console,
    *,
    scope: Scope = EVERYBODY,
    base_url: str = "",
) -> RunReport:
    """Publish what the folders hold.

    Args:
        settings: Which index.
        paths: The folders or files.
        console: Where progress is drawn.
        scope: Whose they are, and for whom, where a page does not say otherwise.
        base_url: Where customers read the same pages.
    """
    request = IngestRequest(folders=tuple(paths), scope=scope, base_url=base_url)
    async with open_knowledge(settings) as knowledge:
        with open_meter(console) as meter:
            [report] = await knowledge.ingest(request, meter)
    return report
