"""What goes into a reply: only passages that help."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from retrieval.duplicates import say_the_same

if TYPE_CHECKING:
    from collections.abc import Sequence

    from retrieval.types import Passage

# As the embedder counts them. Of the 129 example questions whose gold passage is found at all, 126
# keep it within both limits; the best five passages hold it for 117.
MAX_TOKENS = 1200
# Short passages would fill the room by the dozen. Without this limit one question more keeps its
# passage, and all of them have half as much again to read.
MAX_PASSAGES = 8
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


def within_budget(passages: Sequence[Passage], *, max_tokens: int = MAX_TOKENS) -> Budget:
    """Keep the passages close to the best one, each thing said once, while there is room.

    Args:
        passages: What was found, best first.
        max_tokens: How long the kept ones may be together. The best is kept however long it is;
            where one does not fit, a shorter one behind it may.
    """
    kept: list[Passage] = []
    cut: list[Cut] = []
    for passage in passages:
        if why := _objection(passage, kept, max_tokens):
            cut.append(Cut(passage, why))
        else:
            kept.append(passage)
    return Budget(tuple(kept), tuple(cut))


def _objection(passage: Passage, kept: Sequence[Passage], max_tokens: int) -> str:
    if not kept:
        return ""
    if passage.score < kept[0].score - CUT_OFF:
        return "too far behind the best"
    if len(kept) == MAX_PASSAGES:
        return "enough passages"
    if passage.tokens + sum(other.tokens for other in kept) > max_tokens:
        return "no room for one this long"
    twin = next((other for other in kept if say_the_same(passage.chunk, other.chunk)), None)
    return f"says the same as a better one ({twin.chunk.page})" if twin else ""
