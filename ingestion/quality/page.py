"""A document as the checks see it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

from ingestion.quality.findings import Place
from retrieval.outline import Block, BlockKind, outline

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from langchain_core.documents import Document

    from ingestion.quality.findings import Finding

BETWEEN = " > "
_KEPT_OPEN = 128


@dataclass(frozen=True, slots=True)
class Page:
    """A page and what it says about itself.

    Attributes:
        name: Its path or URL.
        title: Its title.
        text: Its canonical text.
        blocks: The blocks of the text.
        updated: When it was last changed, where it says so.
        review_by: When someone is to look at it again, where it says so.
        audience: Who may see it; empty when it does not say.
        locale: Its language; empty when it does not say.
        product: What it is about; empty when it does not say.
    """

    name: str
    title: str
    text: str
    blocks: tuple[Block, ...]
    updated: date | None
    review_by: date | None
    audience: str
    locale: str
    product: str

    def headings_above(self, offset: int) -> tuple[str, ...]:
        """The headings above a place on the page, outermost first, without the page's title."""
        path: tuple[Block, ...] = ()
        for block in self.blocks:
            if block.start > offset:
                break
            if block.kind is BlockKind.HEADING:
                path = (*(above for above in path if above.level < block.level), block)
        words = (self.text[heading.body : heading.body_end].strip() for heading in path)
        return tuple(text for text in words if text.casefold() != self.title.casefold())

    def path_to(self, offset: int) -> str:
        """The headings above a place on the page as one line."""
        return BETWEEN.join(self.headings_above(offset))

    def place(self, start: int, end: int, marks: tuple[tuple[int, int], ...] = ()) -> Place:
        """A span of the page as something to show."""
        return Place(self.name, self.path_to(start), self.text[start:end], start, marks)

    def shares_readers_with(self, other: Page) -> bool:
        """Whether one reader could be shown both pages as being about the same thing.

        What a page does not say about itself may be anything.
        """
        mine = (self.audience, self.product, _language(self.locale))
        theirs = (other.audience, other.product, _language(other.locale))
        return all(a == b or not a or not b for a, b in zip(mine, theirs, strict=True))


def _language(locale: str) -> str:
    return locale.replace("_", "-").split("-")[0].casefold()


class Check(Protocol):
    """Looks at every page once, then says what it found."""

    def look(self, number: int, page: Page) -> None:
        """Take note of a page; `number` is its position in the library."""

    def findings(self) -> Iterator[Finding]:
        """What is wrong, once all pages have been looked at."""


class Library:
    """The documents by number. Outlines take more room than text, so few are kept."""

    def __init__(self, documents: Sequence[Document]) -> None:
        self._documents = documents
        self._opened = lru_cache(maxsize=_KEPT_OPEN)(self._open)

    def __len__(self) -> int:
        return len(self._documents)

    def __getitem__(self, number: int) -> Page:
        return self._opened(number)

    def _open(self, number: int) -> Page:
        return read(self._documents[number])

    def companions(self, numbers: Iterable[int]) -> Iterator[tuple[int, ...]]:
        """Divide pages into groups of two or more that one reader could be shown."""
        waiting = list(numbers)
        while len(waiting) > 1:
            first = self[waiting[0]]
            group = tuple(number for number in waiting if self[number].shares_readers_with(first))
            if len(group) > 1:
                yield group
            waiting = [number for number in waiting if number not in set(group)]


def name_of(document: Document) -> str:
    """The page a document was made from."""
    return str(document.metadata.get("page") or document.metadata.get("source") or "")


def read(document: Document) -> Page:
    """Outline a document and take what it says about itself from its metadata."""
    about = document.metadata
    return Page(
        name=name_of(document),
        title=str(about.get("title") or name_of(document)),
        text=document.page_content,
        blocks=outline(document.page_content),
        updated=_date(about.get("updated")),
        review_by=_date(about.get("review_by")),
        audience=str(about.get("audience") or ""),
        locale=str(about.get("locale") or ""),
        product=str(about.get("product") or ""),
    )


def _date(value: object) -> date | None:
    """A date in ISO form, a time after it or not; what is written otherwise is not guessed at."""
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError:
        return None
