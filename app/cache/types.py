"""The values that the cache takes and gives."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b
from typing import TYPE_CHECKING

from app.cache.wording import normalised
from retrieval.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.cache.wording import Asked
    from retrieval.types import Chunk, Reader

DIGEST_BYTES = 12


class CacheUnavailable(Unavailable):
    """The cache does not answer, or not in time."""


@dataclass(frozen=True, slots=True)
class Partition:
    """For whom an answer is made, and by what. Nothing is served across partitions.

    Attributes:
        tenant: Whose knowledge it is made of.
        audiences: All that its reader may see; a larger set is another partition.
        locale: The reader's language; None for any.
        product: What the reader asks about; None for any.
        line: Digest of all that makes answers, from `line_of`.
    """

    tenant: str
    audiences: frozenset[str]
    locale: str | None
    product: str | None
    line: str

    @classmethod
    def of(cls, reader: Reader, line: str) -> Partition:
        """The partition of a reader, whichever release is read."""
        audiences = frozenset(reader.audiences)
        return cls(reader.tenant, audiences, reader.locale, reader.product, line)

    @property
    def name(self) -> str:
        """Digest of the tenant, a full stop, digest of all the rest."""
        rest = (sorted(self.audiences), self.locale, self.product, self.line)
        return f"{tenant_digest(self.tenant)}.{_digest(rest)}"

    def entry_id(self, question: str) -> str:
        """The id of a question's entry: the same but for manners is the same entry."""
        return f"{self.name}.{_digest(normalised(question))}"


@dataclass(frozen=True, slots=True)
class Lookup:
    """A question that may have been answered before.

    Attributes:
        partition: Who asks, and what would answer.
        asked: The question, standing alone.
        cacheable: False where the answer depends on more than the question, or the question holds
            personal data: nothing is looked up.
    """

    partition: Partition
    asked: Asked
    cacheable: bool = True


@dataclass(frozen=True, slots=True)
class Entry:
    """An answer to keep. Degraded answers, and those with personal data, are never to be one.

    Attributes:
        partition: For whom it was made, and by what.
        asked: The question, standing alone.
        answer: The answer as the caller writes it down; the cache does not look into it.
        chunks: The ids of every chunk that supports it; without one nothing is kept.
        confidence: How sure the service was of it, in [0, 1].
    """

    partition: Partition
    asked: Asked
    answer: bytes
    chunks: tuple[str, ...]
    confidence: float

    @property
    def id(self) -> str:
        """The same for the same question in the same partition."""
        return self.partition.entry_id(self.asked.text)


@dataclass(frozen=True, slots=True)
class LookedAt:
    """An entry that was considered, for the trace.

    Attributes:
        entry_id: Which one.
        question: What it answers.
        cosine: Of the two questions' sentence vectors.
        score: The verifier's estimate that the two ask the same, in [0, 1].
        refused: Why it was not served; empty when it was.
    """

    entry_id: str
    question: str
    cosine: float
    score: float
    refused: str


class Matched(StrEnum):
    """How a cached answer was found."""

    EXACT = "exact"
    SEMANTIC = "semantic"


class Missed(StrEnum):
    """Why nothing was served."""

    NOTHING_LIKE_IT = "nothing_like_it"
    REFUSED = "refused"  # the verifier, or an operator, took none of what was found
    NOT_SHOWN = "not_shown"  # what supports the answer is not in the reader's release
    NOT_CACHEABLE = "not_cacheable"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class CacheHit:
    """An answer that holds for this question and this reader, now.

    Attributes:
        entry_id: Whose it is; what `never_again` takes.
        answer: As it was stored.
        confidence: As it was stored.
        chunks: What supports it as it stands in the reader's release: take addresses and titles
            from here, which may have changed since.
        matched: How it was found.
        question: The question it was made for.
        score: The verifier's estimate that the two ask the same; 1 for an exact match.
        looked_at: Everything considered, best first.
    """

    entry_id: str
    answer: bytes
    confidence: float
    chunks: tuple[Chunk, ...]
    matched: Matched
    question: str
    score: float
    looked_at: tuple[LookedAt, ...]


@dataclass(frozen=True, slots=True)
class CacheMiss:
    """Nothing is served, and why.

    Attributes:
        reason: Why.
        looked_at: Everything considered, best first.
    """

    reason: Missed
    looked_at: tuple[LookedAt, ...] = ()


def line_of(versions: Mapping[str, str]) -> str:
    """Digest of all that makes an answer, by name: models, weights, prompts, policies.

    The name of the embedder has to be among them: vectors of two models do not compare.
    """
    return _digest(sorted(versions.items()))


def tenant_digest(tenant: str) -> str:
    """What a tenant is called in ids and keys, whatever its name is made of."""
    return _digest(tenant)


def _digest(value: object) -> str:
    return blake2b(repr(value).encode(), digest_size=DIGEST_BYTES).hexdigest()
