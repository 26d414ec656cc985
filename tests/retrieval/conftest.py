"""Every kind of index, empty: one suite holds them all to the same."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from qdrant_client import AsyncQdrantClient

from retrieval.edge import EdgeIndex
from retrieval.qdrant import QdrantIndex
from tests.retrieval.asking import DIMS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from retrieval.index import ChunkIndex


@pytest.fixture(params=["edge", "qdrant in memory", "qdrant server"])
async def any_index(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ChunkIndex]:
    if request.param == "edge":
        index: ChunkIndex = EdgeIndex.open(tmp_path / "index", model="m", dims=DIMS)
        yield index
        await index.close()
        return
    url = os.environ.get("QDRANT_URL", "")
    if request.param == "qdrant server" and not url:
        pytest.skip("QDRANT_URL names no server")
    client = (
        AsyncQdrantClient(url=url) if "server" in request.param else AsyncQdrantClient(":memory:")
    )
    name = f"test-{uuid4()}"
    yield await QdrantIndex.attach(client, name, model="m", dims=DIMS)
    await client.delete_collection(name)
    await client.close()
