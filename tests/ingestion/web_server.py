"""A website on this machine that a test fills, changes and breaks."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass(frozen=True)
class Answer:
    """What the server says at one address.

    Attributes:
        body: The page.
        status: The status code.
        headers: Further headers; an `etag` or `last-modified` makes it answer 304.
        content_type: What it calls the page.
        seconds: How long it takes before it answers.
        drip: How long it takes before each byte.
    """

    body: str | bytes = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "text/html; charset=utf-8"
    seconds: float = 0.0
    drip: float = 0.0


@dataclass
class WebServer:
    """The site.

    Attributes:
        url: Its address, without a slash at the end.
        answers: What is said at each path and query; a list is worked off, its last one stays.
        otherwise: Makes an answer for every other path.
        asked: The paths asked for, in order.
        moments: When.
        headers: What came with each request.
    """

    url: str = ""
    answers: dict[str, Answer | list[Answer]] = field(default_factory=dict)
    otherwise: Callable[[str], Answer] = lambda _: Answer("Not here", 404)
    asked: list[str] = field(default_factory=list)
    moments: list[float] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)

    def page(self, path: str, *links: str, head: str = "", **answer: object) -> None:
        """Put a page there that says its path and links elsewhere."""
        anchors = "".join(f'<a href="{link}">{link}</a>' for link in links)
        body = f"<html><head>{head}</head><body><main><h1>{path}</h1>{anchors}</main></body></html>"
        self.answers[path] = Answer(body, **answer)  # type: ignore[arg-type] # passed through

    def sitemap(self, path: str, *paths: str, index: bool = False) -> None:
        """Put a sitemap there, or an index of sitemaps."""
        self.answers[path] = Answer(self.sitemap_of(*paths, index=index), content_type="text/xml")

    def sitemap_of(self, *paths: str, index: bool = False) -> str:
        """The text of a sitemap."""
        root, entry = ("sitemapindex", "sitemap") if index else ("urlset", "url")
        locations = (path if "://" in path else self.url + path for path in paths)
        entries = "".join(f"<{entry}><loc>{loc}</loc></{entry}>" for loc in locations)
        space = "http://www.sitemaps.org/schemas/sitemap/0.9"
        return f'<?xml version="1.0"?><{root} xmlns="{space}">{entries}</{root}>'

    def next_answer(self, path: str) -> Answer:
        """What is said at a path now."""
        found = self.answers.get(path)
        if isinstance(found, list):
            return found.pop(0) if len(found) > 1 else found[0]
        return found or self.otherwise(path)


class _Handler(BaseHTTPRequestHandler):
    site: WebServer

    def do_GET(self) -> None:
        self.site.asked.append(self.path)
        self.site.moments.append(time.monotonic())
        self.site.headers.append({name.lower(): value for name, value in self.headers.items()})
        answer = self.site.next_answer(self.path)
        self.site.stopped.wait(answer.seconds)
        with suppress(BrokenPipeError, ConnectionResetError):  # the client may lose patience
            self._reply(answer)

    def _reply(self, answer: Answer) -> None:
        body = answer.body.encode() if isinstance(answer.body, str) else answer.body
        body = b"" if self._is_known(answer) else body
        self.send_response(304 if self._is_known(answer) else answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("content-type", answer.content_type)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        if not answer.drip:
            self.wfile.write(body)
        while answer.drip and body and not self.site.stopped.wait(answer.drip):
            self.wfile.write(body[:1])
            body = body[1:]

    def _is_known(self, answer: Answer) -> bool:
        etag, modified = (answer.headers.get(name) for name in ("etag", "last-modified"))
        return answer.status == 200 and (
            (etag is not None and self.headers["if-none-match"] == etag)
            or (modified is not None and self.headers["if-modified-since"] == modified)
        )

    def log_message(self, *_: object) -> None:
        """Say nothing on the terminal."""


@contextmanager
def web_server() -> Iterator[WebServer]:
    """A site that is there for as long as the test."""
    site = WebServer()
    handler = type("Handler", (_Handler,), {"site": site})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        site.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield site
        finally:
            site.stopped.set()
            server.shutdown()
            thread.join()
