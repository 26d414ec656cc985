from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from app.router.utterances import Utterance, divide, intents_of, read_utterances
from retrieval.errors import MalformedDataset

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "said.csv"


def test_rows_are_read_with_commas_quotes_and_lines_within(file: Path) -> None:
    file.write_text(
        'text,intent\nwhere is it,order\n"no, the ""big"" one\nplease",order\n\nbye,small_talk\n'
    )
    assert read_utterances(file) == (
        Utterance("where is it", "order"),
        Utterance('no, the "big" one please', "order"),
        Utterance("bye", "small_talk"),
    )


def test_other_columns_may_stand_between_in_any_order(file: Path) -> None:
    file.write_text("Intent,by,Text\norder,ann,where is it\n")
    assert read_utterances(file) == (Utterance("where is it", "order"),)


def test_columns_may_be_called_otherwise(file: Path) -> None:
    file.write_text("text,category\nwhere is it,order\n")
    assert read_utterances(file, ("text", "category")) == (Utterance("where is it", "order"),)


def test_a_row_written_twice_counts_once(file: Path) -> None:
    file.write_text("text,intent\nhello,small_talk\nhello ,small_talk\n")
    assert len(read_utterances(file)) == 1


def test_of_two_intents_for_one_text_the_first_is_kept_and_the_log_says_so(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file.write_text("text,intent\nhello,small_talk\nhello,order\n")
    with caplog.at_level(logging.WARNING):
        assert read_utterances(file) == (Utterance("hello", "small_talk"),)
    assert f"{file}:3: this is 'order' here and 'small_talk' at {file}:2" in caplog.text


@pytest.mark.parametrize(
    ("content", "line", "problem"),
    [
        (b"question,intent\na,b\n", 1, "there is no column 'text'"),
        (b"text,intent\na,b\nc\n", 3, "1 fields, where the first line names 2"),
        (b"text,intent\na, with a comma,b\n", 2, "3 fields"),
        (b"text,intent\n  ,b\n", 2, "'text' is empty"),
        (b"text,intent\na,b\nc,\n", 3, "'intent' is empty"),
        (b'text,intent\n"a"b,c\n', 2, "this is not CSV"),
        (b"text,intent\na,b\n\xff,b\n", 3, "this is not UTF-8"),
    ],
)
def test_a_malformed_file_is_refused_with_its_line_and_what_to_do(
    file: Path, content: bytes, line: int, problem: str
) -> None:
    file.write_bytes(content)
    with pytest.raises(MalformedDataset) as refused:
        read_utterances(file)
    assert refused.value.message.startswith(f"{file}:{line}: ")
    assert problem in refused.value.message
    assert refused.value.hint


@pytest.mark.parametrize("content", ["", "\n\n", "text,intent\n"])
def test_a_file_of_no_rows_is_refused(file: Path, content: str) -> None:
    file.write_text(content)
    with pytest.raises(MalformedDataset, match="holds no utterances"):
        read_utterances(file)


def test_a_file_that_is_not_there_is_refused(file: Path) -> None:
    with pytest.raises(MalformedDataset, match="cannot be read"):
        read_utterances(file)


def said(**counts: int) -> list[Utterance]:
    return [Utterance(f"{name} {n}", name) for name, count in counts.items() for n in range(count)]


def test_the_same_share_of_every_intent_is_held_out() -> None:
    division = divide(said(order=40, refund=20, bye=4), share=0.2, seed=0)
    assert Counter(one.intent for one in division.held_out) == {"order": 8, "refund": 4, "bye": 1}
    assert not set(division.learn) & set(division.held_out)
    assert len(division.learn) + len(division.held_out) == 64


def test_the_division_hangs_on_the_seed_and_not_on_the_order_of_rows() -> None:
    rows = said(order=40, refund=20)
    assert divide(rows, 0.2, seed=1) == divide(rows[::-1], 0.2, seed=1)
    assert divide(rows, 0.2, seed=1) != divide(rows, 0.2, seed=2)


def test_an_intent_of_too_few_utterances_is_refused_by_name() -> None:
    with pytest.raises(MalformedDataset, match="'bye' has 3 different utterances"):
        divide(said(order=40, refund=20, bye=3), share=0.2, seed=0)


def test_one_intent_alone_is_refused() -> None:
    with pytest.raises(MalformedDataset, match="fewer than two intents"):
        divide(said(order=40, out_of_scope=20), share=0.2, seed=0)


def test_out_of_scope_is_not_an_intent() -> None:
    assert intents_of(said(refund=1, out_of_scope=1, order=1)) == ("order", "refund")
