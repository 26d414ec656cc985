from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from eval.runs import read_run, write_run
from retrieval.errors import MalformedDataset
from tests.eval.sets import write_lines

if TYPE_CHECKING:
    from pathlib import Path

QUESTIONS, PASSAGES = ("q1", "q2"), ("a page#0", "b")
GOOD = "q1 Q0 b 1 0.5 tag"


def test_a_run_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "found.run"

    write_run(path, {"q1": [("a page#0", 0.75), ("b", 0.5)], "q2": []})

    assert path.read_text() == (
        "q1 Q0 a%20page#0 1 0.750000 answerable\nq1 Q0 b 2 0.500000 answerable\n"
    )
    assert read_run(path, QUESTIONS, PASSAGES) == {"q1": ["a page#0", "b"]}


def test_the_score_decides_and_then_the_rank(tmp_path: Path) -> None:
    path = tmp_path / "found.run"
    write_lines(path, ["q1 Q0 c 2 0.5 x", "q1 Q0 b 3 0.9 x", "q1\tQ0\ta\t1\t5e-1\tx"])

    assert read_run(path, QUESTIONS, None) == {"q1": ["b", "a", "c"]}


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        ("q1 Q0 b 1 0.5", "5 fields, not 6"),
        ("q1 Q0 b 1 high tag", "score 'high' is no number"),
        ("q1 Q0 b first 0.5 tag", "rank 'first' or"),
        ("q9 Q0 b 1 0.5 tag", "question 'q9' is not in the data set"),
        ("q1 Q0 z 1 0.5 tag", "passage 'z' is not in the data set"),
        (GOOD, r"'q1 b' stands at .*found\.run:1 already"),
    ],
)
def test_a_malformed_line_is_named_by_file_and_number(
    tmp_path: Path, bad: str, problem: str
) -> None:
    path = tmp_path / "found.run"
    write_lines(path, [GOOD, "", bad])

    with pytest.raises(MalformedDataset, match=rf"found\.run:3: .*{problem}") as raised:
        read_run(path, QUESTIONS, PASSAGES)
    assert raised.value.hint


def test_a_missing_or_empty_run_is_named(tmp_path: Path) -> None:
    path = tmp_path / "found.run"
    with pytest.raises(MalformedDataset, match=r"found\.run cannot be read"):
        read_run(path, QUESTIONS, PASSAGES)

    path.touch()
    with pytest.raises(MalformedDataset, match=r"found\.run is empty"):
        read_run(path, QUESTIONS, PASSAGES)
