from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from app.confidence import SIGNALS
from eval.answers import ScoredReply
from eval.calibration import fit, reliability
from eval.report import draw_reliability
from tests.eval.test_answers import ANSWERED, UNANSWERED

if TYPE_CHECKING:
    from pathlib import Path


def _replies(count: int) -> list[ScoredReply]:
    """Replies whose rightness follows the signal `dense`, with some noise."""
    noise = np.random.default_rng(seed=1)
    replies = []
    for _ in range(count):
        signals = {name: float(noise.uniform()) for name in SIGNALS}
        right = bool(noise.uniform() < signals["dense"])
        golden = ANSWERED if right else UNANSWERED
        replies.append(ScoredReply(golden, "", 0.5, False, right, right, (signals,)))  # noqa: FBT003 - as the fields stand
    return replies


def test_the_fit_finds_the_signal_that_tells() -> None:
    calibration, _ = fit(_replies(400), "test")

    assert max(calibration.weights, key=lambda name: calibration.weights[name]) == "dense"
    assert calibration.name == "test"


def test_confidence_rises_with_the_signal_and_stays_a_probability() -> None:
    calibration, _ = fit(_replies(400), "test")
    weak, strong = (dict.fromkeys(SIGNALS, 0.5) | {"dense": value} for value in (0.1, 0.9))

    assert 0 < calibration.confidence(weak) < calibration.confidence(strong) < 1


def test_confidence_can_be_taken_at_its_word_on_replies_not_fitted_on() -> None:
    replies = _replies(400)

    _, unseen = fit(replies, "test")
    measured = reliability(unseen, replies)

    assert measured.ece < 0.1
    assert measured.auroc_right > 0.7


def test_false_certainty_shows_as_calibration_error() -> None:
    replies = _replies(400)
    wrong = np.mean([not reply.passage_right for reply in replies])

    measured = reliability(np.full(400, 1.0), replies)

    assert measured.ece == pytest.approx(wrong)


def test_the_plot_is_drawn(tmp_path: Path) -> None:
    replies = _replies(100)
    path = tmp_path / "reliability.png"

    draw_reliability(reliability(np.linspace(0, 1, 100), replies), path, threshold=0.7)

    assert path.read_bytes().startswith(b"\x89PNG")
