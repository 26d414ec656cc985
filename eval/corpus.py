"""A retrieval set: passages, questions about them, and which passage answers which question."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class CorpusPassage:
    """One passage, as the set's authors cut it.

    Attributes:
        id: Names it in the set.
        title: Its page's title; empty when the set has none.
        headings: Headings above it, outermost first.
        page: The page it is from, as a path under `RetrievalSet.pages`; empty when unknown.
        text: What it says.
    """

    id: str
    title: str
    headings: tuple[str, ...]
    page: str
    text: str


@dataclass(frozen=True, slots=True)
class DatasetQuestion:
    """One question of a set.

    Attributes:
        id: Names it in the set.
        text: As it was asked.
        earlier: What the customer wrote before it in the same conversation.
        answer: The right answer in words; empty when the set has none.
    """

    id: str
    text: str
    earlier: tuple[str, ...]
    answer: str


@dataclass(frozen=True, slots=True)
class RetrievalSet:
    """Passages, questions and judgements.

    Attributes:
        name: What reports call it.
        passages: What is searched.
        questions: What is asked.
        relevant: By question id, the grade of each relevant passage by its id; grades are above
            zero, and a question without any relevant passage is absent.
        pages: Folder of the raw pages the passages are from; None when the set has none.
        excerpts: Whether the passages are only the answers' own words, too few to search: then
            `pages` are what can be searched.
    """

    name: str
    passages: tuple[CorpusPassage, ...]
    questions: tuple[DatasetQuestion, ...]
    relevant: Mapping[str, Mapping[str, int]]
    pages: Path | None = None
    excerpts: bool = False

    @property
    def answerable(self) -> tuple[DatasetQuestion, ...]:
        """Questions with at least one relevant passage."""
        return tuple(q for q in self.questions if self.relevant.get(q.id))

    @property
    def unanswerable(self) -> tuple[DatasetQuestion, ...]:
        """Questions that no passage answers."""
        return tuple(q for q in self.questions if not self.relevant.get(q.id))
