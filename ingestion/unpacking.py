"""Entries out of a ZIP file that may be hostile, with what they unpack to counted."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

from ingestion.sources.source import SkipReason
from ingestion.unusable import Unusable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ingestion.limits import ReadingLimits

_PIECE = 65_536
# Below this an entry may have any ratio: a sheet of blank cells packs as well as a bomb.
_HARMLESS_BYTES = 1_000_000
# Python unpacks these in bounded pieces; one piece of bzip2 or LZMA may become gigabytes.
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_ENCRYPTED = 0x1


class ArchiveExhausted(Unusable):
    """The entries together unpack to more than the limit, so no further one is read."""


@dataclass(slots=True)
class Unpacking:
    """One archive being unpacked, in memory.

    Attributes:
        archive: The archive.
        limits: What it may unpack to.
        most: What one entry may unpack to.
        unpacked: How many bytes have come out so far.
    """

    archive: zipfile.ZipFile
    limits: ReadingLimits
    most: int
    unpacked: int = 0

    def pieces(self, member: zipfile.ZipInfo) -> Iterator[bytes]:
        """Unpack an entry; what its header says of its size is not relied on.

        Raises:
            ArchiveExhausted: The archive as a whole is over its limit.
            Unusable: The entry is encrypted, packed in an unusual way, or too large.
        """
        self._check(member)
        size = 0
        with self.archive.open(member) as stream:
            while piece := stream.read(_PIECE):
                size += len(piece)
                self.unpacked += len(piece)
                self._check_size(member, size)
                yield piece

    def _check(self, member: zipfile.ZipInfo) -> None:
        if member.flag_bits & _ENCRYPTED:
            raise Unusable(
                SkipReason.ENCRYPTED,
                f"{member.filename} is encrypted.",
                hint="Pack it without a password.",
            )
        if member.compress_type not in _METHODS:
            raise Unusable(
                SkipReason.UNSUPPORTED,
                f"{member.filename} is packed by method {member.compress_type}.",
                hint="Pack it with Deflate.",
            )

    def _check_size(self, member: zipfile.ZipInfo, size: int) -> None:
        if self.unpacked > self.limits.unpacked_bytes:
            raise ArchiveExhausted(
                SkipReason.BEYOND_READING,
                f"It unpacks to more than {self.limits.unpacked_bytes / 1e6:.0f} MB.",
                hint="Split it.",
            )
        if size > self.most:
            raise Unusable(
                SkipReason.BEYOND_READING,
                f"{member.filename} unpacks to more than {self.most / 1e6:.0f} MB.",
                hint="Split it.",
            )
        if size > max(_HARMLESS_BYTES, self.limits.ratio * member.compress_size):
            raise Unusable(
                SkipReason.UNSAFE,
                f"{member.filename} unpacks to more than {self.limits.ratio} times its size, "
                "as bombs do.",
            )


def opened(data: bytes, limits: ReadingLimits, *, most: int) -> Unpacking:
    """Open an archive.

    Args:
        data: The whole archive.
        limits: What it may hold and unpack to.
        most: What one entry may unpack to.

    Returns:
        The archive, of which nothing is unpacked yet.

    Raises:
        Unusable: It has too many entries.
        BadZipFile: It is no ZIP file.
    """
    archive = zipfile.ZipFile(BytesIO(data))
    entries = len(archive.infolist())
    if entries > limits.members:
        raise Unusable(
            SkipReason.BEYOND_READING,
            f"It has {entries:,} entries; {limits.members:,} are read.",
            hint="Split it.",
        )
    return Unpacking(archive, limits, most)
