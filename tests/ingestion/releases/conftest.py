"""A press for each test: with the real embedder, or with one that costs nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from retrieval.edge import EdgeIndex
from tests.ingestion.releases.press import GOOD, MadeUpEncoder, NotingEncoder, Press
from tests.library import write_pages

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from ingestion.releases.ledger import Ledger
    from retrieval.encoding import ChunkEncoder


@pytest.fixture
def real_press(own_index: EdgeIndex, own_ledger: Ledger, chunk_encoder: ChunkEncoder) -> Press:
    """With the real embedder."""
    return Press(own_index, own_ledger, NotingEncoder(chunk_encoder))


@pytest.fixture
async def press(tmp_path: Path, own_ledger: Ledger) -> AsyncIterator[Press]:
    """With made-up vectors, for what does not depend on them."""
    index = EdgeIndex.open(tmp_path / "index", model="made up", dims=32)
    yield Press(index, own_ledger, NotingEncoder(MadeUpEncoder()))
    await index.close()


@pytest.fixture
def good(tmp_path: Path) -> Path:
    """A folder with one good page."""
    return write_pages(tmp_path / "pages", GOOD)
