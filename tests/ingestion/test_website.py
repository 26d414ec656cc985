"""What is read of a website; `test_website_again.py` is about the runs after the first."""

from __future__ import annotations

import gzip
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from ingestion.reading import read_documents
from ingestion.sources.source import Skipped, SkipReason, SourceFile
from ingestion.sources.website import Bounds, Manners, WebsiteSource
from retrieval.errors import BadInput, NothingToIngest, SourceNotFound, Unavailable
from tests.ingestion.web_server import Answer, WebServer, web_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HASTY = Manners(requests_per_second=1000, timeout=2, retries=2, backoff=0.01, longest_wait=0.5)


@pytest.fixture
def site() -> Iterator[WebServer]:
    with web_server() as site:
        yield site


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state" / "site.json"


def website(
    site: WebServer,
    state: Path,
    start: str = "/",
    *,
    bounds: Bounds = Bounds(),  # noqa: B008 - frozen
    manners: Manners = HASTY,
) -> WebsiteSource:
    return WebsiteSource(site.url + start, state, bounds=bounds, manners=manners)


def files(source: WebsiteSource) -> dict[str, SourceFile]:
    return {item.page: item for item in source.read() if isinstance(item, SourceFile)}


def skipped(source: WebsiteSource) -> dict[str, str]:
    return {item.page: str(item.reason) for item in source.read() if isinstance(item, Skipped)}


def test_links_are_followed_nearest_first(site: WebServer, state: Path) -> None:
    site.page("/", "docs/", "about.html")
    site.page("/docs/", "start", "../about.html#team")
    site.page("/docs/start", "/")
    site.page("/about.html")
    found = list(files(website(site, state)).values())
    assert [(file.page, file.url.removeprefix(site.url)) for file in found] == [
        ("index.html", "/"),
        ("docs/index.html", "/docs/"),
        ("about.html", "/about.html"),
        ("docs/start/index.html", "/docs/start"),
    ]


def test_what_was_fetched_can_be_parsed(site: WebServer, state: Path) -> None:
    site.page("/", "/guide?lang=en", "/notes.md", "/terms")
    site.page("/guide?lang=en")
    site.answers["/notes.md"] = Answer("# Notes\n\nText.", content_type="text/plain")
    site.answers["/terms"] = Answer("Terms\n\nText.", content_type="text/plain; charset=utf-8")
    found = files(website(site, state))
    assert list(found) == ["index.html", "guide?lang=en.html", "notes.md", "terms.txt"]
    titles = []
    for file in found.values():
        [document] = read_documents(file)
        assert not isinstance(document, Skipped)
        titles.append(document.metadata["title"])
    assert titles == ["/", "/guide?lang=en", "Notes", "Terms"]


def test_a_page_reached_by_several_addresses_is_read_once(site: WebServer, state: Path) -> None:
    same = ["/a", "/a/", "/a#x", "/a?utm_source=mail", "/a/index.html", "/x/../a", "/moved"]
    site.page("/", *same, f"{site.url}/a")
    site.page("/a")
    site.answers["/moved"] = Answer(status=301, headers={"location": "/a/"})
    assert list(files(website(site, state))) == ["index.html", "a/index.html"]
    assert site.asked.count("/a") == 1


def test_the_canonical_address_is_the_pages_own(site: WebServer, state: Path) -> None:
    canonical = '<link rel="canonical" href="/a">'
    site.page("/", "/a?session=1", "/a?session=2", "/a", "/b")
    for path in ("/a?session=1", "/a?session=2", "/a"):
        site.page(path, head=canonical)
    site.page("/b", head='<link rel="canonical" href="https://other.example/b">')
    found = files(website(site, state))
    assert [(file.page, file.url) for file in found.values()][1:] == [
        ("a/index.html", f"{site.url}/a"),
        ("b/index.html", f"{site.url}/b"),
    ]
    assert "/a" not in site.asked


def test_only_pages_that_are_documents_are_read(site: WebServer, state: Path) -> None:
    site.page("/", "/logo.png", "mailto:a@example.com", "javascript:x()", "/missing", "http://[")
    site.answers["/logo.png"] = Answer(b"PNG", content_type="image/png")
    assert list(files(website(site, state))) == ["index.html"]
    assert skipped(website(site, state)) == {}


