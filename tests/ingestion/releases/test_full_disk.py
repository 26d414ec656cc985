"""A disk that fills up, made up and real."""

from __future__ import annotations

import asyncio
import ctypes
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import pytest

from ingestion.engines import BATCH
from ingestion.releases.candidate import RESERVE_BYTES
from retrieval.errors import DiskFull
from retrieval.hybrid import Retriever
from retrieval.lexical import Bm25Encoder
from tests.ingestion.releases.press import PUBLIC
from tests.library import write_pages

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from retrieval.batching import QuestionEncoder
    from retrieval.late import TokenCodec
    from tests.ingestion.releases.press import Press


class Usage(NamedTuple):
    total: int
    used: int
    free: int


@pytest.fixture
def many_pages(tmp_path: Path) -> Path:
    pages = {f"{n:04}.md": f"# Part {n}\n\nScrew {n} holds plate {n}.\n" for n in range(BATCH + 30)}
    return write_pages(tmp_path / "pages", pages)


async def test_a_run_that_has_no_room_stores_nothing(
    tmp_path: Path, many_pages: Path, press: Press, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**12, 0, RESERVE_BYTES))
    with pytest.raises(DiskFull, match=r"256 MB free.*run it again"):
        await replace(press, disk=tmp_path).publish(many_pages)
    assert await press.index.count() == 0


async def test_a_disk_that_fills_up_stops_the_run_and_harms_nothing(
    tmp_path: Path,
    many_pages: Path,
    real_press: Press,
    encoder: QuestionEncoder,
    codec: TokenCodec,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    press = replace(real_press, disk=tmp_path)
    free = [10**12, 10**12, RESERVE_BYTES]  # enough for two batches
    more = {
        f"{n}.md": f"# Part {n}\n\nScrew {n} holds plate {n}.\n" for n in range(10**4, 10**4 + 5)
    }
    first = write_pages(tmp_path / "first", more)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**12, 0, free.pop(0)))
    await press.publish(first)
    with pytest.raises(DiskFull):
        await press.publish(write_pages(many_pages, more))
    assert await press.index.count() == 5 + BATCH
    assert set(await press.shown()) == set(more), "readers see the release before, whole"
    retriever = Retriever(index=press.index, encoder=encoder, bm25=Bm25Encoder(), codec=codec)
    question = "Which plate does screw 10003 hold?"
    found = await retriever.retrieve(question, replace(PUBLIC, release=1))
    assert [p.chunk.page for p in found.passages[:1]] == ["10003.md"]
    assert len(found.passages) == 5
    monkeypatch.undo()
    counts = (await press.publish(many_pages)).counts
    assert (counts.unchanged, counts.added) == (5, BATCH + 30)
    assert (counts.encoded, counts.reused) == (30, BATCH)


MS_NOSUID, MNT_DETACH = 2, 2


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 400 MB; a run may use what is above its reserve."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root on Linux may mount a file system")
    folder = tmp_path / "disk"
    folder.mkdir()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"tmpfs", bytes(folder), b"tmpfs", MS_NOSUID, b"size=400m"):
        pytest.skip(f"mounting is not permitted here: {os.strerror(ctypes.get_errno())}")
    yield folder
    libc.umount2(bytes(folder), MNT_DETACH)


FILL = """
import asyncio, dataclasses, pathlib, sys
import numpy as np
from retrieval.edge import EdgeIndex
from retrieval.errors import DiskFull
from retrieval.late import TokenMatrix
from tests.ingestion.releases.press import MadeUpEncoder, Press
from tests.library import open_ledger

class FillingEncoder(MadeUpEncoder):
    # Vectors of the real size, while somebody else fills the disk.
    batches = 0
    def encode(self, chunks):
        self.batches += 1
        if self.batches == 2:
            (disk / "film").write_bytes(bytes(140_000_000))
        late = TokenMatrix(np.zeros((120, 128), np.int8), (), 120)
        return [dataclasses.replace(each, late=late) for each in super().encode(chunks)]

disk, pages = map(pathlib.Path, sys.argv[1:])

async def main():
    index = EdgeIndex.open(disk / "index", model="m", dims=384)
    ledger = await open_ledger(disk)
    press = Press(index, ledger, FillingEncoder(384), disk)
    try:
        await press.publish(pages)
    except DiskFull as error:
        assert await press.shown() == {}
        stored = len(await index.unfinished("default", 1))
        await index.close()
        index = EdgeIndex.open(disk / "index", model="m", dims=384)
        assert await index.count() == stored
        print("stopped with", stored, "of them:", error)
    await index.close()
    await ledger.close()

asyncio.run(main())
"""


async def test_a_real_disk_that_fills_up_stops_the_run_and_harms_nothing(
    tmp_path: Path, small_disk: Path
) -> None:
    """In a process of its own: an engine whose mapped file has no disk under it is killed."""
    pages = write_pages(
        tmp_path / "pages", {f"{n}.md": f"# Part {n}\n\nScrew {n}.\n" for n in range(5 * BATCH)}
    )
    run = await asyncio.to_thread(
        lambda: subprocess.run(
            [sys.executable, "-c", FILL, small_disk, pages],
            capture_output=True,
            text=True,
            check=False,
        )
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith(f"stopped with {2 * BATCH} of them"), run.stdout
