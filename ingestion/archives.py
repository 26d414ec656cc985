"""ZIP to files, in memory: nothing in an archive can make anything be written or followed."""

from __future__ import annotations

import re
import stat
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from ingestion.decoding import printable
from ingestion.sources.files import SUFFIXES
from ingestion.sources.source import Skipped, SkipReason, SourceFile
from ingestion.unpacking import ArchiveExhausted, Unpacking, opened
from ingestion.unusable import Unusable, guarded, skipped
from retrieval.errors import UnreadableDocument

if TYPE_CHECKING:
    from collections.abc import Iterator
    from zipfile import ZipInfo

    from ingestion.limits import ReadingLimits

_ABSOLUTE = re.compile(r"/|[A-Za-z]:")


def read_archive(file: SourceFile, limits: ReadingLimits) -> Iterator[SourceFile | Skipped]:
    """Unpack the files of an archive one at a time, in the order of their paths.

    Folders, hidden files, `__MACOSX` and files of kinds that are not read are passed over,
    as they are in a folder.

    Args:
        file: A ZIP file.
        limits: What it may hold and unpack to.

    Returns:
        Each file, named by the archive's page and its path in it, or why it was skipped.

    Raises:
        UnreadableDocument: The archive as a whole is damaged or beyond the limits, or nothing
            in it is of a kind that is read. What was yielded before is good.
    """
    unpacking = opened(file.data, limits, most=limits.member_bytes)
    found = 0
    with unpacking.archive as archive:
        named = {_path(member): member for member in archive.infolist()}
        for path in sorted(named):
            if _is_read(path):
                found += 1
                yield _member(unpacking, named[path], file, path)
    if not found:
        raise Unusable(
            SkipReason.UNSUPPORTED,
            f"None of the {len(named)} entries of {file.page} is read.",
            hint=f"Files that are read end in {', '.join(SUFFIXES)}.",
        )


def _path(member: ZipInfo) -> str:
    """An entry's path; some programs on Windows write it with backslashes."""
    return printable(member.filename.replace("\\", "/"))


def _is_read(path: str) -> bool:
    """Whether a path is a document's; one that leads out of the archive is for the report."""
    if not path.lower().endswith(SUFFIXES):
        return False
    hidden = (part.startswith(".") and part != ".." for part in PurePosixPath(path).parts)
    return not path.startswith("__MACOSX/") and not any(hidden)


def _member(
    unpacking: Unpacking, member: ZipInfo, file: SourceFile, path: str
) -> SourceFile | Skipped:
    page = f"{file.page}/{path}"
    if _ABSOLUTE.match(path) or ".." in PurePosixPath(path).parts:
        return Skipped(page, SkipReason.UNSAFE, "Its path leads out of the archive.")
    if stat.S_ISLNK(member.external_attr >> 16):
        return Skipped(page, SkipReason.UNSAFE, "It is a symbolic link.")
    try:
        with guarded(page):
            return SourceFile(page, b"".join(unpacking.pieces(member)), file.modified)
    except ArchiveExhausted:
        raise
    except UnreadableDocument as error:
        return skipped(page, error)
