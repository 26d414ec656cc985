"""The index on a Qdrant server."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from qdrant_client import AsyncQdrantClient, models
from qdrant_client.common.client_exceptions import QdrantException
from qdrant_client.http.exceptions import ApiException

from retrieval.errors import AnswerableError, IndexUnavailable, ModelMismatch
from retrieval.index import ChunkIndex
from retrieval.payload import (
    DENSE,
    FILTERED_FIELDS,
    LEXICAL,
    SEARCH_WIDTH,
    TENANT,
    merge_legs,
    only_ids,
    place_payload,
    to_chunk,
    to_payload,
    to_stored,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from retrieval.index import Candidate, EncodedChunk, IndexQuery, Stored
    from retrieval.types import Chunk, Reader

DEFAULT_COLLECTION = "answerable"
SCROLL_PAGE = 1000
TIMEOUT_SECONDS = 5


class QdrantIndex(ChunkIndex):
    """An index in one collection of a Qdrant server."""

    def __init__(self, client: AsyncQdrantClient, collection: str) -> None:
        self._client = client
        self._collection = collection

    @classmethod
    async def open(cls, url: str, *, model: str, dims: int) -> QdrantIndex:
        """Connect to `http(s)://HOST:PORT[/COLLECTION]`, creating the collection if missing.

        Raises:
            IndexUnavailable: The server does not answer.
            ModelMismatch: The collection holds another model's vectors.
        """
        parts = urlsplit(url)
        client = AsyncQdrantClient(
            url=f"{parts.scheme}://{parts.netloc}",
            timeout=TIMEOUT_SECONDS,
            check_compatibility=False,  # it asks from a thread, and warns from there
        )
        collection = parts.path.strip("/") or DEFAULT_COLLECTION
        try:
            return await cls.attach(client, collection, model=model, dims=dims)
        except AnswerableError:
            await client.close()
            raise

    @classmethod
    async def attach(
        cls, client: AsyncQdrantClient, collection: str, *, model: str, dims: int
    ) -> QdrantIndex:
        """Use a client that is already connected; see `open`."""
        with _mapped_errors():
            if not await client.collection_exists(collection):
                await _create(client, collection, model, dims)
            info = await client.get_collection(collection)
        _check_model(info, collection, model)
        return cls(client, collection)

    async def search(self, query: IndexQuery) -> list[Candidate]:
        """See `ChunkReader.search`."""
        with _mapped_errors():
            legs = await self._client.query_batch_points(self._collection, _legs(query))
        return merge_legs(legs[0].points, legs[1].points, query.dense)

    async def read(self, ids: Sequence[str], reader: Reader) -> list[Chunk]:
        """See `ChunkReader.read`."""
        with _mapped_errors():
            records = await self._client.retrieve(self._collection, only_ids(ids))
        found = {str(r.id): to_chunk(r.id, r.payload or {}) for r in records}
        return [found[i] for i in ids if i in found and reader.may_see(found[i].scope)]

    async def page(self, page: str, reader: Reader) -> list[Chunk]:
        """See `ChunkReader.page`."""
        wanted = models.Filter(must=[*_visible(reader), _equals("page", page)])
        chunks = [to_chunk(r.id, r.payload or {}) async for r in self._scroll(wanted, fields=True)]
        return sorted(chunks, key=lambda chunk: chunk.position)

    async def stored(self, tenant: str, source: str) -> dict[str, Stored]:
        """See `ChunkWriter.stored`."""
        wanted = models.Filter(must=[_equals("tenant", tenant), _equals("source", source)])
        return {
            str(r.id): to_stored(r.payload or {})
            async for r in self._scroll(wanted, fields=["page", "place"])
        }

    async def upsert(self, chunks: Sequence[EncodedChunk]) -> None:
        """See `ChunkWriter.upsert`."""
        if not chunks:
            return
        points = [_point(chunk) for chunk in chunks]
        with _mapped_errors():
            await self._client.upsert(self._collection, points, wait=True)

    async def relocate(self, chunks: Sequence[Chunk]) -> None:
        """See `ChunkWriter.relocate`."""
        for chunk in chunks:
            with _mapped_errors():
                await self._client.set_payload(
                    self._collection, place_payload(chunk), points=[chunk.id], wait=True
                )

    async def delete(self, ids: Sequence[str]) -> None:
        """See `ChunkWriter.delete`."""
        if not ids:
            return
        with _mapped_errors():
            await self._client.delete(
                self._collection, models.PointIdsList(points=list(ids)), wait=True
            )

    async def flush(self) -> None:
        """Nothing to do: every write waits until the server has it."""

    async def count(self) -> int:
        """See `ChunkIndex.count`."""
        with _mapped_errors():
            return (await self._client.count(self._collection)).count

    async def close(self) -> None:
        """See `ChunkIndex.close`."""
        await self._client.close()

    async def _scroll(
        self, wanted: models.Filter, *, fields: bool | list[str]
    ) -> AsyncIterator[models.Record]:
        offset = None
        while True:
            with _mapped_errors():
                records, offset = await self._client.scroll(
                    self._collection,
                    scroll_filter=wanted,
                    limit=SCROLL_PAGE,
                    offset=offset,
                    with_payload=fields,
                )
            for record in records:
                yield record
            if offset is None:
                return


@contextmanager
def _mapped_errors() -> Iterator[None]:
    try:
        yield
    except (ApiException, QdrantException, OSError) as error:
        raise IndexUnavailable(
            f"The Qdrant server does not answer: {error}.",
            hint="Check ANSWERABLE_INDEX_URL and that the server is up.",
        ) from error


async def _create(client: AsyncQdrantClient, collection: str, model: str, dims: int) -> None:
    await client.create_collection(
        collection,
        vectors_config={DENSE: models.VectorParams(size=dims, distance=models.Distance.DOT)},
        sparse_vectors_config={LEXICAL: models.SparseVectorParams(modifier=models.Modifier.IDF)},
        on_disk_payload=True,
        metadata={"embedder": model},
    )
    for field in FILTERED_FIELDS:
        keyword = models.KeywordIndexParams(
            type=models.KeywordIndexType.KEYWORD, is_tenant=field == TENANT
        )
        await client.create_payload_index(collection, field, keyword)


def _check_model(info: models.CollectionInfo, collection: str, model: str) -> None:
    stored = (info.config.metadata or {}).get("embedder")
    if stored != model:
        raise ModelMismatch(
            f"Collection '{collection}' holds vectors of '{stored}', not of '{model}'.",
            hint="Set ANSWERABLE_EMBEDDER back, or name another collection in "
            "ANSWERABLE_INDEX_URL.",
        )


def _point(encoded: EncodedChunk) -> models.PointStruct:
    lexical = models.SparseVector(
        indices=list(encoded.lexical.indices), values=list(encoded.lexical.values)
    )
    return models.PointStruct(
        id=encoded.chunk.id,
        vector={DENSE: encoded.dense.tolist(), LEXICAL: lexical},
        payload=to_payload(encoded),
    )


def _legs(query: IndexQuery) -> list[models.QueryRequest]:
    visible = models.Filter(must=_visible(query.reader))
    lexical = models.SparseVector(
        indices=list(query.lexical.indices), values=list(query.lexical.values)
    )
    legs = ((query.dense.tolist(), DENSE), (lexical, LEXICAL))
    return [
        models.QueryRequest(
            query=vector,
            using=name,
            filter=visible,
            params=models.SearchParams(hnsw_ef=SEARCH_WIDTH),
            limit=query.limit,
            with_payload=True,
        )
        for vector, name in legs
    ]


def _visible(reader: Reader) -> list[models.Condition]:
    conditions: list[models.Condition] = [
        _equals("tenant", reader.tenant),
        models.FieldCondition(key="audience", match=models.MatchAny(any=list(reader.audiences))),
    ]
    if reader.locale is not None:
        conditions.append(_equals("locale", reader.locale))
    if reader.product is not None:
        conditions.append(_about(reader.product))
    return conditions


def _about(product: str) -> models.Filter:
    """What is about a product or about every one, as is a point stored without the field."""
    named = models.FieldCondition(key="product", match=models.MatchAny(any=[product, ""]))
    absent = models.IsEmptyCondition(is_empty=models.PayloadField(key="product"))
    return models.Filter(should=[named, absent])


def _equals(field: str, value: str) -> models.FieldCondition:
    return models.FieldCondition(key=field, match=models.MatchValue(value=value))
