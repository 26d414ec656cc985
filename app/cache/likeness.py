"""How alike two questions are, in the figures that the pair score is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from rapidfuzz import fuzz

from app.cache.closed_classes import FUTURE, PAST, PERSONS
from app.cache.contradictions import apart, question_kind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from app.cache.wording import Word, Wording

SIGNALS = (
    "cosine",
    "late_low",
    "late_high",
    "weakest",
    "weak",
    "shared",
    "subjects",
    "substance",
    "subject",
    "small_words",
    "letters",
    "length",
    "shorter",
    "kind",
    "unclear",
    "persons",
    "tense",
)
LONGEST = 40  # words; beyond it a question is long, and that is all there is to say


def likeness(one: Wording, other: Wording) -> dict[str, float]:
    """The signals for and against two questions asking the same; the order does not matter.

    Returns:
        cosine: Of the sentence vectors.
        late_low: MaxSim of the one with the other and back, the lower.
        late_high: The higher.
        weakest: How well the worst matched content word of either is matched.
        weak: The mean of the two worst.
        shared: Weight of the content words that both have, among all there are.
        subjects: How many content words both have.
        substance: Logarithm of their weight: a few common words may mean many things.
        subject: Weight of the rarest of them.
        small_words: Share of the other words that both have.
        letters: Similarity of the texts, letter by letter.
        length: Logarithm of the words of the longer one.
        shorter: Words of the shorter one relative to it.
        kind: 1 when both ask for the same kind of thing.
        unclear: 1 when the words of one of them do not say what it asks for.
        persons: 1 when both speak of the same persons: I, you, they.
        tense: 1 when both, or neither, speak of the past, and so of the future.
    """
    mine, theirs = one.asked.encoding, other.asked.encoding
    similar = mine.tokens @ theirs.tokens.T
    late = sorted((_late(similar, one), _late(similar.T, other)))
    worst = _worst(similar, one, other)
    lengths = sorted(max(1, min(len(w.words), LONGEST)) for w in (one, other))
    kinds = {question_kind(one), question_kind(other)}
    return {
        "cosine": float(mine.sentence @ theirs.sentence),
        "late_low": late[0],
        "late_high": late[1],
        "weakest": float(worst[:1].mean()),
        "weak": float(worst[:2].mean()),
        **_content(one, other),
        "small_words": _small_words(one, other),
        "letters": fuzz.ratio(one.text, other.text) / 100,
        "length": float(np.log1p(lengths[1])),
        "shorter": lengths[0] / lengths[1],
        "kind": float(len(kinds) == 1),
        "unclear": float("other" in kinds),
        "persons": float(_persons(one) == _persons(other)),
        "tense": float(_tense(one) == _tense(other)),
    }


def _content(one: Wording, other: Wording) -> dict[str, float]:
    left, right = apart(one, other)
    alone = sum(word.weight for word in (*left, *right))
    shared = [word.weight for stem, word in one.content.items() if stem in other.content]
    return {
        "shared": sum(shared) / max(sum(shared) + alone, 1e-9),
        "subjects": float(len(shared)),
        "substance": float(np.log1p(sum(shared))),
        "subject": max(shared, default=0.0),
    }


def _small_words(one: Wording, other: Wording) -> float:
    mine, theirs = ({w.text for w in wording.words if not w.content} for wording in (one, other))
    return len(mine & theirs) / max(1, len(mine | theirs))


def _persons(wording: Wording) -> set[str]:
    return {PERSONS[word] for word in wording.spoken if word in PERSONS}


def _tense(wording: Wording) -> tuple[bool, bool]:
    return not PAST.isdisjoint(wording.spoken), not FUTURE.isdisjoint(wording.spoken)


def _rows(words: Iterable[Word]) -> list[int]:
    return [row for word in words for row in word.tokens]


def _late(similar: NDArray[np.float32], wording: Wording) -> float:
    """The best match of each word, the rare ones counting more."""
    if not similar.size or not wording.words:
        return 0.0
    best = similar.max(axis=1)
    matched = [(float(best[list(w.tokens)].mean()), w.weight) for w in wording.words if w.tokens]
    total = sum(weight for _, weight in matched)
    return sum(match * weight for match, weight in matched) / max(total, 1e-9)


def _worst(similar: NDArray[np.float32], one: Wording, other: Wording) -> NDArray[np.float32]:
    """How well each content word is matched, the worst first."""
    if not similar.size:
        return np.zeros(1, np.float32)
    rows, columns = _rows(one.content.values()), _rows(other.content.values())
    best = np.concatenate([similar.max(axis=1)[rows], similar.max(axis=0)[columns]])
    return np.sort(best) if len(best) else np.zeros(1, np.float32)
