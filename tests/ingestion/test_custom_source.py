"""The example of a source of one's own, as `docs/sources.md` shows it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from langchain_core.documents import Document

from ingestion.reading import read_documents
from ingestion.sources.source import SourceFile
from ingestion.sources.spec import load_sources
from retrieval.errors import NothingToIngest, SourceNotFound

if TYPE_CHECKING:
    from ingestion.sources.spec import SourceSpec

REPO = Path(__file__).parents[2]
EXAMPLE = REPO / "examples" / "sources" / "sqlite_source.py"


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "articles.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE articles (slug TEXT, body TEXT, updated TEXT)")
    return path


@pytest.fixture
def spec(database: Path, monkeypatch: pytest.MonkeyPatch) -> SourceSpec:
    monkeypatch.syspath_prepend(str(EXAMPLE.parent))
    path = database.with_name("sources.yaml")
    path.write_text(
        "sources:\n  - name: articles\n    python: sqlite_source:SqliteSource\n"
        f"    options: {{database: {database}, base_url: 'https://a.example'}}\n"
    )
    [spec] = load_sources(path, state=database.parent)
    return spec


def write(database: Path, *articles: tuple[str, str, str]) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.executemany("INSERT INTO articles VALUES (?, ?, ?)", articles)


def test_articles_become_documents(spec: SourceSpec, database: Path) -> None:
    write(
        database,
        ("returns", "# Returns\n\nThirty days.", "2025-01-15T08:00:00+00:00"),
        ("descaling", "# Descaling\n\nUse vinegar.", "2025-01-16"),
    )
    assert spec.source.count() == 2
    files = list(spec.source.read())
    documents = [
        found for file in files if isinstance(file, SourceFile) for found in read_documents(file)
    ]
    read = {d.metadata["page"]: d.page_content for d in documents if isinstance(d, Document)}
    assert read == {
        "descaling.md": "# Descaling\n\nUse vinegar.",
        "returns.md": "# Returns\n\nThirty days.",
    }
    assert spec.source.base_url == "https://a.example"
    spec.source.commit()


def test_what_is_missing_is_said(spec: SourceSpec, database: Path) -> None:
    with pytest.raises(NothingToIngest, match="holds no article"):
        spec.source.read()
    database.unlink()
    with pytest.raises(SourceNotFound, match="does not exist"):
        spec.source.count()


def test_the_guide_shows_the_example_as_it_is() -> None:
    guide = (REPO / "docs" / "sources.md").read_text()
    assert EXAMPLE.read_text().strip() in guide
