from __future__ import annotations

import pytest

from ingestion.sources.web.addresses import Site, page_key, page_name

SITE = Site.of("https://Help.Example:443/start")


@pytest.mark.parametrize(
    ("href", "address"),
    [
        ("b", "https://help.example/docs/b"),
        ("../b#part", "https://help.example/b"),
        ("", "https://help.example/docs/a"),
        ("//help.example", "https://help.example/"),
        ("http://help.example/b", "https://help.example/b"),
        ("HTTPS://HELP.EXAMPLE:443/b", "https://help.example/b"),
        ("/b?utm_source=x&page=2&utm_medium=y&gclid=1", "https://help.example/b?page=2"),
        ("/b?utm_source=x", "https://help.example/b"),
        ("/b?utmost=1", "https://help.example/b?utmost=1"),
        ("/b%2Fc%3Fd", "https://help.example/b%2Fc%3Fd"),
        ("/b?", "https://help.example/b"),
        (" /b ", "https://help.example/b"),
        ("/grüße", "https://help.example/gr%C3%BC%C3%9Fe"),
    ],
)
def test_links_have_one_form(href: str, address: str) -> None:
    assert SITE.resolve(href, "https://help.example/docs/a") == address


@pytest.mark.parametrize(
    "href",
    [
        "https://www.help.example/",
        "https://help.example.evil/",
        "https://help.example:8443/",
        "https://help.example@evil.example/",
        "https://user:pass@help.example/",
        "ftp://help.example/",
        "mailto:a@help.example",
        "javascript:alert(1)",
        "data:text/html,x",
        "http://[bad",
        "/" + "x" * 3000,
    ],
)
def test_links_elsewhere_are_none(href: str) -> None:
    assert SITE.resolve(href, "https://help.example/docs/a") is None


def test_a_port_of_its_own_is_part_of_the_site() -> None:
    site = Site.of("http://help.example:8080/a")
    assert site.root == "http://help.example:8080/"
    assert site.resolve("/b", site.root) == "http://help.example:8080/b"
    assert site.resolve("http://help.example/b", site.root) is None


def test_a_site_may_move_to_https() -> None:
    site = Site.of("http://help.example")
    assert site.resolve("https://help.example/b", site.root) == "https://help.example/b"


@pytest.mark.parametrize(
    ("path", "content_type", "name"),
    [
        ("/", "text/html", "index.html"),
        ("/docs/", "text/html", "docs/index.html"),
        ("/docs/start", "text/html", "docs/start/index.html"),
        ("/docs/v1.2", "text/html", "docs/v1.2/index.html"),
        ("/docs/start.HTML", "text/html", "docs/start.HTML"),
        ("/docs/start.php", "application/xhtml+xml", "docs/start.php/index.html"),
        ("/guide.md", "text/html", "guide.md/index.html"),
        ("/guide.md", "text/markdown", "guide.md"),
        ("/guide.rst", "text/plain", "guide.rst"),
        ("/guide", "text/plain", "guide.txt"),
        ("/manual", "application/pdf", "manual.pdf"),
        ("/manual.pdf", "application/pdf", "manual.pdf"),
        ("/?id=7", "text/html", "index?id=7.html"),
        ("/list.html?page=2", "text/html", "list.html?page=2.html"),
        ("/get?id=7", "application/pdf", "get?id=7.pdf"),
    ],
)
def test_a_page_is_named_for_its_reader(path: str, content_type: str, name: str) -> None:
    assert page_name(f"https://help.example{path}", content_type) == name


def test_a_key_is_the_likely_name() -> None:
    keys = [page_key(f"https://help.example{path}") for path in ("/a", "/a/", "/a/index.html")]
    assert set(keys) == {"a/index.html"}
    assert page_key("https://help.example/a.pdf") == "a.pdf"
