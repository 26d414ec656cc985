"""Storage that goes when a measurement is done with it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ingestion.releases.lease import write_lease
from ingestion.releases.types import Counts, Release
from retrieval.index import FIRST
from retrieval.types import Scope

if TYPE_CHECKING:
    from app.bootstrap import Library
    from app.settings import Settings


def scratch_settings(settings: Settings, folder: str) -> Settings:
    """The same settings, with index and database in `folder`; prepared models are kept."""
    return settings.model_copy(
        update={
            "index_url": f"edge:{folder}/index",
            "database_url": f"sqlite+aiosqlite:///{folder}/answerable.db",
        }
    )


async def publish_as_it_is(library: Library) -> None:
    """Show readers what was stored in the index by hand, as its first release."""
    scope = Scope()
    release = Release(scope.tenant, FIRST, datetime.now(UTC), (scope.source,), Counts())
    async with write_lease(library.ledger) as lease:
        await library.ledger.publish(release, {}, lease.holder)
