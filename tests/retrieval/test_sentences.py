# ruff: noqa: RUF001 - the punctuation of other scripts is meant

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.outline import is_separator
from retrieval.sentences import sentence_spans, split_units
from retrieval.types import UnitKind

PROSE = st.lists(
    st.sampled_from([*"abZé19 \n.!?…。！।,;:()\"'”-", "e.g. ", "No. ", "v2.3.1 ", "Dr. ", "A. "]),
    max_size=60,
).map("".join)
MARKDOWN = st.lists(
    st.sampled_from(
        ["", "# H", "Go on. Stop!", "- item", "  rest. Of it.", "1. one", "| a | b |", "|---|---|",
         "| c. D | e |", "```", "x = 1. Y", "  - nested", "今天。明天", "- " + "long words. " * 40]
    ),
    max_size=14,
).map("\n".join)  # fmt: skip


def sentences(text: str) -> list[str]:
    return [text[start:end] for start, end in sentence_spans(text)]


def units(text: str) -> list[tuple[UnitKind, str]]:
    return [(unit.kind, text[unit.start : unit.end]) for unit in split_units(text)]


@pytest.mark.parametrize(
    "expected",
    [
        ["Open the menu.", "Select Save!", "Really?", "Yes."],
        ["It costs 1.5 EUR.", "Nothing more."],
        ["From v2.3.1 on this works.", "Before it did not."],
        ["Use a mirror, e.g. ours, i.e. the near one.", "Then wait."],
        ["Ask Dr. Smith vs. Prof. Jones.", "They know."],
        ["See No. 5 and p. 12.", "No.", "Not that."],
        ["J. R. R. Tolkien wrote it.", "He did."],
        ["So do I.", "And press y.", "Then enter."],
        ["Go to https://a.io/b.c?d=e.f.", "Mail me@x.org.", "Done."],
        ["Wait... then go on.", "It is over...", "Is it?"],
        ['He said "Stop."', "She went on.", "(It was late.)", "Fine."],
        ["What?!", "No way!!!", "OK."],
        ["1. Open it.", "2. Close it."],
        ["Edit config.json or .env files.", "Restart it."],
        ["Buy bread, milk, etc.", "Then pay."],
        ["¿Qué es?", "Es así.", "Ça marche !", "Étape suivante."],
    ],
)
def test_sentences_end_where_they_end(expected: list[str]) -> None:
    assert sentences(" ".join(expected)) == expected


@pytest.mark.parametrize(
    "expected",
    [["打开菜单。", "选择保存！", "好吗？", "好"], ["「はい。」", "次へ。"], ["यह है।", "वह था।"]],
)
def test_scripts_without_spaces_are_split_too(expected: list[str]) -> None:
    assert sentences("".join(expected)) == expected


def test_units_of_each_kind() -> None:
    text = (
        "## Head\n\nOne. Two.\n\n- an item. With more.\n  And more.\n1. step\n\n"
        "| a | b |\n|---|---|\n| 1. X | 2 |\n\n```py\n  x = 1\n```"
    )
    assert units(text) == [
        (UnitKind.HEADING, "Head"),
        (UnitKind.SENTENCE, "One."),
        (UnitKind.SENTENCE, "Two."),
        (UnitKind.ITEM, "an item. With more.\n  And more."),
        (UnitKind.ITEM, "step"),
        (UnitKind.ROW, "| 1. X | 2 |"),
        (UnitKind.CODE, "  x = 1"),
    ]


def test_a_long_item_is_quoted_by_the_sentence() -> None:
    item = "- " + " ".join(["Some eight words are in this one sentence."] * 8)
    assert {kind for kind, _ in units(item)} == {UnitKind.SENTENCE}
    assert len(units(item)) == 8


def test_a_table_without_a_header_is_all_rows() -> None:
    assert [text for _, text in units("| a |\n| b |")] == ["| a |", "| b |"]


@given(PROSE)
def test_splitting_is_exact_and_stable(text: str) -> None:
    at = 0
    for start, end in sentence_spans(text):
        assert not text[at:start].strip()
        assert text[start:end] == text[start:end].strip() != ""
        assert sentences(text[start:end]) == [text[start:end]]
        at = end
    assert not text[at:].strip()


@given(MARKDOWN)
def test_units_cover_everything_but_markup(text: str) -> None:
    at = 0
    for unit in split_units(text):
        assert at <= unit.start < unit.end
        assert all(map(is_markup, text[at : unit.start].split("\n")))
        at = unit.end
    assert all(map(is_markup, text[at:].split("\n")))


def is_markup(line: str) -> bool:
    bare = line.strip().rstrip("`")
    return not bare.strip("#-*+1. ") or is_separator(bare) or bare == "| a | b |" or "|" in bare
