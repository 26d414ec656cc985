"""The error tree of the whole product, rooted here because every package may import it.

AnswerableError
├── BadInput             what was given cannot be used; the message says what to change
│   ├── SourceNotFound   a path to ingest does not exist
│   ├── NothingToIngest  a source holds no file that can be read
│   ├── MalformedDataset a data file does not hold what it should
│   ├── UnreadableDocument  one document cannot be parsed; the run goes on without it
│   └── UnknownRelease   there is no release of that number, or it is no longer kept
├── Unavailable          a part is down, missing or busy; the ladder steps below it
│   ├── IndexUnavailable
│   ├── IndexBusy        another process holds the embedded index
│   ├── WriterBusy       another run is writing to the index
│   └── StoreUnavailable the database cannot be read or written
├── ReleaseRefused       a check failed on a candidate; readers see what they saw before
├── LeaseLost            another writer took over; nothing of this run is seen
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


class MalformedDataset(BadInput):
    """A data file does not hold what it should; the message names file and line."""


class UnreadableDocument(BadInput):
    """One document cannot be parsed; the rest of the run goes on."""


class UnknownRelease(BadInput):
    """There is no release of that number, or it is no longer kept."""


class Unavailable(AnswerableError):
    """A part the request needs is down, missing or busy."""


class IndexUnavailable(Unavailable):
    """The chunk index cannot be searched or written."""


class IndexBusy(Unavailable):
    """Another process holds the embedded index."""


class WriterBusy(Unavailable):
    """Another run is writing to the index."""


class StoreUnavailable(Unavailable):
    """The database of conversations and traces cannot be read or written."""


class ReleaseRefused(AnswerableError):
    """A candidate failed a check; readers see what they saw before."""


class LeaseLost(AnswerableError):
    """Another writer took over; nothing of this run is seen."""


class DiskFull(AnswerableError):
    """Stopped while there was still room, so nothing already stored is harmed."""


class ModelMismatch(AnswerableError):
    """Weights or a stored index do not match what was asked for."""
