"""A source that was taken away: it holds nothing any more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet

    from ingestion.sources.source import SourceItem

NOTHING: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class WithdrawnSource:
    """Stands in a run for a source of which nothing is to be found any more."""

    base_url: str = ""

    def count(self) -> int:
        """See `Source.count`."""
        return 0

    def read(self, held: AbstractSet[str] = NOTHING) -> Iterator[SourceItem]:  # noqa: ARG002
        """See `Source.read`."""
        return iter(())

    def commit(self) -> None:
        """There is nothing to remember."""
