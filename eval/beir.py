"""Reads BEIR folders: `corpus.jsonl`, `queries.jsonl` and `qrels.tsv` or `qrels/test.tsv`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from eval.corpus import CorpusPassage, DatasetQuestion, RetrievalSet
from ingestion.rows import Placed, read_lines, read_rows, unique
from retrieval.errors import MalformedDataset

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from collections.abc import Set as AbstractSet
    from pathlib import Path

    from ingestion.rows import Row

CORPUS, QUERIES, QRELS = "corpus.jsonl", "queries.jsonl", ("qrels.tsv", "qrels/test.tsv")
PAGES = "pages"

_TREC_FIELDS = 4
_BEIR_FIELDS = 3


@dataclass(frozen=True, slots=True)
class _Judgement:
    where: str
    question: str
    passage: str
    grade: int


def is_beir(folder: Path) -> bool:
    """Whether the folder holds, or was meant to hold, a set in this form."""
    return (folder / CORPUS).is_file() or (folder / QUERIES).is_file()


def read_beir(folder: Path) -> RetrievalSet:
    """Read one folder.

    Raises:
        MalformedDataset: A file is missing, or a line is not what it should be.
    """
    passages = unique(map(_passage, read_rows(folder / CORPUS)), lambda passage: passage.id)
    questions = unique(map(_question, read_rows(folder / QUERIES)), lambda question: question.id)
    path = _qrels(folder)
    judgements = _known(
        _judgements(path), {question.id for question in questions}, {p.id for p in passages}
    )
    pages = folder / PAGES
    return RetrievalSet(
        name=folder.resolve().name,
        passages=passages,
        questions=questions,
        relevant=_relevant(judgements, path),
        pages=pages if pages.is_dir() else None,
    )


def _passage(row: Row) -> Placed[CorpusPassage]:
    passage = CorpusPassage(
        id=row.name("_id"),
        title=row.text("title"),
        headings=row.texts("headings"),
        page=row.text("page"),
        text=row.text("text"),
    )
    if not passage.text.strip() and not passage.title.strip():
        raise MalformedDataset(
            f"{row.where}: the passage has no text and no title.", hint="Remove the line."
        )
    return Placed(row.where, passage)


def _question(row: Row) -> Placed[DatasetQuestion]:
    turns = [(turn.name("speaker"), turn.text("text")) for turn in row.rows("history")]
    question = DatasetQuestion(
        id=row.name("_id"),
        text=row.text("text").strip(),
        earlier=tuple(text for speaker, text in turns if speaker == "user" and text.strip()),
        answer=row.text("answer"),
    )
    if not question.text:
        raise MalformedDataset(
            f"{row.where}: question '{question.id}' is empty.",
            hint="Give it a 'text', or remove the line.",
        )
    return Placed(row.where, question)


def _qrels(folder: Path) -> Path:
    paths = [folder / name for name in QRELS]
    found = next((path for path in paths if path.is_file()), None)
    if found is None:
        raise MalformedDataset(
            f"{paths[0]} does not exist, nor does {paths[1]}.",
            hint="Add the judgements: question id, passage id and grade, separated by tabs.",
        )
    return found


def _judgements(path: Path) -> Iterator[_Judgement]:
    lines = read_lines(path)
    for position, line in enumerate(lines):
        fields = line.value.split("\t") if "\t" in line.value else line.value.split()
        if position == 0 and fields[-1].strip().casefold() == "score":
            continue
        yield _judgement(line.where, [field.strip() for field in fields])


def _judgement(where: str, fields: list[str]) -> _Judgement:
    if len(fields) == _TREC_FIELDS:  # question, iteration, passage, grade
        del fields[1]
    if len(fields) != _BEIR_FIELDS:
        raise MalformedDataset(
            f"{where}: {len(fields)} fields, not 3 or 4.",
            hint="A line is 'question-id passage-id score', separated by tabs, or TREC's form.",
        )
    question, passage, grade = fields
    try:
        return _Judgement(where, question, passage, int(grade))
    except ValueError:
        raise MalformedDataset(
            f"{where}: the score '{grade}' is no whole number.",
            hint="Grades are 0 for not relevant, and 1 or more for relevant.",
        ) from None


def _known(
    judgements: Iterable[_Judgement], questions: AbstractSet[str], passages: AbstractSet[str]
) -> Iterator[_Judgement]:
    for judgement in judgements:
        if judgement.question not in questions:
            raise MalformedDataset(
                f"{judgement.where}: question '{judgement.question}' is not in {QUERIES}.",
                hint="Add the question, or remove the line.",
            )
        if judgement.passage not in passages:
            raise MalformedDataset(
                f"{judgement.where}: passage '{judgement.passage}' is not in {CORPUS}.",
                hint="Add the passage, or remove the line.",
            )
        yield judgement


def _relevant(judgements: Iterable[_Judgement], path: Path) -> dict[str, dict[str, int]]:
    seen = unique((Placed(j.where, j) for j in judgements), lambda j: f"{j.question} {j.passage}")
    relevant: dict[str, dict[str, int]] = {}
    for judgement in seen:
        if judgement.grade > 0:
            relevant.setdefault(judgement.question, {})[judgement.passage] = judgement.grade
    if not relevant:
        raise MalformedDataset(
            f"{path} names no relevant passage for any question.",
            hint="At least one line needs a score above 0.",
        )
    return relevant
