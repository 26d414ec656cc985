"""What a source of documents is: the values it yields and the protocol it follows."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet
    from datetime import datetime


class SkipReason(StrEnum):
    """Why a file was left out, as a sentence an operator can act on."""

    UNREADABLE = "The file cannot be opened."
    SYMLINK_LOOP = "The symbolic link leads back to itself."
    LEAVES_ROOT = "The symbolic link leads out of the folder being read."
    TOO_LARGE = "The file is larger than the limit: split it, or raise the source's max_bytes."
    EMPTY = "The file is empty."
    BINARY = "The file is named like text but holds binary data."
    UNPARSABLE = "The file cannot be understood."
    ENCRYPTED = "The file is encrypted."
    NEEDS_OCR = "It holds only images, no text."
    BEYOND_READING = "It is beyond the limits of what is read from one file."
    UNSAFE = "The archive's entry is not safe to read."
    UNSUPPORTED = "Nothing in the file is of a kind that is read."
    UNPUBLISHED = "It is not published."
    RULED_OUT = "A rule of its source leaves it out."
    UNREACHABLE = "The page could not be fetched."
    LEAVES_SITE = "The page redirects out of the site."
    BEYOND_LIMITS = "The crawl reached its limits before this page."


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file's bytes.

    Attributes:
        page: Its path under the root, with forward slashes, or its address on a website.
        data: All of it.
        modified: When the source says it last changed.
        url: Where a customer reads this page, when the source knows; empty to derive it from
            the source's base URL and `page`.
    """

    page: str
    data: bytes
    modified: datetime
    url: str = ""


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that could not be used.

    Attributes:
        page: Its path under the root, with forward slashes.
        reason: The kind of trouble.
        detail: The particulars: sizes, targets, the system's own message.
    """

    page: str
    reason: SkipReason
    detail: str

    def __str__(self) -> str:
        return f"{self.page}: {self.reason} {self.detail}".strip()


@dataclass(frozen=True, slots=True)
class Unchanged:
    """A page that the source says is what it was when it was last read, so it was not read.

    Attributes:
        page: Its name, as when it was read.
    """

    page: str


SourceItem: TypeAlias = SourceFile | Skipped | Unchanged


class Source(Protocol):
    """Somewhere documents come from. A new kind of source is one class like this.

    A run calls `count`, then `read`, and `commit` once what was read is what customers see.
    """

    @property
    def base_url(self) -> str:
        """Where customers read the same pages; empty when nowhere."""

    def count(self) -> int | None:
        """How many items `read` will yield; None when that is not known beforehand.

        Raises:
            SourceNotFound: There is no such source.
            NothingToIngest: It holds nothing that can be read.
        """

    def read(self, held: AbstractSet[str] = frozenset()) -> Iterator[SourceItem]:
        """Each page, or why it was skipped, or that it has not changed.

        A page that is no longer yielded has been removed; one that is skipped keeps what was
        stored of it. What cannot be read is skipped, never raised.

        Args:
            held: The pages that are stored as they would be stored now; only of these may it
                say that they are unchanged.

        Raises:
            SourceNotFound: There is no such source.
            NothingToIngest: It holds nothing that can be read.
        """

    def commit(self) -> None:
        """What the last `read` yielded is published: only now remember how far it came.

        A run that fails before this is repeated from where the one before it ended.

        Raises:
            Unavailable: What is remembered cannot be written down.
        """
