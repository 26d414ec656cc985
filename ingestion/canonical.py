"""The canonical text of a page: blocks, and how they are written down.

Every parser emits the same few blocks, and `render` is the only place that decides what a
page looks like as text. `retrieval.outline` reads that text back.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

# A paragraph that happens to begin like one of these would be read back as something else.
_MISTAKABLE = re.compile(r"^( *)(?=#{1,6}[ \t]|`{3}|~{3})", re.MULTILINE)
_FENCE = re.compile(r"^ *(`{3,})", re.MULTILINE)
_BLANK_LINE = re.compile(r"\n[ \t]*\n\s*")
_TRAILING_STOP = re.compile(r"[\s.…:]+$")
# A page that claims more is broken or hostile.
MOST_ROWS, MOST_COLUMNS = 500, 50
_ENDS_CLAUSE = (".", "!", "?", ":", ";", ",", "。")


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading.

    Attributes:
        level: 1 for the page's title to 6; deeper levels are written as 6.
        text: The heading's words, without markup.
        anchor: The fragment id the page itself gives the heading, if any.
    """

    level: int
    text: str
    anchor: str | None = None


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Prose without inline markup; a line break in it is one the author asked for."""

    text: str


@dataclass(frozen=True, slots=True)
class Code:
    """Preformatted text, kept to the letter."""

    text: str
    language: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """A list.

    Attributes:
        items: The blocks of each item.
        first: The number of the first item; None for a bulleted list.
    """

    items: tuple[tuple[Block, ...], ...]
    first: int | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """A table.

    Attributes:
        header: The cells of the header row; empty when the table has none.
        rows: The rows below it, each a tuple of cells, each cell a tuple of blocks.
    """

    header: tuple[tuple[Block, ...], ...]
    rows: tuple[tuple[tuple[Block, ...], ...], ...]


Block: TypeAlias = Heading | Paragraph | Code | Listing | Table
Cell: TypeAlias = tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Span:
    """A table cell as it is marked up: its blocks, and how far it reaches."""

    cell: Cell
    down: int = 1
    across: int = 1


@dataclass(frozen=True, slots=True)
class CanonicalText:
    """A page's text, with the fragment id of each heading keyed by its line's offset."""

    text: str
    anchors: dict[int, str]


def render(blocks: Iterable[Block]) -> CanonicalText:
    """Write blocks down as Markdown-lite.

    Args:
        blocks: The page's blocks, in reading order.

    Returns:
        The text and where its headings can be linked to.
    """
    parts: list[str] = []
    anchors: dict[int, str] = {}
    slugs: Counter[str] = Counter()
    offset = 0
    for block in _unfold(blocks):
        if not (text := "\n".join(_lines(block))).strip():
            continue
        if isinstance(block, Heading):
            anchors[offset] = block.anchor or _slug(block.text, slugs)
        parts.append(text)
        offset += len(text) + 2
    return CanonicalText("\n\n".join(parts), anchors)


def grid(rows: Iterable[Sequence[Span]]) -> tuple[tuple[Cell, ...], ...]:
    """Lay spanning cells out.

    A cell that reaches down is repeated in each row, since a row may be quoted alone; one
    that reaches across stands in its first column.

    Args:
        rows: The rows as marked up, where columns taken from above are left out.

    Returns:
        The rows with every column in its place.
    """
    reaching: dict[int, tuple[Cell, int]] = {}
    return tuple(_grid_row(row, reaching) for row in rows)


def _grid_row(row: Sequence[Span], reaching: dict[int, tuple[Cell, int]]) -> tuple[Cell, ...]:
    cells: list[Cell] = []
    waiting = list(reversed(row))
    while waiting or len(cells) in reaching:
        column = len(cells)
        if column in reaching:
            cell, down = reaching.pop(column)
        else:
            span = waiting.pop()
            cell, down = span.cell, min(span.down, MOST_ROWS)
            waiting += [Span((), span.down)] * (min(span.across, MOST_COLUMNS) - 1)
        if down > 1:
            reaching[column] = (cell, down - 1)
        cells.append(cell)
    return tuple(cells)


def plain(blocks: Iterable[Block]) -> str:
    """One line of text that says what the blocks say: what fits in a table cell."""
    return " ".join(part for block in blocks if (part := _inline(block)))


def defined(name: str, blocks: Cell) -> Cell:
    """What a name means, introduced by the name."""
    if not name:
        return blocks
    if blocks and isinstance(blocks[0], Paragraph):
        return (replace(blocks[0], text=f"{name}: {blocks[0].text}"), *blocks[1:])
    return (Paragraph(f"{name}:" if blocks else name), *blocks)


def paragraphs(text: str) -> tuple[Paragraph, ...]:
    """Plain text, cut at its blank lines."""
    parts = _BLANK_LINE.split(text.strip("\n"))
    return tuple(Paragraph(part.rstrip()) for part in parts if part.strip())


def collapse(text: str) -> str:
    """Whitespace runs become one space; none is left at either end."""
    return " ".join(text.replace("\u200b", "").split())


def _slug(heading: str, seen: Counter[str]) -> str:
    """GitHub's rule for a heading's fragment id, so that links into rendered pages hold."""
    kept = (
        char for char in heading.lower() if char in "-_ " or unicodedata.category(char)[0] in "LNM"
    )
    slug = "".join(kept).strip().replace(" ", "-")
    seen[slug] += 1
    return slug if seen[slug] == 1 else f"{slug}-{seen[slug] - 1}"


def _unfold(blocks: Iterable[Block]) -> Iterator[Block]:
    """Replace tables that lay out prose, which no single line per row could carry."""
    for block in blocks:
        if not isinstance(block, Table):
            yield block
        elif not block.header and _holds(block, (Listing, Code, Table)):
            yield from _unfold(part for row in block.rows for cell in row for part in cell)
        elif _holds(block, (Code, Table)):
            yield Listing(tuple(_unfolded_row(block.header, row) for row in block.rows))
        else:
            yield block


def _holds(table: Table, kinds: tuple[type, ...]) -> bool:
    return any(isinstance(part, kinds) for row in table.rows for cell in row for part in cell)


def _unfolded_row(header: Sequence[Cell], row: Sequence[Cell]) -> Cell:
    """One row as a list item whose cells are introduced by their column's name."""
    blocks: list[Block] = []
    for column, cell in enumerate(row):
        name = plain(header[column]) if column < len(header) else ""
        blocks.extend(defined(_TRAILING_STOP.sub("", name), cell) if cell else ())
    return tuple(_unfold(blocks))


