"""The answer cache: what may be served again, and to whom.

A cached answer is served when its question is the same beyond doubt, and every chunk that supports
it stands in the release its reader is pinned to. Chunk ids are digests of content, so an answer
cannot outlive what it was made of, whatever is published or rolled back meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import Counter
from typing import TYPE_CHECKING, Any, TypeVar

from app.cache.breaker import Breaker
from app.cache.memory import MemoryStore
from app.cache.store import Forbidden
from app.cache.types import (
    CacheHit,
    CacheMiss,
    CacheUnavailable,
    LookedAt,
    Matched,
    Missed,
    tenant_digest,
)
from app.cache.verifier import Verdict
from app.cache.wording import normalised, read_wording
from retrieval.errors import BadInput, Unavailable

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence
    from datetime import timedelta

    from app.cache.store import AnswerStore, Kept
    from app.cache.types import Entry, Lookup
    from app.cache.verifier import Verifier
    from app.cache.wording import Asked
    from retrieval.index import ChunkReader
    from retrieval.types import Chunk, Reader

T = TypeVar("T")

LOOK_UP_SECONDS = 0.015
WRITE_SECONDS = 1.0
CANDIDATES = 5
LEAST_COSINE = 0.5  # what is further off than this never means the same
LOOK_ALIKE = 0.9  # cosine from which a question is taken for one that is forbidden
JITTER = 0.1  # answers stored together end over the last tenth of their time
SAME_WORDS = Verdict(1.0, "")

_log = logging.getLogger(__name__)
_spread = random.Random()  # noqa: S311 - spreads load, guards nothing


class AnswerCache:
    """Answers given before. It never raises on the way of a request: in doubt it has nothing.

    Attributes:
        counts: How often each thing happened: "exact", "semantic", each `Missed`, "stored",
            "evicted", "failed".
    """

    def __init__(
        self,
        store: AnswerStore,
        verifier: Verifier,
        ttl: timedelta,
        *,
        look_up_seconds: float = LOOK_UP_SECONDS,
        least_confidence: float = 0.0,
    ) -> None:
        """Answers of less than `least_confidence` are not kept."""
        self._store = store
        self._verifier = verifier
        self._ttl = ttl.total_seconds()
        self._look_up_seconds = look_up_seconds
        self._least_confidence = least_confidence
        self._breaker = Breaker()
        self.counts: Counter[str] = Counter()

    async def find(
        self, lookup: Lookup, chunks: ChunkReader, reader: Reader
    ) -> CacheHit | CacheMiss:
        """An answer that holds for this question, or why there is none.

        Args:
            lookup: The question, and for whom.
            chunks: Where the supporting chunks are looked for.
            reader: Who asks, pinned to a release.
        """
        found = await self._find(lookup, chunks, reader)
        self.counts[found.matched if isinstance(found, CacheHit) else found.reason] += 1
        return found

    async def store(self, entry: Entry) -> bool:
        """Keep an answer; says whether it was kept."""
        if not entry.chunks or entry.confidence < self._least_confidence:
            return False
        lasts = self._ttl * (1 - JITTER * _spread.random())
        try:
            await self._in_time(self._store.put(entry, lasts), WRITE_SECONDS)
        except CacheUnavailable:
            return False
        self.counts["stored"] += 1
        return True

    async def evict(self, tenant: str, chunks: Sequence[str]) -> int:
        """Remove a tenant's answers that rest on any of these chunks; says how many.

        What a cache that is away still holds is not served either: see `find`.
        """
        try:
            dropped = await self._store.drop(tenant, chunks)
        except CacheUnavailable as error:
            self._note(error)
            return 0
        self.counts["evicted"] += dropped
        return dropped

    async def never_again(self, tenant: str, entry_id: str, asked: Asked) -> None:
        """Never answer a question, or one that looks like it, with that entry again.

        Raises:
            BadInput: The entry is not one of the tenant's.
            CacheUnavailable: It could not be written down.
        """
        if not entry_id.startswith(f"{tenant_digest(tenant)}."):
            raise BadInput(f"There is no cached answer '{entry_id}'.", hint="Take it from a trace.")
        forbidden = Forbidden(normalised(asked.text), asked.encoding.sentence)
        await self._store.forbid(entry_id, forbidden)

    async def semantic_off(self) -> str:
        """Why only exact matches are found; empty when others are found too.

        Raises:
            CacheUnavailable: The store does not answer.
        """
        return await self._store.semantic_off()

    async def close(self) -> None:
        """Let go of connections."""
        await self._store.close()

    async def _find(
        self, lookup: Lookup, chunks: ChunkReader, reader: Reader
    ) -> CacheHit | CacheMiss:
        if not lookup.cacheable:
            return CacheMiss(Missed.NOT_CACHEABLE)
        try:
            exact = await self._in_time(self._exact(lookup), self._look_up_seconds)
            judged = [(exact, SAME_WORDS)] if exact else await self._semantic(lookup)
        except CacheUnavailable:
            return CacheMiss(Missed.UNAVAILABLE)
        looked_at = tuple(_looked_at(lookup, kept, verdict) for kept, verdict in judged)
        served = [(kept, verdict) for kept, verdict in judged if verdict.same]
        for kept, verdict in served:
            if support := await _support(kept.entry, chunks, reader):
                return _hit(kept.entry, verdict, support, looked_at)
        if served:
            return CacheMiss(Missed.NOT_SHOWN, looked_at)
        return CacheMiss(Missed.REFUSED if judged else Missed.NOTHING_LIKE_IT, looked_at)

    async def _exact(self, lookup: Lookup) -> Kept | None:
        """The entry for the same words, unless an operator forbade those."""
        entry_id = lookup.partition.entry_id(lookup.asked.text)
        kept = await self._store.get(entry_id, lookup.partition)
        words = normalised(lookup.asked.text)
        if kept and any(forbidden.question == words for forbidden in kept.forbidden):
            return None
        return kept

    async def _semantic(self, lookup: Lookup) -> list[tuple[Kept, Verdict]]:
        """Entries for close questions with what the verifier says of them, the surest first."""
        vector = lookup.asked.encoding.sentence
        near = await self._in_time(
            self._store.near(vector, lookup.partition, CANDIDATES), self._look_up_seconds
        )
        asked = read_wording(lookup.asked)
        judged = []
        for kept in near:
            if float(vector @ kept.entry.asked.encoding.sentence) < LEAST_COSINE:
                continue
            if _is_forbidden(lookup.asked, kept):
                judged.append((kept, Verdict(0.0, "never again")))
            else:
                stored = read_wording(kept.entry.asked)
                judged.append((kept, self._verifier.judge_read(asked, stored)))
        return sorted(judged, key=lambda pair: -pair[1].score)

    async def _in_time(self, work: Coroutine[Any, Any, T], seconds: float) -> T:
        """What the store gives, unless it takes too long, or did a moment ago.

        Raises:
            CacheUnavailable: It does, or did.
        """
        if not self._breaker.lets_through():
            work.close()
            raise CacheUnavailable("The cache did not answer a moment ago.")
        try:
            async with asyncio.timeout(seconds):
                done = await work
        except TimeoutError as error:
            self._breaker.failed()
            late = CacheUnavailable(f"The cache did not answer within {seconds * 1000:.0f} ms.")
            self._note(late)
            raise late from error
        except CacheUnavailable as error:
            self._breaker.failed()
            self._note(error)
            raise
        self._breaker.worked()
        return done

    def _note(self, error: CacheUnavailable) -> None:
        self.counts["failed"] += 1
        _log.warning("%s Requests go on without it.", error)


def open_cache(
    url: str,
    *,
    verifier: Verifier,
    ttl: timedelta,
    look_up_seconds: float = LOOK_UP_SECONDS,
    least_confidence: float = 0.0,
) -> AnswerCache:
    """The cache that a URL names. A server need not be there yet.

    Args:
        url: `memory:` for this process alone, `redis://...` or `rediss://...` for a server.
        verifier: Decides whether two questions ask the same.
        ttl: How long an answer is kept at most, however often it is served.
        look_up_seconds: How long a request waits for the store, each of two times at most.
        least_confidence: Answers of less confidence are not kept.

    Raises:
        BadInput: The URL is of neither form.
    """
    return AnswerCache(
        open_store(url),
        verifier,
        ttl,
        look_up_seconds=look_up_seconds,
        least_confidence=least_confidence,
    )


def open_store(url: str) -> AnswerStore:
    """The store that a URL names; see `open_cache`."""
    kind = url.partition(":")[0]
    if url == "memory:":
        return MemoryStore()
    if kind in {"redis", "rediss"} and "://" in url:
        from app.cache.redis import RedisStore  # noqa: PLC0415 - only the chosen one is loaded

        return RedisStore.open(url)
    raise BadInput(
        f"'{kind}:' does not name a cache.", hint="It has to be memory: or redis://HOST:6379."
    )


async def _support(entry: Entry, chunks: ChunkReader, reader: Reader) -> tuple[Chunk, ...]:
    """What supports an entry, as the reader sees it; empty unless all of it is there."""
    try:
        shown = await chunks.read(entry.chunks, reader)
    except Unavailable as error:
        _log.warning("A cached answer could not be checked, and is not served: %s", error)
        return ()
    return tuple(shown) if {chunk.id for chunk in shown} == set(entry.chunks) else ()


def _is_forbidden(asked: Asked, kept: Kept) -> bool:
    words = normalised(asked.text)
    return any(
        mark.question == words or float(mark.vector @ asked.encoding.sentence) >= LOOK_ALIKE
        for mark in kept.forbidden
    )


def _looked_at(lookup: Lookup, kept: Kept, verdict: Verdict) -> LookedAt:
    entry = kept.entry
    cosine = float(lookup.asked.encoding.sentence @ entry.asked.encoding.sentence)
    return LookedAt(
        entry.id, entry.asked.text, round(cosine, 4), round(verdict.score, 4), verdict.refused
    )


def _hit(
    entry: Entry, verdict: Verdict, support: tuple[Chunk, ...], looked_at: tuple[LookedAt, ...]
) -> CacheHit:
    return CacheHit(
        entry_id=entry.id,
        answer=entry.answer,
        confidence=entry.confidence,
        chunks=support,
        matched=Matched.EXACT if verdict is SAME_WORDS else Matched.SEMANTIC,
        question=entry.asked.text,
        score=verdict.score,
        looked_at=looked_at,
    )
