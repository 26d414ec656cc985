"""What a question says, taken apart as far as comparing two of them needs."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from app.cache.closed_classes import NUMBERS
from retrieval.hybrid import FIRST_WORD
from retrieval.lexical import Bm25Encoder

if TYPE_CHECKING:
    from retrieval.embedders import Encoding

_WORD = re.compile(r"[^\W\d_]*\d+(?:[.,:]\d+)*[^\W\d_]*|[^\W\d_]+(?:'[^\W\d_]+)*")
_GREETING = re.compile(
    r"(?:(?:hi|hello|hey|hiya|dear|greetings"
    r"|good (?:day|morning|afternoon|evening)|morning|evening)"
    r"(?: (?:there|all|team|everyone|folks|guys|support))?\b[\s,.!:-]+"
    r"|(?:sorry to (?:bother|trouble) you|pardon me|excuse me|sorry|quick question|well|so|ok|okay"
    r"|also|and|but|please|pls|plz)\b[\s,.!:-]+(?:but |and )?)+"
)
_THANKS = re.compile(
    r"(?:[\s,.!?;-]{1,4}(?:please|pls|plz|(?:many )?thanks|thank you|thx|cheers|sincerely|or not"
    r"|(?:(?:with )?(?:best|kind) )?regards)"
    r"(?: (?:in advance|a lot|so much|very much))?)+[\s,.!?]{0,4}$"
)
_YOU = r"(?:can|could|would|will) (?:you|someone|anyone|anybody|somebody) (?:please |kindly )*"
_ASKING = re.compile(
    rf"(?:(?:{_YOU})?(?:(?:please|kindly|just) )*"
    r"(?:tell me|show me|explain(?: to me)?|let me know|help me(?: to)?(?: understand| find out)?)"
    r"|i(?:'d| would| need| want| wish|'m| am|m| was|'ve| have)?(?: just)?(?: like| love| been)?"
    r"(?: to)? (?:know|ask|find out|understand|wonder|wondering|curious|asking)"
    r"|(?:may|might|can|could) i ask|do you (?:know|happen to know)|wondering|curious"
    r"|(?:i )?(?:do not|don't|dont) (?:know|understand)|(?:i(?:'m| am|m) )?not sure"
    r"|(?:any|no) (?:idea|clue))(?: (?:if|whether|about|please))*[\s,:]+"
)
APOSTROPHE = "\u2019"  # as telephones write it
_BM25 = Bm25Encoder()


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, standing alone, and what the embedder made of it."""

    text: str
    encoding: Encoding


@dataclass(frozen=True, slots=True)
class Stem:
    """What a word is compared by.

    Attributes:
        stem: The same for all its forms.
        content: Whether it says something by itself.
    """

    stem: str
    content: bool


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a question.

    Attributes:
        text: As asked, in small letters.
        stem: What it is compared by.
        content: Whether it says something by itself.
        named: Whether it is written as names are: with a capital within a sentence, or a digit.
        weight: How rare it is to the embedder; 4 for the commonest.
        tokens: The embedder's tokens it is made of, as rows of the token vectors.
    """

    text: str
    stem: str
    content: bool
    named: bool
    weight: float
    tokens: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Wording:
    """A question's words, those around the question itself left out.

    Attributes:
        asked: The question.
        text: It in small letters, without greeting, thanks and "can you tell me".
        words: Its words, in order.
        spoken: The same as asked, in small letters.
        content: Those that say something by themselves, by stem.
    """

    asked: Asked
    text: str
    words: tuple[Word, ...]
    spoken: tuple[str, ...]
    content: dict[str, Word]


def normalised(question: str) -> str:
    """What two questions have in common that are the same but for manners.

    Case, spaces, greetings, thanks and punctuation at the ends are left out; nothing within is.
    """
    text = " ".join(question.replace(APOSTROPHE, "'").casefold().split())
    greeting = _GREETING.match(text)
    rest = _THANKS.sub("", text[greeting.end() :] if greeting else text)
    return rest.strip(" .,;:!?¿¡\"'()[]-") or text


def read_wording(asked: Asked) -> Wording:
    """Take a question apart."""
    text = asked.text.replace(APOSTROPHE, "'")
    small = text.lower()
    if len(small) != len(text):  # a few capitals become two letters, and offsets would not fit
        small = text
    first, last = _question_in(small)
    words = tuple(_word(asked, text, found) for found in _WORD.finditer(small, first, last))
    return Wording(
        asked=asked,
        text=small[first:last].strip(),
        words=words,
        spoken=tuple(word.text for word in words),
        content={word.stem: word for word in words if word.content},
    )


@lru_cache(maxsize=10_000)
def stem_of(word: str) -> Stem:
    """What a word in small letters is compared by."""
    if word in NUMBERS:
        return Stem(NUMBERS[word], content=True)
    if any(letter.isdigit() for letter in word):
        return Stem(word.replace(",", ""), content=True)
    indices = _BM25.question(word).indices
    return Stem(str(indices[0]), content=True) if indices else Stem(word, content=False)


def _question_in(text: str) -> tuple[int, int]:
    """Where the question itself begins and ends; all of it when only manners would be left out."""
    start = 0
    for manners in (_GREETING, _ASKING, _GREETING, _ASKING):
        if found := manners.match(text, start):
            start = found.end()
    thanks = _THANKS.search(text, start)
    end = thanks.start() if thanks else len(text)
    return (start, end) if _WORD.search(text, start, end) else (0, len(text))


def _word(asked: Asked, text: str, found: re.Match[str]) -> Word:
    start, end = found.span()
    offsets, ids = asked.encoding.offsets, asked.encoding.ids
    rows = np.flatnonzero((offsets[:, 0] < end) & (offsets[:, 1] > start))
    rarest = int(ids[rows].max(initial=FIRST_WORD))
    stem = stem_of(found[0])
    return Word(
        text=found[0],
        stem=stem.stem,
        content=stem.content,
        named=_is_named(text, start, end),
        weight=4.0 + math.log1p(max(rarest - FIRST_WORD, 0) / 30.0),
        tokens=tuple(rows.tolist()),
    )


def _is_named(text: str, start: int, end: int) -> bool:
    written = text[start:end]
    if any(letter.isdigit() for letter in written):
        return True
    if len(written) > 1 and written[1:] != written[1:].lower():
        return not text.isupper()
    before = text[:start].rstrip(" \"'(")
    begins = not before or before[-1] in ".!?:\n"
    return written[0].isupper() and not begins and written.partition("'")[0] != "I"
