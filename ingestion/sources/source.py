"""What a source of documents is: the values it yields and the protocol it follows."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime


class SkipReason(StrEnum):
    """Why a file was left out, as a sentence an operator can act on."""

    UNREADABLE = "The file cannot be opened."
    SYMLINK_LOOP = "The symbolic link leads back to itself."
    LEAVES_ROOT = "The symbolic link leads out of the folder being read."
    TOO_LARGE = "The file is larger than the limit."
    EMPTY = "The file is empty."
    BINARY = "The file is named like text but holds binary data."
    UNPARSABLE = "The file cannot be understood."


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
    """Somewhere documents come from. A new kind of source is one class like this."""

    @property
    def base_url(self) -> str:
        """Where customers read the same pages; empty when nowhere."""

    def count(self) -> int | None:
        """How many items `read` will yield; None when that is not known beforehand.

        Raises:
            SourceNotFound: There is no such source.
            NothingToIngest: It holds nothing that can be read.
        """

    def read(self) -> Iterator[SourceItem]:
        """Each page, or why it was skipped, or that it has not changed.

        A page that is no longer yielded has been removed; one that is skipped keeps what was
        stored of it. What cannot be read is skipped, never raised.

        Raises:
            SourceNotFound: There is no such source.
            NothingToIngest: It holds nothing that can be read.
        """
