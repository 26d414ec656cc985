"""What makes two questions ask for different things, however alike they are.

Each check looks at one thing that sentence vectors hardly see. In doubt they tell questions apart:
a repeat that goes unseen costs an answer made anew, a wrong hit costs a customer the right one.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import combinations
from typing import TYPE_CHECKING

from rapidfuzz.distance import OSA

from app.cache.closed_classes import (
    ACTS,
    ASKS_CONSEQUENCE,
    ASKS_OBLIGATION,
    DIRECTIONS,
    EITHER_OR,
    KINDS_ALIKE,
    LIGHT,
    NEGATIONS,
    NUMBERS,
    OPPOSITE_DIRECTIONS,
    PERSONS,
    QUESTION_KINDS,
    QUESTION_WORDS,
    RESTRICTIONS,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.cache.wording import Word, Wording

    Check = Callable[[Wording, Wording], bool]

MOST_WORDS = 50  # whoever says more than that tells a story, and no two are the same
SHORTEST_SLIP = 4  # letters; shorter words have too many neighbours
LONG = 8  # letters from which two of them may be wrong
BRITISH_AND_AMERICAN = (
    (r"our(?=$|s$|ed$|ing$|ful)", "or"),
    (r"(?<=[a-z])is(?=e$|es$|ed$|ing$|ation)", "iz"),
    (r"([^aeiou])re(s?)$", r"\1er\2"),
    (r"ogue(s?)$", r"og\1"),
    (r"ll(?=ed$|ing$|er$)", "l"),
    (r"que(s?)$", r"ck\1"),
    (r"ence(s?)$", r"ense\1"),
)


def contradiction(one: Wording, other: Wording) -> str:
    """Why two questions cannot be taken for one; empty when nothing speaks against it."""
    return next((name for name, check in CHECKS.items() if check(one, other)), "")


def apart(one: Wording, other: Wording) -> tuple[list[Word], list[Word]]:
    """The content words that only one of the two has, slips of the keyboard aside."""
    return _lacking(one, other), _lacking(other, one)


def question_kind(wording: Wording) -> str:
    """What is asked for: a reason, a time, a way...; "other" when the words do not say."""
    return next(
        (kind for kind, says in QUESTION_KINDS.items() if says.search(wording.text)), "other"
    )


def _lacking(one: Wording, other: Wording) -> list[Word]:
    return [
        word
        for stem, word in one.content.items()
        if stem not in other.content and not any(_is_slip(word, known) for known in other.words)
    ]


def _is_slip(word: Word, other: Word) -> bool:
    """Whether one is the other misspelt. Two names, and two words that exist, are two words."""
    if word.text[0] != other.text[0] or _has_digit(word.text + other.text):
        return False
    if word.named and other.named:
        return False
    if _one_spelling(word.text) == _one_spelling(other.text):
        return True
    shorter = min(len(word.text), len(other.text))
    exist = len(word.tokens) == 1 and len(other.tokens) == 1  # the embedder knows them whole
    if exist or shorter < SHORTEST_SLIP:
        return False
    return OSA.distance(word.text, other.text) <= (2 if shorter >= LONG else 1)


@lru_cache(maxsize=10_000)
def _one_spelling(word: str) -> str:
    for british, american in BRITISH_AND_AMERICAN:
        word = re.sub(british, american, word)
    return word


def _has_digit(text: str) -> bool:
    return any(letter.isdigit() for letter in text)


def _stories(one: Wording, other: Wording) -> bool:
    return max(len(one.words), len(other.words)) > MOST_WORDS


def _numbers(one: Wording, other: Wording) -> bool:
    """Whether their numbers, versions, months or days differ."""
    return _numbers_in(one) != _numbers_in(other)


def _numbers_in(wording: Wording) -> list[str]:
    return sorted(w.stem for w in wording.words if w.text in NUMBERS or _has_digit(w.text))


def _negation(one: Wording, other: Wording) -> bool:
    """Whether only one of them denies something."""
    return len(_negations(one)) % 2 != len(_negations(other)) % 2


def _negations(wording: Wording) -> list[int]:
    """Where the words that deny stand."""
    spoken = enumerate(wording.spoken)
    return [i for i, word in spoken if word in NEGATIONS or word.endswith("n't")]


def _negated(one: Wording, other: Wording) -> bool:
    """Whether both deny something, and not the same."""
    first, second = _denied(one), _denied(other)
    return None not in first | second and first != second


def _denied(wording: Wording) -> set[str | None]:
    """The word that each negation is about; None where its verb comes later: "why can't I"."""
    denied: set[str | None] = set()
    for i in _negations(wording):
        before = wording.spoken[i - 1] if i else ""
        inverted = wording.spoken[i].endswith("n't") and (i == 0 or before in QUESTION_WORDS)
        around = (*wording.words[i + 1 :], *wording.words[:i][::-1])
        about = (word.stem for word in around if word.content and word.text not in LIGHT)
        denied.add(None if inverted else next(about, None))
    return denied


def _opposites(one: Wording, other: Wording) -> bool:
    """Whether each has another one of small words that exclude each other."""
    left, right = set(one.spoken), set(other.spoken)
    return any(group & (left - right) and group & (right - left) for group in EITHER_OR)


def _restrictions(one: Wording, other: Wording) -> bool:
    return RESTRICTIONS.intersection(one.spoken) != RESTRICTIONS.intersection(other.spoken)


def _names(one: Wording, other: Wording) -> bool:
    """Whether a name stands in one of them only."""
    return any(word.named for words in apart(one, other) for word in words)


def _words(one: Wording, other: Wording) -> bool:
    """Whether a word that matters stands in one of them only, or each does another thing."""
    left, right = apart(one, other)
    if any(word.text not in LIGHT for word in (*left, *right)):
        return True
    return all(any(word.text in ACTS for word in words) for words in (left, right))


def _kinds(one: Wording, other: Wording) -> bool:
    kinds = {question_kind(one), question_kind(other)}
    return len(kinds) > 1 and "other" not in kinds and kinds not in KINDS_ALIKE


def _obligation(one: Wording, other: Wording) -> bool:
    """Whether one asks if something has to be done, and the other how it is done."""
    return bool(ASKS_OBLIGATION.search(one.text)) != bool(ASKS_OBLIGATION.search(other.text))


def _consequence(one: Wording, other: Wording) -> bool:
    return bool(ASKS_CONSEQUENCE.search(one.text)) != bool(ASKS_CONSEQUENCE.search(other.text))


def _direction(one: Wording, other: Wording) -> bool:
    """Whether words that both have change places: "from A to B" and "from B to A"."""
    first, second = _roles(one), _roles(other)
    shared = [stem for stem in first if stem in second]
    swapped = any(
        first[a] != first[b] and first[a] == second[b] and first[b] == second[a]
        for a, b in combinations(shared, 2)
    )
    return swapped or any({first[s], second[s]} in OPPOSITE_DIRECTIONS for s in shared)


def _roles(wording: Wording) -> dict[str, str]:
    """For each content word, the last word of direction before it."""
    roles: dict[str, str] = {}
    role = ""
    for word in wording.words:
        if word.text in DIRECTIONS:
            role = DIRECTIONS[word.text]
        elif word.content:
            roles.setdefault(word.stem, role)
    return roles


def _who_does_what(one: Wording, other: Wording) -> bool:
    """Whether two words stand around a third the other way round: who does what to whom.

    Where the persons differ too, any other order will do.
    """
    place = {stem: i for i, stem in enumerate(_order(other))}
    shared = [stem for stem in _order(one) if stem in place]
    if _persons(one) != _persons(other):
        return [place[stem] for stem in shared] != sorted(place[stem] for stem in shared)
    return any(
        place[a] > place[b] > place[c] and not _are_listed(one, a, c)
        for a, b, c in combinations(shared, 3)
    )


def _persons(wording: Wording) -> set[str]:
    return {PERSONS[word] for word in wording.spoken if word in PERSONS}


def _order(wording: Wording) -> list[str]:
    """Content words and persons, as they are first named."""
    named = (PERSONS.get(w.text) or (w.stem if w.content else "") for w in wording.words)
    return list(dict.fromkeys(stem for stem in named if stem))


def _are_listed(wording: Wording, one: str, other: str) -> bool:
    """Whether two words are only listed, as in "by card or by cheque"."""
    stems = [PERSONS.get(word.text, word.stem) for word in wording.words]
    between = wording.spoken[stems.index(one) + 1 : stems.index(other)]
    return "or" in between or "and" in between


CHECKS: dict[str, Check] = {
    "stories": _stories,
    "numbers": _numbers,
    "negation": _negation,
    "negated": _negated,
    "opposites": _opposites,
    "restrictions": _restrictions,
    "names": _names,
    "words": _words,
    "kinds": _kinds,
    "obligation": _obligation,
    "consequence": _consequence,
    "direction": _direction,
    "who does what": _who_does_what,
}
