from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from app.router.head import Head, fit_head, fit_sharpness, softmax
from app.router.utterances import OUT_OF_SCOPE

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

NAMES = ("order", "refund", OUT_OF_SCOPE)
DIRECTIONS = np.eye(3, 8, dtype=np.float32)


def around(direction: int, count: int, spread: float, seed: int = 0) -> NDArray[np.float32]:
    noise = np.random.default_rng(seed).normal(0, spread, (count, 8))
    vectors = DIRECTIONS[direction] + noise
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


HELD_OUT = np.concatenate([around(0, 200, 0.2), around(1, 200, 0.2, seed=1)])
HEAD = fit_head(NAMES, DIRECTIONS, HELD_OUT, ["order"] * 200 + ["refund"] * 200)


def test_probabilities_of_each_text_add_up_to_one() -> None:
    found = HEAD.probabilities(HELD_OUT)
    assert found.shape == (400, 3)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert (found[:200].argmax(axis=1) == 0).all()


@pytest.mark.parametrize("share", [0.5, 0.9, 0.95, 0.99])
def test_as_many_known_questions_look_as_foreign_as_the_share_says(share: float) -> None:
    others = np.concatenate([around(0, 2000, 0.2, seed=2), around(1, 2000, 0.2, seed=3)])
    assert (HEAD.foreignness(HELD_OUT) >= share).mean() == pytest.approx(1 - share, abs=0.01)
    assert (HEAD.foreignness(others) >= share).mean() == pytest.approx(1 - share, abs=0.05)


def test_a_text_far_from_every_intent_is_foreign_though_the_softmax_is_sure() -> None:
    far = np.array([[0.3, 0, 0, 0, 0, 0, 0, 0.954]], dtype=np.float32)
    assert HEAD.probabilities(far).max() > 0.8
    assert HEAD.foreignness(far)[0] == 1


def test_a_text_at_its_intent_is_not_foreign() -> None:
    assert HEAD.foreignness(DIRECTIONS[:2]).tolist() == [0, 0]


def test_examples_out_of_scope_do_not_make_such_questions_known() -> None:
    assert HEAD.foreignness(DIRECTIONS[2:])[0] == 1


def test_probabilities_come_true_as_often_as_they_say() -> None:
    draw = np.random.default_rng(0)
    cosines = draw.uniform(-1, 1, (20_000, 4)).astype(np.float32)
    shares = softmax(12 * cosines).cumsum(axis=1)
    wanted = (draw.random((20_000, 1)) < shares).argmax(axis=1)
    assert fit_sharpness(cosines, wanted) == pytest.approx(12, rel=0.05)


def test_it_reads_back_as_it_was_written(tmp_path: Path) -> None:
    HEAD.write(tmp_path / "head.npz")
    found = Head.read(tmp_path / "head.npz")
    assert (found.names, found.sharpness) == (HEAD.names, HEAD.sharpness)
    np.testing.assert_array_equal(found.directions, HEAD.directions)
    np.testing.assert_array_equal(found.strangeness, HEAD.strangeness)
