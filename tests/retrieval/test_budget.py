from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.budget import CUT_OFF, MAX_PASSAGES, Budget, Cut, within_budget
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


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_of_two_that_say_the_same_the_better_one_is_kept(order: tuple[int, int]) -> None:
    texts = ("Hold the top button for 10 seconds.", "Hold **the top button** for 10 seconds.")
    better, worse = (passage(chunk(texts[n], n=n, page=f"{n}.md"), 1.0) for n in order)
    budget = within_budget([better, worse])
    assert budget.kept == (better,)
    assert budget.cut == (Cut(worse, f"says the same as a better one ({order[0]}.md)"),)


def test_a_copy_with_another_figure_is_kept_too() -> None:
    found = [passage(chunk(f"Hold it for {n} seconds.", n=n), 1.0) for n in (10, 15)]
    assert within_budget(found).kept == tuple(found)


def test_what_does_not_fit_makes_room_for_something_shorter() -> None:
    long, short, shorter = (
        passage(chunk(" ".join(["word"] * count), n=count), 1.0) for count in (30, 8, 2)
    )
    budget = within_budget([short, long, shorter], max_tokens=10)
    assert budget.kept == (short, shorter)
    assert budget.cut == (Cut(long, "no room for one this long"),)


def test_the_best_passage_is_kept_however_long_it_is() -> None:
    found = [passage(chunk(f"One two three {n}.", n=n), 1.0) for n in (1, 2)]
    assert within_budget(found, max_tokens=1).kept == tuple(found[:1])


def test_there_are_never_more_than_enough() -> None:
    budget = within_budget(ranked(*[1.0] * (MAX_PASSAGES + 2)))
    assert len(budget.kept) == MAX_PASSAGES
    assert {cut.why for cut in budget.cut} == {"enough passages"}


@given(st.lists(st.floats(-2, 2), max_size=30), st.integers(0, 20))
def test_every_passage_is_kept_or_cut_in_order_and_none_twice(
    scores: list[float], max_tokens: int
) -> None:
    found = ranked(*sorted(scores, reverse=True))
    budget = within_budget(found, max_tokens=max_tokens)
    assert [p for p in found if p in budget.kept] == list(budget.kept)
    assert [p for p in found if p not in budget.kept] == [cut.passage for cut in budget.cut]
    assert all(cut.why for cut in budget.cut)
    assert sum(p.tokens for p in budget.kept) <= max_tokens or len(budget.kept) == 1
