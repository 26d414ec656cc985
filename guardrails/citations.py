"""Every quote is checked against its passage before a customer sees it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from retrieval.types import Chunk


@dataclass(frozen=True, slots=True)
class Quotation:
    """Words said to stand in a chunk.

    Attributes:
        chunk: Where they are said to stand.
        text: The words.
        start: Their first character, as an offset into the chunk's text.
    """

    chunk: Chunk
    text: str
    start: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check found.

    Attributes:
        ok: Whether the text may be shown.
        why: What is wrong with it, empty when nothing is.
    """

    ok: bool
    why: str = ""


def check_quotations(quotations: Iterable[Quotation]) -> Verdict:
    """Whether each quotation stands, to the letter, where it is said to."""
    for quotation in quotations:
        end = quotation.start + len(quotation.text)
        if not quotation.text.strip():
            return Verdict(ok=False, why=f"empty quotation from {quotation.chunk.page}")
        if quotation.chunk.text[quotation.start : end] != quotation.text:
            return Verdict(ok=False, why=f"'{quotation.text}' is not in {quotation.chunk.page}")
    return Verdict(ok=True)
