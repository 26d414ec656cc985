"""Canonical text read back as a flat run of blocks, with character offsets.

The grammar is the part of Markdown that `ingestion.canonical` writes, plus what other
people's Markdown needs so that no character is lost: underlined headings, `*` and `+`
bullets, `~~~` fences, wrapped lines.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class BlockKind(StrEnum):
    """What a block is."""

    HEADING = "heading"
    PARAGRAPH = "paragraph"
    ITEM = "item"
    TABLE = "table"
    CODE = "code"


@dataclass(frozen=True, slots=True)
class Block:
    """One block of a page.

    Attributes:
        kind: What it is.
        start: Its first character that is not indentation.
        end: One past its last character.
        body: Where its words begin: after a heading's hashes, an item's marker, a fence.
        body_end: Where they end: before a closing fence or an underline.
        level: A heading's level; otherwise the number of spaces the block is indented by.
    """

    kind: BlockKind
    start: int
    end: int
    body: int
    body_end: int
    level: int


@dataclass(frozen=True, slots=True)
class TableRows:
    """The spans of a table's lines.

    Attributes:
        header: The header row's, without the rule below it; None when there is no header.
        body: Each further row's.
    """

    header: tuple[int, int] | None
    body: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class _Line:
    start: int
    text: str

    @property
    def end(self) -> int:
        return self.start + len(self.text.rstrip())

    @property
    def indent(self) -> int:
        return len(self.text) - len(self.text.lstrip())

    @property
    def first(self) -> int:
        return self.start + self.indent

    @property
    def blank(self) -> bool:
        return not self.text.strip()


_HEADING = re.compile(r"(#{1,6})[ \t]+(?=\S)")
_FENCE = re.compile(r"\s*(`{3,}|~{3,})")
_MARKER = re.compile(r"\s*(?:[-*+]|\d{1,9}[.)])[ \t]+(?=\S)")
_UNDERLINE = re.compile(r"(=+|-{3,})\s*$")
_SEPARATOR = re.compile(r"\s*\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?\s*$")


def outline(text: str) -> tuple[Block, ...]:
    """Read text as blocks.

    Args:
        text: Canonical text, or any Markdown.

    Returns:
        The blocks in order; together they cover every character that is not whitespace.
    """
    lines = _split(text)
    blocks: list[Block] = []
    at = 0
    while at < len(lines):
        if lines[at].blank:
            at += 1
            continue
        block, at = _reader(lines[at])(lines, at)
        blocks.append(block)
    return tuple(blocks)


def rows(text: str, table: Block) -> TableRows:
    """Find the lines of a table.

    Args:
        text: Where the table stands.
        table: A block of kind `TABLE`.

    Returns:
        Its header, when a rule follows the first line, and its rows.
    """
    lines = _split(text[table.start : table.end])
    spans = tuple((table.start + line.first, table.start + line.end) for line in lines)
    if any(is_separator(line.text) for line in lines[1:2]):
        return TableRows(spans[0], spans[2:])
    return TableRows(None, spans)


def is_separator(line: str) -> bool:
    """Whether a table's line is the rule between its header and its rows."""
    return "-" in line and _SEPARATOR.match(line) is not None


def _split(text: str) -> list[_Line]:
    lines: list[_Line] = []
    offset = 0
    for line in text.split("\n"):
        lines.append(_Line(offset, line))
        offset += len(line) + 1
    return lines


def _reader(line: _Line) -> Callable[[list[_Line], int], tuple[Block, int]]:
    return next((read for opens, read in _READERS if opens(line)), _paragraph)


def _opens_heading(line: _Line) -> bool:
    return _HEADING.match(line.text) is not None


def _opens_code(line: _Line) -> bool:
    return _FENCE.match(line.text) is not None


def _opens_table(line: _Line) -> bool:
    return line.text.lstrip().startswith("|")


def _opens_item(line: _Line) -> bool:
    return _MARKER.match(line.text) is not None


def _heading(lines: list[_Line], at: int) -> tuple[Block, int]:
    line = lines[at]
    hashes = _HEADING.match(line.text)
    level, body = (len(hashes[1]), hashes.end()) if hashes else (1, 0)
    block = Block(BlockKind.HEADING, line.start, line.end, line.start + body, line.end, level)
    return block, at + 1


def _code(lines: list[_Line], at: int) -> tuple[Block, int]:
    opening = lines[at]
    fence = opening.text.strip()
    run = fence[: len(fence) - len(fence.lstrip(fence[0]))]
    closing = next((i for i in range(at + 1, len(lines)) if _closes(lines[i], run)), None)
    last = _last_filled(lines) if closing is None else closing
    end = lines[last].end
    body = min(opening.start + len(opening.text) + 1, end)
    body_end = end if closing is None else max(body, lines[last].start - 1)
    return Block(BlockKind.CODE, opening.first, end, body, body_end, opening.indent), last + 1


def _last_filled(lines: list[_Line]) -> int:
    return next(i for i in range(len(lines) - 1, -1, -1) if not lines[i].blank)


def _closes(line: _Line, run: str) -> bool:
    text = line.text.strip()
    return text.startswith(run) and not text.strip(run[0])


def _table(lines: list[_Line], at: int) -> tuple[Block, int]:
    last = at
    while last + 1 < len(lines) and _opens_table(lines[last + 1]):
        last += 1
    return _block(BlockKind.TABLE, lines, at, last), last + 1


def _item(lines: list[_Line], at: int) -> tuple[Block, int]:
    marker = _MARKER.match(lines[at].text)
    last = _last_continuation(lines, at)
    body = lines[at].start + (marker.end() if marker else 0)
    return _block(BlockKind.ITEM, lines, at, last, body=body), last + 1


def _paragraph(lines: list[_Line], at: int) -> tuple[Block, int]:
    line = lines[at]
    if at + 1 < len(lines) and not line.indent and _UNDERLINE.match(lines[at + 1].text):
        under = lines[at + 1]
        level = 1 if under.text.startswith("=") else 2
        heading = Block(BlockKind.HEADING, line.start, under.end, line.start, line.end, level)
        return heading, at + 2
    last = _last_continuation(lines, at)
    return _block(BlockKind.PARAGRAPH, lines, at, last), last + 1


def _last_continuation(lines: list[_Line], at: int) -> int:
    last = at
    while last + 1 < len(lines) and _continues(lines[last + 1]):
        last += 1
    return last


def _continues(line: _Line) -> bool:
    return not line.blank and _reader(line) is _paragraph


def _block(
    kind: BlockKind, lines: list[_Line], at: int, last: int, *, body: int | None = None
) -> Block:
    first, end = lines[at].first, lines[last].end
    return Block(kind, first, end, first if body is None else body, end, lines[at].indent)


_READERS = (
    (_opens_heading, _heading),
    (_opens_code, _code),
    (_opens_table, _table),
    (_opens_item, _item),
)
