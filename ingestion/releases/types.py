"""The values that releases are described by."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

NOTHING_YET = 0  # the number of the release before the first


class Outcome(StrEnum):
    """How a run ended."""

    PUBLISHED = "published"
    UNCHANGED = "unchanged"
    REFUSED = "refused"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    RUNNING = "running"
    PLANNED = "planned"


@dataclass(frozen=True, slots=True)
class Head:
    """Where a tenant's knowledge stands.

    Attributes:
        current: The release that readers see; 0 before the first.
        newest: The last one published; ahead of `current` after a rollback.
    """

    current: int = NOTHING_YET
    newest: int = NOTHING_YET

    @property
    def candidate(self) -> int:
        """The number the next release will have."""
        return self.newest + 1


@dataclass(frozen=True, slots=True)
class Counts:
    """What a run did, in pages and in passages.

    Attributes:
        read: Pages the sources hold, as far as they could be read.
        added: Pages that are new.
        changed: Pages whose passages are no longer the same.
        moved: Pages that are stored under another name now, word for word.
        removed: Pages that are gone.
        unchanged: Pages whose passages are as they were.
        encoded: Passages that went through the embedder.
        reused: Passages that are new where they stand, with vectors that were stored already.
        ended: Passages that are not shown any more as they stood.
    """

    read: int = 0
    added: int = 0
    changed: int = 0
    moved: int = 0
    removed: int = 0
    unchanged: int = 0
    encoded: int = 0
    reused: int = 0
    ended: int = 0

    @property
    def differs(self) -> bool:
        """Whether there is anything to release."""
        return bool(self.encoded or self.reused or self.ended)


def total(counts: Iterable[Counts]) -> Counts:
    """What several sources come to together."""
    columns = zip(*(astuple(each) for each in counts), strict=True)
    return Counts(*(sum(column) for column in columns))


@dataclass(frozen=True, slots=True)
class Release:
    """One published state of a tenant's knowledge.

    Attributes:
        tenant: Whose it is.
        number: Counted from 1 for each tenant.
        published_at: When readers were switched to it.
        sources: The names of the sources that were read for it.
        counts: What it changed.
    """

    tenant: str
    number: int
    published_at: datetime
    sources: tuple[str, ...]
    counts: Counts


@dataclass(frozen=True, slots=True)
class PageRecord:
    """What was stored of one of a source's files, to tell next time whether it changed.

    Attributes:
        file: Its name in the source.
        fingerprint: Digest of its bytes and of the manner it was read in, see
            `ingestion.chunked_file`; empty when it has to be read again in any case.
        pages: The pages it was read into; several for an archive or an export.
    """

    file: str
    fingerprint: str
    pages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One run, as the log keeps it.

    Attributes:
        id: Its number.
        tenant: Whose knowledge it was about.
        sources: The names of the sources it read.
        started_at: When it began.
        finished_at: When it ended; None while it runs, or when it was killed.
        outcome: How it ended.
        release: The release it published, if it did.
        note: Why it did not, in a sentence; empty otherwise.
    """

    id: int
    tenant: str
    sources: tuple[str, ...]
    started_at: datetime
    finished_at: datetime | None
    outcome: Outcome
    release: int | None
    note: str

    @property
    def seconds(self) -> float | None:
        """How long it took; None while it runs, or when it was killed."""
        if self.finished_at is None:
            return None
        return round((self.finished_at - self.started_at).total_seconds(), 1)
