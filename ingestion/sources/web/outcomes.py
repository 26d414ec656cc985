"""What can become of fetching an address."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from retrieval.errors import SourceNotFound, Unavailable

if TYPE_CHECKING:
    from ingestion.sources.source import SkipReason


@dataclass(frozen=True, slots=True)
class Fetched:
    """What an address answered.

    Attributes:
        address: Where it was in the end, after redirects.
        data: The body.
        content_type: What the server calls it, in lower case, without parameters.
        charset: The encoding the server names; empty when it does not.
        etag: Its `ETag`; empty when it has none.
        modified: Its `Last-Modified`, as sent; empty when it has none.
        robots: Its `X-Robots-Tag`; empty when it has none.
    """

    address: str
    data: bytes
    content_type: str
    charset: str
    etag: str
    modified: str
    robots: str


@dataclass(frozen=True, slots=True)
class NotModified:
    """The page at `address`, after redirects, is what we said we have."""

    address: str


@dataclass(frozen=True, slots=True)
class Absent:
    """There is no page of ours there: it is gone, forbidden to robots, or no document."""

    address: str
    why: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The page could not be had.

    Attributes:
        address: Where it was asked for, after redirects.
        reason: The kind of trouble.
        detail: The particulars.
        passing: Whether it may be there the next time.
        wait: How many seconds the site wants us to wait; None when it does not say.
    """

    address: str
    reason: SkipReason
    detail: str
    passing: bool = False
    wait: float | None = None


Outcome: TypeAlias = Fetched | NotModified | Absent | Failed


def as_error(found: NotModified | Absent | Failed) -> SourceNotFound | Unavailable:
    """What to raise where an address has to be read and was not."""
    match found:
        case Failed():
            why = found.detail
        case Absent():
            why = found.why
        case NotModified():
            why = "It says that nothing has changed, to one who has nothing."
    message = f"{found.address} cannot be read. {why}"
    if isinstance(found, Failed) and found.passing:
        return Unavailable(message, hint="Run it again when the site answers.")
    return SourceNotFound(message, hint="Check the address of the website.")
