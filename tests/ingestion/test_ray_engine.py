"""A real Ray with two workers does what this process does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from ingestion.chunked_file import Placement
from ingestion.engines import LocalEngine
from ingestion.sources.files import FolderSource
from ingestion.sources.rules import PathRule, PathRules
from ingestion.sources.source import SourceFile
from retrieval.models import BUNDLED_MODEL
from retrieval.types import Scope
from tests.library import PAGES, write_pages

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ingestion.ray_engine import RayEngine
    from retrieval.encoding import ChunkEncoder

pytest.importorskip("ray", reason="Ray is not installed; `make test-ray` installs it")

pytestmark = pytest.mark.filterwarnings("default")  # Ray's own, of which it has several

PLACEMENT = Placement(
    Scope("acme"), PathRules((PathRule("staff.md", product="kettles"),)), "https://x.example.com"
)


@pytest.fixture(scope="module")
def engine(models_folder: Path) -> Iterator[RayEngine]:
    import ray  # noqa: PLC0415 - only where it is installed

    from ingestion.ray_engine import RayEngine, Recipe  # noqa: PLC0415

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    engine = RayEngine("local", Recipe(BUNDLED_MODEL, models_folder, "cpu"))
    yield engine
    engine.close()


@pytest.fixture
def files(tmp_path: Path) -> list[SourceFile]:
    folder = write_pages(tmp_path, {**PAGES, "broken.pdf": "not a PDF"})
    return [item for item in FolderSource(folder).read() if isinstance(item, SourceFile)]


def test_what_workers_read_is_what_this_process_reads(
    engine: RayEngine, files: list[SourceFile], chunk_encoder: ChunkEncoder
) -> None:
    here = LocalEngine(chunk_encoder).chunk(files, PLACEMENT)
    assert engine.chunk(files, PLACEMENT) == here
    assert {skipped.page for file in here for skipped in file.skipped} == {"broken.pdf"}


def test_what_workers_encode_is_what_this_process_encodes(
    engine: RayEngine, files: list[SourceFile], chunk_encoder: ChunkEncoder
) -> None:
    here = LocalEngine(chunk_encoder)
    chunks = [chunk for file in here.chunk(files, PLACEMENT) for chunk in file.chunks] * 30
    there = engine.encode(chunks)
    assert [encoded.chunk for encoded in there] == chunks
    for mine, theirs in zip(here.encode(chunks), there, strict=True):
        assert float(mine.dense @ theirs.dense) > 0.999
        assert mine.lexical == theirs.lexical
        assert np.abs(mine.late.codes.astype(int) - theirs.late.codes).max() <= 1


def test_nothing_to_do_starts_no_worker(engine: RayEngine) -> None:
    assert engine.chunk([], PLACEMENT) == []
    assert engine.encode([]) == []
