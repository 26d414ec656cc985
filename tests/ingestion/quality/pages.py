"""Pages for the checks, read the way an ingestion reads them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from ingestion.parsing import parse
from ingestion.quality.report import Limits, assess
from ingestion.sources.source import SourceFile

if TYPE_CHECKING:
    from langchain_core.documents import Document

    from ingestion.quality.findings import Finding, Kind
    from ingestion.quality.report import QualityReport
    from ingestion.quality.site import Around

TODAY = date(2026, 3, 1)


def document(page: str, text: str, **about: object) -> Document:
    read = parse(SourceFile(page, text.encode(), datetime(2026, 1, 1, tzinfo=UTC)))
    read.metadata.update(about)
    return read


def report(
    *documents: Document, limits: Limits | None = None, around: Around | None = None
) -> QualityReport:
    return assess(documents, today=TODAY, limits=limits, around=around)


def found(kind: Kind, *documents: Document, limits: Limits | None = None) -> list[Finding]:
    findings = report(*documents, limits=limits).findings
    return [finding for finding in findings if finding.kind is kind]
