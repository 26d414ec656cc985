"""Runs by the clock, and what people are told of them."""

from __future__ import annotations

import asyncio
import json
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from app.scheduling import LONGEST_SLEEP, Alarm, run_on_schedule
from ingestion.releases.publishing import RunReport
from ingestion.releases.types import Counts, Outcome
from ingestion.sources.source import Skipped, SkipReason
from retrieval.errors import BadInput, ReleaseRefused

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NIGHT = datetime(2026, 3, 1, 2, 59, 30, tzinfo=UTC)
COUNTS = Counts(
    read=9, added=1, changed=2, moved=3, removed=4, unchanged=5, encoded=6, reused=7, ended=8
)


def report(counts: Counts = COUNTS) -> RunReport:
    skipped = (Skipped("a.md", SkipReason.EMPTY, ""),)
    return RunReport(
        "default", Outcome.PUBLISHED, 1, counts, {"docs": counts}, skipped, None, 1.0, 0.5
    )


# The clock.


class Enough(Exception):
    """Ends what would go on for ever."""


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self, at: datetime = NIGHT) -> None:
        self.at = at
        self.slept: list[float] = []

    def now(self) -> datetime:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += timedelta(seconds=seconds)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("app.scheduling.asyncio", clock)
    return clock


class Runs:
    """Notes when it ran; some runs fail, some take long."""

    def __init__(self, clock: Clock, most: int) -> None:
        self._clock = clock
        self._most = most
        self.at: list[str] = []
        self.fails: Exception | None = None
        self.takes = timedelta()

    async def __call__(self) -> None:
        if len(self.at) == self._most:
            raise Enough
        self.at.append(f"{self._clock.at:%d %H:%M}")
        self._clock.at += self.takes
        if self.fails:
            raise self.fails


async def ran(runs: Runs, clock: Clock, schedule: str) -> list[str]:
    with pytest.raises(Enough):
        await run_on_schedule(schedule, runs, clock.now)
    return runs.at


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("0 3 * * *", ["01 03:00", "02 03:00", "03 03:00"]),
        ("*/20 * * * *", ["01 03:00", "01 03:20", "01 03:40"]),
        ("30 4 * * 1", ["02 04:30", "09 04:30", "16 04:30"]),
    ],
)
async def test_runs_begin_when_the_schedule_says(
    clock: Clock, schedule: str, expected: list[str]
) -> None:
    assert await ran(Runs(clock, 3), clock, schedule) == expected


async def test_no_sleep_is_so_long_that_a_clock_that_is_set_goes_unnoticed(clock: Clock) -> None:
    await ran(Runs(clock, 1), clock, "0 3 * * *")
    assert max(clock.slept) <= LONGEST_SLEEP


async def test_times_that_pass_during_a_run_are_not_made_up_for(clock: Clock) -> None:
    runs = Runs(clock, 2)
    runs.takes = timedelta(minutes=65)
    assert await ran(runs, clock, "*/20 * * * *") == ["01 03:00", "01 04:20"]


