"""Articles in an SQLite database: a source of one's own, which `docs/sources.md` explains."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ingestion.sources.source import SourceFile
from retrieval.errors import NothingToIngest, SourceNotFound

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet


@dataclass(frozen=True, slots=True)
class SqliteSource:
    """Reads a table `articles (slug, body, updated)`: Markdown, and a date in ISO form."""

    database: str
    base_url: str = ""

    def count(self) -> int:
        """How many articles there are."""
        return len(self._rows())

    def read(self, held: AbstractSet[str] = frozenset()) -> Iterator[SourceFile]:
        """Each article as a Markdown file."""
        del held  # all are read: those that have not changed are not encoded again
        rows = self._rows()
        return (
            SourceFile(f"{slug}.md", body.encode(), datetime.fromisoformat(updated).astimezone(UTC))
            for slug, body, updated in rows
        )

    def commit(self) -> None:
        """Nothing is remembered from one run to the next."""

    def _rows(self) -> list[tuple[str, str, str]]:
        if not Path(self.database).is_file():
            raise SourceNotFound(f"{self.database} does not exist.", hint="Check its path.")
        with closing(sqlite3.connect(self.database)) as connection:
            rows = connection.execute("SELECT slug, body, updated FROM articles ORDER BY slug")
            if articles := rows.fetchall():
                return articles
        raise NothingToIngest(f"{self.database} holds no article.", hint="Write one.")
