"""Words the embedder does not know, put right where a known word is close.

The vocabulary is the embedder's own: a word it knows whole is never touched. A product's name
it does not know may be changed by mistake, so a corrected question is searched beside the
question as written, never instead of it.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from rapidfuzz import process
from rapidfuzz.distance import OSA

if TYPE_CHECKING:
    from collections.abc import Iterable

SHORTEST = 4  # letters; shorter words have too many neighbours
CANDIDATES = 20
REMEMBERED = 10_000  # a site's customers get the same words wrong

_WORD = re.compile(r"[A-Za-z]+")


class Spelling:
    """Corrects words against a vocabulary ordered by frequency, commonest first."""

    def __init__(self, vocabulary: Iterable[str]) -> None:
        words = [word for word in vocabulary if word.isalpha() and word.isascii()]
        self._ranks = {word: rank for rank, word in enumerate(words)}
        self._words = [word for word in words if len(word) >= SHORTEST - 1]
        self._corrected = lru_cache(maxsize=REMEMBERED)(self._closest)

    def correct(self, text: str) -> str:
        """The text with unknown words replaced by the closest known ones, if any are close."""
        return _WORD.sub(lambda match: self._corrected(match[0]), text)

    def _closest(self, word: str) -> str:
        lower = word.lower()
        if len(lower) < SHORTEST or lower in self._ranks:
            return word
        reach = 1 if len(lower) == SHORTEST else 2
        close = process.extract(
            lower, self._words, scorer=OSA.distance, score_cutoff=reach, limit=CANDIDATES
        )
        if not close:
            return word
        return min((self._unlikeliness(lower, *found), found[0]) for found in close)[1]

    def _unlikeliness(
        self, typed: str, word: str, distance: float, _position: int
    ) -> tuple[float, int]:
        # People swap letters more often than they take wrong ones, least of all the first.
        swapped = sorted(word) == sorted(typed)
        return distance + (word[0] != typed[0]) * 0.5 - swapped * 0.5, self._ranks[word]
