"""Headings without text beneath them, and titles that several pages have."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ingestion.quality.findings import Finding, Kind, Place
from ingestion.quality.page import BETWEEN
from retrieval.outline import Block, BlockKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ingestion.quality.page import Library, Page


@dataclass(slots=True)
class EmptyHeadings:
    """Finds headings without text before the next one of their level or above."""

    _found: list[Finding] = field(default_factory=list)

    def look(self, _number: int, page: Page) -> None:
        """See `Check.look`."""
        # A page of headings alone is thin, and told of as such.
        if any(block.kind is not BlockKind.HEADING for block in page.blocks):
            self._found += _empty_headings(page)

    def findings(self) -> Iterator[Finding]:
        """See `Check.findings`."""
        yield from self._found


def _empty_headings(page: Page) -> Iterator[Finding]:
    """The outermost empty headings; those inside them are empty because of it."""
    at = 0
    while at < len(page.blocks):
        end = _end_of_empty(page, at)
        if end > at:
            yield _empty(page, page.blocks[at], end - at - 1)
        at = max(end, at + 1)


def _empty(page: Page, heading: Block, inner: int) -> Finding:
    more = f", nor beneath the {inner} inside it" if inner else ""
    text = page.text[heading.body : heading.body_end].strip()
    above = BETWEEN.join(name for name in page.headings_above(heading.start) if name != text)
    place = Place(page.name, above, text, heading.body)
    what = f"No text stands beneath this heading{more}."
    return Finding(Kind.EMPTY_HEADING, what, (page.name,), (place,), inner)


def _end_of_empty(page: Page, at: int) -> int:
    """Where the empty section that begins at a block ends; `at` when none begins there."""
    first = page.blocks[at]
    if first.kind is not BlockKind.HEADING:
        return at
    for index in range(at + 1, len(page.blocks)):
        block = page.blocks[index]
        if block.kind is not BlockKind.HEADING:
            return at
        if block.level <= first.level:
            return index
    return len(page.blocks)


@dataclass(slots=True)
class Titles:
    """Finds titles that several pages have.

    Attributes:
        library: Where the pages are.
    """

    library: Library
    _titled: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))

    def look(self, number: int, page: Page) -> None:
        """See `Check.look`."""
        self._titled[page.title.casefold()].append(number)

    def findings(self) -> Iterator[Finding]:
        """See `Check.findings`."""
        for numbers in self._titled.values():
            for group in self.library.companions(numbers):
                pages = tuple(self.library[number].name for number in group)
                title = self.library[group[0]].title
                what = f"{len(group)} pages are titled “{title}”."
                places = tuple(Place(page, text=title) for page in pages)
                yield Finding(Kind.DUPLICATE_TITLE, what, pages, places, len(group))
