"""Addresses on one website: which belong to it, which are the same, what their pages are called."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

import httpx

from retrieval.errors import BadInput

_DEFAULT_PORTS = {"http": 80, "https": 443}
_TRACKING = re.compile(r"(?:utm_\w+|gclid|fbclid|msclkid|mc_cid|mc_eid)(?:=|$)")
_USERINFO = re.compile(r"//[^/]*@")
# Longer ones are made by traps, and no index names a page by them.
_LONGEST = 2000

# How a page of each type has to be called for the parser, the likeliest suffix first.
_SUFFIXES = {
    "text/html": (".html", ".htm"),
    "application/xhtml+xml": (".html", ".htm"),
    "application/pdf": (".pdf",),
    "text/markdown": (".md", ".markdown", ".mdx"),
    "text/x-markdown": (".md", ".markdown", ".mdx"),
    # What most servers call every text they have no other name for.
    "text/plain": (".txt", ".md", ".markdown", ".mdx", ".rst"),
}
HTML_TYPES = frozenset({"text/html", "application/xhtml+xml"})
DOCUMENT_TYPES = frozenset(_SUFFIXES)
_KNOWN = {suffix: kind for kind, suffixes in reversed(_SUFFIXES.items()) for suffix in suffixes}


@dataclass(frozen=True, slots=True)
class Site:
    """The website that one address is on.

    Attributes:
        scheme: `http` or `https`.
        host: Its host, in lower case.
        port: Its port.
    """

    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, address: str) -> Site:
        """The site an operator named.

        Raises:
            BadInput: It is no http or https address, or holds a password.
        """
        url = _parsed(address)
        if url is None or url.scheme not in _DEFAULT_PORTS or not url.host:
            shown = _USERINFO.sub("//", address)
            raise BadInput(
                f"'{shown}' is not the address of a website.",
                hint="Give it whole, such as https://help.example.com/.",
            )
        if url.userinfo:
            raise BadInput(
                f"The address of {url.host} holds a password.",
                hint="A website is read as the public sees it; give its address without.",
            )
        return cls(url.scheme, url.host, _port(url))

    @property
    def root(self) -> str:
        """The address of its front page."""
        port = "" if self.port == _DEFAULT_PORTS[self.scheme] else f":{self.port}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}{port}/"

    def resolve(self, href: str, base: str) -> str | None:
        """Where a link leads, in the one form in which this site's addresses are kept.

        Args:
            href: The link as written.
            base: The address of the page it stands on.

        Returns:
            The address, without fragment and tracking parameters; None when it is not on the
            site or not an address.
        """
        url = _parsed(href.strip(), base)
        if url is None or url.userinfo or not self._holds(url):
            return None
        path, _, query = url.raw_path.decode().partition("?")
        kept = [part for part in query.split("&") if part and not _TRACKING.match(part)]
        clean = url.copy_with(
            # A link back to http is followed over https: the site has it.
            scheme=self.scheme if self.scheme == "https" else url.scheme,
            port=None if _has_default_port(url) else url.port,
            raw_path="?".join(filter(None, (path or "/", "&".join(kept)))).encode(),
            fragment=None,
        )
        return str(clean) if len(str(clean)) <= _LONGEST else None

    def _holds(self, url: httpx.URL) -> bool:
        if url.scheme not in _DEFAULT_PORTS or url.host != self.host:
            return False
        if (url.scheme, _port(url)) == (self.scheme, self.port):
            return True
        # One site over both schemes.
        return _has_default_port(url) and self.port == _DEFAULT_PORTS[self.scheme]


def page_name(address: str, content_type: str) -> str:
    """What a page is called: its path and query, ending in a suffix that says how to read it.

    `/docs/start`, `/docs/start/` and `/docs/start/index.html` are one page.

    Args:
        address: An address as `Site.resolve` gives it.
        content_type: What the server calls it.
    """
    url = httpx.URL(address)
    path, _, query = url.raw_path.decode().partition("?")
    path = path.strip("/")
    suffixes = _SUFFIXES.get(content_type, (".html",))
    if query:
        return f"{path or 'index'}?{query}{suffixes[0]}"
    if PurePosixPath(path).suffix.lower() in suffixes:
        return path
    if content_type in HTML_TYPES:
        return f"{path}/index.html".lstrip("/")
    return f"{path or 'index'}{suffixes[0]}"


def page_key(address: str) -> str:
    """What tells a page from others before it is fetched: the name its address suggests."""
    suffix = PurePosixPath(httpx.URL(address).path).suffix.lower()
    return page_name(address, _KNOWN.get(suffix, "text/html"))


def _parsed(href: str, base: str = "") -> httpx.URL | None:
    try:
        return httpx.URL(base).join(href) if base else httpx.URL(href)
    except (httpx.InvalidURL, ValueError):
        return None


def _port(url: httpx.URL) -> int:
    return url.port or _DEFAULT_PORTS[url.scheme]


def _has_default_port(url: httpx.URL) -> bool:
    return _port(url) == _DEFAULT_PORTS[url.scheme]
