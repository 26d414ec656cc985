"""Files in memory, and what is read from them."""

from __future__ import annotations

import zipfile
from datetime import UTC, datetime
from io import BytesIO
from typing import TYPE_CHECKING

from langchain_core.documents import Document

from ingestion.limits import DEFAULT_LIMITS, ReadingLimits
from ingestion.reading import read_documents
from ingestion.sources.source import Skipped, SkipReason, SourceFile

if TYPE_CHECKING:
    from collections.abc import Mapping

MODIFIED = datetime(2024, 1, 1, tzinfo=UTC)


def file(page: str, data: bytes | str, url: str = "") -> SourceFile:
    return SourceFile(page, data.encode() if isinstance(data, str) else data, MODIFIED, url)


def read(
    page: str, data: bytes | str, limits: ReadingLimits = DEFAULT_LIMITS
) -> tuple[list[Document], list[Skipped]]:
    """The documents in a file, and what was skipped."""
    items = list(read_documents(file(page, data), limits))
    documents = [item for item in items if isinstance(item, Document)]
    return documents, [item for item in items if isinstance(item, Skipped)]


def only(page: str, data: bytes | str) -> Document:
    """The one document in a file of which all can be used."""
    documents, skipped = read(page, data)
    assert skipped == []
    [document] = documents
    return document


def refusal(page: str, data: bytes | str, limits: ReadingLimits = DEFAULT_LIMITS) -> Skipped:
    """Why nothing of a file can be used."""
    documents, skipped = read(page, data, limits)
    assert documents == []
    [found] = skipped
    assert found.page == page
    return found


def reasons(skipped: list[Skipped]) -> dict[str, SkipReason]:
    return {item.page: item.reason for item in skipped}


def zipped(members: Mapping[str, bytes | str], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return stream.getvalue()


def with_part(package: bytes, name: str, data: bytes) -> bytes:
    """An office file with one of its parts replaced or added."""
    with zipfile.ZipFile(BytesIO(package)) as archive:
        parts: dict[str, bytes | str] = {part: archive.read(part) for part in archive.namelist()}
    return zipped({**parts, name: data})


def part_of(package: bytes, name: str) -> bytes:
    with zipfile.ZipFile(BytesIO(package)) as archive:
        return archive.read(name)
