"""PDF to blocks: each page a section, its lines joined to paragraphs.

PDF stores where words stand, not what they belong to, so what ends a paragraph is told by
distance, size of type and length of line.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from threading import Lock
from typing import TYPE_CHECKING

import pypdfium2 as pdfium
from pypdfium2.raw import FPDF_ERR_PASSWORD, FPDF_PAGEOBJ_IMAGE

from ingestion.canonical import Block, Heading, Paragraph, collapse
from ingestion.decoding import printable
from ingestion.page import Page, iso_day
from ingestion.sources.source import Skipped, SkipReason
from ingestion.unusable import Unusable
from retrieval.errors import UnreadableDocument

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ingestion.limits import ReadingLimits
    from ingestion.sources.source import SourceFile

# PDFium is not safe to use from two threads, whatever documents they have open.
_PDFIUM = Lock()
# PDFium's mark for a hyphen at the end of a line, in place of the line's end.
_HYPHEN = "\ufffe"
_LINE = re.compile(rf"[^\r\n{_HYPHEN}]+")
_BULLET = re.compile(r"(?:[•‣▪●○◦■□–*-]|\d{1,3}[.)]|\(?[a-z]\))\s")  # noqa: RUF001 - the dash is meant
_DIGITS = re.compile(r"\d+")
_WIDE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uff00-\uffef]")
_DATE = re.compile(r"D:(\d{4})(\d\d)(\d\d)")
# Titles that programs make up when the author gives none.
_NO_TITLE = re.compile(
    r"untitled.*|\(?anonymous\)?|microsoft (?:word|powerpoint|excel)\b.*|"
    r".*\.(?:docx?|pptx?|xlsx?|indd|pdf|rtf|tex|odt|pages)",
    re.IGNORECASE,
)
# Running heads and page numbers stand within so many lines of an edge of most pages.
_EDGE_LINES, _FEWEST_PAGES = 3, 3
# As shares of the line before or of the usual: a change of type size, a gap, a short line.
_OTHER_SIZE, _WIDE_GAP, _SHORT_LINE = 0.15, 1.3, 0.6
_OCR = "Run OCR over it, for instance `ocrmypdf in.pdf out.pdf`."


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of type; `hyphenated` when its first word began on the line before."""

    text: str
    top: float
    bottom: float
    hyphenated: bool


@dataclass(frozen=True, slots=True)
class _Leaf:
    """One page: its number, its lines, and whether it shows an image."""

    number: int
    lines: tuple[_Line, ...]
    has_image: bool


def read_pdf(file: SourceFile, _limits: ReadingLimits) -> Page:
    """Read a PDF file's text, page by page.

    Raises:
        UnreadableDocument: It is damaged, has a password, or holds only images.
    """
    with _PDFIUM:
        pdf = _opened(file)
        try:
            metadata: dict[str, str] = pdf.get_metadata_dict()
            leaves = [_leaf(pdf, index) for index in range(len(pdf))]
        finally:
            pdf.close()
    scanned = [leaf.number for leaf in leaves if leaf.has_image and not leaf.lines]
    if scanned and not any(leaf.lines for leaf in leaves):
        raise Unusable(SkipReason.NEEDS_OCR, f"{file.page} is scanned.", hint=_OCR)
    title = collapse(printable(metadata["Title"]))
    return Page(
        tuple(block for leaf in _without_furniture(leaves) for block in _section(leaf)),
        title="" if _NO_TITLE.fullmatch(title) else title,
        updated=_updated(metadata["ModDate"] or metadata["CreationDate"]),
        further=_without_text(file.page, scanned),
    )


def _opened(file: SourceFile) -> pdfium.PdfDocument:
    try:
        return pdfium.PdfDocument(file.data)
    except pdfium.PdfiumError as error:
        if error.err_code == FPDF_ERR_PASSWORD:
            raise Unusable(
                SkipReason.ENCRYPTED, f"{file.page} has a password.", hint="Save it without one."
            ) from None
        raise UnreadableDocument(
            f"{file.page} is damaged ({error}).", hint="Open it and save it again."
        ) from None


