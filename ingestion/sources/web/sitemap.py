"""Understands a sitemap, as sitemaps.org describes it."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from retrieval.errors import UnreadableDocument

# The protocol's own limit, uncompressed.
MOST_BYTES = 52_428_800
_GZIP_MAGIC = b"\x1f\x8b"
_GZIP = 16 + zlib.MAX_WBITS


@dataclass(frozen=True, slots=True)
class Sitemap:
    """One sitemap, or an index of them.

    Attributes:
        pages: Addresses of pages, as written.
        sitemaps: Addresses of further sitemaps, as written.
    """

    pages: tuple[str, ...]
    sitemaps: tuple[str, ...]


def read_sitemap(data: bytes) -> Sitemap:
    """Understand a sitemap, packed with gzip or not.

    Raises:
        UnreadableDocument: It is no sitemap, or larger than a sitemap may be.
    """
    try:
        # expat, from 2.4.1 on, stops at entities that grow, and loads none from elsewhere.
        root = ET.fromstring(_unpacked(data))  # noqa: S314 - as said
    except (ET.ParseError, zlib.error, ValueError) as error:
        raise UnreadableDocument(f"It is no sitemap: {error}.") from error
    locations = tuple(
        location.text.strip()
        for entry in root
        for location in entry
        if _name(location) == "loc" and location.text
    )
    match _name(root):
        case "urlset":
            return Sitemap(locations, ())
        case "sitemapindex":
            return Sitemap((), locations)
        case other:
            raise UnreadableDocument(f"It is no sitemap: it begins with <{other}>.")


def _unpacked(data: bytes) -> bytes:
    if not data.startswith(_GZIP_MAGIC):
        return data
    unpacked = zlib.decompressobj(_GZIP).decompress(data, MOST_BYTES + 1)
    if len(unpacked) > MOST_BYTES:
        raise UnreadableDocument(f"It is larger than {MOST_BYTES / 1e6:.0f} MB.")
    return unpacked


def _name(element: ET.Element) -> str:
    """The element's name; generators differ in the namespace they give."""
    return element.tag.rpartition("}")[2]
