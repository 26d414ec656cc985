"""What a run says: lines of JSON for machines, sentences for people."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from ingestion.releases.publishing import RunReport

SECONDS_BETWEEN = 1.0


class EventMeter:
    """Prints progress as events, about one a second."""

    def __init__(self) -> None:
        self._step = ""
        self._total: int | None = None
        self._done = 0
        self._printed = 0.0

    def start(self, step: str, total: int | None) -> None:
        """See `Meter.start`."""
        self._step, self._total, self._done = step, total, 0
        self._print()

    def advance(self, done: int = 1) -> None:
        """See `Meter.advance`."""
        self._done += done
        if self._done == self._total or time.monotonic() - self._printed >= SECONDS_BETWEEN:
            self._print()

    def _print(self) -> None:
        self._printed = time.monotonic()
        print_event("progress", step=self._step, done=self._done, total=self._total)


def print_event(event: str, **fields: object) -> None:
    """Print one event as a line of JSON."""
    sys.stdout.write(json.dumps({"event": event, **fields}) + "\n")
    sys.stdout.flush()


def finished_event(report: RunReport) -> dict[str, object]:
    """All that a run came to, with the counts at the top."""
    return {
        "tenant": report.tenant,
        "outcome": report.outcome,
        "release": report.release,
        **asdict(report.counts),
        "evicted": 0,  # cached answers; replies are not cached yet
        "skipped": [asdict(skipped) for skipped in report.skipped],
        "gate": asdict(report.gate) if report.gate else None,
        "sources": {name: asdict(counts) for name, counts in report.sources.items()},
        "seconds": round(report.seconds, 3),
        "encoder_seconds": round(report.encoder_seconds, 3),
    }


def say(report: RunReport, console: Console) -> None:
    """Tell a person what a run came to."""
    for skipped in report.skipped:
        console.print(f"skipped {skipped}", markup=False, highlight=False)
    for name, counts in report.sources.items():
        console.print(
            f"{name}: {counts.read} pages ({counts.added} new, {counts.changed} changed, "
            f"{counts.moved} moved, {counts.removed} removed, {counts.unchanged} unchanged)",
            markup=False,
            highlight=False,
        )
    counts = report.counts
    console.print(
        f"{_ending(report)} {counts.encoded} passages encoded, {counts.reused} reused, "
        f"{counts.ended} ended, {len(report.skipped)} files skipped, {report.seconds:.1f} s",
        markup=False,
        highlight=False,
    )
    if report.gate is not None:
        console.print(
            f"Golden questions that find their passage: {report.gate.before} before, "
            f"{report.gate.after} now, of {report.gate.asked}",
            highlight=False,
        )


def _ending(report: RunReport) -> str:
    match report.outcome:
        case "published":
            return f"Release {report.release} is what readers see now:"
        case "planned":
            return "Nothing was done, it would take:"
        case _:
            return f"Nothing to publish, release {report.release} stays:"
