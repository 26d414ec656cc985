"""Documents in, what is wrong with them out."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from ingestion.progress import LogMeter
from ingestion.quality.contradictions import Contradictions
from ingestion.quality.findings import Finding, Kind, Severity
from ingestion.quality.html_page import to_html
from ingestion.quality.links import check_links
from ingestion.quality.page import Check, Library, read
from ingestion.quality.passages import RepeatedPassages
from ingestion.quality.resemblance import Resemblance
from ingestion.quality.site import Around, Verdict
from ingestion.quality.structure import EmptyHeadings, Titles
from ingestion.quality.upkeep import Upkeep
from retrieval.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import date
    from pathlib import Path

    from langchain_core.documents import Document

    from ingestion.progress import Meter

SCHEMA = 1

_KINDS = list(Kind)
_SEVERITIES = list(Severity)


@dataclass(frozen=True, slots=True)
class Limits:
    """From when on something is wrong.

    Attributes:
        thin_words: A page with fewer words of prose is thin.
        passage_words: A passage of at least so many words should stand on one page only.
        similarity: The share of runs of words from which two pages are nearly identical.
        stale_days: A page not updated for more days is stale.
    """

    thin_words: int = 30
    passage_words: int = 25
    similarity: float = 0.7
    stale_days: int = 730

    def __post_init__(self) -> None:
        if not 0 < self.similarity <= 1:
            raise BadInput(
                f"A similarity of {self.similarity} is not a share.",
                hint="Give a number above 0 and up to 1, such as 0.7.",
            )


@dataclass(frozen=True, slots=True)
class QualityReport:
    """What is wrong with a set of documents.

    Attributes:
        today: The day the report is of.
        documents: How many documents were looked at.
        limits: From when on something counted as wrong.
        findings: What is wrong, the worst first.
        links: How many links there were, by what became of them.
    """

    today: date
    documents: int
    limits: Limits
    findings: tuple[Finding, ...]
    links: Mapping[Verdict, int]

    @property
    def counts(self) -> dict[Kind, int]:
        """How many findings there are of each kind, in the order of kinds, none left out."""
        found = Counter(finding.kind for finding in self.findings)
        return {kind: found[kind] for kind in Kind}

    @property
    def unjudged(self) -> int:
        """How many links may lead anywhere."""
        return self.links.get(Verdict.UNJUDGED, 0)


def assess(
    documents: Sequence[Document],
    *,
    today: date,
    limits: Limits | None = None,
    around: Around | None = None,
    meter: Meter | None = None,
) -> QualityReport:
    """Find what is wrong with a set of documents.

    Args:
        documents: Pages as `ingestion.parsing.parse` makes them.
        today: The day to count from.
        limits: From when on something is wrong.
        around: What is known of the documents' surroundings, for following links.
        meter: Told about progress.

    Returns:
        The same report for the same documents in the same order.
    """
    limits = limits or Limits()
    meter = meter or LogMeter()
    checks = _checks(Library(documents), today, limits)
    _look(documents, checks, meter)
    meter.start("Comparing pages", len(checks) + 1)
    links = check_links(documents, around or Around())
    meter.advance()
    findings = list(links.findings)
    for check in checks:
        findings += check.findings()
        meter.advance()
    return QualityReport(
        today, len(documents), limits, tuple(sorted(findings, key=_worst_first)), links.counts
    )


def _checks(library: Library, today: date, limits: Limits) -> list[Check]:
    resemblance = Resemblance(library, limits.similarity)
    return [
        resemblance,
        RepeatedPassages(library, limits.passage_words, resemblance.leader),
        Contradictions(library),
        Upkeep(today, limits.thin_words, limits.stale_days),
        EmptyHeadings(),
        Titles(library),
    ]


def _look(documents: Sequence[Document], checks: Sequence[Check], meter: Meter) -> None:
    meter.start("Checking pages", len(documents))
    for number, document in enumerate(documents):
        page = read(document)
        for check in checks:
            check.look(number, page)
        meter.advance()


def _worst_first(finding: Finding) -> tuple[int, int, float, tuple[str, ...], str]:
    severity, kind = _SEVERITIES.index(finding.severity), _KINDS.index(finding.kind)
    return severity, kind, -finding.weight, finding.pages, finding.what


def to_json(report: QualityReport) -> str:
    """Write a report down for programs.

    Args:
        report: What was found.

    Returns:
        A JSON object. `schema` changes when the meaning of a key does, or a key goes.
    """
    content = {
        "schema": SCHEMA,
        "today": report.today.isoformat(),
        "documents": report.documents,
        "limits": asdict(report.limits),
        "counts": report.counts,
        "links": {verdict: report.links.get(verdict, 0) for verdict in Verdict},
        "findings": [_plain(finding) for finding in report.findings],
    }
    return json.dumps(content, ensure_ascii=False, indent=2) + "\n"


def _plain(finding: Finding) -> dict[str, object]:
    told = {"severity": finding.severity, **asdict(finding), "advice": finding.advice}
    del told["weight"]
    return told


def write_quality_report(
    documents: Iterable[Document],
    files: Sequence[Path],
    *,
    today: date,
    limits: Limits | None = None,
    around: Around | None = None,
    meter: Meter | None = None,
) -> QualityReport:
    """Find what is wrong with documents and write it to files.

    Args:
        documents: Pages as `ingestion.parsing.parse` makes them.
        files: Where the report goes: a page for people in `.html`, data for programs in `.json`.
        today: See `assess`.
        limits: See `assess`.
        around: See `assess`.
        meter: See `assess`.

    Raises:
        BadInput: A file is of another kind or cannot be written.
    """
    writers = [(path, _writer(path)) for path in files]
    report = assess(list(documents), today=today, limits=limits, around=around, meter=meter)
    for path, written in writers:
        _write(path, written(report))
    return report


def _writer(path: Path) -> Callable[[QualityReport], str]:
    try:
        return {".html": to_html, ".json": to_json}[path.suffix.lower()]
    except KeyError:
        raise BadInput(
            f"{path} is of a kind that a report cannot be written as.",
            hint="Name a file that ends in .html or .json.",
        ) from None


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadInput(
            f"{path} cannot be written: {error.strerror}.", hint="Name another file."
        ) from error
