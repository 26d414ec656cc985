"""Fetching from one site: politely, patiently, and never anywhere else."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Self

import httpx

from ingestion.sources.source import SkipReason
from ingestion.sources.web.outcomes import Absent, Failed, Fetched, NotModified, Outcome
from ingestion.sources.web.robots import USER_AGENT, Robots

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from collections.abc import Set as AbstractSet
    from types import TracebackType

    from ingestion.sources.web.addresses import Site

MOST_REDIRECTS = 5
_CONDITIONS = frozenset({"if-none-match", "if-modified-since"})
_GONE = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.GONE})


@dataclass(frozen=True, slots=True)
class Manners:
    """How a site is asked.

    Attributes:
        requests_per_second: At most this many; robots.txt may ask for fewer.
        timeout: How long one page may take, in seconds.
        retries: How often a request that failed for now is repeated.
        backoff: Seconds before the first repetition, doubled before each further one.
        longest_wait: A page that asks for a longer wait, in seconds, is left for the next run.
    """

    requests_per_second: float = 2.0
    timeout: float = 30.0
    retries: int = 3
    backoff: float = 1.0
    longest_wait: float = 60.0


@dataclass(frozen=True, slots=True)
class _Redirect:
    """The answer sends us elsewhere."""

    location: str


def _no_headers(_: str) -> Mapping[str, str]:
    return {}


class Fetcher:
    """Fetches pages of one site; `robots` is obeyed from when it is set."""

    def __init__(self, site: Site, manners: Manners, max_bytes: int) -> None:
        self.robots = Robots()
        self._site = site
        self._manners = manners
        self._max_bytes = max_bytes
        self._next_turn = 0.0
        self._client = httpx.Client(
            headers={"user-agent": USER_AGENT, "accept-encoding": "gzip, deflate"},
            timeout=manners.timeout,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.close()

    def get(
        self,
        address: str,
        *,
        headers: Callable[[str], Mapping[str, str]] = _no_headers,
        types: AbstractSet[str] = frozenset(),
    ) -> Outcome:
        """Fetch an address, following redirects within the site.

        Args:
            address: As `Site.resolve` gives it.
            headers: What to send with the request for each address on the way.
            types: The content types wanted; empty for all.
        """
        for _ in range(MOST_REDIRECTS + 1):
            if not self.robots.allows(address):
                return Absent(address, "robots.txt disallows it.")
            found = self._patiently(address, headers(address), types)
            if not isinstance(found, _Redirect):
                return found
            target = self._site.resolve(found.location, address)
            if target is None:
                return Failed(address, SkipReason.LEAVES_SITE, f"It leads to {found.location}.")
            address = target
        detail = f"It redirects more than {MOST_REDIRECTS} times."
        return Failed(address, SkipReason.UNREACHABLE, detail)

    def _patiently(
        self, address: str, headers: Mapping[str, str], types: AbstractSet[str]
    ) -> Outcome | _Redirect:
        """The answer, asked for again while a better one may come soon."""
        found = self._once(address, headers, types)
        for attempt in range(self._manners.retries):
            if not isinstance(found, Failed) or not found.passing:
                break
            wait = self._manners.backoff * 2**attempt if found.wait is None else found.wait
            if wait > self._manners.longest_wait:
                break
            time.sleep(wait)
            found = self._once(address, headers, types)
        return found

    def _once(
        self, address: str, headers: Mapping[str, str], types: AbstractSet[str]
    ) -> Outcome | _Redirect:
        self._wait_for_turn()
        # A server that sends a byte now and then never runs into the client's own timeout.
        deadline = time.monotonic() + self._manners.timeout
        try:
            with self._client.stream("GET", address, headers=headers) as response:
                if response.status_code == HTTPStatus.OK:
                    return self._body(address, response, types, deadline)
                return _without_body(address, response)
        except httpx.TimeoutException:
            detail = f"It took longer than {self._manners.timeout:g} seconds."
            return Failed(address, SkipReason.UNREACHABLE, detail, passing=True)
        except httpx.HTTPError as error:
            detail = str(error) or type(error).__name__
            return Failed(address, SkipReason.UNREACHABLE, detail, passing=True)

    def _wait_for_turn(self) -> None:
        time.sleep(max(0.0, self._next_turn - time.monotonic()))
        interval = max(1 / self._manners.requests_per_second, self.robots.delay)
        self._next_turn = time.monotonic() + interval

    def _body(
        self, address: str, response: httpx.Response, types: AbstractSet[str], deadline: float
    ) -> Outcome:
        content_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if types and content_type not in types:
            return Absent(address, f"Its type, {content_type or 'not named'}, is not read.")
        data = bytearray()
        for part in response.iter_bytes():
            data += part
            if len(data) > self._max_bytes:
                detail = f"The limit is {self._max_bytes / 1e6:.1f} MB."
                return Failed(address, SkipReason.TOO_LARGE, detail)
            if time.monotonic() > deadline:
                raise httpx.ReadTimeout("")
        return Fetched(
            address=address,
            data=bytes(data),
            content_type=content_type,
            charset=response.charset_encoding or "",
            etag=response.headers.get("etag", ""),
            modified=response.headers.get("last-modified", ""),
            robots=response.headers.get("x-robots-tag", ""),
        )


def _without_body(address: str, response: httpx.Response) -> Outcome | _Redirect:
    status = response.status_code
    if status == HTTPStatus.NOT_MODIFIED and _CONDITIONS & response.request.headers.keys():
        return NotModified(address)
    if response.has_redirect_location:
        return _Redirect(response.headers["location"])
    said = f"It answered {status} {response.reason_phrase}".rstrip() + "."
    if status in _GONE:
        return Absent(address, said)
    if status == HTTPStatus.TOO_MANY_REQUESTS or response.is_server_error:
        wait = _retry_after(response.headers.get("retry-after", ""))
        return Failed(address, SkipReason.UNREACHABLE, said, passing=True, wait=wait)
    return Failed(address, SkipReason.UNREACHABLE, said)


def _retry_after(value: str) -> float | None:
    """Seconds, from either form that RFC 9110, 10.2.3, allows; None when it is neither."""
    if value.strip().isdecimal():
        return float(value)
    try:
        until = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (until.astimezone(UTC) - datetime.now(UTC)).total_seconds())
