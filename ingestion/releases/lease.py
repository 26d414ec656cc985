"""One writer at a time: a lease that a dead writer cannot keep."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from secrets import token_hex
from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from ingestion.releases.schema import leases
from retrieval.errors import LeaseLost, StoreUnavailable, WriterBusy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sqlalchemy.ext.asyncio import AsyncConnection

    from ingestion.releases.ledger import Ledger

RENEW_SECONDS = 5.0
EXPIRES_AFTER = timedelta(seconds=30)

# The leases this very process holds: a holder with its number that is not among them is a
# process of an earlier life, as in a container that was started again.
_held_here: set[str] = set()


@dataclass(slots=True)
class Lease:
    """The right to write. Ask `check` before each write."""

    holder: str
    lost: bool = False

    def check(self) -> None:
        """Go on only while nobody else has taken over.

        Raises:
            LeaseLost: Another writer has, or it could not be renewed in time.
        """
        if self.lost:
            raise LeaseLost(
                "Another run took over, because this one did not report for "
                f"{EXPIRES_AFTER.seconds} seconds.",
                hint="Nothing was published. Run it again when the other one is done.",
            )


@asynccontextmanager
async def write_lease(ledger: Ledger) -> AsyncIterator[Lease]:
    """Be the only writer of an index.

    Raises:
        WriterBusy: Another writer is at work.
    """
    lease = Lease(f"{socket.gethostname()} {os.getpid()} {token_hex(4)}")
    await _take(ledger, lease.holder)
    _held_here.add(lease.holder)
    renewing = asyncio.create_task(_keep(ledger, lease))
    try:
        yield lease
    finally:
        renewing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await renewing
        _held_here.discard(lease.holder)
        await _give_back(ledger, lease.holder)


async def _take(ledger: Ledger, holder: str) -> None:
    """Write our name where there is none, or over a dead writer's, unless somebody is faster."""
    mine = leases.c.index_name == ledger.index_name
    row = {"index_name": ledger.index_name, "holder": holder, "renewed_at": datetime.now(UTC)}
    async with ledger.database.transaction() as connection:
        found = (await connection.execute(select(leases).where(mine))).first()
    if found is not None:
        renewed = found.renewed_at.replace(tzinfo=found.renewed_at.tzinfo or UTC)
        _expect_dead(found.holder, datetime.now(UTC) - renewed)
    async with ledger.database.transaction() as connection:
        if found is not None:
            same = update(leases).where(mine, leases.c.holder == found.holder).values(row)
            taken = (await connection.execute(same)).rowcount == 1
        else:
            taken = await _inserted(connection, row)
    if not taken:
        raise _busy("Another run", "just now")


async def _inserted(connection: AsyncConnection, row: dict[str, object]) -> bool:
    try:
        async with connection.begin_nested():
            await connection.execute(insert(leases), row)
    except IntegrityError:
        return False
    return True


def _expect_dead(holder: str, silent: timedelta) -> None:
    if silent < EXPIRES_AFTER and _may_live(holder):
        host, pid, _ = holder.rsplit(" ", 2)
        raise _busy(f"Process {pid} on {host}", f"{silent.total_seconds():.0f} seconds ago")


def _may_live(holder: str) -> bool:
    host, pid, _ = holder.rsplit(" ", 2)
    if host != socket.gethostname():
        return True
    if int(pid) == os.getpid():
        return holder in _held_here
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _busy(who: str, when: str) -> WriterBusy:
    return WriterBusy(
        f"{who} is writing to this index, and reported {when}.",
        hint=f"Wait for it. If it died, its lease ends after {EXPIRES_AFTER.seconds} seconds.",
    )


async def _keep(ledger: Ledger, lease: Lease) -> None:
    """Report that we live; a database that is away for a moment is no reason to stop."""
    mine = (leases.c.index_name == ledger.index_name, leases.c.holder == lease.holder)
    renewed = datetime.now(UTC)
    while not lease.lost:
        await asyncio.sleep(RENEW_SECONDS)
        now = datetime.now(UTC)
        try:
            async with ledger.database.transaction() as connection:
                ours = update(leases).where(*mine).values(renewed_at=now)
                lease.lost = (await connection.execute(ours)).rowcount == 0
            renewed = now
        except StoreUnavailable:
            lease.lost = now - renewed > EXPIRES_AFTER


async def _give_back(ledger: Ledger, holder: str) -> None:
    mine = (leases.c.index_name == ledger.index_name, leases.c.holder == holder)
    # Whoever comes next sees that this process is gone, or that the lease has run out.
    with contextlib.suppress(StoreUnavailable):
        async with ledger.database.transaction() as connection:
            await connection.execute(delete(leases).where(*mine))
