"""Ranked lists as TREC run files: `question Q0 passage rank score tag`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote

from ingestion.rows import Placed, read_lines, unique
from retrieval.errors import MalformedDataset

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

_FIELDS = 6
TAG = "answerable"


def write_run(path: Path, rankings: Mapping[str, Sequence[tuple[str, float]]]) -> None:
    """Write each question's ranking.

    Args:
        path: Where to.
        rankings: For each question's id, what was found and its score, best first.
    """
    lines = [
        f"{_written(question)} Q0 {_written(unit)} {rank} {score:.6f} {TAG}\n"
        for question, found in rankings.items()
        for rank, (unit, score) in enumerate(found, start=1)
    ]
    path.write_text("".join(lines), encoding="utf-8")


def read_run(
    path: Path, questions: Iterable[str], passages: Iterable[str] | None
) -> dict[str, list[str]]:
    """Read a run: what was found for each question, best first.

    Args:
        path: The file.
        questions: The ids there are.
        passages: The ids there are; None when a run may name others, as one over pages does.

    Raises:
        MalformedDataset: A line is not a run's, or names something that is not in the set.
    """
    known = {_written(question): question for question in questions}
    units = None if passages is None else {_written(passage): passage for passage in passages}
    lines = [_line(line, known, units) for line in read_lines(path)]
    if not lines:
        raise MalformedDataset(f"{path} is empty.", hint="Write a run with --run first.")
    found = unique(lines, lambda line: f"{line[0]} {line[1]}")
    rankings: dict[str, list[str]] = {}
    for question, unit, _, _ in sorted(found, key=lambda line: (-line[2], line[3])):
        rankings.setdefault(question, []).append(unit)
    return rankings


def _line(
    line: Placed[str], questions: Mapping[str, str], units: Mapping[str, str] | None
) -> Placed[tuple[str, str, float, int]]:
    fields = line.value.split()
    if len(fields) != _FIELDS:
        raise MalformedDataset(
            f"{line.where}: {len(fields)} fields, not {_FIELDS}.",
            hint="A line of a run is 'question Q0 passage rank score tag'.",
        )
    question, _, unit, rank, score, _ = fields
    if question not in questions:
        raise _unknown(line.where, "question", question)
    if units is not None and unit not in units:
        raise _unknown(line.where, "passage", unit)
    name = unit if units is None else units[unit]
    try:
        return Placed(line.where, (questions[question], name, float(score), int(rank)))
    except ValueError:
        raise MalformedDataset(
            f"{line.where}: rank '{rank}' or score '{score}' is no number.",
            hint="A line of a run is 'question Q0 passage rank score tag'.",
        ) from None


def _unknown(where: str, kind: str, name: str) -> MalformedDataset:
    return MalformedDataset(
        f"{where}: {kind} '{name}' is not in the data set.",
        hint="Compare with a run over the same set, and with --pages only if it had it too.",
    )


def _written(name: str) -> str:
    """A name without white space, which separates the fields of a run."""
    return re.sub(r"\s", lambda space: quote(space[0]), name)
