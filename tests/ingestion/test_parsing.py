from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from ingestion.parsing import parse
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
        "anchors": {"0": "reset"},
    }


def test_front_matter_describes_the_page() -> None:
    text = (
        "---\ntitle: My title\nlast_update: {date: 2024-05-06, author: Ann}\naudience: staff\n"
        "lang: de\n---\n# Heading\n"
    )
    document = parse(file("a.md", text))
    assert document.page_content == "# Heading"
    assert {**document.metadata, "anchors": 0} == {
        "page": "a.md",
        "title": "My title",
        "updated": "2024-05-06",
        "audience": "staff",
        "locale": "de",
        "anchors": 0,
    }


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
        ("a.pdf", b"%PDF", "of a kind that is not read"),
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
