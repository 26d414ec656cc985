"""The ledger: which releases there are, which one readers see, and what was read for it."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, insert, select, update

from ingestion.database import Database
from ingestion.releases.schema import heads, leases, metadata, pages, releases, runs
from ingestion.releases.types import (
    NOTHING_YET,
    Counts,
    Head,
    Outcome,
    PageRecord,
    Release,
    RunRecord,
)
from retrieval.errors import LeaseLost, UnknownRelease

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import ColumnElement, Row, Table
    from sqlalchemy.ext.asyncio import AsyncConnection

NO_HEAD = Head()


class Ledger:
    """The ledger of one index.

    Every method raises `StoreUnavailable` when the database cannot be read or written.
    """

    def __init__(self, database: Database, index_name: str) -> None:
        self.database = database
        self.index_name = index_name

    @classmethod
    async def open(cls, url: str, index_name: str) -> Ledger:
        """Connect by SQLAlchemy URL and create missing tables.

        Args:
            url: The database.
            index_name: Which index this is the ledger of.
        """
        return cls(await Database.open(url, metadata), index_name)

    async def head(self, tenant: str) -> Head:
        """Where a tenant's knowledge stands."""
        return (await self.heads()).get(tenant, NO_HEAD)

    async def heads(self) -> dict[str, Head]:
        """Where the knowledge of every tenant stands."""
        wanted = select(heads).where(self._mine(heads))
        async with self.database.transaction() as connection:
            rows = (await connection.execute(wanted)).all()
        return {row.tenant: Head(row.current, row.newest) for row in rows}

    async def releases(self, tenant: str) -> list[Release]:
        """A tenant's releases that are kept, newest first."""
        wanted = (
            select(releases)
            .where(self._mine(releases), releases.c.tenant == tenant)
            .order_by(releases.c.number.desc())
        )
        async with self.database.transaction() as connection:
            return [_release(row) for row in (await connection.execute(wanted)).all()]

    async def sources(self, tenant: str) -> list[str]:
        """The names of the sources that the newest release has pages of."""
        wanted = select(pages.c.source).where(self._mine(pages), pages.c.tenant == tenant)
        async with self.database.transaction() as connection:
            return sorted((await connection.execute(wanted.distinct())).scalars())

    async def pages(self, tenant: str, source: str) -> dict[str, PageRecord]:
        """What the newest release holds of a source, by file."""
        wanted = select(pages).where(*self._of_source(tenant, source))
        async with self.database.transaction() as connection:
            rows = (await connection.execute(wanted)).all()
        return {row.file: _page(row) for row in rows}

    async def publish(
        self, release: Release, held: Mapping[str, Sequence[PageRecord]], holder: str
    ) -> None:
        """Switch readers over, in one transaction.

        Args:
            release: The candidate, which is complete and checked.
            held: What it holds of each of its sources, whole.
            holder: Who must hold the lease for it.

        Raises:
            LeaseLost: Another writer took over.
        """
        async with self.database.transaction() as connection:
            await self._expect_holder(connection, holder)
            await connection.execute(insert(releases), self._release_row(release))
            await self._point(connection, release.tenant, release.number, release.number)
            await self._hold(connection, release.tenant, held)

    async def hold(
        self, tenant: str, held: Mapping[str, Sequence[PageRecord]], holder: str
    ) -> None:
        """Note files that were read anew and hold what they held; see `publish`."""
        async with self.database.transaction() as connection:
            await self._expect_holder(connection, holder)
            await self._hold(connection, tenant, held)

    async def point(self, tenant: str, number: int) -> None:
        """Have readers see a release that is kept, newer or older than the current one.

        Raises:
            UnknownRelease: The tenant has no such release, or it was vacuumed.
        """
        of_tenant = (self._mine(releases), releases.c.tenant == tenant)
        is_kept = select(releases).where(*of_tenant, releases.c.number == number).exists()
        # One statement: a run may publish meanwhile, or a vacuum forget the release.
        pointed = (
            update(heads)
            .where(self._mine(heads), heads.c.tenant == tenant, is_kept)
            .values(current=number)
        )
        async with self.database.transaction() as connection:
            if (await connection.execute(pointed)).rowcount:
                return
        kept = ", ".join(str(release.number) for release in await self.releases(tenant))
        raise UnknownRelease(
            f"Tenant '{tenant}' has no release {number}.", hint=f"Kept are: {kept or 'none'}."
        )

    async def forget(self, tenant: str, before: int) -> int:
        """Take releases off the list: those before a number, and before the current one.

        Returns:
            The oldest release that is kept; 0 when there is none.
        """
        of_tenant = (self._mine(releases), releases.c.tenant == tenant)
        current = select(heads.c.current).where(self._mine(heads), heads.c.tenant == tenant)
        old = (releases.c.number < before, releases.c.number < current.scalar_subquery())
        oldest = select(func.min(releases.c.number)).where(*of_tenant)
        async with self.database.transaction() as connection:
            await connection.execute(delete(releases).where(*of_tenant, *old))
            return (await connection.execute(oldest)).scalar() or NOTHING_YET

    async def begin_run(self, tenant: str, sources: Sequence[str]) -> int:
        """Note that a run begins, and that one which never ended was interrupted."""
        row = {
            "index_name": self.index_name,
            "tenant": tenant,
            "sources": list(sources),
            "started_at": datetime.now(UTC),
            "outcome": Outcome.RUNNING,
            "note": "",
        }
        killed = (self._mine(runs), runs.c.tenant == tenant, runs.c.outcome == Outcome.RUNNING)
        async with self.database.transaction() as connection:
            await connection.execute(
                update(runs).where(*killed).values(outcome=Outcome.INTERRUPTED)
            )
            result = await connection.execute(insert(runs).values(row).returning(runs.c.id))
            return int(result.scalar_one())

    async def end_run(
        self, run: int, outcome: Outcome, *, release: int | None = None, note: str = ""
    ) -> None:
        """Note how a run ended."""
        ended = {
            "finished_at": datetime.now(UTC),
            "outcome": outcome,
            "release": release,
            "note": note,
        }
        async with self.database.transaction() as connection:
            await connection.execute(update(runs).where(runs.c.id == run).values(ended))

    async def runs(self, tenant: str, limit: int = 20) -> list[RunRecord]:
        """The last runs for a tenant, newest first."""
        wanted = (
            select(runs)
            .where(self._mine(runs), runs.c.tenant == tenant)
            .order_by(runs.c.id.desc())
            .limit(limit)
        )
        async with self.database.transaction() as connection:
            return [_run(row) for row in (await connection.execute(wanted)).all()]

    async def close(self) -> None:
        """Close all connections."""
        await self.database.close()

    def _mine(self, table: Table) -> ColumnElement[bool]:
        return table.c.index_name == self.index_name

    def _of_source(self, tenant: str, source: str) -> tuple[ColumnElement[bool], ...]:
        return self._mine(pages), pages.c.tenant == tenant, pages.c.source == source

    async def _hold(
        self,
        connection: AsyncConnection,
        tenant: str,
        held: Mapping[str, Sequence[PageRecord]],
    ) -> None:
        for source, records in held.items():
            await connection.execute(delete(pages).where(*self._of_source(tenant, source)))
            if records:
                rows = [self._page_row(tenant, source, each) for each in records]
                await connection.execute(insert(pages), rows)

    async def _expect_holder(self, connection: AsyncConnection, holder: str) -> None:
        held = select(leases.c.holder).where(self._mine(leases)).with_for_update()
        if (await connection.execute(held)).scalar() != holder:
            raise LeaseLost(
                "Another run took over before this one was done.", hint="Nothing was published."
            )

    async def _point(
        self, connection: AsyncConnection, tenant: str, current: int, newest: int
    ) -> None:
        mine = (self._mine(heads), heads.c.tenant == tenant)
        row = {"current": current, "newest": newest}
        if not (await connection.execute(update(heads).where(*mine).values(row))).rowcount:
            row_of = {"index_name": self.index_name, "tenant": tenant}
            await connection.execute(insert(heads), row_of | row)

    def _release_row(self, release: Release) -> dict[str, Any]:
        return {
            "index_name": self.index_name,
            "tenant": release.tenant,
            "number": release.number,
            "published_at": release.published_at,
            "sources": list(release.sources),
            "counts": asdict(release.counts),
        }

    def _page_row(self, tenant: str, source: str, record: PageRecord) -> dict[str, Any]:
        return {
            "index_name": self.index_name,
            "tenant": tenant,
            "source": source,
            "file": record.file,
            "fingerprint": record.fingerprint,
            "pages": list(record.pages),
        }


def _release(row: Row[Any]) -> Release:
    counts = Counts(**row.counts)
    return Release(row.tenant, row.number, _aware(row.published_at), tuple(row.sources), counts)


def _page(row: Row[Any]) -> PageRecord:
    return PageRecord(row.file, row.fingerprint, tuple(row.pages))


def _run(row: Row[Any]) -> RunRecord:
    return RunRecord(
        id=row.id,
        tenant=row.tenant,
        sources=tuple(row.sources),
        started_at=_aware(row.started_at),
        finished_at=_aware(row.finished_at) if row.finished_at else None,
        outcome=Outcome(row.outcome),
        release=row.release,
        note=row.note,
    )


def _aware(at: datetime) -> datetime:
    return at if at.tzinfo else at.replace(tzinfo=UTC)  # SQLite drops the zone