def _lines(block: Block) -> Iterator[str]:
    match block:
        case Heading():
            yield f"{'#' * min(block.level, 6)} {collapse(block.text)}" if block.text else ""
        case Paragraph():
            yield from _MISTAKABLE.sub(r"\1\\", block.text).split("\n")
        case Code() if block.text.strip():
            yield from _code_lines(block)
        case Listing():
            yield from _list_lines(block)
        case Table():
            yield from _table_lines(block)


def _code_lines(block: Code) -> Iterator[str]:
    longest = max((len(run) for run in _FENCE.findall(block.text)), default=2)
    fence = "`" * (longest + 1)
    yield fence + block.language
    yield from block.text.strip("\n").split("\n")
    yield fence


def _list_lines(listing: Listing) -> Iterator[str]:
    for ordinal, item in enumerate(filter(None, listing.items)):
        marker = "- " if listing.first is None else f"{listing.first + ordinal}. "
        yield from _item_lines(marker, item)


def _item_lines(marker: str, item: Cell) -> Iterator[str]:
    blocks = [_demoted(block) for block in _unfold(item)]
    if blocks and isinstance(blocks[0], Paragraph):
        first, *rest = _lines(blocks.pop(0))
        yield marker + first
        yield from (f"  {line}" for line in rest)
        indent = "  "
    else:
        # A marker needs words beside it; without them the blocks stand for themselves.
        indent = ""
    yield from _nested_lines(blocks, indent)


def _nested_lines(blocks: Sequence[Block], indent: str) -> Iterator[str]:
    after: Block | None = None
    for block in blocks:
        # Without the blank line the paragraph would read as part of the nested item.
        if isinstance(block, Paragraph) and after is not None:
            yield ""
        yield from (indent + line if line else line for line in _lines(block))
        after = block


def _demoted(block: Block) -> Block:
    """A heading inside a list would open a section in the middle of it."""
    return Paragraph(block.text) if isinstance(block, Heading) else block


def _table_lines(table: Table) -> Iterator[str]:
    width = max(map(len, (table.header, *table.rows)), default=0)
    if table.header:
        yield _row(table.header, width)
        yield "|" + "---|" * width
    for row in table.rows:
        if any(row):
            yield _row(row, width)


def _row(cells: Sequence[Cell], width: int) -> str:
    texts = [plain(cell).replace("|", "\\|") for cell in cells]
    texts += [""] * (width - len(texts))
    return f"| {' | '.join(texts)} |"


def _inline(block: Block) -> str:
    match block:
        case Heading() | Paragraph():
            return collapse(block.text)
        case Code():
            return collapse(block.text)
        case Listing():
            return _enumeration([plain(item) for item in block.items if item])
        case Table():
            return "; ".join(plain(part for cell in row for part in cell) for row in block.rows)


def _enumeration(items: Sequence[str]) -> str:
    """Items on one line, told apart by a semicolon where their own stop does not do it."""
    ended = [item if item.endswith(_ENDS_CLAUSE) else f"{item};" for item in items[:-1]]
    return " ".join([*ended, *items[-1:]])
