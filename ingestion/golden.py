"""Golden questions: what customers ask, and the passage that answers, if one does."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingestion.parsing import parse
from ingestion.rows import Placed, read_rows, unique
from ingestion.sources.files import FolderSource
from ingestion.sources.source import SourceFile
from retrieval.errors import MalformedDataset, UnreadableDocument

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from ingestion.rows import Row

_NOT_WORDS = re.compile(r"[\W_]+")


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
        answer: Words that a right reply contains; empty when the set names none.
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


def load_golden(path: Path, pages: Mapping[str, str] | None = None) -> tuple[GoldenQuestion, ...]:
    """Read a file of JSON lines; `examples/README.md` describes them.

    Args:
        path: The file.
        pages: What `read_pages` found in the documents, to hold gold passages against; None
            takes them at their word.

    Raises:
        MalformedDataset: The file is not what it should be, or a gold passage is not on its page.
    """
    placed = [Placed(row.where, _question(row)) for row in read_rows(path)]
    questions = unique(placed, lambda question: question.id)
    if not questions:
        raise MalformedDataset(f"{path} holds no question.", hint="Write one JSON object a line.")
    if pages is not None:
        for question in placed:
            _check_passages(question, pages)
    return questions


def says(text: str, part: str) -> bool:
    """Whether a text says what a part of it would, whole words only; layout does not matter."""
    return f" {normalised(part)} " in f" {normalised(text)} "


def read_pages(documents: Path) -> dict[str, str]:
    """What each page says, by the name ingestion gives it.

    A page that cannot be read is left out; ingestion reports it.
    """
    return dict(_pages(FolderSource(documents)))


def normalised(text: str) -> str:
    """Lower case, words only: what decides whether two texts say the same."""
    return _NOT_WORDS.sub(" ", text.lower()).strip()


def _pages(source: FolderSource) -> Iterator[tuple[str, str]]:
    for file in source.read():
        if not isinstance(file, SourceFile):
            continue
        try:
            document = parse(file)
        except UnreadableDocument:
            continue
        yield file.page, f"{document.metadata['title']} {document.page_content}"


def _question(row: Row) -> GoldenQuestion:
    answerable = _answerable(row)
    turns = [(turn.name("role"), turn.text("text")) for turn in row.rows("history")]
    answer = row.text("answer")
    passages = tuple(_passages(row)) if answerable else ()
    if answer and passages and not says(passages[0].text, answer):
        raise MalformedDataset(
            f"{row.where}: the answer '{answer}' does not stand in the passage.",
            hint="'answer' has to be a piece of 'passage', word for word.",
        )
    return GoldenQuestion(
        id=row.name("id"),
        question=row.name("question"),
        kind=row.name("kind"),
        earlier=tuple(text for role, text in turns if role == "customer"),
        passages=passages,
        answer=answer if answerable else "",
    )


def _answerable(row: Row) -> bool:
    answerable = row.fields.get("answerable")
    if not isinstance(answerable, bool):
        raise MalformedDataset(
            f"{row.where}: 'answerable' is missing or neither true nor false.",
            hint="Say true where the documents carry the answer, with 'page' and 'passage'.",
        )
    if not answerable and row.fields.get("passage"):
        raise MalformedDataset(
            f"{row.where}: the question is not answerable, and yet it has a passage.",
            hint="Set 'answerable' to true, or 'page', 'passage' and 'answer' to null.",
        )
    return answerable


def _passages(row: Row) -> Iterator[GoldPassage]:
    for place in (row, *row.rows("also")):
        passage = GoldPassage(place.text("page"), place.text("passage"))
        if not passage.page or not normalised(passage.text):
            raise MalformedDataset(
                f"{place.where}: the question is answerable, but 'page' or 'passage' is empty.",
                hint="Name the page and copy the words that answer, or set 'answerable' to false.",
            )
        yield passage


def _check_passages(placed: Placed[GoldenQuestion], pages: Mapping[str, str]) -> None:
    for passage in placed.value.passages:
        if passage.page not in pages:
            raise MalformedDataset(
                f"{placed.where}: the page '{passage.page}' is not among the documents.",
                hint="Write it as a path from the documents' folder, and check that it is there.",
            )
        if not says(pages[passage.page], passage.text):
            raise MalformedDataset(
                f"{placed.where}: '{_start(passage.text)}' does not stand on '{passage.page}'.",
                hint="Copy the passage from the page as it reads now, without markup.",
            )


def _start(text: str, longest: int = 60) -> str:
    return text if len(text) <= longest else f"{text[:longest]}..."
