from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from eval.corpus import CorpusPassage, DatasetQuestion, RetrievalSet
from eval.searching import RankedQuestion, Shown
from eval.spans import score_spans
from tests.library import chunk, passage

if TYPE_CHECKING:
    from retrieval.types import Chunk

FIRST = chunk("We cut the card fees to eight dollars.", n=1, page="a.md")
SECOND = chunk("Then we built a thousand miles of road.", n=2, page="a.md")
AGAIN = chunk("As I said: we cut the card fees to eight dollars.", n=3, page="a.md")
OTHER = chunk("We cut the card fees to eight dollars.", n=4, page="b.md")
SHELF = {"a.md": (FIRST, SECOND, AGAIN), "b.md": (OTHER,)}
FEES = CorpusPassage("fees", "", (), "a.md", "the card fees to eight dollars.")


def _scores(gold: tuple[CorpusPassage, ...], *retrieved: Chunk) -> tuple[float, float]:
    question = DatasetQuestion("q", "What was done?", (), "")
    best = tuple(Shown(passage(found), right=True) for found in retrieved)
    ranked = RankedQuestion(question, question.text, (), {}, best)
    relevant = {"q": {excerpt.id: 1 for excerpt in gold}}
    scores = score_spans([ranked], RetrievalSet("t", gold, (question,), relevant), SHELF)
    return scores.recall.value, scores.precision.value


def test_words_of_the_excerpt_count_and_those_beside_it_cost_precision() -> None:
    assert _scores((FEES,), FIRST) == (1.0, 6 / 8)
    assert _scores((FEES,), FIRST, SECOND) == (1.0, 6 / 16)


def test_an_excerpt_over_two_chunks_is_found_by_half_in_one() -> None:
    over = CorpusPassage("over", "", (), "a.md", "eight dollars. Then we")

    assert _scores((over,), SECOND) == (0.5, 2 / 8)


def test_where_the_same_words_stand_twice_either_place_is_as_good() -> None:
    assert _scores((FEES,), AGAIN) == (1.0, 6 / 11)


def test_the_same_words_on_another_page_are_not_the_excerpt() -> None:
    assert _scores((FEES,), OTHER) == (0.0, 0.0)


def test_an_excerpt_that_parsing_changed_is_found_by_the_words_it_kept() -> None:
    changed = CorpusPassage("c", "", (), "a.md", "NEWS: we cut the card fees to eight dollars")

    recall, precision = _scores((changed,), FIRST)

    assert recall == pytest.approx(0.5)  # the words stand twice, and only one place was found
    assert precision == 1.0


def test_an_excerpt_that_is_nowhere_is_missed() -> None:
    gone = CorpusPassage("gone", "", (), "a.md", "Nothing of this was ever said")

    assert _scores((gone,), FIRST) == (0.0, 0.0)
    assert _scores((FEES, gone)) == (0.0, 0.0)
