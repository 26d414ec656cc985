from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from selectolax.lexbor import LexborHTMLParser

from eval.calibration import Reliability, RiskCoverage
from eval.metrics import Interval
from eval.report import (
    Figure,
    Found,
    Plot,
    ReportPage,
    WorstQuestion,
    check_writable,
    draw_differences,
    draw_histogram,
    draw_intervals,
    draw_reliability,
    draw_risk_coverage,
    save_reliability,
    write_page,
)
from retrieval.errors import BadInput

if TYPE_CHECKING:
    from pathlib import Path

HOSTILE = '<script>alert("$x$ & y")</script>'
HALF = Interval(0.5, 0.4, 0.6)
RELIABILITY = Reliability((0.2, 0.8), (0.3, 0.7), 0.1, HALF, None)
CURVE = RiskCoverage((0.5, 1.0), (0.0, 0.25), HALF, {0.05: HALF, 0.1: HALF})
FIGURES = (
    Figure("nDCG@10", 0.731, 0.702, 0.76, "221 questions"),
    Figure("p95, in milliseconds", 1234.5, 1100, 1300),
    Figure(HOSTILE, 0.5, group="By kind"),
)
DRAWINGS = {
    "intervals": draw_intervals([*FIGURES, Figure("change", 0.1, -0.1, 0.3)], "share"),
    "reliability": draw_reliability(RELIABILITY, 0.7),
    "risk and coverage": draw_risk_coverage(CURVE),
    "histogram": draw_histogram([0.1, 0.5, 1.0], "nDCG@10"),
    "differences": draw_differences([0.2, -0.1, 0.0], HOSTILE),
    "no differences": draw_differences([0.0, 0.0], "nDCG@10"),
}


def _worst(count: int) -> tuple[WorstQuestion, ...]:
    found = tuple(
        Found(f"page{n}.md > {HOSTILE}", "Returning kettles is free.", 0.7, n == 4, {"late": 0.9})
        for n in range(5)
    )
    expected = ("You return the kettle within 30 days.",) * 5
    return tuple(
        WorstQuestion(f"{n} Can I return a kettle? {HOSTILE}", expected, found, "late", 0.1, "No.")
        for n in range(count)
    )


@pytest.fixture
def page(tmp_path: Path) -> LexborHTMLParser:
    path = tmp_path / "new" / "report.html"
    plots = tuple(Plot(name, svg, HOSTILE) for name, svg in DRAWINGS.items())
    empty = WorstQuestion("Who won?", (), (), "answered, but nothing answers", 0.9)
    worst = (*_worst(11), empty)
    write_page(ReportPage("Title", HOSTILE, HOSTILE, FIGURES, plots, worst, (HOSTILE,)), path)
    return LexborHTMLParser(path.read_text(encoding="utf-8"))


def _text(page: LexborHTMLParser, selector: str) -> list[str]:
    return [" ".join(node.text().split()) for node in page.css(selector)]


def test_the_page_needs_nothing_beside_it(page: LexborHTMLParser) -> None:
    html = page.html or ""
    links = [node.attributes.get("href") or "" for node in page.css("[href]")]

    assert all(link.startswith("#") for link in links if link)
    assert not page.css("script, link, img, iframe, [src], [onclick]")
    assert "@import" not in html
    assert "url(http" not in html


def test_what_data_sets_say_is_text_and_never_markup(page: LexborHTMLParser) -> None:
    assert _text(page, ".summary") == [HOSTILE]
    assert _text(page, ".care li") == [HOSTILE]
    assert HOSTILE in _text(page, "tbody th")
    assert any(HOSTILE in text for text in _text(page, "svg text"))


def test_no_two_things_have_one_id(page: LexborHTMLParser) -> None:
    ids = [node.attributes["id"] for node in page.css("[id]")]
    used = [node.attributes.get("xlink:href") or "" for node in page.css("use")]

    assert len(ids) == len(set(ids))
    assert {name.removeprefix("#") for name in used} <= set(ids)


def test_the_page_can_be_read_by_ear_and_by_keyboard(page: LexborHTMLParser) -> None:
    assert len(page.css("h1")) == len(page.css("main")) == len(page.css("nav")) == 1
    assert page.css("html")[0].attributes["lang"] == "en"
    assert all(table.css_first("caption") for table in page.css("table"))
    assert all(page.css(link.attributes["href"] or "") for link in page.css("nav a, .skip"))
    assert len(page.css('figure [role="img"][aria-label] > svg')) == len(DRAWINGS)


def test_figures_stand_with_their_intervals(page: LexborHTMLParser) -> None:
    rows = _text(page, "tbody tr")

    assert rows[0] == "nDCG@10 0.731 0.702 to 0.760 221 questions"
    assert rows[1] == "p95, in milliseconds 1,234 1,100 to 1,300"
    assert rows[2] == "By kind"
    assert rows[3] == f"{HOSTILE} 0.500 none"
    # A bar from 0 to 1 cannot show milliseconds.
    assert len(page.css("tbody .track")) == 1


def test_matched_words_are_marked_by_their_stems(page: LexborHTMLParser) -> None:
    assert _text(page, ".found")[0].endswith("Returning kettles is free.")
    assert _text(page.css_first(".found .text"), "mark") == ["Returning", "kettles"]  # type: ignore[arg-type]
    assert _text(page.css_first(".gold"), "mark") == ["return", "kettle"]  # type: ignore[arg-type]


def test_long_lists_fold(page: LexborHTMLParser) -> None:
    summaries = _text(page, "summary")

    assert "2 further down, an expected one among them" in summaries
    assert "2 more expected" in summaries
    assert "2 more questions" in summaries
    assert len(page.css("main > section > article")) == 10


def test_a_question_that_nothing_answers_says_so(page: LexborHTMLParser) -> None:
    last = _text(page, "article")[-1]

    assert "Nothing: the documents do not carry an answer." in last


@pytest.mark.parametrize("name", DRAWINGS)
def test_drawings_take_the_colours_of_the_page(name: str) -> None:
    svg = DRAWINGS[name]

    assert svg.startswith("<svg")
    assert "var(--accent)" in svg or name == "no differences"
    assert "#0" not in svg
    assert "<style" not in svg


def test_the_same_figures_are_the_same_drawing() -> None:
    assert draw_reliability(RELIABILITY, 0.7) == DRAWINGS["reliability"]


def test_a_page_without_plots_or_failures_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "report.html"

    write_page(ReportPage("All well", "", "x", (), (), ()), path)

    assert "Questions that went wrong" not in path.read_text(encoding="utf-8")


def test_the_reliability_plot_is_a_picture_file_too(tmp_path: Path) -> None:
    path = tmp_path / "reliability.png"

    save_reliability(RELIABILITY, path, threshold=0.7)

    assert path.read_bytes().startswith(b"\x89PNG")


def test_a_file_that_cannot_be_written_is_named_before_the_work(tmp_path: Path) -> None:
    check_writable([tmp_path / "new" / "report.html"])

    with pytest.raises(BadInput, match="cannot be written: Is a directory"):
        check_writable([tmp_path])