def test_pages_that_are_not_for_an_index_are_left_out(site: WebServer, state: Path) -> None:
    site.page("/", "/a", "/b", "/c")
    site.page("/a", "/d", head='<meta name="robots" content="NoIndex">')
    site.page("/b", "/e", head='<meta name="robots" content="none">')
    site.page("/c", headers={"x-robots-tag": "noindex"})
    site.page("/d", headers={"x-robots-tag": "googlebot: noindex"})
    site.page("/e")
    assert list(files(website(site, state))) == ["index.html", "d/index.html"]


def test_robots_txt_is_obeyed(site: WebServer, state: Path) -> None:
    site.answers["/robots.txt"] = Answer("User-agent: *\nDisallow: /private/\n")
    site.page("/", "/private/a", "/b")
    site.answers["/b"] = Answer(status=302, headers={"location": "/private/b"})
    assert list(files(website(site, state))) == ["index.html"]
    assert not [path for path in site.asked if path.startswith("/private")]


def test_a_site_that_wants_no_robots_is_not_read(site: WebServer, state: Path) -> None:
    site.answers["/robots.txt"] = Answer("User-agent: Answerable\nDisallow: /\n")
    site.page("/")
    with pytest.raises(SourceNotFound, match=r"robots\.txt disallows it"):
        website(site, state).read()


def test_rules_that_cannot_be_had_forbid_everything(site: WebServer, state: Path) -> None:
    site.answers["/robots.txt"] = Answer(status=503)
    site.page("/")
    with pytest.raises(Unavailable, match=r"robots\.txt cannot be read\. It answered 503"):
        website(site, state).read()


def test_requests_keep_their_distance(site: WebServer, state: Path) -> None:
    site.page("/", "/a", "/b")
    site.page("/a")
    site.page("/b")
    files(website(site, state, manners=replace(HASTY, requests_per_second=20)))
    gaps = [late - early for early, late in zip(site.moments, site.moments[1:], strict=False)]
    assert min(gaps) > 0.04


def test_the_delay_a_site_asks_for_is_kept(site: WebServer, state: Path) -> None:
    site.answers["/robots.txt"] = Answer("User-agent: *\nCrawl-delay: 0.1\n")
    site.page("/")
    files(website(site, state))
    assert site.moments[-1] - site.moments[-2] > 0.09
    assert site.headers[0]["user-agent"] == "Answerable"


def test_the_sitemap_is_read_instead_of_links(site: WebServer, state: Path) -> None:
    site.page("/", "/linked")
    site.page("/linked")
    site.page("/listed")
    site.sitemap("/sitemap.xml", "/listed", "https://other.example/x", "/listed/")
    assert list(files(website(site, state))) == ["index.html", "listed/index.html"]


def test_sitemaps_may_be_packed_and_nested_and_named_by_robots_txt(
    site: WebServer, state: Path
) -> None:
    site.answers["/robots.txt"] = Answer(f"Sitemap: {site.url}/maps/all.xml\n")
    site.sitemap("/maps/all.xml", "/maps/a.xml.gz", "/maps/all.xml", index=True)
    packed = gzip.compress(site.sitemap_of("/a").encode())
    site.answers["/maps/a.xml.gz"] = Answer(packed, content_type="application/x-gzip")
    site.page("/")
    site.page("/a")
    assert list(files(website(site, state))) == ["index.html", "a/index.html"]
    assert list(files(website(site, state, "/maps/all.xml"))) == ["a/index.html"]


def test_a_page_that_says_it_is_a_sitemap_is_passed_over(site: WebServer, state: Path) -> None:
    site.page("/", "/a")
    site.page("/a")
    site.otherwise = lambda _: Answer("<html><body>Our app<br></body></html>")
    assert "a/index.html" in files(website(site, state))


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer(status=404), SourceNotFound),
        (Answer("<html></html>"), SourceNotFound),
        (Answer(b"\x1f\x8bnot packed"), SourceNotFound),
        (Answer('<!DOCTYPE x [<!ENTITY a "b">]><urlset><url><loc>/</loc></url>'), SourceNotFound),
        (Answer(status=500), Unavailable),
        (Answer("<urlset></urlset>"), NothingToIngest),
    ],
)
def test_a_sitemap_that_was_named_has_to_be_there(
    site: WebServer, state: Path, answer: Answer, error: type[Exception]
) -> None:
    site.answers["/map.xml"] = answer
    with pytest.raises(error, match=r"map\.xml"):
        website(site, state, "/map.xml").read()


