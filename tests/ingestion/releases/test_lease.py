"""One writer at a time, and none that a dead one keeps out."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import delete, insert, select, update

from ingestion.releases import lease as leasing
from ingestion.releases.lease import EXPIRES_AFTER, write_lease
from ingestion.releases.schema import leases
from ingestion.releases.types import Outcome
from retrieval.errors import LeaseLost, StoreUnavailable, WriterBusy
from tests.ingestion.releases.press import GOOD, NotingEncoder
from tests.library import open_ledger, write_pages

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from sqlalchemy.ext.asyncio import AsyncConnection

    from ingestion.releases.ledger import Ledger
    from retrieval.index import EncodedChunk
    from retrieval.types import Chunk
    from tests.ingestion.releases.press import Press

HERE = socket.gethostname()


async def hold_as(ledger: Ledger, holder: str, silent: timedelta = timedelta()) -> None:
    """Note somebody else as the writer, who reported that long ago."""
    row = {
        "index_name": ledger.index_name,
        "holder": holder,
        "renewed_at": datetime.now(UTC) - silent,
    }
    async with ledger.database.transaction() as connection:
        await connection.execute(delete(leases))
        await connection.execute(insert(leases), row)


async def holder_of(ledger: Ledger) -> str | None:
    async with ledger.database.transaction() as connection:
        return (await connection.execute(select(leases.c.holder))).scalar()


async def test_a_second_writer_is_told_who_is_at_work_and_since_when(own_ledger: Ledger) -> None:
    async with write_lease(own_ledger):
        with pytest.raises(WriterBusy, match=rf"Process {os.getpid()} on {HERE}.* 0 seconds ago"):
            async with write_lease(own_ledger):
                pytest.fail("two at once")
    assert await holder_of(own_ledger) is None
    async with write_lease(own_ledger):
        pass


async def test_a_lease_is_given_back_when_its_holder_fails(own_ledger: Ledger) -> None:
    with pytest.raises(ZeroDivisionError):
        async with write_lease(own_ledger):
            raise ZeroDivisionError
    assert await holder_of(own_ledger) is None


async def test_of_two_that_come_at_once_one_wins(tmp_path: Path) -> None:
    ledgers = [await open_ledger(tmp_path) for _ in range(2)]
    inside = 0

    async def write(ledger: Ledger) -> bool:
        nonlocal inside
        try:
            async with write_lease(ledger):
                inside += 1
                assert inside == 1
                await asyncio.sleep(0.02)
                inside -= 1
        except WriterBusy:
            return False
        return True

    for found in (None, f"{HERE} {dead_process()} aaaa"):
        for _ in range(10):
            if found:
                await hold_as(ledgers[0], found)
            won = await asyncio.gather(*(write(ledger) for ledger in ledgers))
            assert sorted(won) == [False, True]
    for ledger in ledgers:
        await ledger.close()


def dead_process() -> int:
    """The number of a process that is no more."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


