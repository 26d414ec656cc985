"""Passages that say the same as one another, as a page and its copy under another name do.

Two passages count as one when all of this holds:

- Their runs of three words overlap strongly (Jaccard, in the manner of Broder, 1997). Jaccard and
  not containment: a passage that holds all of another and more has more to say.
- The shorter one has no word that the longer lacks. Passages of product documentation that overlap
  this strongly and have one word in another's place are mostly about different things: "public"
  for "private", "create" for "modify", "SAML" for "email".
- Their facts are the same, in the same order: numbers with their units, dates, versions,
  identifiers and negations, each with the word behind it, and the numbers in the headings above.
  An old page with another figure is not a copy: which of the two is right is for the reader to see.

Where it is not certain both stay, which costs room; a passage wrongly taken for a copy would cost
the answer.
"""

# ruff: noqa: RUF001 - the punctuation of other scripts is meant
# ruff: noqa: SIM905 - long word lists read best as lines of words

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from retrieval.types import Chunk

RUN = 3
# Up to a fifth of a passage may be added to it: a note, a link for further reading.
OVERLAP = 0.8
REMEMBERED = 500  # a site's customers ask about the same pages

# Stripped off words; signs that give a number its meaning (£ $ % ° + - < >) are not.
_PUNCTUATION = ".,;:!?()[]{}\"'`*_|#…“”‘’«»"
# Words that change or limit what is said, and that no other word has to make way for.
_LIMITS = frozenset(
    "no not never none nor neither cannot without unless except only until before after if "
    "optional optionally".split()
)
# Words that may come and go.
_IDLE = frozenset("a an the this that these those please also then just simply".split())


def say_the_same(one: Chunk, other: Chunk) -> bool:
    """Whether two passages are near-duplicates; it does not matter which is named first."""
    first, second = _wording(one.text, one.context), _wording(other.text, other.context)
    if first.facts != second.facts:
        return False
    if first.words == second.words:
        return True
    return _adds_only(first, second) and _overlap(first, second) >= OVERLAP


@dataclass(frozen=True, slots=True)
class _Wording:
    """A passage as it is compared with others.

    Attributes:
        words: The words of the passage, lower case, without punctuation.
        facts: What may not differ: the numbers above the passage, then what it says of numbers,
            names and exceptions, each with the word behind it.
    """

    words: tuple[str, ...]
    facts: tuple[str, ...]


@lru_cache(maxsize=REMEMBERED)
def _wording(text: str, context: str) -> _Wording:
    words = _words(text)
    return _Wording(words, (*_numbers(context), *_facts(words)))


def _adds_only(one: _Wording, other: _Wording) -> bool:
    """Whether the longer has all words of the shorter, as often."""
    shorter, longer = sorted(map(_telling, (one, other)), key=Counter.total)
    return shorter <= longer


def _telling(wording: _Wording) -> Counter[str]:
    return Counter(word for word in wording.words if word not in _IDLE)


def _overlap(one: _Wording, other: _Wording) -> float:
    first, second = _runs(one.words), _runs(other.words)
    shared = len(first & second)
    return shared / max(1, len(first) + len(second) - shared)


def _runs(words: tuple[str, ...]) -> set[tuple[str, ...]]:
    return set(zip(*(words[start:] for start in range(RUN)), strict=False))


def _words(text: str) -> tuple[str, ...]:
    stripped = (word.strip(_PUNCTUATION) for word in text.lower().split())
    return tuple(word for word in stripped if word)


def _numbers(context: str) -> Iterator[str]:
    """A version, a year or a model in a heading; its other words may differ above a copy."""
    return (word for word in _words(context) if any(map(str.isdigit, word)))


def _facts(words: tuple[str, ...]) -> Iterator[str]:
    """Words that are more than letters, or that limit, each with the next word."""
    return (
        f"{word} {following}"
        for word, following in pairwise((*words, ""))
        if word in _LIMITS or not word.isalpha()
    )
