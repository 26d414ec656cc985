"""One file to one LangChain document in canonical text."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import yaml
from langchain_core.documents import Document

from ingestion.canonical import Block, Heading, Paragraph, collapse, render
from ingestion.decoding import decode
from ingestion.html import read_fragment, read_page
from ingestion.markdown import to_html
from ingestion.rst import read_rst
from retrieval.errors import UnreadableDocument

if TYPE_CHECKING:
    from ingestion.sources.source import SourceFile

_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?)\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_KEY = re.compile(r"\A\s*(?:#.*\n\s*)*[\w-]+[ \t]*:(?:\s|\Z)")
_BLANK_LINE = re.compile(r"\n[ \t]*\n\s*")
_LONGEST_TITLE = 80
# A line that is neither a list item nor a row, and that does not end like a sentence.
_TITLE_LINE = re.compile(r"(?![-*#|+>])[^\n]*[^\s.,;:!]\s*")
_INDEX_NAMES = frozenset({"index", "readme", "_index"})


@dataclass(frozen=True, slots=True)
class _Page:
    """What a reader found, before it is written down.

    Attributes:
        blocks: The page's blocks.
        title: The title it declares outside its text; empty when it does not.
        locale: The language it declares, if any.
        front: Its front matter.
    """

    blocks: tuple[Block, ...]
    title: str = ""
    locale: str | None = None
    front: Mapping[str, object] = field(default_factory=dict)


def parse(file: SourceFile) -> Document:
    """Read a file of any supported format.

    Args:
        file: A Markdown, MDX, reStructuredText, HTML or plain text file.

    Returns:
        A document whose `page_content` is canonical text and whose `metadata` holds `page`,
        `title`, `updated`, `audience`, `locale` and `anchors`: the fragment id of each
        heading, keyed by the offset of its line as a decimal string.

    Raises:
        UnreadableDocument: The file is not text, says nothing, or nests too deeply to follow.
    """
    text = decode(file.data, page=file.page)
    try:
        page = _reader(file.page)(text)
        canonical = render(page.blocks)
    except RecursionError:
        raise UnreadableDocument(f"{file.page} nests its elements too deeply.") from None
    if not canonical.text.strip():
        raise UnreadableDocument(f"{file.page} holds no text to read.")
    anchors = {str(offset): anchor for offset, anchor in canonical.anchors.items()}
    metadata = {"page": file.page, **_described(file.page, page), "anchors": anchors}
    return Document(page_content=canonical.text, metadata=metadata)


def _reader(page: str) -> Callable[[str], _Page]:
    suffix = PurePosixPath(page).suffix.lower()
    try:
        return _READERS[suffix]
    except KeyError:
        raise UnreadableDocument(
            f"{page} is of a kind that is not read.",
            hint=f"Files that are read end in {', '.join(sorted(_READERS))}.",
        ) from None


def _described(page: str, found: _Page) -> dict[str, str | None]:
    headings = (
        block.text for block in found.blocks if isinstance(block, Heading) and block.level == 1
    )
    title = _first(found.front, "title") or next(headings, "") or found.title
    return {
        "title": collapse(title) or _titled(page),
        "updated": _first(found.front, "updated", "last_updated", "lastmod", "last_update", "date"),
        "audience": _first(found.front, "audience"),
        "locale": _first(found.front, "locale", "lang", "language") or found.locale,
    }


def _first(front: Mapping[str, object], *keys: str) -> str | None:
    """The first of the keys that holds one value, as text; dates are in ISO form."""
    for key in keys:
        value = front.get(key)
        if isinstance(value, Mapping):
            # Docusaurus: `last_update: {date: 2024-01-31, author: ...}`.
            value = value.get("date")
        if isinstance(value, date):
            return value.isoformat()
        if isinstance(value, str | int | float) and str(value).strip():
            return str(value).strip()
    return None


def _titled(page: str) -> str:
    """A title made of a file's name: `how-to_start.md` is "How to start"."""
    path = PurePosixPath(page)
    stem = path.parent.name if path.stem.lower() in _INDEX_NAMES else path.stem
    words = collapse(re.sub(r"[-_]+", " ", stem or path.stem))
    return words[:1].upper() + words[1:]


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


def _markdown(text: str, *, mdx: bool = False) -> _Page:
    front, body = _split_front_matter(text)
    return _Page(read_fragment(to_html(body, mdx=mdx)), front=front)


def _mdx(text: str) -> _Page:
    return _markdown(text, mdx=True)


def _rst(text: str) -> _Page:
    front, body = _split_front_matter(text)
    return _Page(read_rst(body), front=front)


def _html(text: str) -> _Page:
    front, body = _split_front_matter(text)
    page = read_page(body)
    return _Page(page.blocks, page.title, page.locale, front)


def _plain(text: str) -> _Page:
    paragraphs = [part for part in _BLANK_LINE.split(text.strip("\n")) if part.strip()]
    blocks: list[Block] = [Paragraph(part.rstrip()) for part in paragraphs]
    if len(paragraphs) > 1 and _could_be_title(paragraphs[0]):
        blocks[0] = Heading(1, paragraphs[0].strip())
    return _Page(tuple(blocks))


def _could_be_title(paragraph: str) -> bool:
    return len(paragraph) <= _LONGEST_TITLE and _TITLE_LINE.fullmatch(paragraph) is not None


_READERS: dict[str, Callable[[str], _Page]] = {
    ".md": _markdown,
    ".markdown": _markdown,
    ".mdx": _mdx,
    ".rst": _rst,
    ".html": _html,
    ".htm": _html,
    ".txt": _plain,
}
