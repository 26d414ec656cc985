from __future__ import annotations

import json
import logging
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from app.router.intent import FACTS, HEAD, IntentClassifier
from app.router.training import CHECKPOINT, train
from app.router.utterances import divide
from ingestion.progress import LogMeter
from retrieval.errors import ModelMismatch
from tests.app.router.conftest import said

if TYPE_CHECKING:
    from pathlib import Path

    from app.router.recipe import Recipe
    from app.router.training_report import TrainingReport
    from app.router.utterances import Division


class Killed(Exception):
    """Stands for a kill: nothing catches it."""


class KillingMeter(LogMeter):
    """Kills the training in the middle of an epoch."""

    def __init__(self, epoch: int) -> None:
        super().__init__()
        self._fatal = f"epoch {epoch} of"
        self._step = ""

    def advance(self, done: int = 1) -> None:
        if self._step.startswith(self._fatal):
            raise Killed
        super().advance(done)


@pytest.fixture(scope="session")
def trained(
    tmp_path_factory: pytest.TempPathFactory, small_division: Division, real_recipe: Recipe
) -> tuple[Path, TrainingReport]:
    folder = tmp_path_factory.mktemp("trained")
    return folder, train(small_division, real_recipe, folder, LogMeter())


@pytest.fixture
def folder(trained: tuple[Path, TrainingReport]) -> Path:
    return trained[0]


@pytest.fixture
def report(trained: tuple[Path, TrainingReport]) -> TrainingReport:
    return trained[1]


def test_a_trained_model_understands_what_it_did_not_learn_from(
    folder: Path, report: TrainingReport
) -> None:
    assert report.accuracy > 0.9
    intent = IntentClassifier.open(folder, threads=1).classify("the courier lost it")
    assert intent.name == "order"
    assert intent.runner_up != "order"
    assert 0 <= intent.runner_up_probability < intent.probability <= 1
    assert 0 <= intent.out_of_scope <= 1


def test_one_text_gets_what_it_gets_among_others(folder: Path) -> None:
    classifier = IntentClassifier.open(folder, threads=1)
    texts = ["my parcel", "a very much longer text about the password that was locked again", "no"]
    for text, intent in zip(texts, classifier.classify_all(texts), strict=True):
        alone = classifier.classify(text)
        assert alone.name == intent.name
        assert alone.probability == pytest.approx(intent.probability, abs=0.02)


@pytest.mark.parametrize("text", ["", " ", "?", "\0", "word " * 5000])
def test_any_text_is_classified(folder: Path, text: str) -> None:
    assert IntentClassifier.open(folder, threads=1).classify(text).name


def test_serving_needs_no_pytorch(folder: Path) -> None:
    program = (
        "import sys, pathlib; from app.router.intent import IntentClassifier;"
        "from app.router import routes, support_model;"
        "intent = IntentClassifier.open(pathlib.Path(sys.argv[1]), 1).classify('my parcel');"
        "routes.load_table().route(intent);"
        "print(sorted({'torch', 'transformers', 'sentence_transformers'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(folder)], check=False, capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_a_training_that_was_killed_goes_on_and_ends_the_same(
    tmp_path: Path,
    small_division: Division,
    small_recipe: Recipe,
    caplog: pytest.LogCaptureFixture,
) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    with pytest.raises(Killed):
        train(small_division, small_recipe, killed, KillingMeter(epoch=3))
    with pytest.raises(ModelMismatch, match="no whole intent model"):
        IntentClassifier.open(killed, threads=1)
    with caplog.at_level(logging.INFO):
        report = train(small_division, small_recipe, killed, LogMeter())
    assert "Going on after epoch 2" in caplog.text
    assert report.epochs == train(small_division, small_recipe, whole, LogMeter()).epochs
    with np.load(whole / HEAD) as expected, np.load(killed / HEAD) as found:
        np.testing.assert_allclose(found["directions"], expected["directions"], atol=1e-6)


def test_a_killed_training_of_other_data_is_not_gone_on_with(
    tmp_path: Path,
    small_division: Division,
    small_recipe: Recipe,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with pytest.raises(Killed):
        train(small_division, small_recipe, tmp_path, KillingMeter(epoch=2))
    other = divide(said("order", "login"), share=0.2, seed=0)
    with caplog.at_level(logging.INFO):
        report = train(other, small_recipe, tmp_path, LogMeter())
    assert "starting anew" in caplog.text
    assert {score.intent for score in report.scores} == {"order", "login"}


def test_a_finished_training_leaves_a_model_and_a_report(
    folder: Path, report: TrainingReport
) -> None:
    assert {path.name for path in folder.iterdir()} == {
        "model.xml",
        "model.bin",
        "tokenizer.json",
        HEAD,
        FACTS,
        "report.json",
        "report.html",
        "confusion.svg",
    }
    written = json.loads((folder / "report.json").read_text())
    assert written["accuracy"] == report.accuracy
    assert [epoch["number"] for epoch in written["epochs"]] == [1, 2]
    assert not (folder / CHECKPOINT).exists()


def test_questions_about_something_else_are_told(report: TrainingReport) -> None:
    outside = report.out_of_scope
    assert outside.false_alarms <= 0.09  # 2 of 24
    assert outside.recall is not None
    assert outside.recall > 0.8


@pytest.mark.parametrize("name", ["model.bin", "model.xml", "tokenizer.json", HEAD, FACTS])
def test_a_damaged_model_is_refused(folder: Path, tmp_path: Path, name: str) -> None:
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / name).write_bytes(b"damaged")
    with pytest.raises(ModelMismatch, match="damaged"):
        IntentClassifier.open(tmp_path, threads=1)


def test_a_folder_without_a_model_is_refused_with_the_command_that_makes_one(
    tmp_path: Path,
) -> None:
    with pytest.raises(ModelMismatch) as refused:
        IntentClassifier.open(tmp_path, threads=1)
    assert f"answerable train intent DATA.csv --out {tmp_path}" in refused.value.hint
