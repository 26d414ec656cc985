from __future__ import annotations

import pytest

from ingestion.quality.findings import Kind
from ingestion.quality.report import Limits
from tests.ingestion.quality.pages import document, found


@pytest.mark.parametrize(("words", "thin"), [(29, True), (30, False)])
def test_pages_with_few_words_of_prose_are_thin(words: int, thin: bool) -> None:  # noqa: FBT001 - a case
    code = "```\n" + "code " * 50 + "\n```"
    page = document("a.md", f"# A long title that does not count\n\n{'word ' * words}\n\n{code}")
    findings = found(Kind.THIN_PAGE, page)
    assert [finding.what for finding in findings] == ["The page has 29 words of prose."] * thin


def test_tables_and_lists_are_prose() -> None:
    rows = "\n".join("| a few words | in a row |" for _ in range(8))
    assert found(Kind.THIN_PAGE, document("a.md", f"# T\n\n| A | B |\n|---|---|\n{rows}")) == []


def test_a_review_is_overdue_from_the_day_after() -> None:
    due = [document(f"{day}.md", "# A", review_by=f"2026-0{day}") for day in ("2-28", "3-01")]
    [finding] = found(Kind.REVIEW_OVERDUE, *due, document("none.md", "# A"))
    assert finding.pages == ("2-28.md",)
    assert finding.what == "The review was due on 2026-02-28, 1 day ago."


def test_only_pages_that_name_a_date_can_be_stale() -> None:
    pages = [
        document("old.md", "---\nupdated: 2023-12-31\n---\n# A"),
        document("new.md", "---\nupdated: 2025-12-31T10:00:00Z\n---\n# A"),
        document("vague.md", "---\nupdated: last spring\n---\n# A"),
        document("undated.md", "# A"),
    ]
    [finding] = found(Kind.STALE, *pages)
    assert finding.pages == ("old.md",)
    assert finding.what == "The page was last updated on 2023-12-31, 791 days ago."
    assert len(found(Kind.STALE, *pages, limits=Limits(stale_days=30))) == 2


def test_a_heading_without_text_before_the_next_of_its_level_is_empty() -> None:
    page = document(
        "a.md",
        "# A\n\n## Full\n\n### Inner\n\nText.\n\n## Empty\n\n## Hollow\n\n### One\n\n### Two\n\n"
        "# B\n\nText.\n\n## Last\n",
    )
    findings = found(Kind.EMPTY_HEADING, page)
    assert [(finding.places[0].text, finding.what) for finding in findings] == [
        ("Hollow", "No text stands beneath this heading, nor beneath the 2 inside it."),
        ("Empty", "No text stands beneath this heading."),
        ("Last", "No text stands beneath this heading."),
    ]
    assert [finding.places[0].heading for finding in findings] == ["", "", "B"]
    start = findings[0].places[0].start
    assert page.page_content[start:].startswith("Hollow")


def test_a_page_of_headings_alone_is_thin_rather_than_full_of_empty_headings() -> None:
    page = document("a.md", "# A\n\n## B\n\n## C\n")
    assert found(Kind.EMPTY_HEADING, page) == []
    assert len(found(Kind.THIN_PAGE, page)) == 1


def test_titles_are_compared_whatever_their_case() -> None:
    pages = [document(f"{name}.md", f"# {name}") for name in ("Prices", "prices", "Plans")]
    [finding] = found(Kind.DUPLICATE_TITLE, *pages)
    assert (finding.pages, finding.what) == (
        ("Prices.md", "prices.md"),
        "2 pages are titled “Prices”.",
    )


def test_the_same_title_in_two_languages_is_meant() -> None:
    pages = [document(f"{lang}.md", "# Wren One", locale=lang) for lang in ("en-GB", "en_US", "de")]
    [finding] = found(Kind.DUPLICATE_TITLE, *pages)
    assert finding.pages == ("en-GB.md", "en_US.md")
