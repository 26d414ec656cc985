"""What customers say and what they mean by it: the rows that an intent model learns from."""

from __future__ import annotations

import csv
import io
import logging
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingestion.rows import Placed, read_text
from retrieval.errors import MalformedDataset

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

OUT_OF_SCOPE = "out_of_scope"  # rows of this intent are about nothing that the others are about
COLUMNS = ("text", "intent")
FEWEST = 4  # rows of an intent: one to hold out, and some to learn from

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Utterance:
    """One thing that a customer may say.

    Attributes:
        text: The words.
        intent: What is meant by them.
    """

    text: str
    intent: str


@dataclass(frozen=True, slots=True)
class Division:
    """Utterances to learn from, and utterances held out to measure and calibrate on."""

    learn: tuple[Utterance, ...]
    held_out: tuple[Utterance, ...]


def read_utterances(path: Path, columns: tuple[str, str] = COLUMNS) -> tuple[Utterance, ...]:
    """The rows of a CSV file, each once.

    Args:
        path: The file.
        columns: What the columns of the text and of the intent are called.

    Raises:
        MalformedDataset: The file cannot be read, or a row is not what it should be.
    """
    intents: dict[str, Placed[str]] = {}
    for row in _rows(path, columns):
        text, intent = row.value.text, row.value.intent
        first = intents.setdefault(text, Placed(row.where, intent))
        if first.value != intent:
            _log.warning(
                "%s: this is '%s' here and '%s' at %s; the first is kept",
                row.where,
                intent,
                first.value,
                first.where,
            )
    if not intents:
        raise MalformedDataset(f"{path} holds no utterances.", hint=f"Add rows of {_form(columns)}")
    return tuple(Utterance(text, placed.value) for text, placed in intents.items())


def divide(utterances: Sequence[Utterance], share: float, seed: int) -> Division:
    """Hold out the same share of every intent, and at least one utterance of each.

    Raises:
        MalformedDataset: An intent has too few, or there are fewer than two intents.
    """
    draw = random.Random(seed)  # noqa: S311 - nothing secret hangs on it
    learn, held_out = [], []
    for members in _by_intent(utterances).values():
        draw.shuffle(members)
        cut = max(1, round(share * len(members)))
        held_out += members[:cut]
        learn += members[cut:]
    return Division(tuple(learn), tuple(held_out))


def intents_of(utterances: Iterable[Utterance]) -> tuple[str, ...]:
    """The intents there are, in order of their names; `OUT_OF_SCOPE` is none."""
    return tuple(sorted({one.intent for one in utterances} - {OUT_OF_SCOPE}))


def _by_intent(utterances: Sequence[Utterance]) -> dict[str, list[Utterance]]:
    members: dict[str, list[Utterance]] = {}
    for one in sorted(utterances, key=lambda one: (one.intent, one.text)):
        members.setdefault(one.intent, []).append(one)
    if len(members.keys() - {OUT_OF_SCOPE}) < 2:  # noqa: PLR2004 - nothing to choose between
        raise MalformedDataset(
            "There are fewer than two intents.", hint="Add rows of another intent."
        )
    for intent, rows in members.items():
        if len(rows) < FEWEST:
            raise MalformedDataset(
                f"The intent '{intent}' has {len(rows)} different utterances, fewer than {FEWEST}.",
                hint="Add more of them (30 or so is a good start), or leave the intent out.",
            )
    return members


def _rows(path: Path, columns: tuple[str, str]) -> Iterator[Placed[Utterance]]:
    reader = csv.reader(io.StringIO(read_text(path), newline=""), strict=True)
    width, places = 0, (0, 0)
    try:
        for row in reader:
            where = f"{path}:{reader.line_num}"
            if not row:
                continue
            if not width:
                width, places = len(row), _places(where, row, columns)
                continue
            if len(row) != width:
                raise MalformedDataset(
                    f"{where}: {len(row)} fields, where the first line names {width}.",
                    hint='Put a text that has a comma in it between quotation marks: "like, so".',
                )
            yield Placed(where, _utterance(where, row, places, columns))
    except csv.Error as error:
        raise MalformedDataset(
            f"{path}:{reader.line_num}: this is not CSV: {error}.",
            hint='Put a text between quotation marks, and double those within it: "say ""hi""".',
        ) from error


def _places(where: str, header: Sequence[str], columns: tuple[str, str]) -> tuple[int, int]:
    names = [name.strip().lower() for name in header]
    if missing := [column for column in columns if column not in names]:
        raise MalformedDataset(
            f"{where}: there is no column '{missing[0]}'.",
            hint=f"The first line has to name the columns: {_form(columns)}",
        )
    return names.index(columns[0]), names.index(columns[1])


def _utterance(
    where: str, row: Sequence[str], places: tuple[int, int], columns: tuple[str, str]
) -> Utterance:
    text, intent = (" ".join(row[place].split()) for place in places)
    for column, value in zip(columns, (text, intent), strict=True):
        if not value:
            raise MalformedDataset(
                f"{where}: '{column}' is empty.", hint="Fill it in, or remove the row."
            )
    return Utterance(text, intent)


def _form(columns: tuple[str, str]) -> str:
    return f"{columns[0]},{columns[1]}."