def _leaf(pdf: pdfium.PdfDocument, index: int) -> _Leaf:
    page = pdf[index]
    try:
        lines = tuple(_lines(page.get_textpage()))
        has_image = next(page.get_objects(filter=[FPDF_PAGEOBJ_IMAGE]), None) is not None
    finally:
        page.close()
    return _Leaf(index + 1, lines, has_image)


def _lines(textpage: pdfium.PdfTextPage) -> Iterator[_Line]:
    text = textpage.get_text_range()
    last = textpage.count_chars() - 1
    for found in _LINE.finditer(text):
        words = collapse(printable(found[0]))
        if words:
            # A character beyond the Unicode plane that PDFium counts in shifts what follows.
            _, bottom, _, top = textpage.get_charbox(min(found.start(), last), loose=True)
            hyphenated = text[found.start() - 1 : found.start()] == _HYPHEN
            yield _Line(words, top, bottom, hyphenated)


def _without_text(page: str, scanned: Sequence[int]) -> tuple[Skipped, ...]:
    if not scanned:
        return ()
    numbers = ", ".join(map(str, scanned))
    return (Skipped(f"{page}/images", SkipReason.NEEDS_OCR, f"Pages without text: {numbers}."),)


def _updated(text: str) -> str | None:
    found = _DATE.match(text)
    return iso_day("-".join(found.groups())) if found else None


def _without_furniture(leaves: Sequence[_Leaf]) -> Iterator[_Leaf]:
    """Leaves without the lines that recur at the edges of most of them."""
    marks = Counter(mark for leaf in leaves for mark in {_mark(line) for line in _edges(leaf)})
    least = max(_FEWEST_PAGES, len(leaves) // 2 + 1)
    for leaf in leaves:
        furniture = {id(line) for line in _edges(leaf) if marks[_mark(line)] >= least}
        kept = tuple(line for line in leaf.lines if id(line) not in furniture)
        yield _Leaf(leaf.number, kept, leaf.has_image)


def _edges(leaf: _Leaf) -> tuple[_Line, ...]:
    if len(leaf.lines) <= 2 * _EDGE_LINES:
        return leaf.lines
    return leaf.lines[:_EDGE_LINES] + leaf.lines[-_EDGE_LINES:]


def _mark(line: _Line) -> str:
    """What makes two lines the same running head: all but the page number in them."""
    return _DIGITS.sub("#", line.text)


def _section(leaf: _Leaf) -> Iterator[Block]:
    if leaf.lines:
        # Browsers and Acrobat open a PDF at the page that the fragment names.
        yield Heading(2, f"Page {leaf.number}", f"page={leaf.number}")
        yield from map(Paragraph, _paragraphs(leaf.lines))


def _paragraphs(lines: Sequence[_Line]) -> list[str]:
    pairs = list(pairwise(lines))
    steps = [before.bottom - line.bottom for before, line in pairs if before.bottom > line.bottom]
    step = median(steps) if steps else 0.0
    longest = max(len(line.text) for line in lines)
    found = [lines[0].text]
    for before, line in pairs:
        if not line.hyphenated and _begins_paragraph(line, before, step, longest):
            found.append(line.text)
        else:
            found[-1] = _joined(found[-1], line)
    return found


def _begins_paragraph(line: _Line, before: _Line, step: float, longest: int) -> bool:
    height, usual = line.top - line.bottom, before.top - before.bottom
    return (
        _BULLET.match(line.text) is not None
        or abs(height - usual) > _OTHER_SIZE * usual
        or before.bottom - line.bottom > _WIDE_GAP * step
        or (len(before.text) < _SHORT_LINE * longest and not line.text[0].islower())
    )


def _joined(text: str, line: _Line) -> str:
    if line.hyphenated:
        is_one_word = text[-1].isalpha() and line.text[0].islower()
        return f"{text}{'' if is_one_word else '-'}{line.text}"
    if _WIDE.match(text[-1]) and _WIDE.match(line.text[0]):
        return text + line.text
    return f"{text} {line.text}"
