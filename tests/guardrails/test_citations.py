from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from guardrails.citations import Quotation, check_quotations
from tests.library import chunk

TEXT = "You can return it within 30 days. Keep the box."
FOUND = chunk(TEXT, page="returns.md")


def test_nothing_quoted_is_nothing_wrong() -> None:
    assert check_quotations([]).ok


@given(st.text(min_size=1), st.data())
def test_words_that_stand_where_they_are_said_to_pass(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    assume(text[start:end].strip())
    assert check_quotations([Quotation(chunk(text), text[start:end], start)]).ok


@given(st.text(min_size=1), st.integers(0, 60))
def test_words_that_stand_elsewhere_or_nowhere_do_not(words: str, start: int) -> None:
    assume(TEXT[start : start + len(words)] != words)
    assert not check_quotations([Quotation(FOUND, words, start)]).ok


@pytest.mark.parametrize(
    "words", ["within 31 days", "within  30 days", "Within 30 days", "within 30 days\u200b"]
)
def test_the_least_change_is_found_and_the_page_named(words: str) -> None:
    verdict = check_quotations([Quotation(FOUND, words, TEXT.index("within"))])
    assert not verdict.ok
    assert words in verdict.why
    assert "returns.md" in verdict.why


@pytest.mark.parametrize("words", ["", "  ", "\n"])
def test_an_empty_quotation_is_none(words: str) -> None:
    assert "empty quotation" in check_quotations([Quotation(FOUND, words, 0)]).why


def test_one_wrong_quotation_among_right_ones_is_enough() -> None:
    right = Quotation(FOUND, "Keep the box.", TEXT.index("Keep"))
    assert check_quotations([right, right]).ok
    assert not check_quotations([right, Quotation(FOUND, "Keep the bag.", right.start)]).ok


def test_words_before_the_beginning_are_not_there() -> None:
    assert not check_quotations([Quotation(FOUND, "box.", -4)]).ok
