"""The figures of all set-ups side by side, ours as the measure of the rest."""

from __future__ import annotations

import os
import platform
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import TYPE_CHECKING

from rich.table import Table

from eval.compare import sign_flip_test
from eval.metrics import NAMES, NDCG, bootstrap, score
from eval.peers.protocol import CANDIDATES
from eval.peers.running import Failure
from eval.peers.setups import OURS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from eval.metrics import Interval, Scores
    from eval.peers.protocol import Asked, Result
    from eval.peers.sets import PeerSet
    from eval.peers.setups import Setup

MEGABYTE = 2**20
CONDITIONS = f"""\
All index the same text (title > headings, a line break, the passage) with the same weights of
all-MiniLM-L6-v2, find {CANDIDATES} passages in each leg where that can be chosen, and leave the
number of threads as it is by default.

One process for each set-up, one after the other. Times are of a second pass over the questions,
one at a time, from text to ids. Ingestion is from passages in memory to searchable, the model
loaded and warm. Memory is the peak of the whole process. Ways of asking that share a process share
it and the ingestion.

p is of a paired randomisation test on nDCG@10, not corrected for how many of them there are.

The best way of a library (*) is chosen with these same questions, in its favour. Our fusion
weights are the shipped ones; docs/decisions/0002-fusion.md says what they were chosen on.

Not possible here: cross-encoders that rerank and learned sparse models, whose weights cannot be
downloaded; questions rewritten by a language model; a Qdrant server. 'Qdrant' under a library is
the client's own mode in memory, written in Python: its speed says nothing of a server's.
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One way of asking one set-up.

    Attributes:
        setup: The set-up.
        way: The way of asking.
        scores: How good its rankings are.
        p50: Median time of a question, in milliseconds.
        p95: 95th percentile, likewise.
        passages_per_second: How fast it ingested.
        peak_megabytes: The most memory its process held.
        lead: How far we are ahead of it, in nDCG@10; None for our own.
        p: How often chance alone would make a difference as large; None for our own.
    """

    setup: Setup
    way: str
    scores: Scores
    p50: float
    p95: float
    passages_per_second: float
    peak_megabytes: float
    lead: Interval | None = None
    p: float | None = None

    @property
    def ndcg(self) -> float:
        """Mean nDCG@10."""
        return float(self.scores.ndcg.mean())


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that was measured.

    Attributes:
        found: The set.
        rows: Every way of every set-up, ours first.
        failures: Set-ups that could not be measured.
        versions: Version of each library that took part.
    """

    found: PeerSet
    rows: tuple[Row, ...]
    failures: Mapping[str, Failure]
    versions: Mapping[str, str]

    @property
    def ours(self) -> Row | None:
        """Our own row; None when that failed."""
        return next((row for row in self.rows if row.setup.name == OURS), None)

    def best(self, library: str) -> Row:
        """A library's way with the best rankings; the first of those when several have them."""
        return max((r for r in self.rows if r.setup.library == library), key=lambda r: r.ndcg)


def report(
    found: PeerSet, setups: Sequence[Setup], outcomes: Mapping[str, Result | Failure]
) -> Report:
    """Score every ranking with the same measures, and compare with ours."""
    rows: list[Row] = []
    versions: dict[str, str] = {}
    for setup in setups:
        outcome = outcomes[setup.name]
        if not isinstance(outcome, Failure):
            ours = rows[0].scores if rows and rows[0].setup.name == OURS else None
            rows += [_row(found, setup, outcome, way, ours) for way in outcome.ways]
            versions |= outcome.versions
    failures = {name: o for name, o in outcomes.items() if isinstance(o, Failure)}
    return Report(found, tuple(rows), failures, dict(sorted(versions.items())))


def _row(found: PeerSet, setup: Setup, result: Result, way: str, ours: Scores | None) -> Row:
    asked: Asked = result.ways[way]
    scores = score(asked.found, found.relevant)
    milliseconds = [seconds * 1000 for seconds in asked.seconds]
    lead = None if ours is None else ours.ndcg - scores.ndcg
    return Row(
        setup=setup,
        way=way,
        scores=scores,
        p50=median(milliseconds),
        p95=quantiles(milliseconds, n=20, method="inclusive")[18],
        passages_per_second=len(found.passages) / result.ingest_seconds,
        peak_megabytes=result.peak_bytes / MEGABYTE,
        lead=None if lead is None else bootstrap(lead),
        p=None if lead is None else sign_flip_test(lead),
    )


