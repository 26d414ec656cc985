from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from retrieval.budget import CUT_OFF, MAX_PASSAGES, Budget, within_budget
from tests.library import chunk, passage

if TYPE_CHECKING:
    from retrieval.types import Passage


def ranked(*scores: float) -> list[Passage]:
    return [passage(chunk(f"Text {n}.", n=n), score) for n, score in enumerate(scores, start=1)]


def test_nothing_found_is_nothing_kept() -> None:
    assert within_budget([]) == Budget((), ())


def test_the_best_passage_is_kept_however_bad_it_is() -> None:
    assert len(within_budget(ranked(-3.0)).kept) == 1


def test_a_passage_far_behind_the_best_is_cut_with_the_reason() -> None:
    found = ranked(1.0, 1.0 - CUT_OFF / 2, 1.0 - CUT_OFF * 1.1)
    budget = within_budget(found)
    assert budget.kept == tuple(found[:2])
    assert [(cut.passage, cut.why) for cut in budget.cut] == [(found[2], "too far behind the best")]


def test_the_same_text_is_kept_once() -> None:
    twins = [passage(chunk("Same.", n=n, page=f"{n}.md"), 1.0) for n in (1, 2)]
    budget = within_budget(twins)
    assert budget.kept == (twins[0],)
    assert budget.cut[0].why == "the same text as a better one"


def test_there_are_never_more_than_enough() -> None:
    budget = within_budget(ranked(*[1.0] * (MAX_PASSAGES + 2)))
    assert len(budget.kept) == MAX_PASSAGES
    assert {cut.why for cut in budget.cut} == {"enough passages"}


@given(st.lists(st.floats(-2, 2), max_size=30))
def test_every_passage_is_kept_or_cut_in_order_and_none_twice(scores: list[float]) -> None:
    found = ranked(*sorted(scores, reverse=True))
    budget = within_budget(found)
    assert [p for p in found if p in budget.kept] == list(budget.kept)
    assert [p for p in found if p not in budget.kept] == [cut.passage for cut in budget.cut]
    assert all(cut.why for cut in budget.cut)
