"""PPTX to blocks: each slide a section."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pptx import Presentation
from pptx.enum.shapes import PP_PLACEHOLDER
from pptx.shapes.autoshape import Shape
from pptx.shapes.graphfrm import GraphicFrame
from pptx.shapes.group import GroupShape

from ingestion.canonical import Block, Cell, Heading, Listing, Paragraph, Table, collapse
from ingestion.office import open_package
from ingestion.page import Page
from ingestion.sources.source import Skipped, SkipReason

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pptx.shapes.base import BaseShape
    from pptx.slide import Slide
    from pptx.table import Table as SlideTable
    from pptx.text.text import TextFrame

    from ingestion.limits import ReadingLimits
    from ingestion.sources.source import SourceFile

_BULLETED = frozenset({PP_PLACEHOLDER.BODY, PP_PLACEHOLDER.OBJECT})
# The title is the slide's heading; the others are the same on every slide.
_ELSEWHERE = frozenset(
    {
        *(PP_PLACEHOLDER.TITLE, PP_PLACEHOLDER.CENTER_TITLE, PP_PLACEHOLDER.VERTICAL_TITLE),
        *(PP_PLACEHOLDER.DATE, PP_PLACEHOLDER.FOOTER, PP_PLACEHOLDER.HEADER),
        PP_PLACEHOLDER.SLIDE_NUMBER,
    }
)


def read_slides(file: SourceFile, limits: ReadingLimits) -> Page:
    """Read a PPTX file: titles, text, tables and speaker notes; hidden slides are left out.

    Raises:
        UnreadableDocument: It is encrypted, a bomb, or of the old binary format.
        Exception: Whatever the library raises over a damaged file.
    """
    package = open_package(file, limits, tree_bytes=limits.tree_bytes)
    slides = list(enumerate(Presentation(package.stream).slides, start=1))
    shown = [(number, slide) for number, slide in slides if not _is_hidden(slide)]
    return Page(
        tuple(block for number, slide in shown for block in _section(number, slide)),
        title=next(filter(None, (_title(slide) for _, slide in shown)), package.title),
        updated=package.updated,
        further=tuple(
            Skipped(f"{file.page}/slide {number}", SkipReason.UNPUBLISHED, "The slide is hidden.")
            for number, slide in slides
            if _is_hidden(slide)
        ),
    )


def _is_hidden(slide: Slide) -> bool:
    return bool(slide.element.get("show") == "0")


def _section(number: int, slide: Slide) -> Iterator[Block]:
    title = _title(slide)
    blocks = [*_shapes(slide.shapes), *_notes(slide)]
    if title or blocks:
        yield Heading(2, title or f"Slide {number}")
        yield from blocks


def _title(slide: Slide) -> str:
    shape = slide.shapes.title
    return collapse(shape.text_frame.text) if shape is not None else ""


def _shapes(shapes: Iterable[BaseShape]) -> Iterator[Block]:
    for shape in shapes:
        if isinstance(shape, GroupShape):
            yield from _shapes(shape.shapes)
        elif isinstance(shape, GraphicFrame) and shape.has_table:
            yield _table(shape.table)
        elif isinstance(shape, Shape):
            yield from _text(shape)


def _text(shape: Shape) -> Iterator[Block]:
    kind = shape.placeholder_format.type if shape.is_placeholder else None
    if kind in _ELSEWHERE:
        return
    lines = _lines(shape.text_frame)
    if kind in _BULLETED and len(lines) > 1:
        yield _bullets(lines)
    else:
        yield from (Paragraph(text) for _, text in lines)


def _lines(frame: TextFrame) -> list[tuple[int, str]]:
    """The indentation and the words of each paragraph that says something."""
    lines = ((line.level, collapse(line.text)) for line in frame.paragraphs)
    return [(level, text) for level, text in lines if text]


def _bullets(lines: Sequence[tuple[int, str]]) -> Listing:
    items: list[Cell] = []
    at = 0
    while at < len(lines):
        level, text = lines[at]
        end = at + 1
        while end < len(lines) and lines[end][0] > level:
            end += 1
        deeper = lines[at + 1 : end]
        items.append((Paragraph(text), _bullets(deeper)) if deeper else (Paragraph(text),))
        at = end
    return Listing(tuple(items))


def _table(table: SlideTable) -> Table:
    rows = tuple(
        tuple(tuple(Paragraph(text) for _, text in _lines(cell.text_frame)) for cell in row.cells)
        for row in table.rows
    )
    return Table(rows[0], rows[1:]) if table.first_row and len(rows) > 1 else Table((), rows)


def _notes(slide: Slide) -> Iterator[Block]:
    frame = slide.notes_slide.notes_text_frame if slide.has_notes_slide else None
    if frame is not None and (lines := _lines(frame)):
        yield Heading(3, "Speaker notes")
        yield from (Paragraph(text) for _, text in lines)
