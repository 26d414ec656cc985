from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING

import pytest

from app.cache.likeness import SIGNALS, likeness
from app.cache.verifier import Verifier, open_pair_score, shipped_pair_score
from app.cache.wording import read_wording
from retrieval.errors import BadInput
from tests.app.cache.asking import load

if TYPE_CHECKING:
    from pathlib import Path

    from tests.app.cache.asking import Ask

FEWEST_TRAPS = 200
FOUND = 0.3  # share of the repeats that is served at least, with the shipped threshold
VERIFIER = Verifier(shipped_pair_score())
TRAPS = load("traps.jsonl")


@pytest.mark.parametrize("trap", TRAPS, ids=lambda trap: f"{trap['trap']}: {trap['a']}"[:60])
def test_a_trap_is_refused_whichever_way_round(ask: Ask, trap: dict[str, str]) -> None:
    a, b = ask(trap["a"]), ask(trap["b"])
    assert not VERIFIER.judge(a, b).same
    assert not VERIFIER.judge(b, a).same


def test_there_are_traps_enough() -> None:
    assert len(TRAPS) >= FEWEST_TRAPS


def test_repeats_are_found(ask: Ask) -> None:
    repeats = load("repeats.jsonl")
    found = Counter(VERIFIER.judge(ask(pair["a"]), ask(pair["b"])).same for pair in repeats)
    assert found[True] / len(repeats) >= FOUND, found


def test_a_question_is_the_same_as_itself(ask: Ask) -> None:
    for pair in load("repeats.jsonl")[:50]:
        verdict = VERIFIER.judge(ask(pair["a"]), ask(pair["a"]))
        assert verdict.same
        assert verdict.score > VERIFIER.pair_score.threshold


def test_the_order_of_two_questions_does_not_matter(ask: Ask) -> None:
    one = read_wording(ask("How do I change the address of my order?"))
    other = read_wording(ask("Can I change my order's address?"))
    there, back = likeness(one, other), likeness(other, one)
    assert set(there) == set(SIGNALS)
    assert there == pytest.approx(back)


@pytest.mark.parametrize("text", ["", "?", "the of and", "Hello"])
def test_a_question_of_no_content_can_be_compared(ask: Ask, text: str) -> None:
    VERIFIER.judge(ask(text), ask("How do I reset it?"))
    VERIFIER.judge(ask(text), ask(text))


def test_a_written_pair_score_is_read_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "score.json"
    path.write_text(json.dumps(asdict(shipped_pair_score())))
    assert open_pair_score(path) == shipped_pair_score()


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"threshold": None}, "'threshold' is null, not a number"),
        ({"intercept": 1e9}, "not a number from -1000 to 1000"),
        ({"weights": {"cosine": 1.0}}, "'weights' has to hold"),
        ({"extra": 1}, "it has to hold 'name'"),
    ],
)
def test_a_pair_score_of_another_shape_is_refused(
    tmp_path: Path, change: dict[str, object], problem: str
) -> None:
    path = tmp_path / "score.json"
    path.write_text(json.dumps({**asdict(shipped_pair_score()), **change}))
    with pytest.raises(BadInput, match=problem):
        open_pair_score(path)


@pytest.mark.parametrize(("text", "problem"), [("{", "not JSON"), ("[]", "it has to hold")])
def test_a_file_that_is_no_pair_score_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "score.json"
    path.write_text(text)
    with pytest.raises(BadInput, match=problem):
        open_pair_score(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        open_pair_score(tmp_path / "none.json")
