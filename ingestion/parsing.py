"""One file to one page, whatever its format."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import yaml

from ingestion.canonical import Heading, paragraphs
from ingestion.decoding import decode
from ingestion.html import fragment_links, read_fragment, read_page
from ingestion.limits import DEFAULT_LIMITS, ReadingLimits
from ingestion.mail import read_mail
from ingestion.markdown import to_html
from ingestion.page import Page, document_of
from ingestion.pdf import read_pdf
from ingestion.rst import read_rst
from ingestion.slides import read_slides
from ingestion.sources.files import SUFFIXES
from ingestion.sources.source import SkipReason
from ingestion.tables import read_csv, read_workbook
from ingestion.unusable import Unusable, guarded
from ingestion.word import read_word

if TYPE_CHECKING:
    from langchain_core.documents import Document

    from ingestion.sources.source import SourceFile

_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?)\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_KEY = re.compile(r"\A\s*(?:#.*\n\s*)*[\w-]+[ \t]*:(?:\s|\Z)")
_LONGEST_TITLE = 80
# A line that is neither a list item nor a row, and that does not end like a sentence.
_TITLE_LINE = re.compile(r"(?![-*#|+>])[^\n]*[^\s.,;:!]\s*")


def parse(file: SourceFile, limits: ReadingLimits = DEFAULT_LIMITS) -> Document:
    """Read a file that is one document; `ingestion.reading` reads those that hold several.

    Args:
        file: A file of any format but ZIP and JSON.
        limits: How much is taken out of it.

    Returns:
        The document; `ingestion.page.document_of` says what its metadata holds.

    Raises:
        UnreadableDocument: The file is damaged, encrypted, says nothing, nests too deeply to
            follow, or is of another kind.
    """
    page = read_file(file, limits)
    with guarded(file.page):
        return document_of(file.page, page, url=file.url)


def read_file(file: SourceFile, limits: ReadingLimits) -> Page:
    """Read a file that is one document, without writing it down.

    Raises:
        UnreadableDocument: As for `parse`.
    """
    suffix = kind(file.page)
    with guarded(file.page):
        if suffix in _TEXT_READERS:
            return _TEXT_READERS[suffix](decode(file.data, page=file.page))
        if suffix in _READERS:
            return _READERS[suffix](file, limits)
    raise Unusable(
        SkipReason.UNSUPPORTED,
        f"{file.page} is of a kind that is not read.",
        hint=f"Documents that are read end in {', '.join(sorted({**_TEXT_READERS, **_READERS}))}.",
    )


def kind(page: str) -> str:
    """The suffix that tells a file's format; what is at an address without one is a web page."""
    if "://" not in page:
        return PurePosixPath(page).suffix.lower()
    suffix = PurePosixPath(urlsplit(page).path).suffix.lower()
    return suffix if suffix in SUFFIXES else ".html"


def _split_front_matter(text: str) -> tuple[Mapping[str, object], str]:
    """Front matter and the rest; a block that is not YAML is taken off all the same."""
    found = _FRONT_MATTER.match(text)
    # Two rules around a paragraph look the same; only a key tells.
    if found is None or not _KEY.match(found[1]):
        return {}, text
    try:
        front = yaml.safe_load(found[1])
    except (yaml.YAMLError, ValueError):
        # ValueError: PyYAML reads `date: 2024-99-99` as a date.
        front = {}
    return front if isinstance(front, Mapping) else {}, text[found.end() :]


def _markdown(text: str, *, mdx: bool = False) -> Page:
    front, body = _split_front_matter(text)
    html = to_html(body, mdx=mdx)
    return Page(read_fragment(html), links=fragment_links(html), front=front)


def _mdx(text: str) -> Page:
    return _markdown(text, mdx=True)


def _rst(text: str) -> Page:
    front, body = _split_front_matter(text)
    page = read_rst(body)
    return Page(page.blocks, links=page.links, front=front)


def _html(text: str) -> Page:
    front, body = _split_front_matter(text)
    page = read_page(body)
    return Page(page.blocks, page.title, page.locale, links=page.links, front=front)


def _plain(text: str) -> Page:
    """Paragraphs; a short first line that is no sentence is the title."""
    found = paragraphs(text)
    if len(found) > 1 and _could_be_title(found[0].text):
        return Page((Heading(1, found[0].text.strip()), *found[1:]))
    return Page(found)


def _could_be_title(paragraph: str) -> bool:
    return len(paragraph) <= _LONGEST_TITLE and _TITLE_LINE.fullmatch(paragraph) is not None


_TEXT_READERS: dict[str, Callable[[str], Page]] = {
    ".md": _markdown,
    ".markdown": _markdown,
    ".mdx": _mdx,
    ".rst": _rst,
    ".html": _html,
    ".htm": _html,
    ".txt": _plain,
}
_READERS: dict[str, Callable[[SourceFile, ReadingLimits], Page]] = {
    ".pdf": read_pdf,
    ".docx": read_word,
    ".pptx": read_slides,
    ".xlsx": read_workbook,
    ".csv": read_csv,
    ".tsv": read_csv,
    ".eml": read_mail,
}
