"""Public sets in the form they are published in: CLAPnq, and Chroma's chunking evaluation."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

from eval.corpus import CorpusPassage, DatasetQuestion, RetrievalSet
from ingestion.rows import Placed, Row, read_rows, read_text, unique
from retrieval.errors import MalformedDataset

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CLAPNQ_ANSWERABLE = "annotated_data/dev/clapnq_dev_answerable.jsonl"
CLAPNQ_UNANSWERABLE = "annotated_data/dev/clapnq_dev_unanswerable.jsonl"
CHROMA_QUESTIONS = "questions_df.csv"
CHROMA_PAGES = "corpora"


def is_clapnq(folder: Path) -> bool:
    """Whether the folder is a copy of CLAPnq's repository."""
    return (folder / CLAPNQ_ANSWERABLE).is_file() or (folder / CLAPNQ_UNANSWERABLE).is_file()


def is_chroma(folder: Path) -> bool:
    """Whether the folder holds the data of Chroma's chunking evaluation."""
    return (folder / CHROMA_QUESTIONS).is_file()


def read_clapnq(folder: Path) -> RetrievalSet:
    """CLAPnq's development questions, over the passages of all of them together.

    Raises:
        MalformedDataset: A file is missing, or a line is not what it should be.
    """
    answerable = list(read_rows(folder / CLAPNQ_ANSWERABLE))
    unanswerable = list(read_rows(folder / CLAPNQ_UNANSWERABLE))
    pool: dict[tuple[str, str], str] = {}
    for row in (*answerable, *unanswerable):
        for title, text in _clapnq_passages(row):
            pool.setdefault((title, text), f"passage-{len(pool):04}")
    relevant = {row.name("id"): {pool[p]: 1 for p in _clapnq_passages(row)} for row in answerable}
    questions = (Placed(row.where, _clapnq_question(row)) for row in (*answerable, *unanswerable))
    return RetrievalSet(
        name=folder.resolve().name,
        passages=tuple(CorpusPassage(i, title, (), "", text) for (title, text), i in pool.items()),
        questions=unique(questions, lambda question: question.id),
        relevant=relevant,
    )


def read_chroma(folder: Path) -> RetrievalSet:
    """Chroma's questions; the passages are the excerpts that answer them.

    Raises:
        MalformedDataset: A file is missing, or a line is not what it should be.
    """
    passages: dict[str, CorpusPassage] = {}
    questions, relevant = [], {}
    for number, row in enumerate(_csv_rows(folder / CHROMA_QUESTIONS)):
        gold = _excerpts(row)
        question = DatasetQuestion(f"q{number:04}", row.name("question"), (), "")
        questions.append(question)
        passages.update((passage.id, passage) for passage in gold)
        relevant[question.id] = {passage.id: 1 for passage in gold}
    return RetrievalSet(
        name=folder.resolve().name,
        passages=tuple(passages.values()),
        questions=tuple(questions),
        relevant=relevant,
        pages=folder / CHROMA_PAGES,
        excerpts=True,
    )


def _clapnq_question(row: Row) -> DatasetQuestion:
    answers = (output.text("answer") for output in row.rows("output"))
    return DatasetQuestion(row.name("id"), row.name("input"), (), next(answers, ""))


def _clapnq_passages(row: Row) -> list[tuple[str, str]]:
    found = [(passage.text("title"), passage.name("text")) for passage in row.rows("passages")]
    if not found:
        raise MalformedDataset(
            f"{row.where}: the question has no passage.", hint="Remove the line."
        )
    return found


def _csv_rows(path: Path) -> Iterator[Row]:
    reader = csv.DictReader(io.StringIO(read_text(path), newline=""))
    try:
        for fields in reader:
            where = f"{path}:{reader.line_num}"
            yield Row(where, {**fields, "references": _json(fields.get("references"), where)})
    except csv.Error as error:
        raise MalformedDataset(
            f"{path}:{reader.line_num}: this is not CSV: {error}.",
            hint="Fetch the file again; it may be cut short.",
        ) from error


def _json(text: str | None, where: str) -> object:
    try:
        return json.loads(text or "")
    except json.JSONDecodeError as error:
        raise MalformedDataset(
            f"{where}: 'references' is not JSON: {error.msg}.",
            hint="It has to be a JSON list of excerpts with 'content' and 'start_index'.",
        ) from error


def _excerpts(row: Row) -> list[CorpusPassage]:
    corpus = row.name("corpus_id")
    excerpts = [(e.name("start_index"), e.name("content")) for e in row.rows("references")]
    if not excerpts:
        raise MalformedDataset(
            f"{row.where}: the question has no excerpt.", hint="Remove the line."
        )
    return [
        CorpusPassage(f"{corpus}:{start}", "", (), f"{corpus}.md", text) for start, text in excerpts
    ]
