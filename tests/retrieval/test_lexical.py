from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.lexical import Bm25Encoder, word_shares

BM25 = Bm25Encoder()


def terms(text: str) -> set[int]:
    return set(BM25.question(text).indices)


def test_words_are_compared_by_their_stems() -> None:
    assert terms("returning kettles") == terms("return kettle")


def test_case_and_punctuation_do_not_matter() -> None:
    assert terms("KETTLE!") == terms("kettle")


def test_stop_words_say_nothing() -> None:
    assert terms("what is the") == set()


def test_each_term_of_a_question_counts_once() -> None:
    assert BM25.question("kettle kettle kettle").values == (1.0,)


def test_a_word_said_more_often_weighs_more_but_ever_less_so() -> None:
    weights = [BM25.passage("kettle " * n).values[0] for n in (1, 2, 3)]
    assert weights[0] < weights[1] < weights[2]
    assert weights[2] - weights[1] < weights[1] - weights[0]


def test_a_word_weighs_less_in_a_longer_passage() -> None:
    [alone] = BM25.passage("kettle").values
    crowd = BM25.passage("kettle " + " ".join(f"word{n}" for n in range(200)))
    [position] = [i for i, term in enumerate(crowd.indices) if term in terms("kettle")]
    assert crowd.values[position] < alone


def test_a_question_meets_the_passage_that_holds_its_words() -> None:
    assert terms("descaling a kettle") <= set(BM25.passage("Descale your kettle.").indices)


@pytest.mark.parametrize("text", ["", "   ", "?!", "the of and"])
def test_a_text_without_words_has_no_terms(text: str) -> None:
    assert BM25.passage(text).indices == BM25.question(text).indices == ()


@given(st.text())
def test_any_text_gives_as_many_weights_as_terms(text: str) -> None:
    for vector in (BM25.passage(text), BM25.question(text)):
        assert len(vector.indices) == len(set(vector.indices)) == len(vector.values)
        assert all(value > 0 for value in vector.values)


def test_a_text_that_holds_every_word_holds_all_of_them() -> None:
    shares = word_shares("descale the kettle", ["How to descale a kettle", "Kettles", "Nothing"])
    assert shares[0] == pytest.approx(1.0)
    assert 0 < shares[1] < 1
    assert shares[2] == 0.0


def test_a_rare_word_counts_more_than_one_every_text_holds() -> None:
    texts = ["kettle", "kettle", "kettle", "kettle descale"]
    assert word_shares("descale", texts)[3] == pytest.approx(1.0)
    rare, common = word_shares("kettle descale", ["descale", *["kettle"] * 5])[:2]
    assert rare > common


def test_a_word_nobody_holds_keeps_everybody_from_a_full_share() -> None:
    assert word_shares("kettle quokka", ["kettle", "kettle"])[0] < 0.5


def test_a_question_without_words_has_no_share_anywhere() -> None:
    assert word_shares("what is the", ["kettle", ""]) == [0.0, 0.0]


@given(st.text(), st.lists(st.text(), max_size=5))
def test_shares_lie_between_nothing_and_all(question: str, texts: list[str]) -> None:
    shares = word_shares(question, texts)
    assert len(shares) == len(texts)
    assert all(0.0 <= share <= 1.0 + 1e-9 for share in shares)
