"""The measuring itself, the same for every program; only the standard library is imported.

A program of a framework names its set-ups and calls `work`:

    python -m eval.peers.FRAMEWORK JOB_FOLDER SETUP RESULT_FILE
"""

from __future__ import annotations

import resource
import sys
import time
from abc import ABC, abstractmethod
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from eval.peers.protocol import STEP, Asked, Job, Result, read_job, write_result

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from eval.peers.protocol import Passage, Question

    Ask = Callable[[str], Sequence[str]]  # a question's text to the ids found, best first

STATUS = Path("/proc/self/status")


class Peer(ABC):
    """One set-up, its models loaded and warm: they have encoded a text."""

    @abstractmethod
    def ingest(self, passages: Sequence[Passage]) -> None:
        """Make the passages searchable."""

    @abstractmethod
    def ways(self) -> Mapping[str, Ask]:
        """The ways of asking, by name."""

    def close(self) -> None:  # noqa: B027 - most have nothing that the process's end would not do
        """Release what would keep the process from ending."""


def work(setups: Mapping[str, Callable[[Job], Peer]], libraries: Sequence[str]) -> None:
    """Do what the command line says.

    Args:
        setups: What makes each set-up, by name.
        libraries: Distributions whose versions are worth reporting.
    """
    folder, name, target = sys.argv[1:]
    job = read_job(Path(folder))
    _say("loading")
    peer = setups[name](job)
    versions = {library: version(library) for library in libraries}
    write_result(Path(target), measure(peer, job, versions))
    peer.close()


def measure(peer: Peer, job: Job, versions: Mapping[str, str]) -> Result:
    """Ingest the passages once, then ask every question in every way."""
    _say(f"ingesting {len(job.passages)} passages")
    started = time.perf_counter()
    peer.ingest(job.passages)
    seconds = time.perf_counter() - started
    ways = {}
    for name, ask in peer.ways().items():
        _say(f"{name}: asking {len(job.questions)} questions, twice")
        ways[name] = _asked(ask, job.questions)
    return Result(versions, seconds, peak_bytes(), ways)


def peak_bytes() -> int:
    """The most memory this process has held."""
    if STATUS.exists():
        # What getrusage says on Linux begins with the size of the process that started this one.
        lines = STATUS.read_text(encoding="ascii", errors="replace").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _asked(ask: Ask, questions: Sequence[Question]) -> Asked:
    # A first pass, not counted: a service that has run for a while has everything in memory.
    for question in questions:
        ask(question.text)
    found = {}
    seconds = []
    for question in questions:
        started = time.perf_counter()
        ids = ask(question.text)
        seconds.append(time.perf_counter() - started)
        found[question.id] = tuple(ids)
    return Asked(found, tuple(seconds))


def _say(step: str) -> None:
    sys.stdout.write(f"{STEP}{step}\n")
    sys.stdout.flush()
