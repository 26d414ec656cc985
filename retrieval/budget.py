"""What goes into a reply: only passages that help."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from retrieval.types import Passage

MAX_PASSAGES = 5
# A passage this far behind the best one dilutes the reply more than it adds.
CUT_OFF = 0.25


@dataclass(frozen=True, slots=True)
class Cut:
    """A passage that was left out, and why."""

    passage: Passage
    why: str


@dataclass(frozen=True, slots=True)
class Budget:
    """Ranked passages, divided into those a reply may use and the rest."""

    kept: tuple[Passage, ...]
    cut: tuple[Cut, ...]


def within_budget(passages: Sequence[Passage]) -> Budget:
    """Keep the passages close to the best one, each text once."""
    kept: list[Passage] = []
    cut: list[Cut] = []
    for passage in passages:
        if why := _objection(passage, kept):
            cut.append(Cut(passage, why))
        else:
            kept.append(passage)
    return Budget(tuple(kept), tuple(cut))


def _objection(passage: Passage, kept: Sequence[Passage]) -> str:
    if kept and passage.score < kept[0].score - CUT_OFF:
        return "too far behind the best"
    if any(passage.chunk.text == other.chunk.text for other in kept):
        return "the same text as a better one"
    if len(kept) == MAX_PASSAGES:
        return "enough passages"
    return ""
