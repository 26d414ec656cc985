"""Golden questions made of public sets, and questions alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingestion.golden import GoldenQuestion, GoldPassage, normalised, says
from ingestion.rows import read_rows

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from eval.corpus import CorpusPassage, DatasetQuestion, RetrievalSet


def golden_from(found: RetrievalSet) -> tuple[GoldenQuestion, ...]:
    """A set's questions as golden ones; those without a relevant passage are unanswerable.

    An answer that stands in none of its passages, as a person words it, is dropped: a service
    that quotes cannot give it word for word.
    """
    passages = {passage.id: passage for passage in found.passages}
    return tuple(
        _golden(question, [passages[name] for name in found.relevant.get(question.id, ())])
        for question in found.questions
    )


def load_texts(path: Path) -> tuple[str, ...]:
    """Only the questions' texts, from golden questions or BEIR's `queries.jsonl`.

    Raises:
        MalformedDataset: A line is not JSON, or has neither `text` nor `question`.
    """
    return tuple(row.text("text") or row.name("question") for row in read_rows(path))


def _golden(question: DatasetQuestion, gold: Sequence[CorpusPassage]) -> GoldenQuestion:
    wanted = bool(normalised(question.answer))
    quotable = wanted and any(says(passage.text, question.answer) for passage in gold)
    return GoldenQuestion(
        id=question.id,
        question=question.text,
        kind="answerable" if gold else "unanswerable",
        earlier=question.earlier,
        passages=tuple(GoldPassage(passage.page or passage.id, passage.text) for passage in gold),
        answer=question.answer if quotable else "",
    )
