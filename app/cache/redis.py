"""Cached answers in Redis 8, which finds close vectors in its vector sets.

All keys of a tenant carry the same hash tag, so that they stand on one node of a cluster and are
changed in one transaction. A vector set has no expiry of its own: what outlived its entry is taken
out when it is found, and a few elements are looked at whenever an entry is stored.
"""

from __future__ import annotations

import json
import logging
import math
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from app.cache.packing import FORM, chunks_of, pack, unpack
from app.cache.store import AnswerStore, Forbidden, Kept
from app.cache.types import CacheUnavailable, tenant_digest
from retrieval.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from app.cache.types import Entry, Partition

CONNECT_SECONDS = 1.0
ANSWER_SECONDS = 5.0  # look-ups wait far shorter: see `app.cache.answers`
SWEPT = 3  # elements of a vector set that are looked at whenever one is added
AT_ONCE = 200  # chunks whose entries are dropped together
FORGET = """
if redis.call('exists', KEYS[1]) == 0 then redis.call('vrem', KEYS[2], ARGV[1]) end
"""

_log = logging.getLogger(__name__)


class RedisStore(AnswerStore):
    """Entries in a Redis server; without vector sets there, exact matches only."""

    def __init__(self, client: Redis) -> None:
        self._redis = client
        self._off: str | None = None

    @classmethod
    def open(cls, url: str) -> RedisStore:
        """A store at `redis://` or `rediss://`; it connects when it is first used.

        Raises:
            BadInput: The URL cannot be read.
        """
        try:
            client = Redis.from_url(
                url,
                socket_connect_timeout=CONNECT_SECONDS,
                socket_timeout=ANSWER_SECONDS,
                retry=Retry(NoBackoff(), retries=1),  # a connection may have died while idle
            )
        except ValueError:  # its message may hold the password
            raise BadInput(
                "The URL of the cache cannot be read.",
                hint="It has to be redis://[USER:PASSWORD@]HOST[:PORT][/NUMBER], "
                "special characters in the password percent-encoded.",
            ) from None
        return cls(client)

    async def get(self, entry_id: str, partition: Partition) -> Kept | None:
        """See `AnswerStore.get`."""
        return (await self._read([entry_id], partition))[0]

    async def near(
        self, vector: NDArray[np.float32], partition: Partition, limit: int
    ) -> list[Kept]:
        """See `AnswerStore.near`."""
        if await self.semantic_off():
            return []
        query = ("FP32", _blob(vector), "COUNT", limit, "FILTER", f".until > {int(time.time())}")
        with _mapped():
            names = await self._run("VSIM", _vectors_key(partition.name), *query)
        ids = [f"{partition.name}.{name.decode()}" for name in names]
        found = await self._read(ids, partition)
        await self._forget_vectors([i for i, kept in zip(ids, found, strict=True) if not kept])
        return [kept for kept in found if kept is not None]

    async def put(self, entry: Entry, seconds: float) -> None:
        """See `AnswerStore.put`."""
        lasts = int(seconds * 1000)
        semantic = not await self.semantic_off()
        with _mapped():
            pipeline = self._redis.pipeline(transaction=True)
            pipeline.set(_entry_key(entry.id), pack(entry), px=lasts)
            for chunk in entry.chunks:
                key = _chunk_key(tenant_digest(entry.partition.tenant), chunk)
                pipeline.sadd(key, entry.id)
                pipeline.pexpire(key, lasts, nx=True)
                pipeline.pexpire(key, lasts, gt=True)
            if semantic:
                until = json.dumps({"until": math.ceil(time.time() + seconds)})
                blob = _blob(entry.asked.encoding.sentence)
                key, name = _vectors_key(entry.id), _name(entry.id)
                pipeline.execute_command("VADD", key, "FP32", blob, name, "SETATTR", until)
            await pipeline.execute()
        if semantic:
            await self._sweep(entry.id)

    async def drop(self, tenant: str, chunks: Sequence[str]) -> int:
        """See `AnswerStore.drop`."""
        dropped = 0
        for first in range(0, len(chunks), AT_ONCE):
            dropped += await self._drop(tenant_digest(tenant), chunks[first : first + AT_ONCE])
        return dropped

    async def forbid(self, entry_id: str, forbidden: Forbidden) -> None:
        """See `AnswerStore.forbid`."""
        with _mapped():
            await self._redis.hset(
                _forbidden_key(entry_id), forbidden.question, _blob(forbidden.vector)
            )

    async def semantic_off(self) -> str:
        """See `AnswerStore.semantic_off`."""
        if self._off is None:
            self._off = await self._why_off()
            if self._off:
                _log.warning("The cache finds exact matches only: %s", self._off)
        return self._off

    async def close(self) -> None:
        """See `AnswerStore.close`."""
        await self._redis.aclose()

    async def _run(self, *command: bytes | str | float) -> Any:  # noqa: ANN401 - the client's own
        """A command that the client has no method for."""
        return await self._redis.execute_command(*command)  # type: ignore[no-untyped-call] # theirs

    async def _why_off(self) -> str:
        with _mapped():
            version = (await self._redis.info("server"))["redis_version"]
            try:
                await self._run("VCARD", f"answerable:{FORM}:none")
            except ResponseError as error:  # an unknown command, or one that is not allowed
                return f"vector sets, which Redis 8 has, cannot be used in Redis {version}: {error}"
        return ""

    async def _read(self, ids: Sequence[str], partition: Partition) -> list[Kept | None]:
        with _mapped():
            pipeline = self._redis.pipeline(transaction=False)
            for entry_id in ids:
                pipeline.get(_entry_key(entry_id))
                pipeline.hgetall(_forbidden_key(entry_id))
            found = await pipeline.execute()
            entries = [packed and unpack(packed, partition) for packed in found[::2]]
        both = zip(entries, found[1::2], strict=True)
        return [Kept(entry, _forbidden(marks)) if entry else None for entry, marks in both]

    async def _drop(self, tenant: str, chunks: Sequence[str]) -> int:
        with _mapped():
            keys = [_chunk_key(tenant, chunk) for chunk in chunks]
            named = sorted(m.decode() for m in await self._run("SUNION", *keys))
            if not named:
                return 0
            packed = await self._run("MGET", *map(_entry_key, named))
        ended = set(chunks)
        # An entry that was stored anew may rest on other chunks than it did.
        touched = [n for n, p in zip(named, packed, strict=True) if p and ended & chunks_of(p)]
        semantic = not await self.semantic_off()
        with _mapped():
            pipeline = self._redis.pipeline(transaction=True)
            for entry_id in touched:
                pipeline.delete(_entry_key(entry_id))
            for entry_id in touched if semantic else ():
                pipeline.execute_command("VREM", _vectors_key(entry_id), _name(entry_id))
            for key in keys:
                pipeline.srem(key, *named)
            done = await pipeline.execute()
        return sum(done[: len(touched)])

    async def _sweep(self, entry_id: str) -> None:
        """Look at a few elements beside one just added, and take out those without an entry."""
        shelf = entry_id.rpartition(".")[0]
        with _mapped():
            names = await self._run("VRANDMEMBER", _vectors_key(entry_id), SWEPT)
        await self._forget_vectors([f"{shelf}.{name.decode()}" for name in names])

    async def _forget_vectors(self, ids: Sequence[str]) -> None:
        """Take those out of the vector set that have no entry now."""
        if not ids:
            return
        with _mapped():
            pipeline = self._redis.pipeline(transaction=False)
            for entry_id in ids:
                keys = (_entry_key(entry_id), _vectors_key(entry_id))
                pipeline.execute_command("EVAL", FORGET, 2, *keys, _name(entry_id))
            await pipeline.execute()