async def test_after_a_run_that_failed_the_next_one_is_tried(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    runs = Runs(clock, 2)
    runs.fails = ReleaseRefused("It would lose pages.", hint="Look.")
    assert await ran(runs, clock, "0 3 * * *") == ["01 03:00", "02 03:00"]
    assert "The run failed: It would lose pages. Look." in caplog.text


@pytest.mark.parametrize(
    "schedule", ["nonsense", "61 * * * *", "* * * *", "0 3 31 2 *", "@sometimes"]
)
async def test_a_schedule_that_is_none_is_refused_before_anything_runs(
    clock: Clock, schedule: str
) -> None:
    runs = Runs(clock, 0)
    with pytest.raises(BadInput, match=r"is no schedule.*0 3 \* \* \*"):
        await run_on_schedule(schedule, runs, clock.now)
    assert clock.slept == []


# Alerts.


@contextmanager
def listening(status: int = 200) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A server on this machine that takes alerts, and what it was sent."""
    sent: list[dict[str, Any]] = []

    class Taking(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["content-length"])
            assert self.headers["content-type"] == "application/json"
            sent.append(json.loads(self.rfile.read(length)))
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Taking) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/alert", sent
        finally:
            server.shutdown()
            thread.join()


async def watched(alarm: Alarm, error: Exception | None = None) -> None:
    with alarm.watching() as watch:
        await asyncio.sleep(0)
        if error:
            raise error
        watch.reports = [report()]


async def test_a_run_that_fails_is_told_of_and_the_next_one_is_tried(clock: Clock) -> None:
    with listening() as (url, sent):
        alarm = Alarm(url, None)
        fails = [ReleaseRefused("It would lose pages.", hint="Look."), None, Enough()]

        async def run() -> None:
            clock.at += timedelta(seconds=1)
            with alarm.watching():
                if error := fails.pop(0):
                    raise error

        with pytest.raises(Enough):
            await run_on_schedule("0 3 * * *", run, clock.now)
    assert sent == [
        {
            "event": "ingestion_failed",
            "kind": "ReleaseRefused",
            "text": "Ingestion failed: It would lose pages.",
            "hint": "Look.",
        },
        {
            "event": "ingestion_failed",
            "kind": "Enough",
            "text": "Ingestion failed: a mistake in the program",
            "hint": "",
        },
    ]


async def test_a_run_that_succeeds_alerts_nobody() -> None:
    with listening() as (url, sent):
        await watched(Alarm(url, None))
    assert sent == []


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/nobody", "nonsense", "http://[", ""])
async def test_an_alert_that_cannot_be_sent_does_not_hide_what_failed(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(BadInput, match="No such folder"):
        await watched(Alarm(url, None), BadInput("No such folder."))
    assert ("The alert could not be sent" in caplog.text) == bool(url)


async def test_an_alert_that_is_refused_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with listening(status=500) as (url, _), pytest.raises(BadInput):
        await watched(Alarm(url, None), BadInput("No such folder."))
    assert "The alert could not be sent: Server error '500" in caplog.text


# Figures.


def figures(path: Path) -> dict[str, float]:
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in (line.split() for line in lines)}


async def test_figures_of_a_run_are_written_for_prometheus(tmp_path: Path) -> None:
    path = tmp_path / "ingest.prom"
    await watched(Alarm("", path))
    found = figures(path)
    assert found.pop("answerable_ingest_started_timestamp_seconds") > NIGHT.timestamp()
    assert found.pop("answerable_ingest_duration_seconds") < 5
    assert found == {
        "answerable_ingest_failed": 0,
        "answerable_ingest_skipped_files": 1,
        "answerable_ingest_added_pages": 1,
        "answerable_ingest_changed_pages": 2,
        "answerable_ingest_moved_pages": 3,
        "answerable_ingest_removed_pages": 4,
        "answerable_ingest_unchanged_pages": 5,
        "answerable_ingest_encoded_passages": 6,
    }


async def test_a_run_that_failed_leaves_figures_that_say_so(tmp_path: Path) -> None:
    path = tmp_path / "ingest.prom"
    await watched(Alarm("", path))
    with pytest.raises(BadInput):
        await watched(Alarm("", path), BadInput("No such folder."))
    found = figures(path)
    assert found["answerable_ingest_failed"] == 1
    assert "answerable_ingest_added_pages" not in found, "those of the run before are not its own"


async def test_figures_that_cannot_be_written_neither_fail_a_run_nor_silence_its_alert(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    nowhere = tmp_path / "nowhere" / "ingest.prom"
    await watched(Alarm("", nowhere))
    assert "The figures could not be written" in caplog.text
    with listening() as (url, sent), pytest.raises(BadInput):
        await watched(Alarm(url, nowhere), BadInput("No such folder."))
    assert len(sent) == 1
