"""What a run has to change, found by comparing content hashes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from retrieval.types import Chunk


@dataclass(frozen=True, slots=True)
class Plan:
    """The difference between what is stored and what the source holds now.

    Attributes:
        added: Chunks to encode and store, in page order.
        removed: Ids of stored chunks that the source no longer holds.
        unchanged: How many chunks are stored already.
    """

    added: tuple[Chunk, ...]
    removed: tuple[str, ...]
    unchanged: int


def plan(stored: Mapping[str, str], found: Sequence[Chunk], unread: AbstractSet[str]) -> Plan:
    """Compare a source with what the index has of it.

    Args:
        stored: Ids of the stored chunks, each with its page.
        found: The chunks the source holds now.
        unread: Pages that exist but could not be read this time; what is stored of them stays.
    """
    present = {chunk.id for chunk in found}
    gone = (i for i, page in stored.items() if i not in present and page not in unread)
    added = tuple(chunk for chunk in found if chunk.id not in stored)
    return Plan(added, tuple(gone), len(found) - len(added))
