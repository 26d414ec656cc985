from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING

import pytest

from ingestion.sources.source import SkipReason
from ingestion.sources.web.addresses import Site
from ingestion.sources.web.fetching import MOST_REDIRECTS, Fetcher, Manners
from ingestion.sources.web.outcomes import Failed, Fetched
from tests.ingestion.web_server import Answer, WebServer, web_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ingestion.sources.web.outcomes import Outcome

HASTY = Manners(requests_per_second=1000, timeout=2, retries=2, backoff=0.05, longest_wait=0.5)
GOOD = Answer("<p>Good.</p>")


@pytest.fixture
def site() -> Iterator[WebServer]:
    with web_server() as site:
        yield site


def fetch(
    site: WebServer, path: str, manners: Manners = HASTY, max_bytes: int = 1_000_000
) -> Outcome:
    with Fetcher(Site.of(site.url), manners, max_bytes) as fetcher:
        return fetcher.get(site.url + path)


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_what_may_work_again_soon_is_repeated(site: WebServer, status: int) -> None:
    site.answers["/a"] = [Answer(status=status), Answer(status=status), GOOD]
    assert isinstance(fetch(site, "/a"), Fetched)
    first, second, third = site.moments
    assert second - first > 0.045
    assert third - second > 0.09


def test_repeating_ends(site: WebServer) -> None:
    site.answers["/a"] = Answer(status=503)
    found = fetch(site, "/a")
    assert isinstance(found, Failed)
    assert (found.detail, found.passing) == ("It answered 503 Service Unavailable.", True)
    assert len(site.asked) == 3


@pytest.mark.parametrize("status", [400, 401, 403, 404, 418])
def test_what_will_not_change_is_asked_once(site: WebServer, status: int) -> None:
    site.answers["/a"] = Answer(status=status)
    fetch(site, "/a")
    assert len(site.asked) == 1


def test_the_wait_that_a_server_asks_for_is_kept(site: WebServer) -> None:
    site.answers["/a"] = [Answer(status=429, headers={"retry-after": "1"}), GOOD]
    patient = Manners(requests_per_second=1000, backoff=0.01, longest_wait=2)
    assert isinstance(fetch(site, "/a", patient), Fetched)
    assert 0.95 < site.moments[1] - site.moments[0] < 2


@pytest.mark.parametrize("wait", ["60", "date"])
def test_a_wait_that_is_too_long_is_left_for_the_next_run(site: WebServer, wait: str) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(minutes=5), usegmt=True)
    header = {"retry-after": date if wait == "date" else wait}
    site.answers["/a"] = [Answer(status=429, headers=header), GOOD]
    found = fetch(site, "/a")
    assert isinstance(found, Failed)
    assert found.passing
    assert len(site.asked) == 1


@pytest.mark.parametrize("wait", ["soon", "-1", "", "Wed, 15 Jan 2025 08:00:00 GMT"])
def test_a_wait_that_says_nothing_is_passed_over(site: WebServer, wait: str) -> None:
    site.answers["/a"] = [Answer(status=503, headers={"retry-after": wait}), GOOD]
    assert isinstance(fetch(site, "/a"), Fetched)


@pytest.mark.parametrize("slow", [Answer("x", seconds=5), Answer("x" * 100, drip=0.1)])
def test_a_page_that_takes_too_long_is_given_up(site: WebServer, slow: Answer) -> None:
    site.answers["/a"] = slow
    found = fetch(site, "/a", Manners(requests_per_second=1000, timeout=0.3, retries=0))
    assert isinstance(found, Failed)
    assert (found.detail, found.passing) == ("It took longer than 0.3 seconds.", True)


def test_a_page_that_is_too_large_is_not_read_to_its_end(site: WebServer) -> None:
    site.answers["/a"] = Answer("x" * 2_000_000)
    found = fetch(site, "/a")
    assert isinstance(found, Failed)
    assert (found.reason, found.detail) == (SkipReason.TOO_LARGE, "The limit is 1.0 MB.")


def test_redirects_that_do_not_end_are_left(site: WebServer) -> None:
    site.answers["/a"] = Answer(status=302, headers={"location": "/b"})
    site.answers["/b"] = Answer(status=302, headers={"location": "/a"})
    found = fetch(site, "/a")
    assert isinstance(found, Failed)
    assert found.detail == f"It redirects more than {MOST_REDIRECTS} times."
    assert len(site.asked) == MOST_REDIRECTS + 1


@pytest.mark.parametrize(
    "target",
    [
        "https://other.example/",
        "http://169.254.169.254/latest/meta-data/",
        "http://127.0.0.1:1/",
        "http://localhost/",
        "//other.example/a",
        "file:///etc/passwd",
        "http://user@127.0.0.1/",
    ],
)
def test_redirects_never_leave_the_site(site: WebServer, target: str) -> None:
    site.answers["/a"] = Answer(status=302, headers={"location": target})
    found = fetch(site, "/a")
    assert isinstance(found, Failed)
    assert found.reason is SkipReason.LEAVES_SITE
    assert site.asked == ["/a"]


def test_a_redirect_to_nothing_is_a_failure(site: WebServer) -> None:
    site.answers["/a"] = Answer(status=302, headers={"location": "http://[bad"})
    assert isinstance(fetch(site, "/a"), Failed)


def test_an_answer_that_nobody_asked_for_is_a_failure(site: WebServer) -> None:
    site.answers["/a"] = Answer(status=304)
    assert isinstance(fetch(site, "/a"), Failed)


def test_redirects_within_the_site_are_followed(site: WebServer) -> None:
    site.answers["/a"] = Answer(status=301, headers={"location": "b?x=1#y"})
    site.answers["/b?x=1"] = GOOD
    found = fetch(site, "/a")
    assert isinstance(found, Fetched)
    assert found.address == f"{site.url}/b?x=1"
