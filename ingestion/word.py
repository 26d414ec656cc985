"""DOCX to blocks, by way of HTML."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import mammoth

from ingestion.html import fragment_links, read_fragment
from ingestion.office import open_package
from ingestion.page import Page

if TYPE_CHECKING:
    from ingestion.limits import ReadingLimits
    from ingestion.sources.source import SourceFile

_STYLES = "p[style-name='Title'] => h1:fresh"
# Word gives a bookmark a new name whenever it feels like it, and no link reaches it anyway.
_BOOKMARK = re.compile(r'<a id="[^"]*"></a>')


def read_word(file: SourceFile, limits: ReadingLimits) -> Page:
    """Read a DOCX file: headings, lists, tables, footnotes and links, but no images.

    Raises:
        UnreadableDocument: It is encrypted, a bomb, or of the old binary format.
        Exception: Whatever the library raises over a damaged file.
    """
    package = open_package(file, limits, tree_bytes=limits.tree_bytes)
    converted = mammoth.convert_to_html(
        package.stream, style_map=_STYLES, convert_image=mammoth.images.img_element(_no_image)
    )
    html = _BOOKMARK.sub("", converted.value)
    return Page(
        read_fragment(html),
        title=package.title,
        updated=package.updated,
        links=fragment_links(html),
    )


def _no_image(_image: object) -> dict[str, str]:
    """Without this, images are unpacked and written into the HTML."""
    return {}
