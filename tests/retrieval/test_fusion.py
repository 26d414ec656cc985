from __future__ import annotations

import json
import math
from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.errors import BadInput
from retrieval.fusion import (
    ABSENT_SHARE,
    LEXICAL_FLOOR,
    SHIPPED_WEIGHTS,
    FusionWeights,
    SignalArrays,
    fuse,
    open_weights,
    relative_lexical,
)
from tests.library import chunk, passage

if TYPE_CHECKING:
    from pathlib import Path

weight = st.floats(0, 2)
weights = st.builds(FusionWeights, weight, weight, weight, weight)
cosine = st.floats(-1, 1)
rows = st.lists(st.tuples(cosine, cosine, st.floats(0, 1), st.integers(0, 2000)), max_size=50)
bm25 = st.lists(st.none() | st.floats(0.01, 60), max_size=50)


def arrays(given_rows: list[tuple[float, float, float, int]]) -> SignalArrays:
    columns = np.array(given_rows, dtype=np.float64).reshape(-1, 4).T
    return SignalArrays(*columns)


def one_by_one(row: tuple[float, float, float, int], w: FusionWeights) -> float:
    """The formula as docs/decisions/0002-fusion.md gives it, for one passage."""
    late, dense, lexical, tokens = row
    length = w.length * math.log2(max(tokens, 1))
    return w.late * late + w.dense * dense + w.lexical * lexical - length


def lexical_one_by_one(scores: list[float | None], limit: int) -> list[float]:
    present = [score for score in scores if score is not None]
    if not present:
        return [0.0] * len(scores)
    absent = ABSENT_SHARE * min(present) if len(present) >= limit else 0.0
    ceiling = max(present) + LEXICAL_FLOOR
    return [(absent if score is None else score) / ceiling for score in scores]


@given(rows, weights)
def test_many_passages_score_as_each_would_alone(
    given_rows: list[tuple[float, float, float, int]], w: FusionWeights
) -> None:
    wanted = [one_by_one(row, w) for row in given_rows]
    assert fuse(arrays(given_rows), w) == pytest.approx(wanted, rel=1e-12, abs=1e-12)


@given(bm25, st.integers(1, 30))
def test_lexical_scores_are_relative_to_the_best(scores: list[float | None], limit: int) -> None:
    wanted = lexical_one_by_one(scores, limit)
    assert relative_lexical(scores, limit) == pytest.approx(wanted, rel=1e-12)


def test_thousands_of_questions_are_scored_at_once() -> None:
    rng = np.random.default_rng(1)
    signals = SignalArrays(*rng.random((4, 5_000, 40)))
    scores = fuse(signals, SHIPPED_WEIGHTS)
    assert scores.shape == (5_000, 40)
    row = (signals.late[7, 3], signals.dense[7, 3], signals.lexical[7, 3], 0)
    assert scores[7, 3] == pytest.approx(one_by_one(row, SHIPPED_WEIGHTS))


def test_the_signals_of_passages_become_arrays() -> None:
    found = [passage(chunk("Boil the kettle.", n=1), 0.5), passage(chunk("Wait."), 0.25)]
    signals = SignalArrays.of(found)
    assert (
        signals.late.tolist() == signals.dense.tolist() == signals.lexical.tolist() == [0.5, 0.25]
    )
    assert signals.tokens.tolist() == [3, 1]
    assert len(fuse(SignalArrays.of([]), SHIPPED_WEIGHTS)) == 0


# Weights from a file.


def test_without_a_file_the_weights_are_the_shipped_ones() -> None:
    assert open_weights("") == FusionWeights(0.5, 0.4, 0.25, 0.02, "shipped")


def test_weights_read_back_as_they_were_written(tmp_path: Path) -> None:
    tuned = FusionWeights(0.6, 0.3, 0.1, 0, name="our pages, 300 questions")
    file = tmp_path / "fusion.json"
    file.write_text(json.dumps(asdict(tuned)))
    assert open_weights(str(file)) == tuned


def test_weights_without_a_name_are_named_for_their_file(tmp_path: Path) -> None:
    file = tmp_path / "ours.json"
    file.write_text('{"late": 1, "dense": 0, "lexical": 0, "length": 0}')
    assert open_weights(str(file)).name == "ours.json"


GOOD = {"late": 0.5, "dense": 0.4, "lexical": 0.25, "length": 0.02}
NO_WEIGHT = "not a number from 0 to 100"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "it is not JSON"),
        ("{", "it is not JSON"),
        ("\ufeff{}", "it is not JSON"),
        ("[0.5, 0.4]", "does not hold a JSON object"),
        ("{}", "'late' is missing"),
        (json.dumps({**GOOD, "colour": 1}), "no weight 'colour'"),
        (json.dumps({**GOOD, "late": "0.5"}), f"'late' is \"0.5\", {NO_WEIGHT}"),
        (json.dumps({**GOOD, "late": True}), NO_WEIGHT),
        (json.dumps({**GOOD, "late": None}), NO_WEIGHT),
        (json.dumps({**GOOD, "late": -0.1}), NO_WEIGHT),
        (json.dumps({**GOOD, "late": math.nan}), NO_WEIGHT),
        (json.dumps({**GOOD, "late": math.inf}), NO_WEIGHT),
        (json.dumps({**GOOD, "late": 10**400}), NO_WEIGHT),
        (json.dumps({**GOOD, "late": 0, "dense": 0, "lexical": 0}), "no signal counts"),
    ],
)
def test_a_file_of_no_weights_is_named_with_what_is_wrong(
    tmp_path: Path, content: str, problem: str
) -> None:
    file = tmp_path / "fusion.json"
    file.write_text(content)
    with pytest.raises(BadInput) as caught:
        open_weights(str(file))
    assert f"The fusion weights in {file} cannot be used: " in str(caught.value)
    assert problem in str(caught.value)
    assert "ANSWERABLE_FUSION" in caught.value.hint


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"nowhere\.json cannot be used: it cannot be read"):
        open_weights(str(tmp_path / "nowhere.json"))
