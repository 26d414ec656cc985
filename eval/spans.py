"""How much of the excerpts that answer is in what was retrieved, and how much else.

Recall and precision in the way of Chroma's chunking evaluation (Smith and Troynikov, 2024), on
words instead of characters, since parsing a page changes its characters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from eval.metrics import Interval, bootstrap
from eval.overlap import GRAM, Words, shared, words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from eval.corpus import CorpusPassage, RetrievalSet
    from eval.searching import RankedQuestion
    from retrieval.types import Chunk

Place = frozenset[tuple[str, int]]  # pages and positions of words on them


@dataclass(frozen=True, slots=True)
class SpanScores:
    """Words of the first five chunks against words of the excerpts.

    Attributes:
        recall: The share of the excerpts' words that are in the chunks.
        precision: The share of the chunks' words that are in an excerpt.
    """

    recall: Interval
    precision: Interval


@dataclass(frozen=True, slots=True)
class _Page:
    """A page's words.

    Attributes:
        words: All of them, in order.
        where: Positions of each word.
        chunks: Positions of each chunk's words, by its id.
    """

    words: Words
    where: Mapping[str, Sequence[int]]
    chunks: Mapping[str, range]

    def starts(self, sought: Words) -> list[int]:
        """Where these words stand, one after the other."""
        first = self.where.get(sought[0], ()) if sought else ()
        return [start for start in first if self.words[start : start + len(sought)] == sought]


def score_spans(
    rankings: Sequence[RankedQuestion], found: RetrievalSet, shelf: Mapping[str, Sequence[Chunk]]
) -> SpanScores:
    """Compare what was retrieved with the excerpts, word by word."""
    pages = {page: _opened(chunks) for page, chunks in shelf.items()}
    relevant = {name for names in found.relevant.values() for name in names}
    places = {p.id: _places(p, pages) for p in found.passages if p.id in relevant}
    pairs = [
        _score(ranking, [places[name] for name in found.relevant[ranking.question.id]], pages)
        for ranking in rankings
    ]
    recall, precision = np.array(pairs).T
    return SpanScores(bootstrap(recall), bootstrap(precision))


def _score(
    ranking: RankedQuestion, excerpts: Sequence[list[Place]], pages: Mapping[str, _Page]
) -> tuple[float, float]:
    chunks = [shown.passage.chunk for shown in ranking.best]
    retrieved = {(c.page, i) for c in chunks for i in pages[c.page].chunks[c.id]}
    # Where the same words stand twice, either place is as good.
    best = [max(places, key=lambda place: len(place & retrieved)) for places in excerpts]
    wanted = frozenset().union(*best)
    both = len(wanted & retrieved)
    return both / len(wanted), both / len(retrieved) if retrieved else 0.0


def _opened(chunks: Sequence[Chunk]) -> _Page:
    text: list[str] = []
    spans = {}
    for chunk in chunks:
        first = len(text)
        text.extend(words(chunk.text))
        spans[chunk.id] = range(first, len(text))
    where: dict[str, list[int]] = {}
    for position, word in enumerate(text):
        where.setdefault(word, []).append(position)
    return _Page(tuple(text), where, spans)


def _places(excerpt: CorpusPassage, pages: Mapping[str, _Page]) -> list[Place]:
    """Where an excerpt stands on its page, word for word.

    When it does not, the words that stand in five-word runs that both have; when there are none
    either, a place that nothing retrieved is in.
    """
    sought = words(excerpt.text)
    page = pages.get(excerpt.page, _Page((), {}, {}))
    if starts := page.starts(sought):
        return [_place(excerpt.page, range(start, start + len(sought))) for start in starts]
    alike = shared(page.words, sought, min(GRAM, len(sought))) if sought else set()
    return [_place(excerpt.page, alike) if alike else _place("", range(max(len(sought), 1)))]


def _place(page: str, positions: Iterable[int]) -> Place:
    return frozenset((page, position) for position in positions)
