"""The embedded index: Qdrant's engine inside this process, in one folder on disk."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, TypeVar

from filelock import FileLock, Timeout
from qdrant_edge import (
    CountRequest,
    Distance,
    EdgeConfig,
    EdgeShard,
    EdgeSparseVectorParams,
    EdgeVectorParams,
    FieldCondition,
    Filter,
    IntegerIndexParams,
    KeywordIndexParams,
    MatchAny,
    MatchValue,
    Modifier,
    PayloadSelector,
    Point,
    Query,
    QueryBatchRequest,
    QueryRequest,
    RangeFloat,
    ScrollRequest,
    SearchParams,
    SparseVector,
    UpdateOperation,
)

from retrieval.errors import IndexBusy, IndexUnavailable, ModelMismatch
from retrieval.index import FIRST, NEWEST, ChunkIndex
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
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from qdrant_edge import Record

    from retrieval.index import Candidate, EncodedChunk, IndexQuery, Version, VersionQuery
    from retrieval.types import Chunk, Reader

SCROLL_PAGE = 1000
VERSION_ONLY = PayloadSelector.Include(VERSION_FIELDS)
CONTENT_ONLY = PayloadSelector.Include(CONTENT_FIELDS)
T = TypeVar("T")


class EdgeIndex(ChunkIndex):
    """An embedded index. One process at a time may have it open."""

    def __init__(self, shard: EdgeShard, lock: FileLock) -> None:
        self._shard = shard
        self._lock = lock

    @classmethod
    def open(cls, folder: Path, *, model: str, dims: int) -> EdgeIndex:
        """Open the index in `folder`, creating it there on first use.

        Raises:
            IndexBusy: Another process has it open.
            ModelMismatch: It holds another model's vectors.
            IndexUnavailable: The files are damaged or cannot be written.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise IndexUnavailable(
                f"The index cannot be kept in {folder}: {error.strerror}.",
                hint="Check ANSWERABLE_INDEX_URL and ANSWERABLE_HOME.",
            ) from error
        lock = _lock(folder)
        try:
            _claim(folder / "model", model)
            return cls(_open_shard(folder / "shard", dims), lock)
        except BaseException:
            lock.release()
            raise

    async def search(self, query: IndexQuery) -> list[Candidate]:
        """See `ChunkReader.search`."""
        return await self._run(self._search, query)

    async def read(self, ids: Sequence[str], reader: Reader) -> list[Chunk]:
        """See `ChunkReader.read`."""
        wanted = Filter(must=[*_visible(reader), _any_of("id", ids)])
        chunks = [to_chunk(record.payload or {}) for record in await self._all(wanted)]
        found = {chunk.id: chunk for chunk in chunks}
        return [found[i] for i in ids if i in found]

    async def page(self, page: str, reader: Reader) -> list[Chunk]:
        """See `ChunkReader.page`."""
        wanted = Filter(must=[*_visible(reader), _equals("page", page)])
        chunks = [to_chunk(record.payload or {}) for record in await self._all(wanted)]
        return sorted(chunks, key=lambda chunk: chunk.position)

    async def versions(self, wanted: VersionQuery) -> list[Version]:
        """See `ChunkWriter.versions`."""
        return await self._versions(Filter(must=[*_wanted(wanted)]))

    async def unfinished(self, tenant: str, release: int) -> list[Version]:
        """See `ChunkWriter.unfinished`."""
        touched = [_exactly(field, release) for field in COUNTED_FIELDS]
        return await self._versions(Filter(must=[_equals(TENANT, tenant)], should=[*touched]))

    async def encoded(self, chunks: Sequence[Chunk]) -> list[EncodedChunk]:
        """See `ChunkWriter.encoded`."""
        return await self._run(self._encoded, chunks) if chunks else []

    async def upsert(self, chunks: Sequence[EncodedChunk], *, release: int = FIRST) -> None:
        """See `ChunkWriter.upsert`."""
        points = [_point(chunk, release) for chunk in chunks]
        await self._run(self._shard.update, UpdateOperation.upsert_points(points))

    async def end(self, versions: Sequence[str], *, until: int) -> None:
        """See `ChunkWriter.end`."""
        if versions:
            ending = UpdateOperation.set_payload(list(versions), {"until": until})
            await self._run(self._shard.update, ending)

    async def delete(self, versions: Sequence[str]) -> None:
        """See `ChunkWriter.delete`."""
        if versions:
            removal = UpdateOperation.delete_points(list(versions))
            await self._run(self._shard.update, removal)

    async def vacuum(self, tenant: str, oldest: int) -> int:
        """See `ChunkWriter.vacuum`."""
        ended = FieldCondition("until", range=RangeFloat(lte=oldest))
        dead = Filter(must=[_equals(TENANT, tenant), ended])
        count = await self._run(self._shard.count, CountRequest(exact=True, filter=dead))
        if count:
            await self._run(self._shard.update, UpdateOperation.delete_points_by_filter(dead))
        return count

    async def flush(self) -> None:
        """See `ChunkIndex.flush`."""
        await self._run(self._shard.flush)
        await self._run(self._shard.optimize)

    async def count(self, tenant: str | None = None, release: int | None = None) -> int:
        """See `ChunkIndex.count`."""
        wanted = [] if tenant is None else [_equals(TENANT, tenant)]
        wanted += [] if release is None else _shown_at(release)
        counted = CountRequest(exact=True, filter=Filter(must=[*wanted]) if wanted else None)
        return await self._run(self._shard.count, counted)

    async def close(self) -> None:
        """See `ChunkIndex.close`."""
        await asyncio.to_thread(self._shard.close)
        self._lock.release()

    async def _run(self, act: Callable[..., T], *arguments: object) -> T:
        """Do something with the engine, off the event loop."""
        try:
            return await asyncio.to_thread(act, *arguments)
        except Exception as error:  # the engine raises nothing narrower
            raise IndexUnavailable(
                f"The index does not answer: {error}.", hint="`answerable doctor` looks closer."
            ) from error

    async def _all(self, wanted: Filter) -> list[Record]:
        return await self._run(lambda: list(self._scroll(wanted)))

    async def _versions(self, wanted: Filter) -> list[Version]:
        records = await self._run(lambda: list(self._scroll(wanted, VERSION_ONLY)))
        return [to_version(record.id, record.payload or {}) for record in records]

    def _search(self, query: IndexQuery) -> list[Candidate]:
        dense, lexical = self._shard.query_batch(QueryBatchRequest(_legs(query)))
        # Read once what both legs found: a payload is large.
        ids = list(dict.fromkeys(point.id for point in (*dense, *lexical)))
        records = self._shard.retrieve(ids, True, False)  # noqa: FBT003 - the engine's own names
        payloads = {str(record.id): record.payload or {} for record in records}
        return merge_legs(dense, lexical, payloads, query.dense)

    def _encoded(self, chunks: Sequence[Chunk]) -> list[EncodedChunk]:
        wanted = [
            _equals(TENANT, chunks[0].scope.tenant),
            _any_of("content", [chunk.content for chunk in chunks]),
        ]
        records = self._scroll(Filter(must=[*wanted]), CONTENT_ONLY, vectors=True)
        stored = {(record.payload or {})["content"]: record for record in records}
        return [reencoded(c, stored[c.content]) for c in chunks if c.content in stored]

    def _scroll(
        self,
        wanted: Filter,
        fields: bool | PayloadSelector = True,  # noqa: FBT001, FBT002 - as the engine takes it
        *,
        vectors: bool = False,
    ) -> Iterator[Record]:
        offset = None
        while True:
            request = ScrollRequest(
                offset=offset,
                limit=SCROLL_PAGE,
                filter=wanted,
                with_payload=fields,
                with_vector=vectors,
            )
            records, offset = self._shard.scroll(request)
            yield from records
            if offset is None:
                return


