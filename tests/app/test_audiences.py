"""Whose pages, in which language and about which product: from `ingest` to `ask`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.app import program
from tests.library import SURE, write_pages

if TYPE_CHECKING:
    from pathlib import Path

    from retrieval.embedders import Embedder

QUESTION = "How long does the battery last?"


def page(hours: str) -> str:
    return f"# Battery\n\nThe battery lasts for {hours} hours of normal use.\n"


@pytest.fixture
def home(tmp_path: Path, embedder: Embedder, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the commands keep what they store; only the model is the one already loaded."""
    monkeypatch.setenv("ANSWERABLE_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("app.bootstrap.open_embedder", lambda *_: embedder)
    monkeypatch.setattr("app.bootstrap.shipped_calibration", lambda: SURE)
    return tmp_path


def answerable(*arguments: str) -> dict[str, Any]:
    run = program.answerable(*arguments, "--json")
    assert run.code == 0, run.err
    last: dict[str, Any] = json.loads(run.lines[-1])
    return last


def ingest(home: Path, name: str, hours: str, *options: str) -> dict[str, Any]:
    folder = write_pages(home / name, {"battery.md": page(hours)})
    return answerable("ingest", str(folder), *options)


def hours(*options: str) -> str:
    """The hours that the reply quotes; empty when a person takes over."""
    reply = answerable("ask", QUESTION, *options)
    quotes = " ".join(citation["quote"] for citation in reply["citations"])
    return " ".join(word for word in quotes.split() if word.isdigit())


def test_a_product_is_answered_from_its_own_pages_and_those_about_every_one(home: Path) -> None:
    ingest(home, "wren", "10", "--product", "wren")
    ingest(home, "robin", "20", "--product", "robin")
    assert hours("--product", "wren") == "10"
    assert hours("--product", "robin") == "20"
    assert hours("--product", "owl") == ""
    ingest(home, "all", "30")
    assert hours("--product", "owl") == "30"


def test_a_folder_given_to_another_product_moves_there(home: Path) -> None:
    ingest(home, "pages", "10", "--product", "wren")
    moved = ingest(home, "pages", "10", "--product", "robin")
    assert (moved["changed"], moved["encoded"], moved["reused"], moved["ended"]) == (1, 0, 1, 1)
    assert hours("--product", "wren") == ""
    assert hours("--product", "robin") == "10"


def test_a_language_is_answered_from_its_own_pages(home: Path) -> None:
    ingest(home, "here", "10")
    ingest(home, "there", "20", "--locale", "en-GB")
    assert hours("--locale", "en-GB") == "20"
    assert hours("--locale", "en") == "10"
    assert hours("--locale", "de") == ""


def test_pages_for_an_audience_are_not_for_the_public(home: Path) -> None:
    ingest(home, "internal", "10", "--audience", "staff")
    assert hours() == ""
