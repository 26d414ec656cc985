from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from app.router.intent import IntentClassifier
from app.training_cli import train_cli
from retrieval.errors import MalformedDataset
from tests.app.router.conftest import WORDS, said

if TYPE_CHECKING:
    from pathlib import Path


def test_one_command_makes_a_model_of_a_file(tmp_path: Path, small_base: Path) -> None:
    data, folder = tmp_path / "said.csv", tmp_path / "model"
    rows = [f"{one.text},{one.intent}" for one in said(*WORDS)]
    data.write_text("\n".join(["text,intent", *rows]))
    arguments = ["intent", str(data), "--out", str(folder), "--epochs", "1"]
    done = CliRunner().invoke(train_cli, [*arguments, "--base", str(small_base), "--seed", "3"])
    assert done.exit_code == 0, done.output
    assert "utterances that it did not learn from" in done.output
    assert "of those out of scope" in done.output
    assert IntentClassifier.open(folder, threads=1).names == (
        *("login", "order", "refund"),
        "out_of_scope",
    )


def test_a_malformed_row_is_told_before_anything_is_trained(tmp_path: Path) -> None:
    data = tmp_path / "said.csv"
    data.write_text("text,intent\nwhere is it\n")
    done = CliRunner().invoke(train_cli, ["intent", str(data), "--out", str(tmp_path / "model")])
    with pytest.raises(MalformedDataset, match=r"said\.csv:2: 1 fields"):
        raise done.exception or AssertionError(done.output)
    assert not (tmp_path / "model").exists()