def table(measured: Report) -> Table:
    """A line for each way; figures in brackets are multiples of ours."""
    found = measured.found
    title = f"{found.name}: {len(found.passages)} passages, {len(found.questions)} questions"
    shown = Table(
        title=title, title_justify="left", box=None, pad_edge=False, collapse_padding=True
    )
    shown.add_column("", no_wrap=True)
    quality = (NAMES[NDCG], "ours ahead by, 95%", "p", *(n for k, n in NAMES.items() if k != NDCG))
    for name in (*quality, "p50 ms", "p95 ms", "passages/s", "peak MB"):
        shown.add_column(name, justify="right", no_wrap=True)
    for setup, rows in _by_setup(measured.rows).items():
        shown.add_row(f"[bold]{setup.library}[/]: {setup.parts}", *_costs(rows[0], measured.ours))
        for row in rows:
            mark = "*" if row is measured.best(row.setup.library) else " "
            shown.add_row(f" {mark} {row.way}", *_cells(row, measured.ours))
    return shown


def _by_setup(rows: Sequence[Row]) -> dict[Setup, list[Row]]:
    grouped: dict[Setup, list[Row]] = {}
    for row in rows:
        grouped.setdefault(row.setup, []).append(row)
    return grouped


def _costs(row: Row, ours: Row | None) -> list[str]:
    """What the ways of a set-up share."""
    rate = _times(row.passages_per_second, ours.passages_per_second if ours else None, 0)
    return [*[""] * 8, rate, _times(row.peak_megabytes, ours.peak_megabytes if ours else None, 0)]


def _cells(row: Row, ours: Row | None) -> list[str]:
    means = {name: _short(values.mean()) for name, values in row.scores.by_measure.items()}
    lead = row.lead
    return [
        means[NDCG],
        f"{_short(lead.value)} [{_short(lead.low)}, {_short(lead.high)}]" if lead else "",
        "" if row.p is None else _short(row.p, 4),
        *(means[name] for name in NAMES if name != NDCG),
        _times(row.p50, ours.p50 if ours else None, 1),
        f"{row.p95:.1f}",
    ]


def _short(value: float, digits: int = 3) -> str:
    """A figure between -1 and 1, without the zero that all of them have."""
    return f"{value:.{digits}f}".replace("0.", ".", 1) if abs(value) < 1 else f"{value:.{digits}f}"


def _times(value: float, ours: float | None, digits: int) -> str:
    """A figure, and how many times ours it is."""
    return f"{value:.{digits}f} ({value / ours:.2f}x)" if ours else f"{value:.{digits}f}"


def remarks(measured: Report) -> list[str]:
    """What has to be said about the figures, and what is missing from them."""
    versions = ", ".join(f"{name} {version}" for name, version in measured.versions.items())
    return [
        *measured.found.notes,
        *(f"{name} is missing: {failure.reason}." for name, failure in measured.failures.items()),
        *(" ".join(paragraph.split()) for paragraph in CONDITIONS.split("\n\n")),
        (
            f"{machine()['cpu']}, {machine()['cores']} cores, Python {platform.python_version()}; "
            f"{versions}."
        ),
    ]


def machine() -> dict[str, str | int]:
    """What it was measured on."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return {
        "cpu": next(names, platform.machine()),
        "cores": os.cpu_count() or 1,
        "system": platform.platform(),
    }


def as_json(measured: Report) -> dict[str, object]:
    """All figures, for a machine to read."""
    found = measured.found
    return {
        "set": found.name,
        "passages": len(found.passages),
        "questions": len(found.questions),
        "machine": machine(),
        "versions": dict(measured.versions),
        "rows": [_fields(row) for row in measured.rows],
        "failures": {name: failure.reason for name, failure in measured.failures.items()},
        "remarks": remarks(measured),
    }


def _fields(row: Row) -> dict[str, object]:
    return {
        "setup": row.setup.name,
        "library": row.setup.library,
        "parts": row.setup.parts,
        "way": row.way,
        "quality": {name: asdict(i) for name, i in row.scores.intervals().items()},
        "p50_ms": row.p50,
        "p95_ms": row.p95,
        "passages_per_second": row.passages_per_second,
        "peak_megabytes": row.peak_megabytes,
        "lead": asdict(row.lead) if row.lead else None,
        "p": row.p,
    }
