from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from selectolax.lexbor import LexborHTMLParser

from ingestion.parsing import parse
from ingestion.quality.findings import Kind, Severity
from ingestion.quality.html_page import MOST_SHOWN, to_html
from ingestion.quality.report import Limits, assess, to_json, write_quality_report
from ingestion.sources.files import FolderSource
from ingestion.sources.source import SourceFile
from retrieval.errors import BadInput
from tests.ingestion.quality.pages import TODAY, document, report

if TYPE_CHECKING:
    from collections.abc import Iterator

    from langchain_core.documents import Document

HELP_CENTRE = Path(__file__).parents[3] / "examples" / "help-centre"
HOSTILE = '<script>alert("x")</script><img src=https://evil.example/x>'


class Counting:
    """A meter that keeps what it was told."""

    def __init__(self) -> None:
        self.steps: list[tuple[str, int | None]] = []
        self.done: list[int] = []

    def start(self, step: str, total: int | None) -> None:
        self.steps.append((step, total))
        self.done.append(0)

    def advance(self, done: int = 1) -> None:
        self.done[-1] += done


def wrong() -> list[Document]:
    return [
        document("a.md", "# Same\n\nReturns are accepted within 30 days.", links=["gone.md"]),
        document("b.md", "# Same\n\n## Empty\n\n## Full\n\nReturns are accepted within 14 days."),
    ]


def test_the_example_help_centre_has_nothing_wrong_with_it() -> None:
    files = [file for file in FolderSource(HELP_CENTRE).read() if isinstance(file, SourceFile)]
    documents = [parse(file) for file in files]
    made = assess(documents, today=TODAY, limits=Limits(stale_days=3650))
    assert (made.documents, made.findings) == (len(files), ())


def test_the_worst_comes_first_and_every_kind_is_counted() -> None:
    made = report(*wrong())
    severities = [finding.severity for finding in made.findings]
    assert severities == sorted(severities, key=list(Severity).index)
    assert made.findings[0].kind is Kind.CONTRADICTION
    assert list(made.counts) == list(Kind)
    assert made.counts[Kind.CONTRADICTION] == made.counts[Kind.BROKEN_LINK] == 1
    assert made.counts[Kind.STALE] == 0


def test_no_documents_are_a_report_of_nothing() -> None:
    made = report()
    assert (made.documents, made.findings) == (0, ())
    assert "Nothing found in 0 documents" in to_html(made)


def test_documents_of_another_make_are_read_as_far_as_they_go() -> None:
    page = document("a.md", "# A\n\nText.")
    page.metadata.clear()
    page.metadata["links"] = ["#gone", "b.md"]
    assert report(page).documents == 1


def test_progress_reaches_the_end_of_each_step() -> None:
    meter = Counting()
    assess(wrong(), today=TODAY, meter=meter)
    assert [step for step, _ in meter.steps] == ["Checking pages", "Comparing pages"]
    assert [total for _, total in meter.steps] == meter.done


def test_a_similarity_in_per_cent_is_refused() -> None:
    with pytest.raises(BadInput, match=r"70 is not a share.*0\.7"):
        Limits(similarity=70)


def test_the_json_says_everything_with_stable_keys() -> None:
    made = report(*wrong())
    read = json.loads(to_json(made))
    assert list(read) == ["schema", "today", "documents", "limits", "counts", "links", "findings"]
    assert (read["schema"], read["today"], read["documents"]) == (1, "2026-03-01", 2)
    assert read["counts"] == {kind.value: count for kind, count in made.counts.items()}
    first = read["findings"][0]
    assert list(first) == ["severity", "kind", "what", "pages", "places", "advice"]
    assert (first["severity"], first["kind"], first["pages"]) == (
        "high",
        "contradiction",
        ["a.md", "b.md"],
    )
    assert list(first["places"][0]) == ["page", "heading", "text", "start", "marks"]
    assert to_json(report(*wrong())) == to_json(made)


def test_the_page_escapes_what_it_quotes_and_loads_nothing() -> None:
    text = f"`{HOSTILE}` Returns are accepted within {{}} days."
    documents = [
        document(f"{name}{HOSTILE}.md", f"# {name}\n\n{text.format(days)}", title=HOSTILE)
        for name, days in (("a", 30), ("b", 14))
    ]
    html = to_html(report(*documents))
    tree = LexborHTMLParser(html)
    assert HOSTILE in (tree.body.text() if tree.body else "")
    assert tree.css("script, img, link, iframe, object, [src], [href^=http], [onclick]") == []
    assert "url(" not in html
    assert "@import" not in html


def test_the_page_marks_the_figures_that_differ() -> None:
    tree = LexborHTMLParser(to_html(report(*wrong())))
    assert [mark.text() for mark in tree.css("#contradiction mark")] == ["30 days", "14 days"]


def test_each_kind_that_was_found_can_be_shown_alone() -> None:
    html = to_html(report(*wrong()))
    tree = LexborHTMLParser(html)
    kinds = [section.attributes["id"] for section in tree.css("section.kind")]
    assert kinds[:2] == ["contradiction", "broken-link"]
    for kind in kinds:
        assert len(tree.css(f"#show-{kind}")) == 1
        assert f"body:has(#show-{kind}:checked) :is(.kind:not(#{kind})" in html


def test_a_long_section_is_cut_and_says_so() -> None:
    documents = [document(f"{at}.md", f"# Page {at}") for at in range(MOST_SHOWN + 1)]
    html = to_html(report(*documents))
    assert f"Shown are the first {MOST_SHOWN} of {MOST_SHOWN + 1}." in html
    assert len(LexborHTMLParser(html).css("#thin-page tbody tr")) == MOST_SHOWN


def test_reports_are_written_where_asked(tmp_path: Path) -> None:
    files = [tmp_path / "out" / "report.html", tmp_path / "out" / "report.json"]
    made = write_quality_report(iter(wrong()), files, today=TODAY)
    assert files[0].read_text(encoding="utf-8") == to_html(made)
    assert files[1].read_text(encoding="utf-8") == to_json(made)


def test_a_file_of_another_kind_is_refused_before_the_work(tmp_path: Path) -> None:
    def unread() -> Iterator[Document]:
        raise AssertionError
        yield

    with pytest.raises(BadInput, match=r"report\.pdf is of a kind.*\.html or \.json"):
        write_quality_report(unread(), [tmp_path / "report.pdf"], today=TODAY)


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(BadInput, match=r"report\.html cannot be written"):
        write_quality_report([], [tmp_path / "file" / "report.html"], today=TODAY)
