"""What stops a document from being read, told apart by kind."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from ingestion.sources.source import Skipped, SkipReason
from retrieval.errors import AnswerableError, UnreadableDocument

if TYPE_CHECKING:
    from collections.abc import Iterator


class Unusable(UnreadableDocument):
    """A document that is unreadable for a reason with a name of its own.

    Args:
        reason: The kind of trouble.
        message: What is wrong, in one sentence.
        hint: What to do about it.
    """

    def __init__(self, reason: SkipReason, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.reason = reason


@contextmanager
def guarded(page: str) -> Iterator[None]:
    """Report whatever is raised over a broken file as `UnreadableDocument`.

    Args:
        page: What to call the file.

    Raises:
        UnreadableDocument: The file is damaged, or nests too deeply to follow.
    """
    try:
        yield
    except AnswerableError:
        raise
    except RecursionError:
        raise UnreadableDocument(f"{page} nests its elements too deeply.") from None
    except Exception as error:
        # What a library raises over hostile bytes is in no contract: KeyError, struct.error, ...
        said = f"{type(error).__name__}: {error}".rstrip(": ")
        raise UnreadableDocument(
            f"{page} is damaged ({said}).", hint="Open it and save it again."
        ) from error


def skipped(page: str, error: UnreadableDocument) -> Skipped:
    """The error as an entry of the report."""
    reason = error.reason if isinstance(error, Unusable) else SkipReason.UNPARSABLE
    return Skipped(page, reason, str(error))
