"""What has to change for a release to show the chunks that a page has now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from retrieval.index import Version
    from retrieval.types import Chunk


@dataclass(frozen=True, slots=True)
class Changes:
    """The difference between what a release shows of some pages and what they hold now.

    Attributes:
        begin: Chunks to store: new ones, and ones that stand elsewhere now.
        end: Versions to show no longer.
    """

    begin: tuple[Chunk, ...]
    end: tuple[Version, ...]

    @property
    def pages(self) -> frozenset[str]:
        """The pages that are not as they were."""
        return frozenset({c.page for c in self.begin} | {v.page for v in self.end})


def changes(shown: Sequence[Version], wanted: Sequence[Chunk]) -> Changes:
    """Compare what is shown with what is wanted.

    Args:
        shown: The versions that the candidate shows of these pages so far.
        wanted: The chunks that the pages hold now.
    """
    places = {version.chunk: version.place for version in shown}
    begin = tuple(chunk for chunk in wanted if places.get(chunk.id) != chunk.place)
    kept = {chunk.id for chunk in wanted if places.get(chunk.id) == chunk.place}
    return Changes(begin, tuple(version for version in shown if version.chunk not in kept))
