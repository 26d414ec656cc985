"""Runs ingestion by the clock, and tells people when it fails."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

import httpx
from cronsim import CronSim, CronSimError
from prometheus_client import CollectorRegistry, Gauge, write_to_textfile

from ingestion.releases.types import Counts, total
from retrieval.errors import AnswerableError, BadInput

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from pathlib import Path

    from ingestion.releases.publishing import RunReport

# A clock that is set, or a machine that sleeps, must not make a run wait for ever.
LONGEST_SLEEP = 60.0
ALERT_TIMEOUT = 10.0

_log = logging.getLogger(__name__)


async def run_on_schedule(
    schedule: str,
    run: Callable[[], Awaitable[None]],
    now: Callable[[], datetime] = lambda: datetime.now().astimezone(),
) -> None:
    """Run again and again, for ever; a run that fails is told of, and the next one is tried.

    Args:
        schedule: Five fields, as cron has them, in local time.
        run: What to do.
        now: The clock.

    Raises:
        BadInput: The schedule is none.
    """
    moment = _next(schedule, now())
    while True:
        _log.info("The next run is at %s", moment.strftime("%Y-%m-%d %H:%M"))
        while (wait := (moment - now()).total_seconds()) > 0:  # noqa: ASYNC110 - a clock has no event
            await asyncio.sleep(min(wait, LONGEST_SLEEP))
        try:
            await run()
        except AnswerableError as error:
            _log.error("The run failed: %s", error)
        # Times that passed during the run are not made up for.
        moment = _next(schedule, max(moment, now()))


def _next(schedule: str, after: datetime) -> datetime:
    try:
        return next(CronSim(schedule, after))
    except (CronSimError, StopIteration) as error:
        raise BadInput(
            f"'{schedule}' is no schedule: {error or 'it names no time to come'}.",
            hint='Write five fields, as for cron: "0 3 * * *" is every night at three.',
        ) from error


@dataclass(slots=True)
class Watch:
    """What a run that is watched came to."""

    reports: list[RunReport] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Alarm:
    """Who is told how runs end.

    Attributes:
        url: Is sent a JSON object when a run fails; empty for nobody.
        metrics: Where figures are written for Prometheus after each run; None for nowhere.
    """

    url: str
    metrics: Path | None

    @contextmanager
    def watching(self) -> Iterator[Watch]:
        """Watch one run; whatever it raises is passed on."""
        watch = Watch()
        started = time.time()
        try:
            yield watch
        except Exception as error:
            self._ring(error)
            self._measure(started, watch, failed=True)
            raise
        self._measure(started, watch, failed=False)

    def _ring(self, error: Exception) -> None:
        if not self.url:
            return
        message = (
            error.message if isinstance(error, AnswerableError) else "a mistake in the program"
        )
        said = {
            "event": "ingestion_failed",
            "kind": type(error).__name__,
            "text": f"Ingestion failed: {message}",
            "hint": error.hint if isinstance(error, AnswerableError) else "",
        }
        try:
            httpx.post(
                self.url,
                content=json.dumps(said),
                headers={"content-type": "application/json"},
                timeout=ALERT_TIMEOUT,
            ).raise_for_status()
        except (httpx.HTTPError, httpx.InvalidURL) as unsent:
            _log.error("The alert could not be sent: %s", unsent)

    def _measure(self, started: float, watch: Watch, *, failed: bool) -> None:
        if self.metrics is None:
            return
        registry = CollectorRegistry()

        def gauge(name: str, meaning: str, value: float) -> None:
            Gauge(f"answerable_ingest_{name}", meaning, registry=registry).set(value)

        gauge("failed", "1 when the last run failed", failed)
        gauge("started_timestamp_seconds", "When the last run began", started)
        gauge("duration_seconds", "How long it took", time.time() - started)
        if not failed:
            counts = total(report.counts for report in watch.reports)
            skipped = sum(len(report.skipped) for report in watch.reports)
            gauge("skipped_files", "Files that could not be used", skipped)
            for name, value in _figures(counts).items():
                gauge(f"{name}_pages", f"Pages {name}", value)
            gauge("encoded_passages", "Passages encoded", counts.encoded)
        try:
            write_to_textfile(str(self.metrics), registry)
        except OSError as unwritten:
            _log.error("The figures could not be written: %s", unwritten)


def _figures(counts: Counts) -> dict[str, int]:
    return {
        "added": counts.added,
        "changed": counts.changed,
        "moved": counts.moved,
        "removed": counts.removed,
        "unchanged": counts.unchanged,
    }
