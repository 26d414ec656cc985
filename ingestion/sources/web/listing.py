"""The pages that the sitemaps of a site name."""

from __future__ import annotations

import logging
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ingestion.sources.source import Skipped, SkipReason
from ingestion.sources.web.addresses import page_key
from ingestion.sources.web.outcomes import Fetched, as_error
from ingestion.sources.web.sitemap import Sitemap, read_sitemap
from retrieval.errors import NothingToIngest, SourceNotFound, Unavailable, UnreadableDocument

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ingestion.sources.web.addresses import Site
    from ingestion.sources.web.fetching import Fetcher
    from ingestion.sources.web.frontier import Bounds

MOST_SITEMAPS = 500

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Listing:
    """What the sitemaps of a site name.

    Attributes:
        addresses: Pages within the bounds, in the order of the sitemaps.
        missing: Sitemaps that were not read.
    """

    addresses: tuple[str, ...]
    missing: tuple[Skipped, ...]


def read_listing(fetcher: Fetcher, site: Site, bounds: Bounds, address: str) -> Listing:
    """List the pages of one sitemap, and of those it names.

    Args:
        fetcher: Fetches them.
        site: Pages elsewhere are left out.
        bounds: Which pages to list.
        address: The sitemap.

    Raises:
        SourceNotFound: There is no sitemap there.
        NothingToIngest: It names no page that is read.
        Unavailable: The site does not answer.
    """
    listing = _listed([_opened(fetcher, address)], fetcher, site, bounds)
    if not listing.addresses and not listing.missing:
        raise NothingToIngest(
            f"{address} names no page to read on {site.root}.",
            hint="Check its addresses, and the patterns of pages to include and exclude.",
        )
    return listing


def find_listing(fetcher: Fetcher, site: Site, bounds: Bounds) -> Listing | None:
    """List the pages of the sitemaps that a site has where they are looked for.

    Returns:
        The pages; None when no sitemap names one that is read.

    Raises:
        Unavailable: The site does not answer.
    """
    named = [site.resolve(href, site.root) for href in fetcher.robots.sitemaps]
    opened: list[Sitemap] = []
    for address in filter(None, named or [f"{site.root}sitemap.xml"]):
        try:
            opened.append(_opened(fetcher, address))
        except SourceNotFound as error:
            _log.info("%s", error.message)
    listing = _listed(opened, fetcher, site, bounds)
    return listing if listing.addresses or listing.missing else None


def _opened(fetcher: Fetcher, address: str) -> Sitemap:
    found = fetcher.get(address)
    if not isinstance(found, Fetched):
        raise as_error(found)
    try:
        return read_sitemap(found.data)
    except UnreadableDocument as error:
        raise SourceNotFound(
            f"{address} cannot be read. {error.message}", hint="Check the address of the sitemap."
        ) from error


def _listed(opened: Iterable[Sitemap], fetcher: Fetcher, site: Site, bounds: Bounds) -> Listing:
    walk = _Walk(site, bounds)
    for sitemap in opened:
        walk.take(sitemap)
    while (address := walk.following()) is not None:
        try:
            walk.take(_opened(fetcher, address))
        except (SourceNotFound, Unavailable) as error:
            walk.missing.append(Skipped(address, SkipReason.UNREACHABLE, error.message))
    return Listing(tuple(walk.pages.values()), tuple(walk.missing))


@dataclass(slots=True)
class _Walk:
    """Sitemaps that name sitemaps, each taken once."""

    site: Site
    bounds: Bounds
    pages: dict[str, str] = field(default_factory=dict)
    missing: list[Skipped] = field(default_factory=list)
    waiting: deque[str] = field(default_factory=deque)
    seen: set[str] = field(default_factory=set)

    def take(self, sitemap: Sitemap) -> None:
        for address in self._on_site(sitemap.pages):
            if self.bounds.choose(key := page_key(address)):
                self.pages.setdefault(key, address)
        for address in self._on_site(sitemap.sitemaps):
            if address not in self.seen:
                self.seen.add(address)
                self.waiting.append(address)

    def following(self) -> str | None:
        """The next sitemap; None when there is none, or pages enough to fill the bounds."""
        if not self.waiting or len(self.pages) > self.bounds.max_pages:
            return None
        address = self.waiting.popleft()
        if len(self.seen) - len(self.waiting) <= MOST_SITEMAPS:
            return address
        detail = f"Of a site {MOST_SITEMAPS} sitemaps are read."
        self.missing.append(Skipped(address, SkipReason.BEYOND_LIMITS, detail))
        return None

    def _on_site(self, hrefs: Iterable[str]) -> list[str]:
        addresses = (self.site.resolve(href, self.site.root) for href in hrefs)
        return [address for address in addresses if address]
