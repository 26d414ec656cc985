"""What a run has to change, found by comparing content hashes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from retrieval.index import Stored
    from retrieval.types import Chunk


@dataclass(frozen=True, slots=True)
class Plan:
    """The difference between what is stored and what the source holds now.

    Attributes:
        added: Chunks to encode and store, in page order.
        moved: Stored chunks that stand elsewhere now, or on a page renamed or given a new URL.
        removed: Ids of stored chunks that the source no longer holds.
        unchanged: How many chunks are stored as they stand.
    """

    added: tuple[Chunk, ...]
    moved: tuple[Chunk, ...]
    removed: tuple[str, ...]
    unchanged: int


def plan(stored: Mapping[str, Stored], found: Sequence[Chunk], unread: AbstractSet[str]) -> Plan:
    """Compare a source with what the index has of it.

    Args:
        stored: What the index has of the source, by id.
        found: The chunks the source holds now.
        unread: Pages and folders that exist but could not be read this time, "" for all of the
            source; what is stored of them stays.
    """
    present = {chunk.id for chunk in found}
    gone = (i for i, s in stored.items() if i not in present and not _lies_in(s.page, unread))
    added = tuple(chunk for chunk in found if chunk.id not in stored)
    kept = [chunk for chunk in found if chunk.id in stored]
    moved = tuple(chunk for chunk in kept if chunk.place != stored[chunk.id].place)
    return Plan(added, moved, tuple(gone), len(kept) - len(moved))


def _lies_in(page: str, unread: AbstractSet[str]) -> bool:
    path = PurePosixPath(page)
    return "" in unread or any(str(part) in unread for part in (path, *path.parents))
