"""The embedded index: Qdrant's engine inside this process, in one folder on disk."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, TypeVar

from filelock import FileLock, Timeout
from qdrant_edge import (
    Distance,
    EdgeConfig,
    EdgeShard,
    EdgeSparseVectorParams,
    EdgeVectorParams,
    FieldCondition,
    Filter,
    IsEmptyCondition,
    KeywordIndexParams,
    MatchAny,
    MatchValue,
    Modifier,
    PayloadSelector,
    Point,
    Query,
    QueryBatchRequest,
    QueryRequest,
    ScrollRequest,
    SearchParams,
    SparseVector,
    UpdateOperation,
)

from retrieval.errors import IndexBusy, IndexUnavailable, ModelMismatch
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
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from qdrant_edge import Record

    from retrieval.index import Candidate, EncodedChunk, IndexQuery, Stored
    from retrieval.types import Chunk, Reader

SCROLL_PAGE = 1000
PLACE_ONLY = PayloadSelector.Include(["page", "place"])
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
        records = await self._run(self._shard.retrieve, only_ids(ids), True, False)  # noqa: FBT003
        found = {str(r.id): to_chunk(r.id, r.payload or {}) for r in records}
        return [found[i] for i in ids if i in found and reader.may_see(found[i].scope)]

    async def page(self, page: str, reader: Reader) -> list[Chunk]:
        """See `ChunkReader.page`."""
        wanted = Filter(must=[*_visible(reader), _equals("page", page)])
        records = await self._run(lambda: list(self._scroll(wanted)))
        chunks = [to_chunk(r.id, r.payload or {}) for r in records]
        return sorted(chunks, key=lambda chunk: chunk.position)

    async def stored(self, tenant: str, source: str) -> dict[str, Stored]:
        """See `ChunkWriter.stored`."""
        wanted = Filter(must=[_equals("tenant", tenant), _equals("source", source)])
        records = await self._run(lambda: list(self._scroll(wanted, PLACE_ONLY)))
        return {str(r.id): to_stored(r.payload or {}) for r in records}

    async def upsert(self, chunks: Sequence[EncodedChunk]) -> None:
        """See `ChunkWriter.upsert`."""
        points = [_point(chunk) for chunk in chunks]
        await self._run(self._shard.update, UpdateOperation.upsert_points(points))

    async def relocate(self, chunks: Sequence[Chunk]) -> None:
        """See `ChunkWriter.relocate`."""
        for chunk in chunks:
            moved = UpdateOperation.set_payload([chunk.id], place_payload(chunk))
            await self._run(self._shard.update, moved)

    async def delete(self, ids: Sequence[str]) -> None:
        """See `ChunkWriter.delete`."""
        if ids:
            removal = UpdateOperation.delete_points(list(ids))
            await self._run(self._shard.update, removal)

    async def flush(self) -> None:
        """See `ChunkIndex.flush`."""
        await self._run(self._shard.flush)
        await self._run(self._shard.optimize)

    async def count(self) -> int:
        """See `ChunkIndex.count`."""
        return int((await self._run(self._shard.info)).points_count)

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

    def _search(self, query: IndexQuery) -> list[Candidate]:
        dense, lexical = self._shard.query_batch(QueryBatchRequest(_legs(query)))
        return merge_legs(dense, lexical, query.dense)

    def _scroll(self, wanted: Filter, fields: bool | PayloadSelector = True) -> Iterator[Record]:  # noqa: FBT001, FBT002
        offset = None
        while True:
            request = ScrollRequest(
                offset=offset, limit=SCROLL_PAGE, filter=wanted, with_payload=fields
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
    return shard


def _point(encoded: EncodedChunk) -> Point:
    lexical = SparseVector(list(encoded.lexical.indices), list(encoded.lexical.values))
    vectors = {DENSE: encoded.dense.tolist(), LEXICAL: lexical}
    return Point(encoded.chunk.id, vectors, to_payload(encoded))


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
            with_payload=True,
        )
        for vector, name in legs
    ]


def _visible(reader: Reader) -> list[FieldCondition | Filter]:
    conditions: list[FieldCondition | Filter] = [
        _equals("tenant", reader.tenant),
        FieldCondition("audience", match=MatchAny(list(reader.audiences))),
    ]
    if reader.locale is not None:
        conditions.append(_equals("locale", reader.locale))
    if reader.product is not None:
        conditions.append(_about(reader.product))
    return conditions


def _about(product: str) -> Filter:
    """What is about a product or about every one, as is a point stored without the field."""
    named = FieldCondition("product", match=MatchAny([product, ""]))
    return Filter(should=[named, IsEmptyCondition("product")])


def _equals(field: str, value: str) -> FieldCondition:
    return FieldCondition(field, match=MatchValue(value))
