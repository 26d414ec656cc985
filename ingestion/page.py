"""What a reader makes of a file, and the LangChain document it becomes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from langchain_core.documents import Document

from ingestion.canonical import Block, Heading, collapse, render
from retrieval.errors import UnreadableDocument

if TYPE_CHECKING:
    from collections import Counter

    from ingestion.sources.source import Skipped, SourceFile

_INDEX_NAMES = frozenset({"index", "readme", "_index"})


@dataclass(frozen=True, slots=True)
class Page:
    """What a reader found, before it is written down.

    Attributes:
        blocks: The page's blocks.
        title: The title it declares outside its text; empty when it does not.
        locale: The language it declares, if any.
        updated: When it says it last changed, in ISO form.
        url: Where it says it is read; empty when it does not.
        links: Where its links lead, as authored, once each.
        front: Its front matter, which overrules the above.
        further: What else the file holds: files of their own, and parts that cannot be used.
    """

    blocks: tuple[Block, ...]
    title: str = ""
    locale: str | None = None
    updated: str | None = None
    url: str = ""
    links: tuple[str, ...] = ()
    front: Mapping[str, object] = field(default_factory=dict)
    further: tuple[SourceFile | Skipped, ...] = ()


def document_of(name: str, page: Page, *, url: str = "") -> Document:
    """Write a page down.

    Args:
        name: Its path or URL.
        page: What was read.
        url: Where it is read, if the page itself does not say.

    Returns:
        A document whose `page_content` is canonical text and whose `metadata` holds

        - `page`, `title`, `url`: as strings; `url` is empty when nothing says it;
        - `updated`, `audience`, `locale`, `product`: as strings, None when not declared;
        - `review_by`: an ISO date, or None;
        - `links`: a list of strings;
        - `anchors`: the fragment id of each heading, keyed by the offset of its line as a
          decimal string.

    Raises:
        UnreadableDocument: The page says nothing.
    """
    canonical = render(page.blocks)
    if not canonical.text.strip():
        raise UnreadableDocument(f"{name} holds no text to read.")
    metadata = {
        "page": name,
        "title": _title(name, page),
        "updated": _first(page.front, *_UPDATED) or page.updated,
        "audience": _first(page.front, "audience"),
        "locale": _first(page.front, "locale", "lang", "language") or page.locale,
        "product": _first(page.front, "product"),
        "review_by": iso_day(_first(page.front, *_REVIEW)),
        "url": page.url or url,
        "links": list(page.links),
        "anchors": {str(offset): anchor for offset, anchor in canonical.anchors.items()},
    }
    return Document(page_content=canonical.text, metadata=metadata)


_UPDATED = ("updated", "last_updated", "lastmod", "last_update", "date")
_REVIEW = ("review_by", "review", "expires", "review_date")


def _title(name: str, page: Page) -> str:
    headings = (
        block.text for block in page.blocks if isinstance(block, Heading) and block.level == 1
    )
    title = _first(page.front, "title") or next(headings, "") or page.title
    return collapse(title) or _titled(name)


def _titled(name: str) -> str:
    """A title made of a file's name: `how-to_start.md` is "How to start"."""
    path = PurePosixPath(name)
    stem = path.parent.name if path.stem.lower() in _INDEX_NAMES else path.stem
    words = collapse(re.sub(r"[-_]+", " ", stem or path.stem))
    return words[:1].upper() + words[1:]


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


def iso_day(text: str | None) -> str | None:
    """The date that a date or a time in ISO form begins with; None when it does not."""
    try:
        return date.fromisoformat((text or "")[:10]).isoformat()
    except ValueError:
        return None


def told_apart(name: str, seen: Counter[str]) -> str:
    """A name, numbered when it has been seen: `a.md`, then `a-2.md`."""
    seen[name] += 1
    path = PurePosixPath(name)
    return name if seen[name] == 1 else str(path.with_stem(f"{path.stem}-{seen[name]}"))
