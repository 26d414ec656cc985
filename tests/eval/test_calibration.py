from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from eval.calibration import reliability, risk_coverage
from tests.eval.replies import ANSWERED, UNANSWERED, reply

if TYPE_CHECKING:
    from eval.answers import ScoredReply


def _right(*outcomes: bool) -> list[ScoredReply]:
    return [reply(ANSWERED if right else UNANSWERED, passage_right=right) for right in outcomes]


def test_false_certainty_shows_as_calibration_error() -> None:
    replies = _right(*[True] * 300, *[False] * 100)

    measured = reliability(np.full(400, 1.0), replies)

    assert measured.ece == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("confidences", "auroc"),
    [([0.9, 0.8, 0.2, 0.1], 1.0), ([0.1, 0.2, 0.8, 0.9], 0.0), ([0.5, 0.5, 0.5, 0.5], 0.5)],
)
def test_the_auroc_is_what_it_is_known_to_be(confidences: list[float], auroc: float) -> None:
    measured = reliability(np.array(confidences), _right(True, True, False, False))  # noqa: FBT003

    assert measured.auroc_right is not None
    assert measured.auroc_right.value == auroc


def test_replies_of_one_kind_define_no_auroc() -> None:
    measured = reliability(np.array([0.3, 0.6]), _right(True, True))  # noqa: FBT003

    assert measured.auroc_right is None
    assert measured.auroc_answerable is None


def test_risk_and_coverage_are_those_of_each_threshold() -> None:
    replies = _right(True, True, False, True)  # noqa: FBT003

    curve = risk_coverage(np.array([0.9, 0.8, 0.6, 0.2]), replies)

    assert curve.coverage == (0.25, 0.5, 0.75, 1.0)
    assert curve.risk == pytest.approx((0, 0, 1 / 3, 1 / 4))
    assert curve.aurc.value == pytest.approx((0 + 0 + 1 / 3 + 1 / 4) / 4)
    assert curve.coverage_at[0.05].value == 0.5
    assert curve.aurc.low <= curve.aurc.value <= curve.aurc.high


def test_no_threshold_parts_replies_of_one_confidence() -> None:
    curve = risk_coverage(np.array([0.9, 0.9, 0.1]), _right(True, False, False))  # noqa: FBT003

    assert curve.coverage == pytest.approx((2 / 3, 1))
    assert curve.risk == pytest.approx((1 / 2, 2 / 3))
    assert curve.coverage_at[0.1].value == 0
