"""Finds out in which form a set of utterances is, and reads it.

BANKING77, CLINC150, Bitext's customer-support sample and NLU++ are read as they are published;
any CSV file with the columns text and intent is read too.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.router.utterances import OUT_OF_SCOPE, Utterance, divide, read_utterances
from ingestion.rows import read_text
from retrieval.errors import MalformedDataset

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

TEST_SHARE = 0.2  # of a set that comes in one piece
SEED = 0
HANDOFF = "handoff"  # what NLU++ calls the wish to talk to a person
OTHER = "other"


@dataclass(frozen=True, slots=True)
class IntentSet:
    """Utterances to learn from and others to be asked about.

    Attributes:
        name: Of the set.
        learn: To learn from; empty when a model has to be given.
        validation: To calibrate on; empty when some of `learn` are to be held out for that.
        test: To measure on, and for nothing else.
    """

    name: str
    learn: tuple[Utterance, ...]
    validation: tuple[Utterance, ...]
    test: tuple[Utterance, ...]


def load_intent_set(path: Path, *, whole: bool) -> IntentSet:
    """Read the set in a folder or a CSV file.

    Args:
        path: Where it is.
        whole: Measure on all of a CSV file, and leave nothing of it to learn from.

    Raises:
        MalformedDataset: There is none, or it is not whole; the message names file and line.
    """
    if path.is_file():
        return _one_file(path, whole=whole)
    for mark, read in _FORMS.items():
        if (path / mark).exists():
            return read(path)
    raise MalformedDataset(
        f"{path} holds no set of utterances.",
        hint="Give a CSV file with the columns text and intent, or the folder of BANKING77, "
        "CLINC150, Bitext's customer-support sample or NLU++.",
    )


def _one_file(path: Path, *, whole: bool) -> IntentSet:
    utterances = read_utterances(path)
    if whole:
        return IntentSet(path.name, (), (), utterances)
    division = divide(utterances, TEST_SHARE, SEED)
    return IntentSet(path.name, division.learn, (), division.held_out)


def _banking(folder: Path) -> IntentSet:
    learn, test = (
        read_utterances(folder / name, ("text", "category")) for name in ("train.csv", "test.csv")
    )
    return IntentSet(folder.name, learn, (), test)


def _clinc(folder: Path) -> IntentSet:
    path = folder / "data_full.json"
    text = read_text(path)
    try:
        parts = json.loads(text)
        learn, validation, test = (
            tuple(_pairs(parts[name]) + _pairs(parts[f"oos_{name}"]))
            for name in ("train", "val", "test")
        )
    except (KeyError, TypeError, ValueError) as error:
        raise MalformedDataset(
            f"{path} is not CLINC150's: {error}.", hint="Take the file data_full.json as it is."
        ) from error
    return IntentSet(folder.name, learn, validation, test)


def _pairs(rows: Iterable[tuple[str, str]]) -> list[Utterance]:
    return [Utterance(text, OUT_OF_SCOPE if name == "oos" else name) for text, name in rows]


def _bitext(folder: Path) -> IntentSet:
    learn, validation, test = (
        read_utterances(_only(folder / part), ("utterance", "intent"))
        for part in ("train", "dev", "test")
    )
    return IntentSet(folder.name, learn, validation, test)


def _only(folder: Path) -> Path:
    found = sorted(folder.glob("*.csv"))
    if len(found) != 1:
        raise MalformedDataset(
            f"{folder} holds {len(found)} CSV files, not one.", hint="Take the set as it is."
        )
    return found[0]


def _nlupp(folder: Path) -> IntentSet:
    """All of it, to ask of each utterance whether a person is wanted.

    An utterance of it has several intents, or none, so that it is nothing to learn single ones
    from.
    """
    utterances = [
        Utterance(row["text"], HANDOFF if HANDOFF in row.get("intents", ()) else OTHER)
        for path in sorted(folder.glob("data/*/fold*.json"))
        for row in _folds(path)
    ]
    return IntentSet(folder.name, (), (), tuple(dict.fromkeys(utterances)))


def _folds(path: Path) -> list[Mapping[str, str]]:
    rows: list[Mapping[str, str]] = json.loads(read_text(path))
    return rows


_FORMS = {
    "categories.json": _banking,
    "data_full.json": _clinc,
    "TAGS.md": _bitext,
    "data/ontology.json": _nlupp,
}
