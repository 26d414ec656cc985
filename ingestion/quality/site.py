"""The documents as a site: which page a link between them leads to.

Documents are published by tools that each name pages in their own way, so a link is tried in
every way it could be meant. One that leads out of the documents, or may do so, is not judged.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath
from posixpath import join, normpath
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

from ingestion.quality.page import name_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from langchain_core.documents import Document

_SOURCES = frozenset({".md", ".markdown", ".mdx", ".rst"})
_DOCUMENTS = _SOURCES | {".html", ".htm", ".txt"}
_INDEXES = frozenset({"index", "readme", "_index"})
# Docusaurus and others order pages by "01-name.md" and publish them as "name".
_ORDERED = re.compile(r"(?:^|(?<=/))\d+[-_.]\s*(?=[^\W\d])")
_TEMPLATED = re.compile(r"[{}<>$|\\]|%7B", re.IGNORECASE)
_NOT_WORDS = re.compile(r"[\W_]+")
# In these every fragment is a heading's. HTML gives ids to anything, and reStructuredText names
# labels that are not part of the text.
_JUDGED_FRAGMENTS = frozenset({".md", ".markdown"})
_BROWSERS_OWN = frozenset({"", "top"})
_UP = ".."
_TOP = "."


@dataclass(frozen=True, slots=True)
class Around:
    """What is known of the documents' surroundings.

    Attributes:
        base_urls: Where customers read the documents. Absolute links elsewhere are external.
        unread: Names of pages that exist and could not be read: a link to one holds.
    """

    base_urls: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()


class Verdict(StrEnum):
    """What became of a link."""

    HOLDS = "holds"
    NO_PAGE = "no page"
    NO_HEADING = "no heading"
    EXTERNAL = "external"
    UNJUDGED = "unjudged"


@dataclass(frozen=True, slots=True)
class Resolved:
    """Where a link leads.

    Attributes:
        verdict: What became of it.
        target: The page it leads to, or would; empty where that is not known.
        fragment: The part of the page it names.
    """

    verdict: Verdict
    target: str = ""
    fragment: str = ""


class Site:
    """Finds pages by any address that a link could use.

    Args:
        documents: The pages. Metadata `url` says where one is read, where it is known.
        around: What is known of their surroundings.
    """

    def __init__(self, documents: Sequence[Document], around: Around) -> None:
        self._documents = {name_of(document): document for document in documents}
        self._bases = tuple(f"{url.rstrip('/')}/" for url in around.base_urls if url)
        self._pages: dict[str, str] = {}
        for name in (*self._documents, *around.unread):
            self._pages.setdefault(_address(name), name)
        for name, document in self._documents.items():
            if url := document.metadata.get("url"):
                self._pages.setdefault(_address(str(url).split("#")[0]), name)
        self._folders = {folder for address in self._pages for folder in _folders(address)}
        self._stems: dict[str, list[str]] = defaultdict(list)
        for address, name in self._pages.items():
            self._stems[PurePosixPath(address).name].append(name)

    def resolve(self, document: Document, href: str) -> Resolved:
        """Follow a link.

        Args:
            document: The page it stands on.
            href: The link as authored.
        """
        if _TEMPLATED.search(href):
            return Resolved(Verdict.UNJUDGED)
        try:
            parts = urlsplit(href.strip())
        except ValueError:
            return Resolved(Verdict.UNJUDGED)
        if parts.scheme not in {"", "http", "https"}:
            return Resolved(Verdict.EXTERNAL)
        if not parts.path and not parts.netloc:
            return self._on(name_of(document), parts.fragment)
        addresses = list(dict.fromkeys(self._addresses(document, parts)))
        found = next((self._pages[a] for a in addresses if a in self._pages), None)
        if found is not None:
            return self._on(found, parts.fragment)
        return self._missing(document, parts, addresses)

    def fragments(self, name: str) -> tuple[str, ...]:
        """The fragments of a page's headings."""
        return tuple(self._documents[name].metadata["anchors"].values())

    def namesake(self, target: str) -> str:
        """The only page of the same file name in another folder; empty when there is none."""
        names = set(self._stems[PurePosixPath(_address(target)).name])
        return names.pop() if len(names) == 1 else ""

    def _on(self, name: str, fragment: str) -> Resolved:
        fragment = unquote(fragment).split(":~:")[0]
        document = self._documents.get(name)
        if document is None or fragment.casefold() in _BROWSERS_OWN:
            return Resolved(Verdict.HOLDS)
        if _loose(fragment) in set(_headings(document)):
            return Resolved(Verdict.HOLDS)
        judged = PurePosixPath(name).suffix.lower() in _JUDGED_FRAGMENTS
        if not judged or "anchors" not in document.metadata:
            return Resolved(Verdict.UNJUDGED)
        return Resolved(Verdict.NO_HEADING, name, fragment)

    def _addresses(self, document: Document, parts: SplitResult) -> Iterator[str]:
        """Each address that a link could mean, the likeliest first."""
        name = name_of(document)
        if not parts.netloc and "://" not in name:
            yield from _addresses_of_files(name, parts.path)
        whole = parts._replace(query="", fragment="").geturl()
        for base in (name if "://" in name else "", str(document.metadata.get("url") or "")):
            if base or parts.netloc:
                yield _address(urljoin(base, whole))
        yield from (_address(whole[len(b) :]) for b in self._bases if whole.startswith(b))

    def _missing(
        self, document: Document, parts: SplitResult, addresses: Sequence[str]
    ) -> Resolved:
        """What to make of a link to no page: broken only where a page would have to be."""
        whole = parts._replace(query="", fragment="").geturl()
        if parts.netloc and not whole.startswith(self._bases):
            return Resolved(Verdict.EXTERNAL)
        if "://" in name_of(document) or any(a.startswith(_UP) for a in addresses):
            return Resolved(Verdict.UNJUDGED)
        suffix = PurePosixPath(parts.path).suffix.lower()
        files = [address for address in addresses if not address.startswith("//")]
        if suffix in _SOURCES or (
            suffix in {*_DOCUMENTS, ""} and self._belong(document, parts, files)
        ):
            return Resolved(Verdict.NO_PAGE, files[0] + suffix)
        return Resolved(Verdict.UNJUDGED)

    def _belong(self, document: Document, parts: SplitResult, files: Sequence[str]) -> bool:
        """Whether the files would stand in a folder that is made of documents.

        At the top of a website a shop or a sign-in may stand beside the documents.
        """
        beside = not parts.netloc and not parts.path.startswith("/")
        own = str(PurePosixPath(name_of(document)).parent)
        folders = {str(PurePosixPath(file).parent) for file in files}
        if _TOP in folders and not (beside and own == _TOP):
            return False
        return bool(folders & self._folders) and not self._folders.intersection(files)


