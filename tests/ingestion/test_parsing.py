from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from ingestion.parsing import _READERS, _TEXT_READERS, parse
from ingestion.sources.files import SUFFIXES
from ingestion.sources.source import SourceFile
from retrieval.errors import UnreadableDocument

if TYPE_CHECKING:
    from pathlib import Path


def file(page: str, text: str | bytes) -> SourceFile:
    data = text.encode() if isinstance(text, str) else text
    return SourceFile(page, data, datetime(2024, 1, 1, tzinfo=UTC))


def title(page: str, text: str) -> object:
    return parse(file(page, text)).metadata["title"]


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("a.md", "# Reset\n\n- Click **it**."),
        ("a.markdown", "Reset\n=====\n\n* Click *it*."),
        ("a.mdx", "# Reset\n\n<Note>\n\n- Click it.\n\n</Note>"),
        ("a.rst", "Reset\n=====\n\n- Click **it**."),
        ("a.html", "<main><h1>Reset</h1><ul><li>Click <b>it</b>.</ul></main>"),
        ("a.HTM", "<h1>Reset</h1><ul><li>Click it.</ul>"),
        ("a.txt", "Reset\n\n- Click it.\n"),
    ],
)
def test_every_format_reads_as_the_same_text(page: str, text: str) -> None:
    document = parse(file(page, text))
    assert document.page_content == "# Reset\n\n- Click it."
    assert document.metadata == {
        "page": page,
        "title": "Reset",
        "updated": None,
        "audience": None,
        "locale": None,
        "product": None,
        "review_by": None,
        "url": "",
        "links": [],
        "anchors": {"0": "reset"},
    }


def test_front_matter_describes_the_page() -> None:
    text = (
        "---\ntitle: My title\nlast_update: {date: 2024-05-06, author: Ann}\naudience: staff\n"
        "lang: de\nproduct: Lamp 2\nreview_by: 2025-05-06\n---\n# Heading\n"
    )
    document = parse(file("a.md", text))
    assert document.page_content == "# Heading"
    assert document.metadata == {
        "page": "a.md",
        "title": "My title",
        "updated": "2024-05-06",
        "audience": "staff",
        "locale": "de",
        "product": "Lamp 2",
        "review_by": "2025-05-06",
        "url": "",
        "links": [],
        "anchors": {"0": "heading"},
    }


@pytest.mark.parametrize(
    ("front", "review_by"),
    [
        ("review: 2025-05-06", "2025-05-06"),
        ("expires: 2025-05-06 10:00:00", "2025-05-06"),
        ("review_date: '2025-05-06'", "2025-05-06"),
        ("review_by: next spring", None),
        ("review_by: 2025", None),
    ],
)
def test_a_page_may_say_when_it_is_to_be_reviewed(front: str, review_by: str | None) -> None:
    document = parse(file("a.md", f"---\n{front}\n---\nText."))
    assert document.metadata["review_by"] == review_by


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("a.md", "[a](b.md#c) <https://h/ü> [d][e] [a](b.md#c)\n\n[e]: /d 'D'\n"),
        ("a.mdx", "<Note>\n\n[a](b.md#c) <a href='https://h/ü'>x</a> [d](/d)\n\n</Note>"),
        ("a.rst", "`a <b.md#c>`__ `b <https://h/ü>`_ `d`_ and `b`_\n\n.. _d: /d\n"),
        (
            "a.html",
            """<nav><a href='/menu'>m</a></nav><main><h1>H<a href='#h'>¶</a></h1>
            <p><a href='b.md#c'>a</a><a href=' https://h/ü '>b</a><a href=''>-</a></p>
            <ul><li><a href='/d'>d</a></ul></main><footer><a href='/imprint'>i</a></footer>""",
        ),
    ],
)
def test_links_are_listed_as_authored(page: str, text: str) -> None:
    assert parse(file(page, text)).metadata["links"] == ["b.md#c", "https://h/ü", "/d"]


def test_the_address_of_a_page_is_what_its_source_says() -> None:
    source = replace(file("a.md", "Text."), url="https://h/a")
    assert parse(source).metadata["url"] == "https://h/a"


@pytest.mark.parametrize("page", ["https://h/guide", "https://h/", "https://h/a.php?b=c.md"])
def test_what_is_at_an_address_without_a_known_suffix_is_a_web_page(page: str) -> None:
    assert parse(file(page, "<p>Some <b>text</b>.")).page_content == "Some text."
    assert parse(file("https://h/a.md?v=1", "*Some* text.")).page_content == "Some text."


def test_every_suffix_that_sources_offer_has_a_reader() -> None:
    read = {suffix for suffix in SUFFIXES if suffix in {**_TEXT_READERS, **_READERS}}
    assert set(SUFFIXES) - read == {".zip", ".json", ".jsonl", ".ndjson"}


@pytest.mark.parametrize("front", ["title: a: b: [", "date: 2024-99-99", "a: *b", "t: !!x y"])
def test_invalid_front_matter_counts_as_none(front: str) -> None:
    document = parse(file("a.md", f"---\n{front}\n---\n# Heading\n\nText."))
    assert document.page_content == "# Heading\n\nText."
    assert document.metadata["title"] == "Heading"


def test_rules_around_a_paragraph_are_not_front_matter() -> None:
    assert "Some words" in parse(file("a.md", "---\n\nSome words\n\n---\n\nText.")).page_content


def test_titles_come_from_the_best_place_there_is() -> None:
    assert title("a.html", "<title>T</title><h1>H</h1>x") == "H"
    assert title("a.html", "<title>T</title><p>x") == "T"
    assert title("docs/how-to_start.md", "Text only.") == "How to start"
    assert title("docs/billing/index.md", "Text only.") == "Billing"


def test_plain_text_keeps_prose_that_is_no_title() -> None:
    assert parse(file("a.txt", "A whole sentence.\n\nMore.")).page_content == (
        "A whole sentence.\n\nMore."
    )


def test_the_language_of_a_page_is_its_locale() -> None:
    assert parse(file("a.html", '<html lang="fr"><p>Oui')).metadata["locale"] == "fr"


def test_anchors_point_at_heading_lines() -> None:
    document = parse(file("a.md", "# A\n\nText.\n\n## B c\n\nMore.\n\n## B c\n"))
    lines = {
        anchor: document.page_content[int(at) :].split("\n")[0]
        for at, anchor in document.metadata["anchors"].items()
    }
    assert lines == {"a": "# A", "b-c": "## B c", "b-c-1": "## B c"}


@pytest.mark.parametrize(
    ("page", "data", "says"),
    [
        ("a.md", b"---\ntitle: T\n---\n\n", "holds no text"),
        ("a.rst", b".. toctree::\n\n   b\n", "holds no text"),
        ("a.html", b"<nav>Menu</nav>", "holds no text"),
        ("a.txt", b"\x00\x01\x02", "is not text"),
        ("a.exe", b"MZ", "of a kind that is not read"),
        ("a.html", b"<ul><li>" * 3000 + b"x", "too deeply"),
    ],
)
def test_pages_that_cannot_be_read_say_why(page: str, data: bytes, says: str) -> None:
    with pytest.raises(UnreadableDocument, match=says):
        parse(file(page, data))


def test_reading_needs_no_network_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    parse(file("a.rst", ".. nonsense::\n\n`broken\n\n|x| :r:`y`_ *a\n\nT\n=\n"))
    assert (list(tmp_path.iterdir()), capfd.readouterr()) == ([], ("", ""))
