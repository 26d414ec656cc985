from __future__ import annotations

import itertools

import numpy as np
import pytest

from eval.compare import compare, sign_flip_test
from eval.corpus import DatasetQuestion

QUESTIONS = [DatasetQuestion(f"q{n}", f"Question {n}?", (), "") for n in range(4)]


def test_the_p_is_that_of_all_sign_flips() -> None:
    differences = np.array([0.5, 0.25, -0.125, 0.75, 0.375])
    flips = [
        np.dot(signs, differences) / len(differences)
        for signs in itertools.product((-1, 1), repeat=len(differences))
    ]
    exact = np.mean(np.abs(flips) >= abs(differences.mean()))

    assert sign_flip_test(differences) == pytest.approx(exact, abs=0.01)


def test_equal_runs_do_not_differ() -> None:
    assert sign_flip_test(np.zeros(50)) == 1.0


def test_a_steady_gain_is_no_chance_and_an_even_one_is() -> None:
    assert sign_flip_test(np.full(30, 0.1)) < 0.001
    assert sign_flip_test(np.array([0.3, -0.3] * 15)) > 0.9


def test_the_sign_does_not_matter_to_p() -> None:
    differences = np.random.default_rng(3).normal(0.05, 0.2, 60)

    assert sign_flip_test(differences) == sign_flip_test(-differences)


def test_changes_are_listed_the_largest_first_and_those_that_stay_are_not() -> None:
    before, after = np.array([0.5, 1.0, 0.25, 0.0]), np.array([0.75, 0.0, 0.25, 0.5])

    comparison = compare(QUESTIONS, before, after)

    assert [(c.id, c.difference) for c in comparison.changes] == [
        ("q1", -1.0),
        ("q3", 0.5),
        ("q0", 0.25),
    ]
    assert comparison.differences == (0.25, -1.0, 0.0, 0.5)
    assert (comparison.before, comparison.after) == (0.4375, 0.375)
    assert comparison.difference.value == pytest.approx(-0.0625)
    assert comparison.difference.low < 0 < comparison.difference.high
