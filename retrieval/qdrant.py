"""The index on a Qdrant server."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from qdrant_client import AsyncQdrantClient, models
from qdrant_client.common.client_exceptions import QdrantException
from qdrant_client.http.exceptions import ApiException

from retrieval.errors import AnswerableError, IndexUnavailable, ModelMismatch
from retrieval.index import DEFAULT_COLLECTION, FIRST, NEWEST, ChunkIndex, place_of
from retrieval.payload import (
    CONTENT_FIELDS,
    COUNTED_FIELDS,
    DENSE,
    FILTERED_FIELDS,
    LEXICAL,
    SEARCH_WIDTH,
    TENANT,
    VERSION_FIELDS,
    merge_legs,
    read_at,
    reencoded,
    to_chunk,
    to_payload,
    to_version,
    version_id,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from retrieval.index import Candidate, EncodedChunk, IndexQuery, Version, VersionQuery
    from retrieval.types import Chunk, Reader

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
        collection = f"{parts.path.strip('/') or DEFAULT_COLLECTION}-{place_of(model)}"
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
        dense, lexical = (leg.points for leg in legs)
        payloads = {str(point.id): point.payload or {} for point in (*dense, *lexical)}
        return merge_legs(dense, lexical, payloads, query.dense)

    async def read(self, ids: Sequence[str], reader: Reader) -> list[Chunk]:
        """See `ChunkReader.read`."""
        wanted = models.Filter(must=[*_visible(reader), _any_of("id", ids)])
        chunks = [to_chunk(record.payload or {}) async for record in self._scroll(wanted)]
        found = {chunk.id: chunk for chunk in chunks}
        return [found[i] for i in ids if i in found]

    async def page(self, page: str, reader: Reader) -> list[Chunk]:
        """See `ChunkReader.page`."""
        wanted = models.Filter(must=[*_visible(reader), _equals("page", page)])
        chunks = [to_chunk(record.payload or {}) async for record in self._scroll(wanted)]
        return sorted(chunks, key=lambda chunk: chunk.position)

    async def versions(self, wanted: VersionQuery) -> list[Version]:
        """See `ChunkWriter.versions`."""
        return await self._versions(models.Filter(must=[*_wanted(wanted)]))

    async def unfinished(self, tenant: str, release: int) -> list[Version]:
        """See `ChunkWriter.unfinished`."""
        touched: list[models.Condition] = [_exactly(field, release) for field in COUNTED_FIELDS]
        return await self._versions(models.Filter(must=[_equals(TENANT, tenant)], should=touched))

    async def encoded(self, chunks: Sequence[Chunk]) -> list[EncodedChunk]:
        """See `ChunkWriter.encoded`."""
        if not chunks:
            return []
        tenant = _equals(TENANT, chunks[0].scope.tenant)
        contents = _any_of("content", [chunk.content for chunk in chunks])
        wanted = models.Filter(must=[tenant, contents])
        records = self._scroll(wanted, fields=CONTENT_FIELDS, vectors=True)
        stored = {(record.payload or {})["content"]: record async for record in records}
        return [reencoded(c, stored[c.content]) for c in chunks if c.content in stored]

    async def upsert(self, chunks: Sequence[EncodedChunk], *, release: int = FIRST) -> None:
        """See `ChunkWriter.upsert`."""
        if not chunks:
            return
        points = [_point(chunk, release) for chunk in chunks]
        with _mapped_errors():
            await self._client.upsert(self._collection, points, wait=True)

    async def end(self, versions: Sequence[str], *, until: int) -> None:
        """See `ChunkWriter.end`."""
        if not versions:
            return
        with _mapped_errors():
            await self._client.set_payload(
                self._collection, {"until": until}, points=list(versions), wait=True
            )

    async def delete(self, versions: Sequence[str]) -> None:
        """See `ChunkWriter.delete`."""
        if versions:
            await self._remove(models.PointIdsList(points=list(versions)))

    async def vacuum(self, tenant: str, oldest: int) -> int:
        """See `ChunkWriter.vacuum`."""
        ended = models.FieldCondition(key="until", range=models.Range(lte=oldest))
        dead = models.Filter(must=[_equals(TENANT, tenant), ended])
        with _mapped_errors():
            count = (await self._client.count(self._collection, count_filter=dead)).count
        if count:
            await self._remove(models.FilterSelector(filter=dead))
        return count

    async def flush(self) -> None:
        """Nothing to do: every write waits until the server has it."""

    async def count(self, tenant: str | None = None, release: int | None = None) -> int:
        """See `ChunkIndex.count`."""
        wanted = [] if tenant is None else [_equals(TENANT, tenant)]
        wanted += [] if release is None else _shown_at(release)
        counted = models.Filter(must=[*wanted])
        with _mapped_errors():
            return (await self._client.count(self._collection, count_filter=counted)).count

    async def close(self) -> None:
        """See `ChunkIndex.close`."""
        await self._client.close()

    async def _remove(self, selected: models.PointsSelector) -> None:
        with _mapped_errors():
            await self._client.delete(self._collection, selected, wait=True)

    async def _versions(self, wanted: models.Filter) -> list[Version]:
        records = self._scroll(wanted, fields=VERSION_FIELDS)
        return [to_version(record.id, record.payload or {}) async for record in records]

    async def _scroll(
        self,
        wanted: models.Filter,
        *,
        fields: bool | list[str] = True,
        vectors: bool = False,
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
                    with_vectors=vectors,
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
    for field in COUNTED_FIELDS:
        await client.create_payload_index(collection, field, models.PayloadSchemaType.INTEGER)


def _check_model(info: models.CollectionInfo, collection: str, model: str) -> None:
    stored = (info.config.metadata or {}).get("embedder")
    if stored != model:
        raise ModelMismatch(
            f"Collection '{collection}' holds vectors of '{stored}', not of '{model}'.",
            hint="Set ANSWERABLE_EMBEDDER back, or name another collection in "
            "ANSWERABLE_INDEX_URL.",
        )


def _point(encoded: EncodedChunk, release: int) -> models.PointStruct:
    lexical = models.SparseVector(
        indices=list(encoded.lexical.indices), values=list(encoded.lexical.values)
    )
    return models.PointStruct(
        id=version_id(encoded.chunk, release),
        vector={DENSE: encoded.dense.tolist(), LEXICAL: lexical},
        payload=to_payload(encoded, release),
    )


def _legs(query: IndexQuery) -> list[models.QueryRequest]:
    visible = models.Filter(must=[*_visible(query.reader)])
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


def _visible(reader: Reader) -> list[models.FieldCondition]:
    conditions = [
        _equals(TENANT, reader.tenant),
        _any_of("audience", reader.audiences),
        *_shown_at(read_at(reader)),
    ]
    if reader.locale is not None:
        conditions.append(_equals("locale", reader.locale))
    if reader.product is not None:
        conditions.append(_any_of("product", [reader.product, ""]))
    return conditions


def _wanted(wanted: VersionQuery) -> list[models.FieldCondition]:
    conditions = [_equals(TENANT, wanted.tenant), *_shown_at(wanted.release)]
    if wanted.source is not None:
        conditions.append(_equals("source", wanted.source))
    if wanted.pages is not None:
        conditions.append(_any_of("page", wanted.pages))
    if wanted.chunks is not None:
        conditions.append(_any_of("id", wanted.chunks))
    return conditions


def _shown_at(release: int) -> list[models.FieldCondition]:
    still_shown = models.FieldCondition(key="until", range=models.Range(gt=release))
    if release == NEWEST:
        return [still_shown]
    return [models.FieldCondition(key="since", range=models.Range(lte=release)), still_shown]


def _equals(field: str, value: str) -> models.FieldCondition:
    return models.FieldCondition(key=field, match=models.MatchValue(value=value))


def _any_of(field: str, values: Sequence[str]) -> models.FieldCondition:
    return models.FieldCondition(key=field, match=models.MatchAny(any=list(values)))


def _exactly(field: str, value: int) -> models.FieldCondition:
    return models.FieldCondition(key=field, match=models.MatchValue(value=value))
