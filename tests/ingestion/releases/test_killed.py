"""A run that is killed at any moment leaves one whole release, and the next run completes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from random import Random
from typing import TYPE_CHECKING

import pytest

from ingestion.releases.types import Outcome
from ingestion.releases.upkeep import vacuum
from retrieval.edge import EdgeIndex
from tests.ingestion.releases.press import MadeUpEncoder, NotingEncoder, Press
from tests.library import open_ledger, write_pages

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from retrieval.index import EncodedChunk
    from retrieval.types import Chunk

# Setting this to 25 or more is worth the minutes it takes whenever the order of writes changes.
MOMENTS = int(os.environ.get("KILL_MOMENTS", "5"))

PUBLISH = """
import asyncio, sys, time
from pathlib import Path
from tests.ingestion.releases.press import MadeUpEncoder
from tests.ingestion.releases.test_killed import SlowEncoder, open_press

async def main():
    press = await open_press(Path(sys.argv[1]), SlowEncoder())
    print("begins", flush=True)
    await press.publish(Path(sys.argv[2]))
    print("done", flush=True)
    await press.index.close()
    await press.ledger.close()

asyncio.run(main())
"""


class SlowEncoder(MadeUpEncoder):
    """Takes its time, so that some are killed while it works."""

    def encode(self, chunks: Sequence[Chunk]) -> list[EncodedChunk]:
        time.sleep(0.05)
        return super().encode(chunks)


async def open_press(home: Path, encoder: MadeUpEncoder) -> Press:
    index = EdgeIndex.open(home / "index", model="made up", dims=32)
    return Press(index, await open_ledger(home), NotingEncoder(encoder))


def pages_of(state: int) -> dict[str, str]:
    """What a state of the documents says: some of it as ever, some anew, some elsewhere."""
    steady = {f"steady/{n}.md": f"Plate {n} is held by screw {n}." for n in range(100)}
    changing = {f"changing/{n}.md": f"State {state} of screw {n}." for n in range(140)}
    moving = {f"moving-{state}/{n}.md": f"Screw {n} was moved." for n in range(30)}
    passing = {f"passing/{state}.md": f"Only state {state} says this."}
    return {**steady, **changing, **moving, **passing}


def write_state(folder: Path, state: int) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    pages = {name: f"# Part\n\n{text}\n" for name, text in pages_of(state).items()}
    write_pages(folder, pages)


def publish_and_kill(home: Path, folder: Path, after: float) -> None:
    """Start to publish in a process of its own, and kill it so many seconds later."""
    command = [sys.executable, "-c", PUBLISH, str(home), str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"begins\n"
        time.sleep(after)
        process.send_signal(signal.SIGKILL)


async def expect_whole(home: Path, state: int) -> None:
    """Expect readers to see this state or the one before it."""
    press = await open_press(home, MadeUpEncoder())
    head = await press.ledger.head("default")
    assert head.current == head.newest
    assert head.newest in {state - 1, state}
    assert await press.shown() == pages_of(head.current)
    await press.index.close()
    await press.ledger.close()


async def expect_mended(home: Path, folder: Path, state: int) -> None:
    """Expect the next run to complete, and a vacuum to leave nothing over."""
    press = await open_press(home, MadeUpEncoder())
    report = await press.publish(folder)
    assert report.release == state
    assert await press.shown() == pages_of(state)
    outcomes = [run.outcome for run in await press.ledger.runs("default")]
    assert set(outcomes) <= {Outcome.PUBLISHED, Outcome.UNCHANGED, Outcome.INTERRUPTED}
    await vacuum(press.index, press.ledger, "default", keep=1)
    assert await press.index.count() == await press.index.count("default", state)
    assert await press.index.count() == len(pages_of(state))
    assert await press.index.unfinished("default", state + 1) == []
    assert await press.shown() == pages_of(state)
    await press.index.close()
    await press.ledger.close()


async def whole_run(home: Path, folder: Path) -> float:
    """Publish the first state, and the second for its time, in seconds."""
    press = await open_press(home, SlowEncoder())
    for state in (1, 2):
        write_state(folder, state)
        started = time.monotonic()
        await press.publish(folder)
    taken = time.monotonic() - started
    await press.index.close()
    await press.ledger.close()
    return taken


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
async def test_a_run_that_is_killed_leaves_one_whole_release(tmp_path: Path) -> None:
    folder, random = tmp_path / "pages", Random(MOMENTS)  # noqa: S311 - chooses moments
    taken = await whole_run(tmp_path, folder)
    for moment in range(MOMENTS):
        state = moment + 3
        write_state(folder, state)
        publish_and_kill(tmp_path, folder, taken * (moment + random.random()) / MOMENTS)
        await expect_whole(tmp_path, state)
        await expect_mended(tmp_path, folder, state)
