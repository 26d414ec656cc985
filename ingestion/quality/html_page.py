"""The report as one HTML page that needs nothing beside it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined

from ingestion.quality.findings import ABOUT, Kind, Severity

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ingestion.quality.findings import About, Finding, Place
    from ingestion.quality.report import QualityReport

# A browser draws this many of each kind at once without delay; all of them are in the JSON.
MOST_SHOWN = 100
_LONGEST_QUOTE = 480
# How the findings of a kind are laid out.
_SHAPES = {
    Kind.CONTRADICTION: "sides",
    Kind.SIMILAR_PAGES: "sides",
    Kind.REPEATED_PASSAGE: "quotes",
    Kind.BROKEN_LINK: "links",
    Kind.BROKEN_FRAGMENT: "links",
    Kind.IDENTICAL_PAGES: "pages",
    Kind.DUPLICATE_TITLE: "pages",
    Kind.REVIEW_OVERDUE: "rows",
    Kind.STALE: "rows",
    Kind.THIN_PAGE: "rows",
    Kind.EMPTY_HEADING: "rows",
}


@dataclass(frozen=True, slots=True)
class _Section:
    """The findings of one kind, and how they are shown."""

    kind: Kind
    about: About
    shape: str
    count: int
    share: float
    shown: tuple[Finding, ...]


def to_html(report: QualityReport) -> str:
    """Draw the report as a page.

    Args:
        report: What was found.

    Returns:
        A whole document; what it quotes is escaped, and it loads and runs nothing.
    """
    by_severity = {
        severity: sum(finding.severity is severity for finding in report.findings)
        for severity in Severity
    }
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            report=report,
            sections=_sections(report),
            clear=[ABOUT[kind].label for kind, count in report.counts.items() if not count],
            by_severity=by_severity,
            most_shown=MOST_SHOWN,
        )
    )


def _sections(report: QualityReport) -> list[_Section]:
    """The kinds that were found, the worst first."""
    found: dict[Kind, list[Finding]] = defaultdict(list)
    for finding in report.findings:
        found[finding.kind].append(finding)
    most = max(map(len, found.values()), default=1)
    return [
        _Section(
            kind=kind,
            about=ABOUT[kind],
            shape=_SHAPES[kind],
            count=len(findings),
            share=len(findings) / most,
            shown=tuple(findings[:MOST_SHOWN]),
        )
        for kind, findings in found.items()
    ]


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("ingestion.quality", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(pieces=_pieces, by_page=_by_page)
    return environment


def _by_page(finding: Finding) -> Mapping[str, Sequence[Place]]:
    """The first two pages of a finding, each with what stands on it."""
    sides: dict[str, list[Place]] = {page: [] for page in finding.pages[:2]}
    for place in finding.places:
        sides[place.page].append(place)
    return sides


def _pieces(place: Place) -> list[tuple[str, bool]]:
    """The place's text in pieces, and for each whether it is marked."""
    if not place.marks:
        return [(_shortened(place.text), False)]
    pieces: list[tuple[str, bool]] = []
    done = 0
    for start, end in place.marks:
        pieces += [(place.text[done:start], False), (place.text[start:end], True)]
        done = end
    return [*pieces, (place.text[done:], False)]


def _shortened(text: str) -> str:
    if len(text) <= _LONGEST_QUOTE:
        return text
    return text[:_LONGEST_QUOTE].rsplit(None, 1)[0] + " …"
