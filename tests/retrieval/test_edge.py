"""What only the embedded index does: files and one owner."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from retrieval.edge import EdgeIndex
from retrieval.errors import IndexBusy, IndexUnavailable, ModelMismatch
from retrieval.types import Reader
from tests.library import chunk, encoded
from tests.retrieval.asking import DIMS, found, query

if TYPE_CHECKING:
    from pathlib import Path

    from retrieval.types import Chunk


def open_edge(folder: Path, model: str = "m") -> EdgeIndex:
    return EdgeIndex.open(folder, model=model, dims=DIMS)


async def fill(folder: Path, count: int = 3) -> list[Chunk]:
    index = open_edge(folder)
    stored = [chunk("Boil the kettle.", n=n) for n in range(1, count + 1)]
    await index.upsert([encoded(each) for each in stored])
    await index.close()
    return stored


async def test_an_index_reopened_holds_what_was_stored(tmp_path: Path) -> None:
    stored = await fill(tmp_path)
    index = open_edge(tmp_path)
    assert sorted(await found(index, query(words="kettle"))) == [each.id for each in stored]
    assert await index.read([stored[1].id], Reader()) == [stored[1]]
    await index.close()


async def run_python(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return await asyncio.to_thread(
        lambda: subprocess.run(
            [sys.executable, "-c", script, folder], capture_output=True, text=True, check=False
        )
    )


KILLED = """
import asyncio, os, pathlib, sys
from retrieval.edge import EdgeIndex
from tests.library import chunk, encoded

async def main():
    index = EdgeIndex.open(pathlib.Path(sys.argv[1]), model="m", dims=32)
    await index.upsert([encoded(chunk("Boil the kettle.", n=n)) for n in range(1, 51)])
    await index.flush()
    await index.upsert([encoded(chunk("Boil the kettle.", n=n)) for n in range(51, 61)])
    os.kill(os.getpid(), 9)

asyncio.run(main())
"""


async def test_a_killed_process_loses_nothing_that_was_flushed(tmp_path: Path) -> None:
    killed = await run_python(KILLED, tmp_path)
    assert killed.returncode == -9
    index = open_edge(tmp_path)
    assert await index.count() >= 50
    assert len(await found(index, query(words="kettle", limit=50))) >= 50
    await index.close()


SECOND = """
import pathlib, sys
from retrieval.edge import EdgeIndex
from retrieval.errors import IndexBusy
try:
    EdgeIndex.open(pathlib.Path(sys.argv[1]), model="m", dims=32)
except IndexBusy as error:
    print(error)
"""


async def test_a_second_process_is_told_who_has_the_index(tmp_path: Path) -> None:
    index = open_edge(tmp_path)
    second = await run_python(SECOND, tmp_path)
    assert f"open in another process (pid {os.getpid()})" in second.stdout
    await index.close()


async def test_a_second_opening_in_one_process_is_refused_and_harmless(tmp_path: Path) -> None:
    first = open_edge(tmp_path)
    with pytest.raises(IndexBusy):
        open_edge(tmp_path)
    await first.upsert([encoded(chunk("Text."))])
    await first.close()
    await open_edge(tmp_path).close()


async def test_another_models_index_is_refused_and_left_free(tmp_path: Path) -> None:
    await fill(tmp_path)
    with pytest.raises(ModelMismatch, match="vectors of 'm', not of 'other'"):
        open_edge(tmp_path, "other")
    index = open_edge(tmp_path)
    assert await index.count() == 3
    await index.close()


@pytest.mark.parametrize("damage", [b"", b"{", b"\0\0\0"])
async def test_a_damaged_index_says_how_to_mend_it(tmp_path: Path, damage: bytes) -> None:
    await fill(tmp_path)
    (tmp_path / "shard" / "edge_config.json").write_bytes(damage)
    with pytest.raises(IndexUnavailable, match=r"cannot be opened.*ingest again") as caught:
        open_edge(tmp_path)
    assert str(tmp_path) in str(caught.value)


async def test_an_index_whose_description_is_lost_is_not_taken_for_a_new_one(
    tmp_path: Path,
) -> None:
    await fill(tmp_path)
    (tmp_path / "shard" / "edge_config.json").unlink()
    with pytest.raises(IndexUnavailable):
        open_edge(tmp_path)


def test_an_index_where_a_file_is_in_the_way_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "index").write_text("I am a file.")
    with pytest.raises(IndexUnavailable, match="index"):
        open_edge(tmp_path / "index")


async def test_a_closed_index_is_unavailable(tmp_path: Path) -> None:
    index = open_edge(tmp_path)
    await index.close()
    with pytest.raises(IndexUnavailable):
        await index.search(query(words="kettle"))
    with pytest.raises(IndexUnavailable):
        await index.count()