def _addresses_of_files(name: str, path: str) -> Iterator[str]:
    """What a link without a host could mean between files."""
    file = PurePosixPath(name)
    if not path.startswith("/"):
        yield _address(join(str(file.parent), path))
        # A browser takes "guide/" for a folder, where the author saw a file "guide.md".
        yield _address(join(str(file.parent / file.stem), path))
    if path.startswith("/") or _is_bare_source(path):
        # Which folder is the top of the site is not known.
        yield from (_address(join(str(top), path.lstrip("/"))) for top in reversed(file.parents))


def _is_bare_source(path: str) -> bool:
    """Whether it is a file's name without "./", which Docusaurus looks for from the top too."""
    return not path.startswith(".") and PurePosixPath(path).suffix.lower() in _SOURCES


def _address(path: str) -> str:
    """A path or URL without what publishing tools change: suffix, index, order, case."""
    parts = urlsplit(path) if "://" in path else SplitResult("", "", path, "", "")
    clean = normpath(unquote(parts.path).strip("/") or ".")
    file = PurePosixPath(clean)
    if file.suffix.lower() in _DOCUMENTS:
        file = file.with_suffix("")
    if file.name.casefold() in _INDEXES:
        file = file.parent
    address = _ORDERED.sub("", str(file)).casefold()
    return f"//{parts.netloc}/{address}" if parts.netloc else address


def _folders(address: str) -> Iterator[str]:
    return (str(folder) for folder in PurePosixPath(address).parents)


def _headings(document: Document) -> Iterator[str]:
    """A page's headings as fragments may spell them."""
    for offset, anchor in (document.metadata.get("anchors") or {}).items():
        heading = _loose(document.page_content[int(offset) :].split("\n", 1)[0])
        # docutils takes a number off the front.
        yield from (_loose(anchor), heading, heading.lstrip("0123456789"))


def _loose(fragment: str) -> str:
    return _NOT_WORDS.sub("", fragment.casefold())
