from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ingestion.quality.findings import Kind
from ingestion.quality.site import Around, Verdict
from tests.ingestion.quality.pages import document, report

if TYPE_CHECKING:
    from langchain_core.documents import Document

    from ingestion.quality.findings import Finding

SITE = (
    document("index.md", "# Home\n\nText."),
    document("guides/README.md", "# Guides\n\nText."),
    document(
        "guides/setup.md", "# Set up\n\n## 1.2 The hub\n\nText.\n\n## Größe & Kosten\n\nText."
    ),
    document("guides/02-first steps.md", "# First steps\n\nText."),
    document("billing/index.html", "<h1>Billing</h1><p id=vat>Text."),
    document("billing/prices.html", "<h1>Prices</h1><p>Text."),
)


def verdict(href: str, page: str = "guides/setup.md", around: Around | None = None) -> Verdict:
    made = report(*linking(page, href), around=around)
    [(judged, _)] = made.links.items()
    return judged


def linking(page: str, *hrefs: str) -> list[Document]:
    linked = [document.model_copy(deep=True) for document in SITE]
    for document_ in linked:
        document_.metadata["links"] = list(hrefs) if document_.metadata["page"] == page else []
    return linked


def broken(kind: Kind, *hrefs: str) -> list[Finding]:
    findings = report(*linking("guides/setup.md", *hrefs)).findings
    return [finding for finding in findings if finding.kind is kind]


@pytest.mark.parametrize(
    "href",
    [
        "setup.md",
        "setup",
        "setup.html",
        "./setup/",
        "../guides/setup.md?from=home",
        "../setup",  # as a browser reads it on /guides/setup/
        ".",
        "./",
        "../",
        "README.md",
        "/guides",
        "/guides/",
        "/guides/Setup.html",
        "first%20steps",
        "02-first%20steps.md",
        "guides/setup.md",  # as Docusaurus reads it, from the top
        "../billing",
        "../billing/index.html",
        "/billing/prices#anything",
        "",
        "#",
        "#top",
        "#the-hub",
        "#12-the-hub",
        "#12thehub",
        "setup.md#gr%C3%B6%C3%9Fe--kosten",
        "#:~:text=hub",
    ],
)
def test_links_hold_however_pages_are_named(href: str) -> None:
    allowed = {Verdict.HOLDS} if "#anything" not in href else {Verdict.UNJUDGED}
    assert verdict(href) in allowed


@pytest.mark.parametrize(
    "href",
    ["gone.md", "gone", "gone.html", "../billing/gone", "/guides/gone", "/anywhere/gone.mdx"],
)
def test_a_link_to_a_page_that_is_not_there_is_broken(href: str) -> None:
    assert verdict(href) is Verdict.NO_PAGE


@pytest.mark.parametrize(
    "href",
    [
        "/shop",
        "/sign-in.html",
        "/shop/basket",
        "../../elsewhere.md",
        "manual.pdf",
        "../shop/",
        "{{ base }}/gone.md",
        "http://[broken",
        "../billing/index.html#total",
    ],
)
def test_what_may_lead_out_of_the_documents_is_not_judged(href: str) -> None:
    assert verdict(href) is Verdict.UNJUDGED


@pytest.mark.parametrize(
    "href", ["mailto:a@b.c", "tel:+441234", "https://example.com/gone", "//example.com/gone.md"]
)
def test_links_elsewhere_are_external(href: str) -> None:
    assert verdict(href) is Verdict.EXTERNAL


def test_only_pages_at_the_top_have_neighbours_there() -> None:
    assert verdict("gone", page="index.md") is Verdict.NO_PAGE
    assert verdict("/gone", page="index.md") is Verdict.UNJUDGED


def test_absolute_links_under_a_known_address_are_followed() -> None:
    around = Around(base_urls=("https://help.example.com/en/",))
    assert verdict("https://help.example.com/en/guides/setup", around=around) is Verdict.HOLDS
    assert verdict("https://help.example.com/en/guides/gone", around=around) is Verdict.NO_PAGE
    assert verdict("https://help.example.com/en/contact", around=around) is Verdict.UNJUDGED
    assert verdict("https://help.example.com/de/guides/gone", around=around) is Verdict.EXTERNAL


def test_the_address_a_page_gives_itself_is_heeded() -> None:
    page = document("a.md", "# A\n\nText.", url="https://x.org/help/renamed", links=["renamed"])
    other = document("b.md", "# B\n\nText.", links=["https://x.org/help/renamed/"])
    assert report(page, other).links == {Verdict.HOLDS: 2}


def test_pages_read_from_a_website_are_found_and_never_called_missing() -> None:
    page = document(
        "https://x.org/help/a.md", "# A\n\nText.", links=["b.md", "/help/b.md", "c", "#gone", "#a"]
    )
    other = document("https://x.org/help/b.md", "# B\n\nText.")
    assert report(page, other).links == {
        Verdict.HOLDS: 3,
        Verdict.UNJUDGED: 1,
        Verdict.NO_HEADING: 1,
    }


def test_a_page_that_could_not_be_read_is_there_all_the_same() -> None:
    assert verdict("broken.md", around=Around(unread=("guides/broken.md",))) is Verdict.HOLDS


def test_a_fragment_that_no_heading_has_is_broken() -> None:
    [finding] = broken(Kind.BROKEN_FRAGMENT, "#the-hubs")
    assert finding.what == (
        "1 page links to “#the-hubs” on guides/setup.md, which has no such heading. "
        "Perhaps “#12-the-hub” is meant."
    )


def test_a_missing_page_is_told_once_with_everything_that_links_to_it() -> None:
    documents = linking("guides/setup.md", "./prices.html", "prices.html")
    documents[1].metadata["links"] = ["prices.html"]
    [finding] = [f for f in report(*documents).findings if f.kind is Kind.BROKEN_LINK]
    assert finding.what == (
        "2 pages link to “guides/prices.html”, which is not there. "
        "Perhaps “billing/prices.html” is meant."
    )
    assert [(place.page, place.text) for place in finding.places] == [
        ("guides/README.md", "prices.html"),
        ("guides/setup.md", "./prices.html"),
        ("guides/setup.md", "prices.html"),
    ]