@contextmanager
def _mapped() -> Iterator[None]:
    try:
        yield
    except (RedisError, OSError, ValueError, KeyError) as error:
        raise CacheUnavailable(
            f"The cache cannot be used: {type(error).__name__}.",
            hint="Look whether Redis runs where ANSWERABLE_CACHE_URL says.",
        ) from error


def _entry_key(entry_id: str) -> str:
    return f"{_prefix(entry_id)}:entry:{entry_id}"


def _forbidden_key(entry_id: str) -> str:
    return f"{_prefix(entry_id)}:forbidden:{entry_id}"


def _vectors_key(entry_id: str) -> str:
    """The vector set of an entry's partition."""
    tenant, shelf, *_ = entry_id.split(".")
    return f"{_prefix(tenant)}:vectors:{shelf}"


def _chunk_key(tenant: str, chunk: str) -> str:
    return f"{_prefix(tenant)}:chunk:{chunk}"


def _prefix(entry_id: str) -> str:
    return f"answerable:{FORM}:{{{entry_id.partition('.')[0]}}}"


def _name(entry_id: str) -> str:
    return entry_id.rpartition(".")[2]


def _blob(vector: NDArray[np.float32]) -> bytes:
    return vector.astype("<f4").tobytes()


def _forbidden(found: dict[bytes, bytes]) -> tuple[Forbidden, ...]:
    return tuple(
        Forbidden(question.decode(), np.frombuffer(vector, "<f4"))
        for question, vector in found.items()
    )
