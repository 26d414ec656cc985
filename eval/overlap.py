"""Which of our chunks carry a passage that somebody else cut.

A set's passages were cut from its pages by another parser than ours, so offsets say nothing;
words do. Two texts overlap when at least half of the words of the shorter one stand in word
5-grams that the other has too. Five words in a row are rarely the same by chance, and half of
the shorter one means: of a passage that is cut in two, at least one chunk carries it; a chunk
that has only its last sentence does not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingestion.golden import normalised

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from eval.corpus import CorpusPassage
    from retrieval.types import Chunk

GRAM = 5
LEAST_SHARE = 0.5

Words = tuple[str, ...]


def words(text: str) -> Words:
    """The words of a text, in lower case."""
    return tuple(normalised(text).split())


def overlap(one: Words, other: Words) -> bool:
    """Whether they are the same passage, as far as the shorter one goes."""
    shorter, longer = sorted((one, other), key=len)
    if not shorter:
        return False
    size = min(GRAM, len(shorter))
    return len(shared(shorter, longer, size)) >= LEAST_SHARE * len(shorter)


def shared(text: Words, other: Words, size: int = GRAM) -> set[int]:
    """Positions of the words of `text` that stand in n-grams that `other` has too."""
    there = set(grams(other, size))
    starts = (start for start, gram in enumerate(grams(text, size)) if gram in there)
    return {start + offset for start in starts for offset in range(size)}


def grams(text: Words, size: int = GRAM) -> Iterator[Words]:
    """Its n-grams, in order."""
    return (text[start : start + size] for start in range(len(text) - size + 1))


def carried(
    passages: Sequence[CorpusPassage], shelf: Mapping[str, Sequence[Chunk]]
) -> dict[str, tuple[str, ...]]:
    """Which passages each chunk of their page carries.

    Args:
        passages: The passages to find.
        shelf: Every page's chunks.

    Returns:
        For each chunk's id the ids of the passages; chunks that carry none are absent.
    """
    pages = {page: _OpenPage(shelf.get(page, ())) for page in {p.page for p in passages}}
    carries: dict[str, list[str]] = {}
    for passage in passages:
        for chunk in pages[passage.page].carrying(words(passage.text)):
            carries.setdefault(chunk, []).append(passage.id)
    return {chunk: tuple(names) for chunk, names in carries.items()}


class _OpenPage:
    """A page's chunks, with the 5-grams that lead to them."""

    def __init__(self, chunks: Sequence[Chunk]) -> None:
        self._chunks = [(chunk.id, words(chunk.text)) for chunk in chunks]
        self._leads: dict[Words, set[int]] = {}
        for position, (_, text) in enumerate(self._chunks):
            for gram in grams(text):
                self._leads.setdefault(gram, set()).add(position)
        self._short = {i for i, (_, text) in enumerate(self._chunks) if len(text) < GRAM}

    def carrying(self, passage: Words) -> Iterator[str]:
        """The ids of the chunks that carry a passage."""
        worth_a_look = self._short.union(*(self._leads.get(g, ()) for g in grams(passage)))
        if len(passage) < GRAM:
            worth_a_look = set(range(len(self._chunks)))
        for position in sorted(worth_a_look):
            name, text = self._chunks[position]
            if overlap(passage, text):
                yield name
