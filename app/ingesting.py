"""Runs ingestion from the command line and from the demo."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from app.bootstrap import open_library
from ingestion.progress import open_meter
from ingestion.sources.files import FolderSource
from retrieval.types import Scope

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rich.console import Console

    from app.settings import Settings
    from ingestion.ingest import IngestReport

PUBLIC = Scope()


async def ingest_folders(
    settings: Settings,
    paths: Sequence[Path],
    tenant: str,
    base_url: str,
    console: Console,
    *,
    scope: Scope = PUBLIC,
) -> list[tuple[Path, IngestReport]]:
    """Bring the index up to date with each folder; a wrong path fails before any is read.

    Args:
        settings: Which index.
        paths: The folders or files.
        tenant: Whose documents they are.
        base_url: Where customers read the same pages.
        console: Where progress is drawn.
        scope: Their audience, language and product, where a page does not say otherwise.
    """
    sources = [FolderSource(path, base_url=base_url) for path in paths]
    for source in sources:
        source.count()
    reports = []
    async with open_library(settings) as library:
        for path, source in zip(paths, sources, strict=True):
            under = replace(scope, tenant=tenant, source=str(path.resolve()))
            with open_meter(console) as meter:
                reports.append((path, await library.ingestion(settings, meter).run(source, under)))
        await library.index.flush()
    return reports
