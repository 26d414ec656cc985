from __future__ import annotations

import json
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from app.router.checkpoints import Epoch
from app.router.training_report import (
    IntentScore,
    OutOfScope,
    TrainingReport,
    confusion_of,
    reliability_of,
    scores_of,
)

if TYPE_CHECKING:
    from pathlib import Path

WANTED = ["a & b", "a & b", "a & b", "<c>", "<c>", "d"]
FOUND = ["a & b", "a & b", "<c>", "<c>", "<c>", "a & b"]


def report() -> TrainingReport:
    right = np.array([w == f for w, f in zip(WANTED, FOUND, strict=True)])
    groups, error = reliability_of(np.linspace(0.4, 0.9, 6), right)
    return TrainingReport(
        base="all-MiniLM-L6-v2",
        seconds=12.5,
        learned=54,
        held_out=6,
        epochs=(Epoch(1, 0.5, 1.2), Epoch(2, 4 / 6, 1.1)),
        accuracy=4 / 6,
        macro_f1=0.49,
        calibration_error=error,
        scores=scores_of(WANTED, FOUND),
        confusion=confusion_of(WANTED, FOUND),
        reliability=groups,
        out_of_scope=OutOfScope(0.96, 0.04, None, 0),
        median_ms=3.1,
    )


def test_scores_are_precision_recall_and_f1_the_worst_first() -> None:
    worst, middling, best = scores_of(WANTED, FOUND)
    assert worst == IntentScore("d", precision=0, recall=0, f1=0, utterances=1)
    assert middling == IntentScore("a & b", precision=2 / 3, recall=2 / 3, f1=2 / 3, utterances=3)
    assert best == IntentScore("<c>", precision=2 / 3, recall=1, f1=4 / 5, utterances=2)


def test_the_most_mistaken_pairs_leave_out_what_was_understood() -> None:
    found = {(pair.intent, pair.taken_for): pair.times for pair in report().most_mistaken}
    assert found == {("a & b", "<c>"): 1, ("d", "a & b"): 1}


def test_calibration_error_is_the_mean_distance_from_the_share_that_is_right() -> None:
    probabilities = np.repeat([0.6, 0.9], 500)
    right = np.tile([True, True, True, False, False], 200)  # three in five
    groups, error = reliability_of(probabilities, right)
    assert len(groups) == 10
    assert error == pytest.approx((0 + 0.3) / 2)


def test_fewer_utterances_than_groups_are_one_to_a_group() -> None:
    groups, _ = reliability_of(np.array([0.2, 0.8]), np.array([False, True]))
    assert [(group.probability, group.accuracy) for group in groups] == [(0.2, 0.0), (0.8, 1.0)]


def test_the_picture_has_a_field_for_each_pair_and_is_whole(tmp_path: Path) -> None:
    report().write(tmp_path)
    drawn = ET.parse(tmp_path / "confusion.svg")  # noqa: S314 - our own file
    titles = [title.text for title in drawn.iter("{http://www.w3.org/2000/svg}title")]
    assert "a & b taken for <c>: 1 of 3" in titles
    assert len(titles) == 1 + 4


def test_the_page_shows_names_as_they_are_and_the_json_holds_every_figure(tmp_path: Path) -> None:
    report().write(tmp_path)
    page = (tmp_path / "report.html").read_text()
    assert "66.7% of 6 utterances" in page
    assert "&lt;c&gt;" in page
    assert "<c>" not in page
    assert "<svg" in page
    written = json.loads((tmp_path / "report.json").read_text())
    assert written["out_of_scope"]["recall"] is None
    assert written["epochs"][1] == {"number": 2, "accuracy": 4 / 6, "loss": 1.1}
