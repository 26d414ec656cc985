"""How much is taken out of one file."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ReadingLimits:
    """What one file may hold; what is beyond is reported and not read.

    Attributes:
        members: Entries of an archive, or parts of an office file.
        member_bytes: What an entry of an archive may unpack to.
        unpacked_bytes: What all entries, or all parts, together may unpack to.
        tree_bytes: What the XML of a DOCX or PPTX may unpack to. It is held as a tree, which
            takes some forty times as much memory.
        ratio: How many times its packed size an entry of more than a megabyte may be. Text
            seldom gets beyond 20; a bomb of Deflate has 1,000.
        rows: Rows of a workbook or a CSV file.
        attachments: Attachments of a message.
    """

    members: int = 10_000
    member_bytes: int = 50_000_000
    unpacked_bytes: int = 300_000_000
    tree_bytes: int = 20_000_000
    ratio: int = 200
    rows: int = 20_000
    attachments: int = 20


DEFAULT_LIMITS = ReadingLimits()
