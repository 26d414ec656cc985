from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from app.reply import compose
from llm.extractive import Quote
from tests.library import chunk, passage

TABLE = """\
| Product | Years | Note |
| --- | --- | --- |
| Copper kettle | 5 | |
| Travel kettle | 2 | Steel only |"""


def quote(text: str, first: int = 0, last: int | None = None, *, start: int = 0) -> Quote:
    """The units `first` to `last` of a chunk that holds `text`."""
    found = passage(chunk(text, start=start))
    units = found.chunk.units[first : None if last is None else last + 1]
    return Quote(found, units, 1.0)


def shown(text: str, first: int = 0, last: int | None = None) -> str:
    [piece] = compose([quote(text, first, last)])
    return piece.text


def test_nothing_quoted_is_nothing_said() -> None:
    assert compose([]) == ()


def test_sentences_run_on_and_end_in_their_marker() -> None:
    assert shown("One thing.  Another\nthing.") == "One thing. Another\nthing. [1]"


def test_pieces_are_numbered_from_one() -> None:
    pieces = compose([quote("One thing."), quote("Another.")])
    assert [piece.text for piece in pieces] == ["One thing. [1]", "Another. [2]"]
    assert [piece.citation.n for piece in pieces] == [1, 2]


def test_steps_keep_their_own_numbers() -> None:
    text = "Do this:\n\n3. Fill it.\n4. Boil it.\n5. Rinse it."
    assert shown(text, 0, 2) == "Do this:\n3. Fill it.\n4. Boil it. [1]"


def test_bullets_keep_their_dashes() -> None:
    assert shown("We take:\n\n- Cards.\n- Cash.") == "We take:\n- Cards.\n- Cash. [1]"


def test_a_row_is_read_with_its_column_names_and_without_empty_cells() -> None:
    assert shown(TABLE, 0, 0) == "- Product: Copper kettle; Years: 5 [1]"
    assert shown(TABLE, 1) == "- Product: Travel kettle; Years: 2; Note: Steel only [1]"


def test_a_row_longer_than_its_header_loses_no_cell() -> None:
    text = "| A |\n| --- |\n| one | two | three |"
    assert shown(text) == "- A: one; two; three [1]"


def test_code_is_fenced_line_by_line() -> None:
    text = "Run this:\n\n```\ncurl \\\n  --fail\n```\n\nThen wait."
    assert "\n```\ncurl \\\n  --fail\n```\n" in shown(text)


def test_paragraphs_stay_apart_and_a_sentence_does_not_join_the_list_before_it() -> None:
    text = "One thing. Another.\n\nA paragraph.\n\n1. A step.\n2. The last.\n\nAfterwards."
    assert shown(text) == (
        "One thing. Another.\n\nA paragraph.\n1. A step.\n2. The last.\n\nAfterwards. [1]"
    )


def test_the_marker_never_stands_on_a_fence() -> None:
    """A fence closes only on a line of its own, so the marker has to come after it."""
    lines = shown("Run this:\n\n```\ncurl\n```").splitlines()
    assert lines[-2:] == ["```", "[1]"]


def test_a_citation_says_where_the_words_stand_on_their_page() -> None:
    text = "One thing. Another thing."
    [piece] = compose([quote(text, 1, start=100)])
    citation = piece.citation
    assert citation.quote == "Another thing."
    assert (citation.start, citation.end) == (111, 125)
    assert (citation.page, citation.title, citation.headings) == ("page.md", "Title", ("Heading",))
    assert citation.url == "https://help.example.com/page.md"


blocks = st.sampled_from(
    [
        "A sentence here.",
        "Two. Sentences.",
        "1. Fill it.\n2. Boil it.",
        "- One\n- Two",
        TABLE,
        "```\ncode()\n  more()\n```",
        "Wörter auf Deutsch.",
    ]
)


@given(st.lists(blocks, min_size=1, max_size=5).map("\n\n".join), st.data())
def test_every_word_shown_is_quoted_or_a_column_name(text: str, data: st.DataObject) -> None:
    units = chunk(text).units
    first = data.draw(st.integers(0, len(units) - 1))
    last = data.draw(st.integers(first, len(units) - 1))
    [piece] = compose([quote(text, first, last)])
    assert piece.citation.quote in text
    words = set(re.findall(r"\w+", piece.text)) - {"1"}
    assert words <= set(re.findall(r"\w+", text))
    for unit in units[first : last + 1]:
        for word in re.findall(r"\w+", text[unit.start : unit.end]):
            assert word in piece.text
