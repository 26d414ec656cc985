"""One process asks another to work on its index; only the work itself is made up."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app.control import LONGEST_PATH, ServedKnowledge, served_knowledge, socket_path, taking_orders
from app.knowledge import IngestRequest, Knowledge
from app.settings import Settings
from ingestion.releases.gate import GateResult
from ingestion.releases.publishing import RunOptions, RunReport
from ingestion.releases.types import Counts, Outcome
from ingestion.releases.upkeep import PageDifference
from ingestion.sources.source import Skipped, SkipReason
from retrieval.errors import (
    AnswerableError,
    BadInput,
    ReleaseRefused,
    Unavailable,
    UnknownRelease,
    WriterBusy,
)
from retrieval.types import Scope

if TYPE_CHECKING:
    from ingestion.progress import Meter

COUNTS = Counts(read=3, added=2, encoded=7)
REPORT = RunReport(
    tenant="acme",
    outcome=Outcome.PUBLISHED,
    release=4,
    counts=COUNTS,
    sources={"docs": COUNTS},
    skipped=(Skipped("a.md", SkipReason.EMPTY, "0 bytes"),),
    gate=GateResult(5, 4, 5, (), ("Größe?",)),
    seconds=1.5,
    encoder_seconds=0.5,
)
REQUEST = IngestRequest(
    folders=(Path("/docs"), Path("/more")),
    sources=Path("/sources.yaml"),
    base_url="https://help.example.com",
    scope=Scope("acme", "staff", "de", product="kettle"),
    golden=Path("/golden.jsonl"),
    tolerance=0.1,
    options=RunOptions(allow_removals=True, keep=9),
)


class Worker(Knowledge):
    """Notes what it was asked, and does what the test says."""

    def __init__(self, index_name: str) -> None:
        self._index_name = index_name
        self.asked: list[object] = []
        self.fails: Exception | None = None
        self.may_go_on = asyncio.Event()
        self.may_go_on.set()
        self.begun, self.ended = asyncio.Event(), asyncio.Event()

    @property
    def index_name(self) -> str:
        return self._index_name

    async def ingest(self, request: IngestRequest, meter: Meter) -> list[RunReport]:
        self.asked.append(request)
        meter.start("Reading docs", 3)
        meter.advance()
        self.begun.set()
        await self.may_go_on.wait()
        meter.advance(2)
        if self.fails:
            raise self.fails
        self.ended.set()
        return [REPORT]

    async def vacuum(self, tenant: str, keep: int) -> int:
        self.asked.append((tenant, keep))
        return 12

    async def difference(self, tenant: str, first: int, second: int) -> list[PageDifference]:
        self.asked.append((tenant, first, second))
        return [PageDifference("a.md", 1, 2, 3)]


class Notes:
    """What a meter was told."""

    def __init__(self) -> None:
        self.told: list[object] = []
        self.advanced = asyncio.Event()

    def start(self, step: str, total: int | None) -> None:
        self.told.append((step, total))

    def advance(self, done: int = 1) -> None:
        self.told.append(done)
        self.advanced.set()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_at(tmp_path / "home")


def settings_at(home: Path) -> Settings:
    home.mkdir(parents=True, exist_ok=True)
    return Settings(_env_file=None, home=home)  # type: ignore[call-arg] # pydantic-settings takes it


@pytest.fixture
async def worker(settings: Settings) -> Worker:
    return Worker(settings.index_name)


async def asked_of(settings: Settings) -> ServedKnowledge:
    """The server that listens there."""
    served = await served_knowledge(settings)
    assert served is not None
    return served


async def test_the_server_does_what_it_is_asked_and_tells_how_far_it_is(
    settings: Settings, worker: Worker
) -> None:
    notes = Notes()
    async with taking_orders(settings, worker):
        served = await asked_of(settings)
        assert await served.ingest(REQUEST, notes) == [REPORT]
        assert await served.vacuum("acme", 3) == 12
        assert await served.difference("acme", 1, 2) == [PageDifference("a.md", 1, 2, 3)]
    assert worker.asked == [REQUEST, ("acme", 3), ("acme", 1, 2)]
    assert notes.told == [("Reading docs", 3), 1, 2]


async def test_progress_arrives_while_the_work_is_under_way(
    settings: Settings, worker: Worker
) -> None:
    notes = Notes()
    worker.may_go_on.clear()
    async with taking_orders(settings, worker):
        run = asyncio.create_task((await asked_of(settings)).ingest(REQUEST, notes))
        async with asyncio.timeout(5):
            await notes.advanced.wait()
        assert not run.done()
        worker.may_go_on.set()
        assert await run == [REPORT]


async def test_paths_mean_the_clients_folder_not_the_servers(
    settings: Settings, worker: Worker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with taking_orders(settings, worker):
        await (await asked_of(settings)).ingest(IngestRequest((Path("docs"),)), Notes())
    assert worker.asked == [IngestRequest((tmp_path / "docs",))]


@pytest.mark.parametrize(
    "error",
    [
        ReleaseRefused("Of 3 questions:\n  - Größe?", hint="Mend it."),
        WriterBusy("Process 7 is writing.", hint="Wait."),
        UnknownRelease("No release 7.", hint=""),
    ],
)
async def test_an_error_is_of_the_same_kind_on_the_other_side(
    settings: Settings, worker: Worker, error: AnswerableError
) -> None:
    worker.fails = error
    async with taking_orders(settings, worker):
        with pytest.raises(type(error)) as caught:
            await (await asked_of(settings)).ingest(REQUEST, Notes())
    assert (type(caught.value), caught.value.message, caught.value.hint) == (
        type(error),
        error.message,
        error.hint,
    )


async def test_a_mistake_is_told_and_the_server_lives_on(
    settings: Settings, worker: Worker, caplog: pytest.LogCaptureFixture
) -> None:
    worker.fails = ZeroDivisionError("ours")
    async with taking_orders(settings, worker):
        served = await asked_of(settings)
        with pytest.raises(Unavailable, match="The server made a mistake"):
            await served.ingest(REQUEST, Notes())
        assert "ZeroDivisionError: ours" in caplog.text
        assert await served.vacuum("acme", 1) == 12


@pytest.mark.parametrize("line", [b"nonsense\n", b"[]\n", b"\xff\xfe\n"])
async def test_what_is_no_call_is_refused_and_the_server_lives_on(
    settings: Settings, worker: Worker, line: bytes
) -> None:
    async with taking_orders(settings, worker), asyncio.timeout(5):
        reader, writer = await asyncio.open_unix_connection(socket_path(settings.home))
        writer.write(line)
        assert "error" in json.loads(await reader.readline())
        writer.close()
        assert await (await asked_of(settings)).vacuum("acme", 1) == 12


async def test_a_call_the_server_does_not_know_is_refused(
    settings: Settings, worker: Worker
) -> None:
    async with taking_orders(settings, worker):
        with pytest.raises(BadInput, match="does not know this call"):
            await (await asked_of(settings))._ask({"call": "fly"})


async def test_a_client_that_goes_away_does_not_stop_the_run(
    settings: Settings, worker: Worker
) -> None:
    worker.may_go_on.clear()
    async with taking_orders(settings, worker):
        run = asyncio.create_task((await asked_of(settings)).ingest(REQUEST, Notes()))
        await worker.begun.wait()
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)
        await asyncio.sleep(0.05)
        worker.may_go_on.set()
        async with asyncio.timeout(5):
            await worker.ended.wait()
        assert await (await asked_of(settings)).vacuum("acme", 1) == 12


@pytest.mark.parametrize("reads", [True, False])
async def test_a_server_that_goes_away_is_told_of(settings: Settings, *, reads: bool) -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if reads:
            await reader.readline()
        writer.close()

    path = socket_path(settings.home)
    server = await asyncio.start_unix_server(hang_up, path)
    async with server:
        with pytest.raises(Unavailable, match="went away before it was done"):
            await ServedKnowledge(path, "edge").vacuum("acme", 1)


async def test_only_its_own_user_may_ask(settings: Settings, worker: Worker) -> None:
    before = os.umask(0)
    try:
        async with taking_orders(settings, worker):
            found = socket_path(settings.home).stat()
            assert os.umask(0) == 0, "the umask is as it was"
    finally:
        os.umask(before)
    assert stat.S_ISSOCK(found.st_mode)
    assert stat.S_IMODE(found.st_mode) == 0o600


async def test_where_no_server_listens_there_is_none(settings: Settings, worker: Worker) -> None:
    assert await served_knowledge(settings) is None
    async with taking_orders(settings, worker):
        await asked_of(settings)
    assert await served_knowledge(settings) is None
    assert not socket_path(settings.home).exists()


async def test_a_server_of_another_index_is_not_asked(settings: Settings) -> None:
    async with taking_orders(settings, Worker("another")):
        assert await served_knowledge(settings) is None


async def test_a_socket_that_a_killed_server_left_is_in_nobodys_way(
    settings: Settings, worker: Worker
) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(socket_path(settings.home)))
    assert socket_path(settings.home).exists()
    assert await served_knowledge(settings) is None
    async with taking_orders(settings, worker):
        assert await (await asked_of(settings)).vacuum("acme", 1) == 12


async def test_a_home_with_a_long_path_has_its_socket_elsewhere(
    tmp_path: Path, worker: Worker
) -> None:
    settings = settings_at(tmp_path / ("long" * 30))
    other = settings_at(tmp_path / ("long" * 30) / "other")
    path = socket_path(settings.home)
    assert len(os.fsencode(path)) <= LONGEST_PATH
    assert not path.is_relative_to(tmp_path)
    assert path != socket_path(other.home)
    async with taking_orders(settings, worker):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert await (await asked_of(settings)).vacuum("acme", 1) == 12
        assert await served_knowledge(other) is None
    assert not path.exists()
