"""One source file to its documents: most hold one, archives and exports hold many."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingestion.archives import read_archive
from ingestion.exports import read_export
from ingestion.limits import DEFAULT_LIMITS, ReadingLimits
from ingestion.page import document_of
from ingestion.parsing import kind, read_file
from ingestion.sources.source import Skipped, SkipReason, SourceFile
from ingestion.unusable import Unusable, guarded, skipped
from retrieval.errors import UnreadableDocument

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from langchain_core.documents import Document

__all__ = ["DEFAULT_LIMITS", "READER_VERSION", "ReadingLimits", "read_documents"]

# Part of what is remembered of a page that was read: raise it whenever any format's text,
# metadata or chunks change, or pages that did not change would keep what was read before.
READER_VERSION: int = 1

_JSON = frozenset({".json", ".jsonl", ".ndjson"})
# A file attached to a message in an archive.
_DEEPEST = 2


def read_documents(
    file: SourceFile, limits: ReadingLimits = DEFAULT_LIMITS
) -> Iterator[Document | Skipped]:
    """Read a file of any supported format, however broken.

    Args:
        file: The file.
        limits: How much is taken out of it.

    Returns:
        Its documents one at a time, and whatever in it could not be used. What is inside a
        file is named by the file's page and its own name: `export.zip/guide/start.md`. When
        the file's own page is skipped, all of it that was not yielded went unread.
        `ingestion.page.document_of` says what a document's metadata holds.
    """
    return _documents(file, limits, depth=0)


def _documents(
    file: SourceFile, limits: ReadingLimits, *, depth: int
) -> Iterator[Document | Skipped]:
    try:
        with guarded(file.page):
            yield from _opened(file, limits, depth)
    except UnreadableDocument as error:
        yield skipped(file.page, error)


def _opened(file: SourceFile, limits: ReadingLimits, depth: int) -> Iterator[Document | Skipped]:
    if not file.data or file.data.isspace():
        yield Skipped(file.page, SkipReason.EMPTY, f"{len(file.data)} bytes, none of them text.")
    elif depth > _DEEPEST:
        raise Unusable(
            SkipReason.BEYOND_READING, f"{file.page} is too deep inside other files.", hint=_UNPACK
        )
    elif kind(file.page) == ".zip":
        if depth:
            raise Unusable(
                SkipReason.UNSUPPORTED, f"{file.page} is an archive in a file.", hint=_UNPACK
            )
        yield from _inner(read_archive(file, limits), limits, depth)
    elif kind(file.page) in _JSON:
        yield from read_export(file)
    else:
        yield from _single(file, limits, depth)


_UNPACK = "Unpack it and put what it holds beside it."


def _single(file: SourceFile, limits: ReadingLimits, depth: int) -> Iterator[Document | Skipped]:
    page = read_file(file, limits)
    try:
        with guarded(file.page):
            yield document_of(file.page, page, url=file.url)
    except UnreadableDocument as error:
        # A message may say nothing and still have something attached.
        yield skipped(file.page, error)
    yield from _inner(page.further, limits, depth)


def _inner(
    items: Iterable[SourceFile | Skipped], limits: ReadingLimits, depth: int
) -> Iterator[Document | Skipped]:
    for item in items:
        if isinstance(item, Skipped):
            yield item
        else:
            yield from _documents(item, limits, depth=depth + 1)
