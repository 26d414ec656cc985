"""Shows how far a run is: bars in a terminal, log lines anywhere else."""

from __future__ import annotations

import logging
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

LOG_SECONDS = 5.0

_log = logging.getLogger(__name__)


class Meter(Protocol):
    """Told about one step's progress."""

    def start(self, step: str, total: int | None) -> None:
        """A step begins; `total` is how many things it will do, None when nobody knows."""

    def advance(self, done: int = 1) -> None:
        """That many more are done."""


class LogMeter:
    """Writes a log line every few seconds, and one at the end of each step."""

    def __init__(self) -> None:
        self._step = ""
        self._total: int | None = 0
        self._done = 0
        self._logged = 0.0

    def start(self, step: str, total: int | None) -> None:
        """See `Meter.start`."""
        self._step, self._total, self._done = step, total, 0
        self._logged = time.monotonic()

    def advance(self, done: int = 1) -> None:
        """See `Meter.advance`."""
        self._done += done
        now = time.monotonic()
        if self._done == self._total or now - self._logged >= LOG_SECONDS:
            self._logged = now
            of = "" if self._total is None else f" of {self._total}"
            _log.info("%s: %d%s", self._step, self._done, of)


class BarMeter:
    """Draws a bar for each step."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task: TaskID | None = None

    def start(self, step: str, total: int | None) -> None:
        """See `Meter.start`."""
        self._task = self._progress.add_task(step, total=total)

    def advance(self, done: int = 1) -> None:
        """See `Meter.advance`."""
        if self._task is not None:
            self._progress.advance(self._task, done)


@contextmanager
def open_meter(console: Console) -> Iterator[Meter]:
    """The meter that suits where the output goes."""
    if not console.is_terminal:
        yield LogMeter()
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.speed:.0f}/s", justify="right"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as progress:
        yield BarMeter(progress)
