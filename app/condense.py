"""What a message asks for: a person, one thing or several, and in the light of what came before."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from app.types import Role
from retrieval.sentences import sentence_spans

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.types import Message

SHORT = 4  # words; "and in Ireland?" means nothing without what came before
MAX_QUESTIONS = 3

_REFERS_BACK = re.compile(
    r"^(and|or|but|so|then|also|what about|how about|what if|why not|same|ok|okay)\b"
    r"|\b(it|its|that|those|these|them|they|there|this|one|ones)\b",
    re.IGNORECASE,
)
_NEXT_QUESTION = re.compile(
    r"\?\s+(?=\S)|,?\s+and\s+(?=(?:how|what|when|where|why|who|which|can|do|does|is|are|will)\b)",
    re.IGNORECASE,
)


_WANTS_PERSON = re.compile(
    r"\b(talk|speak|chat|transfer|connect|put)\b.{0,20}\b(human|person|agent|someone|somebody|"
    r"representative|advisor|adviser|operator|real people|your team)\b"
    r"|\b(real|live|actual) (human|person|agent)\b|^\W*(human|agent|operator)\W*$",
    re.IGNORECASE,
)


def asks_for_person(text: str) -> bool:
    """Whether the customer asks, in so many words, to be passed to a person."""
    return bool(_WANTS_PERSON.search(text))


def condense(text: str, history: Sequence[Message]) -> str:
    """The question, with the customer's last one ahead of it where it leans on that."""
    asked = [message.text for message in history if message.role is Role.CUSTOMER]
    if not asked or not _leans_back(text):
        return text
    return f"{asked[-1]} {text}"


def split_questions(text: str) -> tuple[str, ...]:
    """The questions of a message, in order; nothing of it is dropped.

    A part too short to be searched for joins the one before it, and so does what comes after
    the last question that is searched for on its own.
    """
    parts: list[str] = []
    for part in (part.strip(" ,") for part in _NEXT_QUESTION.split(text)):
        joins = parts and (len(part.split()) <= SHORT or len(parts) == MAX_QUESTIONS)
        if joins:
            parts[-1] = f"{parts[-1]} {part}"
        elif part:
            parts.append(part)
    return tuple(parts) or (text,)


def phrasings(text: str) -> tuple[str, ...]:
    """The ways to search for one question: as written, and without the story around it."""
    sentences = [text[start:end] for start, end in sentence_spans(text)]
    asked = " ".join(s for s in sentences if s.endswith("?")) or sentences[-1] if sentences else ""
    return tuple(dict.fromkeys(way for way in (text, asked) if way))


def _leans_back(text: str) -> bool:
    return len(text.split()) <= SHORT or bool(_REFERS_BACK.search(text))
