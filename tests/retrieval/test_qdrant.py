"""What only the index on a Qdrant server does."""

from __future__ import annotations

import pytest
from qdrant_client import AsyncQdrantClient

from retrieval.errors import IndexUnavailable, ModelMismatch
from retrieval.qdrant import QdrantIndex
from tests.library import chunk, encoded
from tests.retrieval.asking import DIMS

pytestmark = pytest.mark.filterwarnings(
    "ignore:Payload indexes have no effect in the local Qdrant:UserWarning"
)


async def test_another_models_collection_is_refused() -> None:
    client = AsyncQdrantClient(":memory:")
    await QdrantIndex.attach(client, "c", model="m", dims=DIMS)
    with pytest.raises(ModelMismatch, match="vectors of 'm', not of 'other'"):
        await QdrantIndex.attach(client, "c", model="other", dims=DIMS)
    await client.close()


async def test_attaching_twice_keeps_what_is_stored() -> None:
    client = AsyncQdrantClient(":memory:")
    index = await QdrantIndex.attach(client, "c", model="m", dims=DIMS)
    await index.upsert([encoded(chunk("Text."))])
    again = await QdrantIndex.attach(client, "c", model="m", dims=DIMS)
    assert await again.count() == 1
    await client.close()


async def test_a_server_that_is_not_there_is_unavailable() -> None:
    client = AsyncQdrantClient(url="http://127.0.0.1:9", check_compatibility=False)
    with pytest.raises(IndexUnavailable, match=r"does not answer.*ANSWERABLE_INDEX_URL"):
        await QdrantIndex.attach(client, "c", model="m", dims=DIMS)
    await client.close()
