"""Reads and moves the pointer to the current release; the index itself need not be open."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingestion.releases.ledger import Ledger
from ingestion.releases.upkeep import rollback

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from app.settings import Settings


@dataclass(frozen=True, slots=True)
class ListedRelease:
    """One release, as it is listed.

    Attributes:
        release: Its number.
        current: A mark, on the one that readers see.
        published: When.
        added: Pages that were new in it.
        changed: Pages that were not as before.
        moved: Pages that had another name before.
        removed: Pages that were gone.
        encoded: Passages that went through the embedder for it.
    """

    release: int
    current: str
    published: str
    added: int
    changed: int
    moved: int
    removed: int
    encoded: int


@dataclass(frozen=True, slots=True)
class ListedRun:
    """One run, as it is listed.

    Attributes:
        started: When.
        seconds: How long it took; None while it runs, or when it was killed.
        outcome: How it ended.
        release: The release that readers saw after it.
        note: Why it published nothing, when something was wrong.
    """

    started: str
    seconds: float | None
    outcome: str
    release: int | None
    note: str


async def listed_releases(settings: Settings, tenant: str) -> list[ListedRelease]:
    """A tenant's releases that are kept, newest first."""
    async with _opened(settings) as ledger:
        current = (await ledger.head(tenant)).current
        found = await ledger.releases(tenant)
    return [
        ListedRelease(
            release=each.number,
            current="*" if each.number == current else "",
            published=f"{each.published_at:%Y-%m-%d %H:%M:%S}",
            added=each.counts.added,
            changed=each.counts.changed,
            moved=each.counts.moved,
            removed=each.counts.removed,
            encoded=each.counts.encoded,
        )
        for each in found
    ]


async def last_runs(settings: Settings, tenant: str) -> list[ListedRun]:
    """The last runs for a tenant, newest first."""
    async with _opened(settings) as ledger:
        found = await ledger.runs(tenant)
    return [
        ListedRun(
            started=f"{run.started_at:%Y-%m-%d %H:%M:%S}",
            seconds=run.seconds,
            outcome=run.outcome,
            release=run.release,
            note=run.note,
        )
        for run in found
    ]


async def roll_back(settings: Settings, tenant: str, number: int | None) -> int:
    """See `ingestion.releases.upkeep.rollback`."""
    async with _opened(settings) as ledger:
        return await rollback(ledger, tenant, number)


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[Ledger]:
    ledger = await Ledger.open(settings.resolved_ledger, settings.index_name)
    try:
        yield ledger
    finally:
        await ledger.close()
