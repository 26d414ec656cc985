"""A website of documents: the pages its sitemaps name, or else those its links lead to."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from ingestion.sources.web.addresses import Site
from ingestion.sources.web.crawling import Crawl
from ingestion.sources.web.fetching import Fetcher, Manners
from ingestion.sources.web.frontier import Bounds, Frontier
from ingestion.sources.web.listing import find_listing, read_listing
from ingestion.sources.web.memory import load_memory, save_memory
from ingestion.sources.web.outcomes import Failed, Fetched, as_error
from ingestion.sources.web.robots import Robots
from retrieval.errors import NothingToIngest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from collections.abc import Set as AbstractSet
    from pathlib import Path

    from ingestion.sources.source import SourceItem
    from ingestion.sources.web.memory import Remembered

__all__ = ["Bounds", "Manners", "WebsiteSource"]

_SITEMAPS = (".xml", ".xml.gz")


class WebsiteSource:
    """A website, read as its robots.txt allows and never beyond its host.

    Pages that have not changed since the last run are not fetched again; which those are is
    written down by `commit`.
    """

    def __init__(
        self,
        start: str,
        state: Path,
        *,
        bounds: Bounds = Bounds(),  # noqa: B008 - frozen
        manners: Manners = Manners(),  # noqa: B008 - frozen
    ) -> None:
        """Name a website; nothing is fetched yet.

        Args:
            start: The address to begin at, or that of a sitemap.
            state: The file that tells the next run what this one has read.
            bounds: How much of the site is read.
            manners: How it is asked.

        Raises:
            BadInput: The start is no http or https address.
        """
        self._site = Site.of(start)
        self._start = self._site.resolve(start, self._site.root) or self._site.root
        self._state = state
        self._bounds = bounds
        self._manners = manners
        self._read: Mapping[str, Remembered] | None = None

    @property
    def base_url(self) -> str:
        """The address of the site's front page."""
        return self._site.root

    def count(self) -> None:
        """How many pages there are shows only as they are read."""

    def read(self, held: AbstractSet[str] = frozenset()) -> Iterator[SourceItem]:
        """Fetch the pages one at a time, nearest to the start first.

        Args:
            held: The pages that are stored; the others are fetched whole, changed or not.

        Returns:
            Each page, why it was skipped, or that it has not changed.

        Raises:
            SourceNotFound: The start or the sitemap is not there, or not for robots.
            NothingToIngest: No page of it is for the index.
            Unavailable: The site does not answer.
        """
        self._read = None
        items = self._items(held)
        # The first page is fetched here, not in the generator: a wrong address fails at the call.
        first = next(items, None)
        if first is None:
            raise NothingToIngest(
                f"{self._start} leads to no page to read.",
                hint="Check the patterns of pages to include, and whether the pages ask robots "
                "not to index them.",
            )
        return chain((first,), items)

    def commit(self) -> None:
        """Remember what was read to its end, so that the next run asks only for what changed.

        Raises:
            Unavailable: The state file cannot be written.
        """
        if self._read is not None:
            save_memory(self._state, self._site.root, self._read)

    def _items(self, held: AbstractSet[str]) -> Iterator[SourceItem]:
        remembered = load_memory(self._state, self._site.root)
        known = {key: page for key, page in remembered.items() if self._bounds.choose(page.page)}
        with Fetcher(self._site, self._manners, self._bounds.max_bytes) as fetcher:
            fetcher.robots = self._robots(fetcher)
            crawl = Crawl(self._site, fetcher, Frontier(self._bounds), known, held)
            if self._start.endswith(_SITEMAPS):
                listing = read_listing(fetcher, self._site, self._bounds, self._start)
                yield from crawl.run("", listing)
            else:
                yield from crawl.run(self._start, find_listing(fetcher, self._site, self._bounds))
        self._read = crawl.remembered

    def _robots(self, fetcher: Fetcher) -> Robots:
        """The site's rules; while they cannot be had nothing may be fetched (RFC 9309, 2.3.1)."""
        found = fetcher.get(f"{self._site.root}robots.txt")
        if isinstance(found, Failed) and found.passing:
            raise as_error(found)
        if isinstance(found, Fetched):
            return Robots.read(found.data.decode(errors="replace"))
        return Robots()
