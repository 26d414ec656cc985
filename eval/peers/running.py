"""Starts one program after the other, never two at once, and reads what they measured."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from functools import partial
from threading import Timer
from typing import TYPE_CHECKING

from eval.peers.protocol import STEP, UnusableResult, read_result, write_job
from eval.peers.setups import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from eval.peers.protocol import Job, Result
    from eval.peers.setups import Setup

SECONDS = 3600.0  # after which a program is stopped
# Nothing is fetched or sent while something is measured.
OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "HAYSTACK_TELEMETRY_ENABLED": "False",
    "LANGSMITH_TRACING": "false",
    "ANONYMIZED_TELEMETRY": "False",
}


@dataclass(frozen=True, slots=True)
class Failure:
    """A set-up that could not be measured.

    Attributes:
        reason: Why, in one line.
        log: The last of what the program said.
    """

    reason: str
    log: str


def run_all(
    setups: Sequence[Setup],
    job: Job,
    folder: Path,
    say: Callable[[str], None],
    seconds: float = SECONDS,
) -> dict[str, Result | Failure]:
    """Measure each set-up in a process of its own; one that fails does not stop the rest."""
    write_job(folder, job)
    outcomes = {}
    for number, setup in enumerate(setups, start=1):
        head = f"[{number}/{len(setups)}] {setup.library}, {setup.parts}"
        outcome = _run(setup, job, folder, partial(_step, say, head), seconds)
        if isinstance(outcome, Failure):
            say(f"{head}: FAILED, {outcome.reason}\n{outcome.log}".rstrip())
        outcomes[setup.name] = outcome
    return outcomes


def _step(say: Callable[[str], None], head: str, step: str) -> None:
    say(f"{head}: {step}")


def _run(
    setup: Setup, job: Job, folder: Path, say: Callable[[str], None], seconds: float
) -> Result | Failure:
    result, log = folder / f"{setup.name}.json", folder / f"{setup.name}.log"
    command = [*setup.command, str(folder), setup.name, str(result)]
    try:
        status, stopped = _watch(command, log, say, seconds)
    except OSError as error:
        return Failure(f"{setup.command[0]} cannot be started: {error.strerror}", "")
    said = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    tail = "\n".join(said[-10:])
    if stopped:
        return Failure(f"stopped after {seconds:g} s", tail)
    if status:
        return Failure(f"exit status {status}: {said[-1] if said else 'no message'}", tail)
    try:
        return read_result(result, job)
    except UnusableResult as error:
        return Failure(str(error), tail)


def _watch(
    command: Sequence[str], log: Path, say: Callable[[str], None], seconds: float
) -> tuple[int, bool]:
    """Let a program run to its end; its exit status, and whether it had to be stopped.

    Its steps are shown as lines, not as a bar: what draws a bar takes time from what is measured.
    """
    with (
        log.open("w", encoding="utf-8") as said,
        subprocess.Popen(  # noqa: S603 - our own programs
            command,
            stdout=subprocess.PIPE,
            stderr=said,
            cwd=ROOT,
            env=_environment(),
            text=True,
            encoding="utf-8",
            errors="replace",
        ) as process,
    ):
        timer = Timer(seconds, process.kill)
        timer.start()
        try:
            for line in process.stdout or ():
                if line.startswith(STEP):
                    say(line.removeprefix(STEP).strip())
            return process.wait(), not timer.is_alive()
        finally:
            timer.cancel()


def _environment() -> dict[str, str]:
    """Ours, less our own settings: the service is measured as it is shipped."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("ANSWERABLE_")}
    return {**kept, **OFFLINE}
