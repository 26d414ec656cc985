"""XLSX, CSV and TSV to blocks: each sheet a section of tables."""

from __future__ import annotations

import csv
import warnings
from dataclasses import dataclass, field
from io import StringIO
from typing import TYPE_CHECKING, TypeAlias

from openpyxl import load_workbook
from openpyxl.cell.read_only import EmptyCell

from ingestion.canonical import (
    MOST_COLUMNS,
    MOST_ROWS,
    Block,
    Cell,
    Heading,
    Paragraph,
    Table,
)
from ingestion.cells import shown
from ingestion.decoding import decode
from ingestion.office import open_package
from ingestion.page import Page
from ingestion.sources.source import Skipped, SkipReason

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from openpyxl.workbook import Workbook
    from openpyxl.worksheet.worksheet import Worksheet

    from ingestion.limits import ReadingLimits
    from ingestion.sources.source import SourceFile

_DELIMITERS = ",;\t|"
_SNIFFED = 8_192
# A sheet may say that its last row is the last there can be; each blank one takes time.
_MOST_SCANNED = 2_000_000

Row: TypeAlias = tuple[str, ...]


@dataclass(slots=True)
class _Intake:
    """Rows taken out of one file, and what was left in it.

    Attributes:
        page: The file's name.
        limit: How many rows that say something are taken.
        taken: How many have been.
        scanned: How many rows have been looked at.
        left: What was not taken.
    """

    page: str
    limit: int
    taken: int = 0
    scanned: int = 0
    left: list[Skipped] = field(default_factory=list)

    def rows(self, found: Iterable[Row], part: str) -> list[Row]:
        """The rows of one part of the file that say something, as far as the limits go."""
        rows: list[Row] = []
        for row in found:
            self.scanned += 1
            if self.taken == self.limit or self.scanned > _MOST_SCANNED:
                self._leave(f"{part}rows after {self.taken:,}", f"{self.limit:,} rows are read.")
                break
            if any(row):
                self.taken += 1
                rows.append(row)
        if any(len(row) > MOST_COLUMNS for row in rows):
            self._leave(f"{part}columns after {MOST_COLUMNS}", f"{MOST_COLUMNS} are read.")
        return [row[:MOST_COLUMNS] for row in rows]

    def _leave(self, what: str, detail: str) -> None:
        self.left.append(Skipped(f"{self.page}/{what}", SkipReason.BEYOND_READING, detail))

    def hidden(self, sheet: str) -> None:
        """Note a sheet that its author has hidden."""
        detail = "The sheet is hidden."
        self.left.append(Skipped(f"{self.page}/{sheet}", SkipReason.UNPUBLISHED, detail))


def read_workbook(file: SourceFile, limits: ReadingLimits) -> Page:
    """Read an XLSX file: what its cells show, without its formulas and its hidden sheets.

    Raises:
        UnreadableDocument: It is encrypted, a bomb, or of the old binary format.
        Exception: Whatever the library raises over a damaged file.
    """
    package = open_package(file, limits, tree_bytes=limits.unpacked_bytes)
    intake = _Intake(file.page, limits.rows)
    with warnings.catch_warnings():
        # openpyxl warns of every feature it does not know, none of which is text.
        warnings.simplefilter("ignore")
        book = load_workbook(package.stream, read_only=True, data_only=True)
        blocks = tuple(_sheets(book, intake))
        book.close()
    return Page(blocks, package.title, updated=package.updated, further=tuple(intake.left))


def _sheets(book: Workbook, intake: _Intake) -> Iterator[Block]:
    for sheet in book.worksheets:
        if sheet.sheet_state != "visible":
            intake.hidden(sheet.title)
        elif rows := intake.rows(_shown_rows(sheet), f"{sheet.title}/"):
            yield Heading(2, sheet.title)
            yield from _tables(rows)


def _shown_rows(sheet: Worksheet) -> Iterator[Row]:
    # One column past the limit tells that there are more.
    for row in sheet.iter_rows(max_col=MOST_COLUMNS + 1):
        is_blank = all(isinstance(cell, EmptyCell) for cell in row)
        cells = [] if is_blank else [shown(cell.value, cell.number_format) for cell in row]
        yield _trimmed(cells)


def read_csv(file: SourceFile, limits: ReadingLimits) -> Page:
    """Read a CSV or TSV file in whatever dialect and encoding it is.

    Raises:
        UnreadableDocument: It is not text.
        csv.Error: A field in it does not end.
    """
    text = decode(file.data, page=file.page)
    intake = _Intake(file.page, limits.rows)
    reader = csv.reader(StringIO(text), delimiter=_delimiter(text))
    rows = intake.rows((_trimmed([shown(cell, None) for cell in row]) for row in reader), "")
    return Page(tuple(_tables(rows)), further=tuple(intake.left))


def _delimiter(text: str) -> str:
    # The sniffer's other findings are left: from a sample it concludes that quotes never nest.
    whole_lines = text[:_SNIFFED].rpartition("\n")[0] or text[:_SNIFFED]
    try:
        return csv.Sniffer().sniff(whole_lines, _DELIMITERS).delimiter
    except csv.Error:
        return max(_DELIMITERS, key=whole_lines.count)


def _trimmed(cells: list[str]) -> Row:
    while cells and not cells[-1]:
        cells.pop()
    return tuple(cells)


def _tables(rows: Sequence[Row]) -> Iterator[Block]:
    """Rows under their header, repeated as often as a table would grow too long."""
    first = _header(rows)
    for row in rows[:first]:
        yield Paragraph(" ".join(filter(None, row)))
    header, body = rows[first : first + 1], rows[first + 1 :]
    if not body:
        yield Table((), tuple(map(_cells, header)))
    for start in range(0, len(body), MOST_ROWS):
        yield Table(_cells(header[0]), tuple(map(_cells, body[start : start + MOST_ROWS])))


def _header(rows: Sequence[Row]) -> int:
    """The index of the header: above it sheets have titles and remarks, of one cell each."""
    width = min(2, max(map(len, rows), default=0))
    return next((at for at, row in enumerate(rows) if sum(map(bool, row)) >= width), len(rows))


def _cells(row: Row) -> tuple[Cell, ...]:
    return tuple((Paragraph(text),) if text else () for text in row)
