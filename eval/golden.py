"""Golden questions: what customers ask, and the passage that answers, if one does."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from retrieval.errors import BadInput

if TYPE_CHECKING:
    from pathlib import Path

_NOT_WORDS = re.compile(r"[\W_]+")


class MalformedDataset(BadInput):
    """A data file does not hold what it should; the message names file and line."""


@dataclass(frozen=True, slots=True)
class GoldPassage:
    """Where an answer stands: a page of the help centre, and the words on it."""

    page: str
    text: str


@dataclass(frozen=True, slots=True)
class GoldenQuestion:
    """One question with its right answer.

    Attributes:
        id: Names the question in reports.
        question: As a customer typed it.
        kind: How it is asked, or in what way it cannot be answered.
        earlier: What the customer wrote before it in the same conversation.
        passages: Where the answer stands; empty when the documents do not carry it.
        answer: Words that a right reply contains; empty like `passages`.
    """

    id: str
    question: str
    kind: str
    earlier: tuple[str, ...]
    passages: tuple[GoldPassage, ...]
    answer: str

    @property
    def answerable(self) -> bool:
        """Whether the documents carry the answer."""
        return bool(self.passages)


def load_golden(path: Path) -> tuple[GoldenQuestion, ...]:
    """Read a file of JSON lines; `examples/README.md` describes them.

    Raises:
        MalformedDataset: A line is not what it should be.
    """
    if not path.exists():
        raise MalformedDataset(f"{path} does not exist.")
    lines = path.read_text(encoding="utf-8").splitlines()
    return tuple(
        _question(line, f"{path}:{number}")
        for number, line in enumerate(lines, start=1)
        if line.strip()
    )


def load_texts(path: Path) -> tuple[str, ...]:
    """Only the questions' texts, from golden questions or BEIR's `queries.jsonl`.

    Raises:
        MalformedDataset: A line is not JSON, or has neither `text` nor `question`.
    """
    texts = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            fields = json.loads(line)
            texts.append(str(fields.get("text") or fields["question"]))
        except (json.JSONDecodeError, KeyError, AttributeError) as error:
            raise MalformedDataset(f"{path}:{number}: no question here: {error}.") from error
    return tuple(texts)


def normalised(text: str) -> str:
    """Lower case, words only: what decides whether two texts say the same."""
    return _NOT_WORDS.sub(" ", text.lower()).strip()


def _question(line: str, where: str) -> GoldenQuestion:
    try:
        fields = json.loads(line)
        return _from_fields(fields)
    except json.JSONDecodeError as error:
        raise MalformedDataset(f"{where}: this is not JSON: {error.msg}.") from error
    except (KeyError, TypeError) as error:
        raise MalformedDataset(
            f"{where}: missing or mistyped: {error}.",
            hint="Each line needs id, question, kind, history, answerable, page, passage, answer.",
        ) from error


def _from_fields(fields: dict[str, Any]) -> GoldenQuestion:
    passages = [fields, *fields.get("also", [])] if fields["answerable"] else []
    return GoldenQuestion(
        id=fields["id"],
        question=fields["question"],
        kind=fields["kind"],
        earlier=tuple(m["text"] for m in fields["history"] if m["role"] == "customer"),
        passages=tuple(GoldPassage(p["page"], p["passage"]) for p in passages),
        answer=fields["answer"] or "",
    )
