"""A fetched page to what is kept of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from ingestion.decoding import decode
from ingestion.sources.source import SourceFile
from ingestion.sources.web.addresses import HTML_TYPES, page_name
from ingestion.sources.web.links import read_links
from retrieval.errors import UnreadableDocument

if TYPE_CHECKING:
    from ingestion.sources.web.addresses import Site
    from ingestion.sources.web.outcomes import Fetched


@dataclass(frozen=True, slots=True)
class ReadPage:
    """A page and where it leads.

    Attributes:
        file: The page, under the address it wants to be known by.
        indexed: Whether it may be put into an index.
        links: The addresses on the site that it leads to.
    """

    file: SourceFile
    indexed: bool
    links: tuple[str, ...]


def read_page(found: Fetched, site: Site) -> ReadPage:
    """Understand what an address answered."""
    data = _as_utf8(found)
    said = read_links(_html(found, data), found.robots)
    base = site.resolve(said.base, found.address) or found.address
    # A canonical address elsewhere is not ours to take: the page was read here.
    url = (said.canonical and site.resolve(said.canonical, base)) or found.address
    page = page_name(url, found.content_type)
    targets = (site.resolve(target, base) for target in said.targets)
    return ReadPage(
        file=SourceFile(page, data, _date(found.modified), url),
        indexed=said.indexed,
        links=tuple(dict.fromkeys(target for target in targets if target)),
    )


def _as_utf8(found: Fetched) -> bytes:
    """The page in UTF-8 where only its header tells the encoding.

    Many servers name an old encoding for every page, so valid UTF-8 is believed first.
    """
    try:
        found.data.decode()
    except UnicodeDecodeError:
        try:
            return found.data.decode(found.charset).encode() if found.charset else found.data
        except (LookupError, UnicodeDecodeError):
            return found.data  # the parser knows other ways to find out
    return found.data


def _html(found: Fetched, data: bytes) -> str:
    if found.content_type not in HTML_TYPES:
        return ""
    try:
        return decode(data)
    except UnreadableDocument:
        return ""  # the run says so when it parses the page


def _date(modified: str) -> datetime:
    try:
        return parsedate_to_datetime(modified).astimezone(UTC)
    except ValueError:
        return datetime.now(UTC)
