from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from app.bootstrap import open_service
from app.confidence import SIGNALS, Calibration, evidence, open_calibration, shipped_calibration
from app.types import Question
from retrieval.errors import BadInput
from retrieval.types import Reader, Retrieval
from tests.library import RETURNS, chunk, passage

if TYPE_CHECKING:
    from pathlib import Path

    from app.settings import Settings
    from retrieval.embedders import Embedder

WEIGHTS = dict.fromkeys(SIGNALS, 1.5)
FIELDS = {"name": "mine", "intercept": -2, "weights": WEIGHTS}


def _written(folder: Path, fields: object) -> Path:
    path = folder / "mine.json"
    path.write_text(json.dumps(fields))
    return path


def test_a_calibration_is_read_as_it_was_written(tmp_path: Path) -> None:
    assert open_calibration(_written(tmp_path, FIELDS)) == Calibration("mine", -2.0, WEIGHTS)


def test_the_shipped_calibration_can_be_used() -> None:
    assert set(shipped_calibration().weights) == set(SIGNALS)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "it is not JSON"),
        ("\xff", "it is not JSON"),
        ("[]", "it does not hold a JSON object"),
        ({}, "the field 'name' is missing"),
        ({**FIELDS, "slope": 2}, "there is no field 'slope'"),
        ({**FIELDS, "weights": [1]}, "'weights' is not a JSON object"),
        ({**FIELDS, "weights": {**WEIGHTS, "score": 1}}, "there is no signal 'score'"),
        ({**FIELDS, "weights": {"unit": 1}}, "the signal 'score_lift' is missing"),
        ({**FIELDS, "intercept": "much"}, "'intercept' is \"much\", not a number"),
        ({**FIELDS, "intercept": True}, "'intercept' is true, not a number"),
        ({**FIELDS, "intercept": math.nan}, "'intercept' is NaN, not a number"),
        ({**FIELDS, "weights": {**WEIGHTS, "length": 10**400}}, "not a number from -1000 to 1000"),
    ],
)
def test_a_file_that_is_no_calibration_is_named_with_what_is_wrong(
    tmp_path: Path, text: object, problem: str
) -> None:
    path = tmp_path / "mine.json"
    if isinstance(text, str):
        path.write_bytes(text.encode("latin-1"))
    else:
        path.write_text(json.dumps(text))

    with pytest.raises(BadInput) as caught:
        open_calibration(path)

    assert str(path) in caught.value.message
    assert problem in caught.value.message
    assert "ANSWERABLE_CALIBRATION" in caught.value.hint


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"nowhere\.json cannot be used: it cannot be read"):
        open_calibration(tmp_path / "nowhere.json")


async def test_the_calibration_comes_from_the_file_that_is_set(
    settings: Settings, tmp_path: Path, embedder: Embedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.bootstrap.open_embedder", lambda *_: embedder)
    never = {"name": "never sure", "intercept": -20, "weights": dict.fromkeys(SIGNALS, 0)}
    mine = settings.model_copy(update={"calibration": str(_written(tmp_path, never))})

    async with open_service(mine) as service:
        answer = await service.support.answer(Question(RETURNS, Reader()))
        trace = await service.store.trace(answer.trace_id, "default")

    assert answer.handoff
    assert answer.confidence == 0
    assert trace
    assert trace.versions["calibration"] == "never sure"


def test_nothing_found_is_no_evidence() -> None:
    assert evidence(Retrieval("What?", ("What", "?"), ())) == dict.fromkeys(SIGNALS, 0.0)


def test_the_signals_are_of_the_best_passage_and_of_the_question() -> None:
    best = replace(
        passage(chunk("The kettle boils. It then stops."), score=0.9, unit_scores=(0.4, 0.7)),
        matches=(0.9, 0.8, 0.2),
    )
    others = [passage(chunk("Other words.", n=n), score=n / 10) for n in (2, 3)]
    found = Retrieval("Why kettle boils", ("Why", "kettle", "boils"), (best, *others))

    signals = evidence(found)

    assert signals["unit"] == 0.7
    assert signals["score_lift"] == pytest.approx(0.9 - 0.3)
    assert signals["weakest"] == 0.2
    assert signals["length"] == pytest.approx(math.log(4))


def test_a_heading_is_no_answer_however_well_it_matches() -> None:
    titled = chunk("## Boiling\n\nThe kettle boils.")
    scores = tuple(0.9 if unit.kind == "heading" else 0.3 for unit in titled.units)
    assert 0.9 in scores
    found = passage(titled, unit_scores=scores)

    signals = evidence(Retrieval("boiling", ("boiling",), (replace(found, matches=(0.5,)),)))

    assert signals["unit"] == 0.3
