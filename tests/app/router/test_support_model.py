from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from app.router import support_model
from app.router.routes import load_table
from app.router.support_model import UTTERANCES, open_support_classifier
from app.router.utterances import OUT_OF_SCOPE, divide, intents_of, read_utterances
from retrieval.prepared import GRAPH
from tests.app.router.conftest import said

if TYPE_CHECKING:
    from pathlib import Path

    from app.router.recipe import Recipe


@pytest.fixture
def utterances(tmp_path: Path, small_recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Few utterances and a small base in place of the shipped ones."""
    path = tmp_path / "utterances.csv"
    rows = [f"{one.text},{one.intent}" for one in said("order", "login")]
    path.write_text("\n".join(["text,intent", *rows]))
    monkeypatch.setattr(support_model, "UTTERANCES", path)
    monkeypatch.setattr(support_model, "RECIPE", small_recipe)
    return path


def trained(models: Path) -> set[Path]:
    return {path for path in models.iterdir() if path.is_dir()}


def test_it_is_trained_on_first_use_and_again_when_its_utterances_change(
    utterances: Path, tmp_path: Path
) -> None:
    models = tmp_path / "models"
    assert open_support_classifier(models, threads=1).names == ("login", "order")
    [first] = trained(models)
    written = (first / GRAPH).stat().st_mtime_ns
    open_support_classifier(models, threads=1)
    assert (first / GRAPH).stat().st_mtime_ns == written

    utterances.write_text(utterances.read_text() + "\nunlock me,login\n")
    open_support_classifier(models, threads=1)
    assert len(trained(models)) == 2


def test_a_damaged_model_is_trained_again(
    utterances: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert utterances.exists()
    models = tmp_path / "models"
    open_support_classifier(models, threads=1)
    [folder] = trained(models)
    (folder / GRAPH).write_text("damaged")
    assert open_support_classifier(models, threads=1).classify("my parcel").name
    assert "missing or damaged" in caplog.text


def test_the_table_of_routes_is_about_the_intents_of_the_shipped_utterances() -> None:
    shipped = read_utterances(UTTERANCES)
    names = intents_of(shipped)
    table = load_table()
    table.expect_intents(names)
    assert set(table.rules) == {*names, OUT_OF_SCOPE}


def test_the_shipped_utterances_are_enough_of_each_intent_and_none_is_written_twice(
    caplog: pytest.LogCaptureFixture,
) -> None:
    division = divide(read_utterances(UTTERANCES), share=0.1, seed=0)
    assert len(intents_of(division.learn)) >= 25
    assert not caplog.text
