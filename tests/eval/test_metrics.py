from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eval.metrics import MEASURES, bootstrap, score

VALUES = st.lists(st.floats(0, 1, width=32), min_size=1, max_size=20).map(np.array)


def test_measures_are_what_they_are_by_hand() -> None:
    relevant = {"q1": {"a": 1, "b": 1}}
    found = ["x", "a", "y", "z", "w", "b"]

    scores = score({"q1": found}, relevant).by_measure

    gain = 1 / math.log2(3) + 1 / math.log2(7)
    ideal = 1 + 1 / math.log2(3)
    assert scores["ndcg_10"] == pytest.approx([gain / ideal])
    assert scores["recall_5"] == pytest.approx([0.5])
    assert scores["recall_10"] == pytest.approx([1.0])
    assert scores["mrr_10"] == pytest.approx([0.5])


def test_a_higher_grade_counts_for_more() -> None:
    relevant = {"q1": {"best": 3, "good": 1}}

    ndcg = score({"q1": ["good", "best"]}, relevant).ndcg

    assert ndcg == pytest.approx([(1 + 3 / math.log2(3)) / (3 + 1 / math.log2(3))])


def test_nothing_below_the_tenth_counts_and_nothing_found_is_zero() -> None:
    eleventh = [f"x{n}" for n in range(10)] + ["a"]
    relevant = {"q1": {"a": 1}, "q2": {"a": 1}, "q3": {"a": 1}}

    scores = score({"q1": eleventh, "q2": [], "q3": ["a"]}, relevant).by_measure

    for name in MEASURES:
        assert scores[name].tolist() == [0.0, 0.0, 1.0]


def test_values_come_in_the_order_of_the_questions_whatever_their_names() -> None:
    names = ["q10", "q9", "zebra", "a"]
    rankings = {name: ["x"] * (place != 2) + ["right"] for place, name in enumerate(names)}

    scores = score(rankings, {name: {"right": 1} for name in names})

    assert scores.by_measure["mrr_10"].tolist() == [0.5, 0.5, 1.0, 0.5]


@settings(max_examples=30)
@given(VALUES)
def test_an_interval_holds_its_mean_and_stays_within_the_values(
    values: np.ndarray[tuple[int], np.dtype[np.float64]],
) -> None:
    interval = bootstrap(values)

    assert interval.value == pytest.approx(values.mean())
    assert values.min() - 1e-9 <= interval.low <= interval.high <= values.max() + 1e-9


@settings(max_examples=30)
@given(VALUES)
def test_an_interval_is_the_same_every_time_and_moves_with_the_values(
    values: np.ndarray[tuple[int], np.dtype[np.float64]],
) -> None:
    interval, again, moved = bootstrap(values), bootstrap(values), bootstrap(values + 1)

    assert interval == again
    assert moved.low == pytest.approx(interval.low + 1)
    assert moved.high == pytest.approx(interval.high + 1)


def test_an_interval_is_about_as_wide_as_theory_says() -> None:
    values = np.repeat([0.0, 1.0], 200)

    interval = bootstrap(values)

    margin = 1.96 * values.std() / math.sqrt(len(values))
    assert interval.low == pytest.approx(0.5 - margin, abs=0.01)
    assert interval.high == pytest.approx(0.5 + margin, abs=0.01)


def test_more_questions_make_a_narrower_interval() -> None:
    few, many = bootstrap(np.tile([0.0, 1.0], 10)), bootstrap(np.tile([0.0, 1.0], 1000))

    assert many.high - many.low < few.high - few.low
