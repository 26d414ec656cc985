from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from eval.footprint import Memory
from eval.growth import grow, number_of, tenant_of
from eval.scale import LIMIT, ScaleTask, measure, recall, show, to_json
from retrieval.errors import BadInput, DiskFull
from tests.library import LIGHT, PAGES, RETURNS, chunk, encoded, write_pages

if TYPE_CHECKING:
    from pathlib import Path

    from app.settings import Settings

REAL = [encoded(chunk(f"Kettle number {n} boils.", n=n)) for n in range(1, 8)]


@given(st.integers(1, 60), st.integers(1, 5))
def test_chunks_are_numbered_dealt_out_and_the_same_each_time(count: int, tenants: int) -> None:
    made = list(grow(REAL, count, tenants))
    assert [number_of(each.chunk.id) for each in made] == list(range(count))
    assert [each.chunk.scope.tenant for each in made] == [
        tenant_of(n, tenants) for n in range(count)
    ]
    again = grow(REAL, count, tenants)
    assert all(np.array_equal(a.dense, b.dense) for a, b in zip(made, again, strict=True))


def test_real_passages_come_first_as_they_are() -> None:
    made = list(grow(REAL, len(REAL), 1))
    assert [each.chunk.text for each in made] == [each.chunk.text for each in REAL]
    assert all(a.dense is b.dense for a, b in zip(made, REAL, strict=True))


def test_a_mixture_is_a_unit_vector_near_the_passage_whose_text_it_has() -> None:
    vectors = {each.chunk.text: each.dense for each in REAL}
    for each in list(grow(REAL, 200, 1))[len(REAL) :]:
        assert np.linalg.norm(each.dense) == pytest.approx(1.0, abs=1e-5)
        assert float(vectors[each.chunk.text] @ each.dense) > 0.5


def test_mixtures_are_on_pages_of_their_own_as_long_as_real_ones() -> None:
    pages = [each.chunk.page for each in grow(REAL, 3 * len(REAL), 1)]
    assert pages.count("page.md") == len(REAL)
    assert pages.count("page.md (2)") == len(REAL)


def test_recall_is_the_share_of_the_nearest_that_were_found() -> None:
    scores = np.linspace(0, 1, 100, dtype=np.float32)
    nearest = list(range(80, 100))
    assert recall(scores, nearest) == 1.0
    assert recall(scores, [0, *nearest[1:]]) == pytest.approx(0.95)
    assert recall(scores, []) == 0.0


def test_one_as_near_as_the_last_of_the_nearest_is_as_good() -> None:
    scores = np.ones(100, dtype=np.float32)
    assert recall(scores, list(range(LIMIT))) == 1.0


def test_where_there_are_fewer_than_asked_for_all_are_wanted() -> None:
    assert recall(np.array([0.1, 0.2], dtype=np.float32), [1]) == 0.5


def test_more_memory_is_more() -> None:
    before = Memory.now()
    if before is None:
        pytest.skip("this system does not tell a process's memory")
    held = np.ones(50_000_000, dtype=np.uint8)
    gained = Memory.now().since(before)  # type: ignore[union-attr] # it told a moment ago
    assert gained.own > 0.5 * held.nbytes


def task(folder: Path, sizes: tuple[int, ...] = (60,), questions: int = 2) -> ScaleTask:
    return ScaleTask(folder, (RETURNS, LIGHT)[:questions], sizes)


@pytest.mark.parametrize(("sizes", "questions"), [((), 2), ((LIMIT - 1,), 2), ((60,), 1)])
def test_what_cannot_be_measured_is_refused(
    tmp_path: Path, sizes: tuple[int, ...], questions: int
) -> None:
    with pytest.raises(BadInput):
        task(tmp_path, sizes, questions).check()


def test_an_index_that_would_fill_the_disk_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DiskFull, match="TMPDIR"):
        task(tmp_path, (10**10,)).check()


async def test_an_index_of_each_size_is_built_shared_and_questioned(
    settings: Settings, models_folder: Path, tmp_path: Path
) -> None:
    settings.home.mkdir()
    (settings.home / "models").symlink_to(models_folder)
    pages = write_pages(tmp_path / "pages", PAGES)
    console = Console(record=True, width=120)

    report = await measure(settings, task(pages), Console(stderr=True))
    show(report, console)

    assert [(size.chunks, size.tenants) for size in report.sizes] == [(60, 1), (60, 10)]
    assert 0 < report.real < 60
    for size in report.sizes:
        assert size.recall == 1.0, "so few are searched without a graph"
        assert 0 < size.search.p50 < size.retrieve.p50
        assert size.disk > 60 * 1000
        assert size.memory is None or size.memory.mapped > 0
    assert "recall@20" in console.export_text()
    assert json.loads(to_json(report))["sizes"][1]["tenants"] == 10


async def test_a_folder_that_says_nothing_is_refused(
    settings: Settings, models_folder: Path, tmp_path: Path
) -> None:
    settings.home.mkdir()
    (settings.home / "models").symlink_to(models_folder)
    pages = write_pages(tmp_path / "pages", {"empty.md": "\n"})
    with pytest.raises(BadInput):
        await measure(settings, task(pages), Console(stderr=True))
