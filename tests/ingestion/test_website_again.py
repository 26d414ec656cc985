"""Reading a website again: what has changed, what is gone, and what only seems so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ingestion.sources.source import Skipped, SkipReason, SourceFile, Unchanged
from ingestion.sources.website import Bounds, Manners, WebsiteSource
from retrieval.errors import NothingToIngest, Unavailable
from tests.ingestion.web_server import Answer, WebServer, web_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HASTY = Manners(requests_per_second=1000, timeout=2, retries=0)
LAST_YEAR = "Wed, 15 Jan 2025 08:00:00 GMT"


@pytest.fixture
def site() -> Iterator[WebServer]:
    with web_server() as site:
        yield site


class Library:
    """Publishes what a site holds, run after run, and knows what it holds of it."""

    def __init__(self, site: WebServer, state: Path) -> None:
        self.site = site
        self.state = state
        self.held: set[str] = set()

    def run(self, start: str = "/", *, commit: bool = True, **bounds: int) -> dict[str, str]:
        """What became of each page; a run that does not commit failed after it was read."""
        source = WebsiteSource(
            self.site.url + start,
            self.state,
            bounds=Bounds(**bounds),  # type: ignore[arg-type] # counts only
            manners=HASTY,
        )
        items = list(source.read(self.held))
        if commit:
            source.commit()
            self.held = {item.page for item in items if self._holds(item)}
        return {item.page: _became(item) for item in items}

    def _holds(self, item: SourceFile | Skipped | Unchanged) -> bool:
        return item.page in self.held or not isinstance(item, Skipped)


def _became(item: SourceFile | Skipped | Unchanged) -> str:
    match item:
        case SourceFile():
            return "read"
        case Unchanged():
            return "unchanged"
        case Skipped():
            return item.reason.name.lower()


@pytest.fixture
def library(site: WebServer, tmp_path: Path) -> Library:
    site.page("/", "/a", "/b", headers={"etag": '"1"'})
    site.page("/a", headers={"last-modified": LAST_YEAR})
    site.page("/b")
    return Library(site, tmp_path / "state" / "site.json")


INDEX, A, B, C = (f"{name}index.html" for name in ("", "a/", "b/", "c/"))


def test_a_page_is_dated_by_its_server(library: Library) -> None:
    source = WebsiteSource(library.site.url, library.state, manners=HASTY)
    found = {item.page: item for item in source.read() if isinstance(item, SourceFile)}
    assert found[A].modified.isoformat() == "2025-01-15T08:00:00+00:00"


def test_what_has_not_changed_is_not_fetched_again(library: Library) -> None:
    assert library.run() == {INDEX: "read", A: "read", B: "read"}
    assert library.run() == {INDEX: "unchanged", A: "unchanged", B: "read"}
    assert library.run() == {INDEX: "unchanged", A: "unchanged", B: "read"}


def test_a_changed_page_is_read(library: Library) -> None:
    library.run()
    library.site.page("/", "/b", "/c", headers={"etag": '"2"'})
    library.site.page("/c")
    assert library.run() == {INDEX: "read", B: "read", C: "read"}


def test_a_run_that_is_not_published_is_repeated(library: Library) -> None:
    library.run()
    library.site.page("/", "/a", headers={"etag": '"2"'})
    assert library.run(commit=False)[INDEX] == "read"
    assert library.run()[INDEX] == "read"
    assert library.run()[INDEX] == "unchanged"


def test_a_run_that_was_not_read_to_its_end_is_not_remembered(library: Library) -> None:
    source = WebsiteSource(library.site.url, library.state, manners=HASTY)
    assert len(list(source.read())) == 3
    items = source.read()
    next(items)
    source.commit()
    assert not library.state.exists()


def test_what_is_no_longer_stored_is_fetched_whole(library: Library) -> None:
    library.run()
    library.held.remove(A)
    assert library.run() == {INDEX: "unchanged", A: "read", B: "read"}


@pytest.mark.parametrize("state", ["", "{", "[]", '{"site": "https://a.example/", "pages": {}}'])
def test_a_state_that_cannot_be_used_costs_only_time(library: Library, state: str) -> None:
    library.run()
    library.state.write_text(state)
    assert library.run() == {INDEX: "read", A: "read", B: "read"}


def test_a_state_that_cannot_be_written_is_said(library: Library) -> None:
    library.state.parent.write_text("no folder")
    with pytest.raises(Unavailable, match="cannot be written"):
        library.run()


@pytest.mark.parametrize("status", [404, 410])
def test_a_page_that_is_gone_is_not_yielded(library: Library, status: int) -> None:
    library.run()
    library.site.answers["/a"] = Answer(status=status)
    assert library.run() == {INDEX: "unchanged", B: "read"}


@pytest.mark.parametrize("status", [401, 403, 429, 500, 503])
def test_a_page_that_fails_is_skipped(library: Library, status: int) -> None:
    library.run()
    library.site.answers["/a"] = Answer(status=status)
    assert library.run()[A] == "unreachable"
    library.site.page("/a", headers={"last-modified": LAST_YEAR})
    assert library.run()[A] == "unchanged"


def test_what_lies_beyond_a_page_that_fails_stays(library: Library) -> None:
    library.site.page("/a", "/c")
    library.site.page("/c")
    library.run()
    library.site.answers["/a"] = Answer(status=503)
    assert library.run() == {INDEX: "unchanged", A: "unreachable", B: "read", C: "read"}


def test_what_may_lie_beyond_an_unknown_page_that_fails_stays(library: Library) -> None:
    library.site.page("/b", "/c")
    library.site.page("/c")
    library.run()
    library.site.page("/b", "/moved")
    library.site.answers["/moved"] = Answer(status=503)
    outcome = library.run()
    assert outcome["moved/index.html"] == outcome[C] == "unreachable"
    library.site.answers["/moved"] = Answer(status=404)
    assert C not in library.run()


def test_what_lies_beyond_the_bounds_stays(library: Library) -> None:
    library.run()
    assert library.run(max_pages=2) == {INDEX: "unchanged", A: "unchanged", B: "beyond_limits"}
    assert library.run() == {INDEX: "unchanged", A: "unchanged", B: "read"}


def test_a_page_that_nothing_leads_to_any_more_is_gone(library: Library) -> None:
    library.run()
    library.site.page("/", "/b")
    assert library.run() == {INDEX: "read", B: "read"}


def test_a_page_behind_a_login_elsewhere_stays(library: Library) -> None:
    library.run()
    login = {"location": "https://sso.example/login"}
    library.site.answers["/a"] = Answer(status=302, headers=login)
    assert library.run()[A] == "leaves_site"


def test_a_page_that_moved_is_unchanged_where_it_is_now(library: Library) -> None:
    library.site.answers["/b"] = Answer(status=301, headers={"location": "/c"})
    library.site.page("/c", headers={"etag": '"c"'})
    assert library.run() == {INDEX: "read", A: "read", C: "read"}
    assert library.run() == {INDEX: "unchanged", A: "unchanged", C: "unchanged"}
    library.site.answers["/c"] = Answer(status=500)
    assert library.run() == {INDEX: "unchanged", A: "unchanged", C: "unreachable"}


def test_a_page_under_another_canonical_address_is_unchanged_there(library: Library) -> None:
    canonical = '<link rel="canonical" href="/c">'
    library.site.page("/b", head=canonical, headers={"etag": '"b"'})
    assert library.run()[C] == "read"
    assert library.run()[C] == "unchanged"


def test_a_site_that_is_down_empties_nothing(library: Library) -> None:
    library.run()
    library.site.otherwise = lambda _: Answer(status=503)
    library.site.answers.clear()
    with pytest.raises(Unavailable):
        library.run()


def test_a_sitemap_whose_pages_are_all_gone_empties_nothing(library: Library) -> None:
    library.site.sitemap("/map.xml", "/a", "/b")
    assert library.run("/map.xml") == {A: "read", B: "read"}
    library.site.answers["/a"] = library.site.answers["/b"] = Answer(status=404)
    with pytest.raises(NothingToIngest):
        library.run("/map.xml")


def test_the_pages_of_a_sitemap_that_fails_stay(library: Library) -> None:
    library.site.sitemap("/map.xml", "/map-1.xml", "/map-2.xml", index=True)
    library.site.sitemap("/map-1.xml", "/a")
    library.site.sitemap("/map-2.xml", "/b")
    assert library.run("/map.xml") == {A: "read", B: "read"}
    library.site.answers["/map-2.xml"] = Answer(status=500)
    missing = f"{library.site.url}/map-2.xml"
    assert library.run("/map.xml") == {missing: "unreachable", A: "unchanged", B: "unreachable"}


def test_pages_that_are_excluded_from_now_on_are_gone(library: Library) -> None:
    library.run()
    library.site.page("/", "/a", "/b", "/new")
    library.site.answers["/new"] = Answer(status=500)
    source = WebsiteSource(
        library.site.url, library.state, bounds=Bounds(exclude=("a/",)), manners=HASTY
    )
    items = list(source.read(library.held))
    assert [item.page for item in items] == [INDEX, B, "new/index.html"]


def test_reasons_say_what_to_do(library: Library) -> None:
    library.site.answers["/a"] = Answer(status=503)
    source = WebsiteSource(library.site.url, library.state, manners=HASTY)
    [found] = [item for item in source.read() if isinstance(item, Skipped)]
    assert found.reason is SkipReason.UNREACHABLE
    assert str(found) == (
        "a/index.html: The page could not be fetched. It answered 503 Service Unavailable."
    )
