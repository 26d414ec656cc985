"""Words nobody knows, put right where a known word is close.

Two vocabularies count: the words of the passages that the question found as it was written, which
are the customer's subject, and behind them the embedder's own. A product's name that neither knows
may still be changed by mistake, so a corrected question is searched beside the question as
written, never instead of it.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING

from rapidfuzz import process
from rapidfuzz.distance import OSA

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

SHORTEST = 4  # letters; shorter words have too many neighbours
LONG = 6  # letters from which two of them may be wrong
CANDIDATES = 20
REMEMBERED = 10_000  # a site's customers get the same words wrong
FAR_AFIELD = 0.5  # edits that a word from the general vocabulary is behind one found nearby

_WORD = re.compile(r"[A-Za-z]+")


class Spelling:
    """Corrects words against a vocabulary ordered by frequency, commonest first."""

    def __init__(self, vocabulary: Iterable[str]) -> None:
        words = [word for word in vocabulary if word.isalpha() and word.isascii()]
        self._ranks = {word: rank for rank, word in enumerate(words)}
        self._words = [word for word in words if len(word) >= SHORTEST - 1]
        self._remembered = lru_cache(maxsize=REMEMBERED)(self._afield)

    def correct(self, text: str, passages: Iterable[str] = ()) -> str:
        """The text with unknown words replaced by the closest known ones, if any are close.

        Args:
            text: What was asked.
            passages: Texts about the same; their words are known, and preferred.
        """
        if not any(self._is_unknown(word) for word in _WORD.findall(text)):
            return text
        nearby = Counter(word for p in passages for word in _WORD.findall(p.lower()))
        return _WORD.sub(lambda match: self._closest(match[0], nearby), text)

    def _is_unknown(self, word: str) -> bool:
        return len(word) >= SHORTEST and word.lower() not in self._ranks

    def _closest(self, word: str, nearby: Mapping[str, int]) -> str:
        typed = word.lower()
        if not self._is_unknown(word) or typed in nearby:
            return word
        found = [(_edits(typed, w), -nearby[w], w) for w in _close(typed, list(nearby))]
        return min(found + self._remembered(typed), default=(0.0, 0, word))[2]

    def _afield(self, typed: str) -> list[tuple[float, int, str]]:
        close = _close(typed, self._words)
        return [(_edits(typed, w) + FAR_AFIELD, self._ranks[w], w) for w in close]


def _close(typed: str, words: Sequence[str]) -> list[str]:
    reach = 2 if len(typed) >= LONG else 1
    close = process.extract(typed, words, scorer=OSA.distance, score_cutoff=reach, limit=CANDIDATES)
    return [word for word, _, _ in close if len(word) >= SHORTEST - 1]


def _edits(typed: str, word: str) -> float:
    """Edits between two words; people swap letters more than they miss them, the first least."""
    swapped = sorted(word) == sorted(typed)
    return OSA.distance(typed, word) + (word[0] != typed[0]) * 0.5 - swapped * 0.5