HOLD = """
import asyncio, pathlib, sys
from ingestion.releases.lease import write_lease
from tests.library import open_ledger

async def main():
    async with write_lease(await open_ledger(pathlib.Path(sys.argv[1]))):
        print("writing", flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""


async def test_a_living_process_keeps_the_lease_and_a_killed_one_does_not(
    tmp_path: Path, own_ledger: Ledger
) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLD, str(tmp_path), stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"writing\n"
    with pytest.raises(WriterBusy, match=f"Process {process.pid} on {HERE}"):
        async with write_lease(own_ledger):
            pytest.fail("two at once")
    process.send_signal(signal.SIGKILL)
    await process.wait()
    async with write_lease(own_ledger):
        assert f" {process.pid} " not in str(await holder_of(own_ledger))


async def test_this_process_in_an_earlier_life_does_not_keep_the_lease(own_ledger: Ledger) -> None:
    """In a container that was started again, the number of the process is the same."""
    await hold_as(own_ledger, f"{HERE} {os.getpid()} 0000")
    async with write_lease(own_ledger):
        pass


async def test_a_silent_holder_on_another_host_keeps_it_until_it_expires(
    own_ledger: Ledger,
) -> None:
    elsewhere = f"elsewhere {dead_process()} aaaa"
    await hold_as(own_ledger, elsewhere, silent=EXPIRES_AFTER - timedelta(seconds=3))
    with pytest.raises(WriterBusy, match=r"on elsewhere.*reported 2\d seconds ago"):
        async with write_lease(own_ledger):
            pytest.fail("two at once")
    await hold_as(own_ledger, elsewhere, silent=EXPIRES_AFTER)
    async with write_lease(own_ledger) as lease:
        assert await holder_of(own_ledger) == lease.holder


async def test_a_holder_reports_again_and_again(
    own_ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leasing, "RENEW_SECONDS", 0.01)

    async def renewed() -> datetime:
        async with own_ledger.database.transaction() as connection:
            at = (await connection.execute(select(leases.c.renewed_at))).scalar_one()
            assert isinstance(at, datetime)
            return at

    async with write_lease(own_ledger) as lease:
        before = await renewed()
        await asyncio.sleep(0.1)
        assert await renewed() > before
        lease.check()


async def test_a_holder_whose_lease_was_taken_notices(
    own_ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leasing, "RENEW_SECONDS", 0.01)
    async with write_lease(own_ledger) as lease:
        await hold_as(own_ledger, "elsewhere 1 aaaa")
        await asyncio.sleep(0.1)
        with pytest.raises(LeaseLost, match="Another run took over"):
            lease.check()
    assert await holder_of(own_ledger) == "elsewhere 1 aaaa", "what is another's stays"


async def test_a_database_that_is_away_for_long_loses_the_lease(
    own_ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leasing, "RENEW_SECONDS", 0.01)

    @asynccontextmanager
    async def away() -> AsyncIterator[AsyncConnection]:
        raise StoreUnavailable("The database is away.")
        yield  # what makes it a generator

    async with write_lease(own_ledger) as lease:
        with monkeypatch.context() as patch:
            patch.setattr(own_ledger.database, "transaction", away)
            await asyncio.sleep(0.1)
            lease.check()  # for a moment is no reason to stop
            patch.setattr(leasing, "EXPIRES_AFTER", timedelta(seconds=0.1))
            await asyncio.sleep(0.2)
            assert lease.lost


class Robbed(NotingEncoder):
    """While this one works, another writer takes over."""

    ledger: Ledger

    def encode(self, chunks: Sequence[Chunk]) -> list[EncodedChunk]:
        taken = update(leases).values(holder="elsewhere 1 aaaa")

        async def take() -> None:
            async with self.ledger.database.transaction() as connection:
                await connection.execute(taken)

        asyncio.run_coroutine_threadsafe(take(), self.loop).result(5)
        return super().encode(chunks)

    loop: asyncio.AbstractEventLoop


async def test_a_run_that_lost_its_lease_publishes_nothing(press: Press, good: Path) -> None:
    await press.publish(good)
    before = await press.shown()
    write_pages(good, {"new.md": GOOD["good.md"].replace("copper", "brass")})
    robbed = Robbed(press.encoder._real)
    robbed.ledger, robbed.loop = press.ledger, asyncio.get_running_loop()
    honest = press.encoder
    object.__setattr__(press, "encoder", robbed)
    with pytest.raises(LeaseLost, match="Nothing was published"):
        await press.publish(good)
    assert await press.shown() == before
    assert (await press.ledger.runs("default"))[0].outcome == Outcome.FAILED
    assert await holder_of(press.ledger) == "elsewhere 1 aaaa"

    object.__setattr__(press, "encoder", honest)
    async with press.ledger.database.transaction() as connection:
        await connection.execute(delete(leases))
    report = await press.publish(good)
    assert (report.release, report.counts.reused) == (2, 1)
