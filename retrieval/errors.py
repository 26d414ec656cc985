"""The error tree of the whole product, rooted here because every package may import it.

AnswerableError
├── BadInput             what was given cannot be used; the message says what to change
│   ├── SourceNotFound   a path to ingest does not exist
│   ├── NothingToIngest  a source holds no file that can be read
│   └── UnreadableDocument  one document cannot be parsed; the run goes on without it
├── Unavailable          a part is down, missing or busy; the ladder steps below it
│   ├── IndexUnavailable
│   ├── IndexBusy        another process holds the embedded index
│   └── StoreUnavailable the database cannot be read or written
├── DiskFull             stopped before the disk ran out; nothing already stored is harmed
└── ModelMismatch        weights or index do not match what was asked for
"""

from __future__ import annotations


class AnswerableError(Exception):
    """Root of every error raised on purpose.

    Args:
        message: What went wrong and where, in one sentence.
        hint: What to do about it; empty when there is nothing to advise.
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class BadInput(AnswerableError):
    """What was given cannot be used."""


class SourceNotFound(BadInput):
    """A path to ingest does not exist."""


class NothingToIngest(BadInput):
    """A source holds no file that can be read."""


class UnreadableDocument(BadInput):
    """One document cannot be parsed; the rest of the run goes on."""


class Unavailable(AnswerableError):
    """A part the request needs is down, missing or busy."""


class IndexUnavailable(Unavailable):
    """The chunk index cannot be searched or written."""


class IndexBusy(Unavailable):
    """Another process holds the embedded index."""


class StoreUnavailable(Unavailable):
    """The database of conversations and traces cannot be read or written."""


class DiskFull(AnswerableError):
    """Stopped while there was still room, so nothing already stored is harmed."""


class ModelMismatch(AnswerableError):
    """Weights or a stored index do not match what was asked for."""
