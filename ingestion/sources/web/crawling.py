"""Goes through a site page by page, within bounds, and remembers what it met."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ingestion.sources.source import Skipped, SkipReason, SourceItem, Unchanged
from ingestion.sources.web.addresses import DOCUMENT_TYPES, page_key
from ingestion.sources.web.memory import Remembered
from ingestion.sources.web.outcomes import Absent, Failed, Fetched, NotModified, as_error
from ingestion.sources.web.reading import read_page

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from collections.abc import Set as AbstractSet

    from ingestion.sources.web.addresses import Site
    from ingestion.sources.web.fetching import Fetcher
    from ingestion.sources.web.frontier import Frontier
    from ingestion.sources.web.listing import Listing

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Crawl:
    """One visit to a site.

    Attributes:
        site: The site.
        fetcher: Fetches its pages.
        frontier: Which pages are still to be visited.
        known: What is remembered of the visit before, by the pages' keys.
        held: The pages that are stored; the others are fetched whole, changed or not.
        remembered: What is worth remembering of this visit, complete when `run` has ended.
    """

    site: Site
    fetcher: Fetcher
    frontier: Frontier
    known: Mapping[str, Remembered]
    held: AbstractSet[str]
    remembered: dict[str, Remembered] = field(default_factory=dict)
    _follow: bool = True
    _named: set[str] = field(default_factory=set)
    _blind: bool = False
    _visits: int = 0

    def run(self, start: str, listing: Listing | None) -> Iterator[SourceItem]:
        """Visit the start, then the pages that are listed or, without a list, linked.

        Args:
            start: Where to begin; empty to visit only what is listed.
            listing: What the site's sitemaps name; None when it has none.

        Raises:
            SourceNotFound: The start is not there.
            Unavailable: The start does not answer.
        """
        self._follow = listing is None
        if start:
            yield from self._visit(start, 0, required=True)
        if listing:
            self.frontier.add(listing.addresses, 0)
            self._blind = bool(listing.missing)
            yield from listing.missing
        yield from self._visits_within_bounds()
        yield from self._unread()

    def _visits_within_bounds(self) -> Iterator[SourceItem]:
        bounds = self.frontier.bounds
        until = time.monotonic() + bounds.max_seconds
        while self._visits < bounds.max_pages and time.monotonic() < until:
            following = self.frontier.pop()
            if following is None:
                return
            yield from self._visit(*following)

    def _visit(self, asked: str, depth: int, *, required: bool = False) -> Iterator[SourceItem]:
        self._visits += 1
        self.frontier.visited.add(page_key(asked))
        found = self.fetcher.get(asked, headers=self._conditions, types=DOCUMENT_TYPES)
        if required and isinstance(found, Absent | Failed):
            raise as_error(found)
        key = page_key(found.address)
        if key != page_key(asked) and key in self.frontier.visited:
            return  # it redirects to a page that was visited under its own address
        self.frontier.visited.add(key)
        match found:
            case Fetched():
                yield from self._read(found, key, depth)
            case NotModified():
                yield from self._unchanged(key, depth)
            case Failed():
                yield from self._failed(found, page_key(asked), depth)
            case Absent():
                _log.info("%s is left out: %s", found.address, found.why)

    def _conditions(self, address: str) -> Mapping[str, str]:
        before = self.known.get(page_key(address))
        return before.conditions if before and before.page in self.held else {}

    def _read(self, found: Fetched, key: str, depth: int) -> Iterator[SourceItem]:
        read = read_page(found, self.site)
        page = read.file.page
        if self._follow:
            self.frontier.add(read.links, depth + 1)
        if read.indexed and page not in self._named and self.frontier.bounds.choose(page):
            self._named.add(page)
            self.frontier.visited.add(page_key(read.file.url))
            links = read.links if self._follow else ()
            self.remembered[key] = Remembered(page, found.etag, found.modified, links)
            yield read.file

    def _unchanged(self, key: str, depth: int) -> Iterator[SourceItem]:
        before = self._recalled(key, depth)
        if before and before.page not in self._named:
            self._named.add(before.page)
            yield Unchanged(before.page)

    def _failed(self, found: Failed, asked: str, depth: int) -> Iterator[SourceItem]:
        """What is stored of the page stays, and so does what only its links lead to."""
        final = page_key(found.address)
        before = [page for key in {asked, final} if (page := self._recalled(key, depth))]
        self._blind |= found.passing and not before
        for name in [page.page for page in before] or [final]:
            yield from self._skipped(name, found.reason, found.detail)

    def _recalled(self, key: str, depth: int) -> Remembered | None:
        """What is remembered of a page, which keeps it remembered and follows its links."""
        if (before := self.known.get(key)) is None:
            return None
        self.remembered[key] = before
        if self._follow:
            self.frontier.add(before.links, depth + 1)
        return before

    def _unread(self) -> Iterator[Skipped]:
        """The pages that this visit may only have missed: what is stored of them stays."""
        if left := self.frontier.left():
            detail = f"{self._visits} pages were visited; found and not visited: {len(left)}."
            yield from self._skipped(left[0], SkipReason.BEYOND_LIMITS, detail)
        if left or self._blind:
            reason = SkipReason.BEYOND_LIMITS if left else SkipReason.UNREACHABLE
            for key, before in self.known.items():
                if key not in self.frontier.visited:
                    self.remembered[key] = before
                    yield from self._skipped(before.page, reason, "This time nothing led to it.")

    def _skipped(self, page: str, reason: SkipReason, detail: str) -> Iterator[Skipped]:
        if page not in self._named:
            self._named.add(page)
            yield Skipped(page, reason, detail)
