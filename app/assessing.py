"""Reads documents and says what is wrong with them, before customers do."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from langchain_core.documents import Document

from app.knowledge import specs_of
from ingestion.quality.report import write_quality_report
from ingestion.quality.site import Around
from ingestion.reading import read_documents
from ingestion.sources.source import Skipped, SourceFile

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from app.knowledge import IngestRequest
    from app.settings import Settings
    from ingestion.progress import Meter
    from ingestion.quality.report import QualityReport
    from ingestion.sources.spec import SourceSpec


def assess_sources(
    settings: Settings, request: IngestRequest, files: Sequence[Path], meter: Meter
) -> QualityReport:
    """Read what a run would read, and write reports on it.

    Args:
        settings: Where checkouts are kept.
        request: The folders and sources.
        files: Where to write; each one's suffix, .html or .json, says in which form.
        meter: Is told how far it is.

    Raises:
        BadInput: A file's form is not known, or there is nothing to read.
    """
    specs = specs_of(settings, request)
    unread: list[str] = []
    documents = [document for spec in specs for document in _documents(spec, unread, meter)]
    bases = tuple(spec.source.base_url for spec in specs if spec.source.base_url)
    around = Around(base_urls=bases, unread=tuple(unread))
    today = datetime.now(UTC).date()
    return write_quality_report(documents, files, today=today, around=around, meter=meter)


def _documents(spec: SourceSpec, unread: list[str], meter: Meter) -> Iterator[Document]:
    meter.start(f"Reading {spec.name}", spec.source.count())
    for item in spec.source.read():
        meter.advance()
        if isinstance(item, Skipped):
            unread.append(item.page)
        elif isinstance(item, SourceFile):
            for found in read_documents(item):
                if isinstance(found, Skipped):
                    unread.append(found.page)
                else:
                    yield _placed(found, spec)


def _placed(document: Document, spec: SourceSpec) -> Document:
    """The document, with what its source and its path say of it where it does not itself."""
    said = {name: value for name, value in document.metadata.items() if value}
    scope = spec.placement.of(document.metadata["page"]) or spec.scope
    place = {"audience": scope.audience, "locale": scope.locale, "product": scope.product}
    return Document(page_content=document.page_content, metadata=document.metadata | place | said)