def _lock(folder: Path) -> FileLock:
    owner = folder / "owner"
    lock = FileLock(folder / "lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        pid = owner.read_text().strip() if owner.exists() else "unknown"
        raise IndexBusy(
            f"The index in {folder} is open in another process (pid {pid}).",
            hint="Stop that process first, or use a Qdrant server (ANSWERABLE_INDEX_URL).",
        ) from None
    owner.write_text(str(os.getpid()))
    return lock


def _claim(label: Path, model: str) -> None:
    """Mark the index as holding this model's vectors, which no other model's compare with."""
    if not label.exists():
        label.write_text(model)
    elif (stored := label.read_text()) != model:
        raise ModelMismatch(
            f"The index in {label.parent} holds vectors of '{stored}', not of '{model}'.",
            hint="Set ANSWERABLE_EMBEDDER back, or ingest into another ANSWERABLE_INDEX_URL.",
        )


def _open_shard(folder: Path, dims: int) -> EdgeShard:
    try:
        if (folder / "edge_config.json").exists():
            return EdgeShard.load(str(folder))
        return _create_shard(folder, dims)
    except Exception as error:  # the engine raises nothing narrower
        raise IndexUnavailable(
            f"The index in {folder} cannot be opened: {error}.",
            hint="Remove the folder and ingest again, or restore it from a backup.",
        ) from error


def _create_shard(folder: Path, dims: int) -> EdgeShard:
    folder.mkdir(parents=True, exist_ok=True)
    config = EdgeConfig(
        vectors={DENSE: EdgeVectorParams(size=dims, distance=Distance.Dot)},
        sparse_vectors={LEXICAL: EdgeSparseVectorParams(modifier=Modifier.Idf)},
        on_disk_payload=True,
    )
    shard = EdgeShard.create(str(folder), config)
    for field in FILTERED_FIELDS:
        keyword = KeywordIndexParams(is_tenant=field == TENANT)
        shard.update(UpdateOperation.create_field_index(field, keyword))
    for field in COUNTED_FIELDS:
        counted = IntegerIndexParams(lookup=True, range=True)
        shard.update(UpdateOperation.create_field_index(field, counted))
    return shard


def _point(encoded: EncodedChunk, release: int) -> Point:
    lexical = SparseVector(list(encoded.lexical.indices), list(encoded.lexical.values))
    vectors = {DENSE: encoded.dense.tolist(), LEXICAL: lexical}
    return Point(version_id(encoded.chunk, release), vectors, to_payload(encoded, release))


def _legs(query: IndexQuery) -> list[QueryRequest]:
    visible = Filter(must=[*_visible(query.reader)])
    lexical = SparseVector(list(query.lexical.indices), list(query.lexical.values))
    legs = ((query.dense.tolist(), DENSE), (lexical, LEXICAL))
    return [
        QueryRequest(
            query.limit,
            query=Query.Nearest(vector, using=name),
            filter=visible,
            params=SearchParams(hnsw_ef=SEARCH_WIDTH),
        )
        for vector, name in legs
    ]


def _visible(reader: Reader) -> list[FieldCondition]:
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


def _wanted(wanted: VersionQuery) -> list[FieldCondition]:
    conditions = [_equals(TENANT, wanted.tenant), *_shown_at(wanted.release)]
    if wanted.source is not None:
        conditions.append(_equals("source", wanted.source))
    if wanted.pages is not None:
        conditions.append(_any_of("page", wanted.pages))
    if wanted.chunks is not None:
        conditions.append(_any_of("id", wanted.chunks))
    return conditions


def _shown_at(release: int) -> list[FieldCondition]:
    still_shown = FieldCondition("until", range=RangeFloat(gt=release))
    if release == NEWEST:
        return [still_shown]
    return [FieldCondition("since", range=RangeFloat(lte=release)), still_shown]


def _equals(field: str, value: str) -> FieldCondition:
    return FieldCondition(field, match=MatchValue(value))


def _any_of(field: str, values: Sequence[str]) -> FieldCondition:
    return FieldCondition(field, match=MatchAny(list(values)))


def _exactly(field: str, value: int) -> FieldCondition:
    return FieldCondition(field, match=MatchValue(value))
