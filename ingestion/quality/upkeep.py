"""Pages that say too little, or that nobody has looked at for too long."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ingestion.quality.findings import Finding, Kind, Place
from retrieval.outline import BlockKind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from ingestion.quality.page import Page

_PROSE = frozenset({BlockKind.PARAGRAPH, BlockKind.ITEM, BlockKind.TABLE})


@dataclass(slots=True)
class Upkeep:
    """Finds thin pages, overdue reviews and pages not updated for long.

    Attributes:
        today: The day to count from.
        thin_words: A page with fewer words of prose is thin.
        stale_days: A page not updated for more days is stale.
    """

    today: date
    thin_words: int
    stale_days: int
    _found: list[Finding] = field(default_factory=list)

    def look(self, _number: int, page: Page) -> None:
        """See `Check.look`."""
        self._found += self._thin(page)
        self._found += self._overdue(page)
        self._found += self._stale(page)

    def findings(self) -> Iterator[Finding]:
        """See `Check.findings`."""
        yield from self._found

    def _thin(self, page: Page) -> Iterator[Finding]:
        words = 0
        for block in page.blocks:
            if block.kind in _PROSE:
                words += len(page.text[block.body : block.end].split())
            if words >= self.thin_words:
                return
        what = f"The page has {_counted(words, 'word')} of prose."
        place = Place(page.name, text=page.title)
        yield Finding(Kind.THIN_PAGE, what, (page.name,), (place,), -words)

    def _overdue(self, page: Page) -> Iterator[Finding]:
        if page.review_by is None or page.review_by >= self.today:
            return
        days = (self.today - page.review_by).days
        what = f"The review was due on {page.review_by}, {_counted(days, 'day')} ago."
        place = Place(page.name, text=page.title)
        yield Finding(Kind.REVIEW_OVERDUE, what, (page.name,), (place,), days)

    def _stale(self, page: Page) -> Iterator[Finding]:
        if page.updated is None:
            return
        days = (self.today - page.updated).days
        if days > self.stale_days:
            what = f"The page was last updated on {page.updated}, {_counted(days, 'day')} ago."
            place = Place(page.name, text=page.title)
            yield Finding(Kind.STALE, what, (page.name,), (place,), days)


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