@pytest.mark.parametrize(
    ("answer", "error", "message"),
    [
        (Answer(status=404), SourceNotFound, "It answered 404 Not Found."),
        (Answer(status=403), SourceNotFound, "It answered 403 Forbidden."),
        (Answer(status=500), Unavailable, "It answered 500"),
        (Answer(b"PNG", content_type="image/png"), SourceNotFound, "image/png, is not read"),
        (Answer(status=302, headers={"location": "https://b.example/"}), SourceNotFound, "b.ex"),
        (Answer(seconds=5), Unavailable, "It took longer than 0.2 seconds."),
    ],
)
def test_a_start_that_cannot_be_read_fails_at_the_call(
    site: WebServer, state: Path, answer: Answer, error: type[Exception], message: str
) -> None:
    site.answers["/"] = answer
    manners = replace(HASTY, timeout=0.2, retries=0)
    with pytest.raises(error, match=message):
        website(site, state, manners=manners).read()


def test_a_site_that_is_not_there_is_unavailable(state: Path) -> None:
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:9/robots\.txt cannot be read"):
        WebsiteSource("http://127.0.0.1:9/", state, manners=HASTY).read()


def test_pages_of_which_none_is_wanted_are_nothing_to_ingest(site: WebServer, state: Path) -> None:
    site.page("/", head='<meta name="robots" content="noindex">')
    with pytest.raises(NothingToIngest, match="leads to no page"):
        website(site, state).read()


@pytest.mark.parametrize(
    "start", ["ftp://a.example/", "file:///etc/passwd", "help.example", "//a", "http://", "x:y@z"]
)
def test_an_address_that_is_no_website_is_refused(state: Path, start: str) -> None:
    with pytest.raises(BadInput, match="is not the address of a website"):
        WebsiteSource(start, state)


def test_a_password_is_refused_and_not_shown(state: Path) -> None:
    with pytest.raises(BadInput, match="holds a password") as raised:
        WebsiteSource("https://user:secret@a.example/", state)
    assert "secret" not in str(raised.value)


def test_patterns_choose_what_is_read(site: WebServer, state: Path) -> None:
    site.page("/", "/docs/a", "/docs/old/b", "/blog/c")
    for path in ("/docs/a", "/docs/old/b", "/blog/c"):
        site.page(path)
    bounds = Bounds(include=("docs/**",), exclude=("docs/old/**",))
    assert list(files(website(site, state, bounds=bounds))) == ["docs/a/index.html"]
    assert "/blog/c" not in site.asked


def test_old_encodings_are_told_by_the_header(site: WebServer, state: Path) -> None:
    site.page("/", "/koi", "/utf")
    text = "<p>Как вернуть чайник</p>"
    koi = Answer(text.encode("koi8-r"), content_type="text/html; charset=koi8-r")
    site.answers["/koi"] = koi
    site.answers["/utf"] = replace(koi, body=text)
    found = files(website(site, state))
    assert found["koi/index.html"].data == found["utf/index.html"].data == text.encode()


@pytest.mark.parametrize(
    ("bounds", "visits"), [(Bounds(max_pages=10), 10), (Bounds(max_depth=5), 6)]
)
def test_a_calendar_without_end_is_left(
    site: WebServer, state: Path, bounds: Bounds, visits: int
) -> None:
    def month(path: str) -> Answer:
        number = int(path.rpartition("=")[2]) if "=" in path else 0
        return Answer(f'<p>Month {number}</p><a href="/calendar?month={number + 1}">Next</a>')

    site.answers = {path: Answer(status=404) for path in ("/robots.txt", "/sitemap.xml")}
    site.otherwise = month
    *read, note = website(site, state, "/calendar", bounds=bounds).read()
    assert len(read) == visits
    assert isinstance(note, Skipped)
    assert note.reason is SkipReason.BEYOND_LIMITS
    assert note.detail == f"{visits} pages were visited; found and not visited: 1."


def test_a_slow_site_is_left_after_a_while(site: WebServer, state: Path) -> None:
    site.page("/", *(f"/{number}" for number in range(50)))
    site.otherwise = lambda path: Answer(f"<p>{path}</p>", 200 if path[1:].isdigit() else 404)
    manners = replace(HASTY, requests_per_second=20)
    source = website(site, state, bounds=Bounds(max_seconds=0.2), manners=manners)
    assert SkipReason.BEYOND_LIMITS in skipped(source).values()
    assert len(site.asked) < 12
