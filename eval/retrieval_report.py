"""Shows what `eval.retrieval` measured: in the terminal, as JSON, as an HTML page, as a run."""

from __future__ import annotations

import json
import shlex
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from eval.metrics import NAMES, NDCG
from eval.report import (
    Figure,
    Found,
    Plot,
    ReportPage,
    WorstQuestion,
    check_writable,
    draw_differences,
    draw_histogram,
    draw_intervals,
    write_page,
)
from eval.runs import write_run
from eval.searching import DENSE, FUSED, LEXICAL

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rich.console import Console

    from eval.compare import Comparison
    from eval.metrics import Interval
    from eval.retrieval import Gain, RetrievalReport
    from eval.searching import RankedQuestion, Shown

LEG_NAMES = {
    DENSE: "sentence vectors alone",
    LEXICAL: "BM25 alone",
    FUSED: "both fused, no late interaction",
    "whole": "the whole retriever",
}
CHANGES_SHOWN = 20
WORST_SHOWN = 30
SIGNIFICANT = 0.05


@dataclass(frozen=True, slots=True)
class Outputs:
    """Files to write; None for those not asked for.

    Attributes:
        figures: The figures, as JSON.
        page: The HTML page.
        run: What was found, as a TREC run.
    """

    figures: Path | None = None
    page: Path | None = None
    run: Path | None = None

    def check(self) -> None:
        """Fail now rather than after minutes of work.

        Raises:
            BadInput: A file could not be written.
        """
        check_writable(filter(None, (self.figures, self.page, self.run)))

    def write(self, report: RetrievalReport) -> None:
        """Write those asked for."""
        if self.figures:
            self.figures.write_text(to_json(report), encoding="utf-8")
        if self.page:
            write_page(to_page(report), self.page)
        if self.run:
            write_run(self.run, {r.question.id: r.units for r in report.rankings})


def to_json(report: RetrievalReport) -> str:
    """The figures, and everything needed to read them."""
    fields: dict[str, object] = {
        **{name: asdict(interval) for name, interval in report.scores.intervals().items()},
        "name": report.found.name,
        "searched": "pages" if report.task.pages else "passages",
        "questions": len(report.rankings),
        "passages": report.indexed.chunks,
        "versions": dict(report.versions),
        "notes": report.notes,
        "cautions": report.cautions,
    }
    if report.legs:
        legs = {name: scores.intervals() for name, scores in report.legs.items()}
        fields["legs"] = {
            name: {key: asdict(interval) for key, interval in intervals.items()}
            for name, intervals in legs.items()
        }
        fields["gains"] = {n: {**asdict(g), "below": g.below} for n, g in report.gains.items()}
    if report.spans:
        fields["spans"] = asdict(report.spans)
    if report.comparison:
        fields["comparison"] = asdict(report.comparison)
    return json.dumps(fields, indent=2, ensure_ascii=False) + "\n"


def show(report: RetrievalReport, console: Console) -> None:
    """Print the figures, and what to know of them."""
    console.print(Text(_headline(report)), soft_wrap=True)
    console.print(_figures_table(report))
    for name, gain in report.gains.items():
        console.print(Text(_gain(name, gain)), soft_wrap=True)
    for note in (_parts(report), *report.notes):
        console.print(Text(note, style="dim"), soft_wrap=True)
    for caution in report.cautions:
        console.print(Text(f"Caution: {caution}", style="yellow"), soft_wrap=True)
    if report.comparison:
        _show_comparison(report.comparison, console)


def to_page(report: RetrievalReport) -> ReportPage:
    """The HTML page."""
    intervals = list(_figures(report))
    return ReportPage(
        title=f"Retrieval on {report.found.name}",
        summary=" ".join((f"{_headline(report)}.", _parts(report), *report.notes)),
        command=_command(report),
        figures=tuple(intervals),
        plots=tuple(_plots(report, intervals)),
        worst=_worst(report),
        cautions=report.cautions,
        worst_by=NAMES[NDCG],
    )


def _headline(report: RetrievalReport) -> str:
    searched = "passages of our own ingestion" if report.task.pages else "passages"
    return (
        f"{report.found.name}: {len(report.rankings)} questions over "
        f"{report.indexed.chunks:,} {searched}"
    )


def _parts(report: RetrievalReport) -> str:
    parts = ", ".join(f"{part} {name}" for part, name in report.versions.items())
    return f"Searched with {parts}."


def _figures(report: RetrievalReport) -> Iterator[Figure]:
    """The whole retriever's measures first, then words, then each part's."""
    over = f"{len(report.rankings)} questions"
    for name, interval in report.scores.intervals().items():
        yield _figure(NAMES[name], interval, over)
    if report.spans:
        group = "Words of the first five passages"
        yield _figure("recall", report.spans.recall, "of the excerpts that answer", group)
        yield _figure("precision", report.spans.precision, "of what was found", group)
    for leg, scores in report.legs.items():
        for name, interval in scores.intervals().items():
            yield _figure(NAMES[name], interval, over, _capital(LEG_NAMES[leg]))


def _figure(name: str, interval: Interval, note: str, group: str = "") -> Figure:
    return Figure(name, interval.value, interval.low, interval.high, note, group)


def _figures_table(report: RetrievalReport) -> Table:
    table = Table("", "", "95% interval", box=None)
    group = ""
    for figure in _figures(report):
        if figure.group != group:
            group = figure.group
            table.add_row(group, "", "", style="bold")
        table.add_row(figure.name, f"{figure.value:.3f}", f"{figure.low:.3f} to {figure.high:.3f}")
    return table


def _gain(name: str, gain: Gain) -> str:
    difference = gain.difference
    verdict = "below it" if gain.below else "above it" if difference.low > 0 else "level with it"
    return (
        f"{_capital(LEG_NAMES[name])} against {LEG_NAMES[gain.better_leg]}, the better leg: "
        f"{difference.value:+.3f} nDCG@10 ({difference.low:+.3f} to {difference.high:+.3f}), "
        f"{verdict} as far as the interval tells."
    )


def _show_comparison(comparison: Comparison, console: Console) -> None:
    console.print(Text(_verdict(comparison)), soft_wrap=True)
    if not comparison.changes:
        return
    table = Table("question", "before", "now", "", box=None)
    for change in comparison.changes[:CHANGES_SHOWN]:
        figures = (f"{change.before:.2f}", f"{change.after:.2f}", f"{change.difference:+.2f}")
        table.add_row(Text(change.question), *figures)
    console.print(table)
    if len(comparison.changes) > CHANGES_SHOWN:
        console.print(f"and {len(comparison.changes) - CHANGES_SHOWN} more; --json has them all")


def _verdict(comparison: Comparison) -> str:
    difference = comparison.difference
    says = "more than chance" if comparison.p < SIGNIFICANT else "no more than chance might do"
    return (
        f"nDCG@10 was {comparison.before:.3f} and is {comparison.after:.3f}: "
        f"{difference.value:+.3f} ({difference.low:+.3f} to {difference.high:+.3f}), "
        f"p = {comparison.p:.4f}, {says}. {len(comparison.changes)} questions differ."
    )


def _command(report: RetrievalReport) -> str:
    task = report.task
    options = [
        *(["--pages"] if task.pages else []),
        *(["--legs"] if task.legs else []),
        *(["--compare", str(task.baseline)] if task.baseline else []),
    ]
    return shlex.join(["answerable", "eval", "retrieval", "--data", str(task.data), *options])


def _plots(report: RetrievalReport, figures: list[Figure]) -> Iterator[Plot]:
    ndcg = [figure for figure in figures if figure.name == NAMES[NDCG]]
    if len(ndcg) > 1:
        drawn = [
            Figure(f.group or _capital(LEG_NAMES["whole"]), f.value, f.low, f.high) for f in ndcg
        ]
        yield Plot(
            "What each part is worth",
            draw_intervals(drawn, NAMES[NDCG]),
            " ".join(_gain(name, gain) for name, gain in report.gains.items()),
        )
    yield Plot(
        "How questions fare",
        draw_histogram(report.scores.ndcg.tolist(), NAMES[NDCG]),
        "At 1 every relevant passage stands first; at 0 none is among the first ten.",
    )
    if report.comparison:
        yield Plot(
            f"Against {report.task.baseline}",
            draw_differences(report.comparison.differences, "difference in nDCG@10"),
            _verdict(report.comparison),
        )


def _worst(report: RetrievalReport) -> tuple[WorstQuestion, ...]:
    values = report.scores.ndcg.tolist()
    pairs = sorted(zip(values, report.rankings, strict=True), key=lambda pair: pair[0])
    texts = {passage.id: passage.text for passage in report.found.passages}
    return tuple(
        _failed(ranking, value, report, texts)
        for value, ranking in pairs[:WORST_SHOWN]
        if value < 1
    )


def _failed(
    ranking: RankedQuestion, value: float, report: RetrievalReport, texts: dict[str, str]
) -> WorstQuestion:
    relevant = report.found.relevant[ranking.question.id]
    first = next((n for n, (unit, _) in enumerate(ranking.units, 1) if unit in relevant), None)
    return WorstQuestion(
        question=ranking.asked,
        expected=tuple(texts[name] for name in relevant),
        found=tuple(map(_found, ranking.best)),
        verdict=f"first expected passage at rank {first}" if first else "no expected passage found",
        figure=value,
    )


def _found(shown: Shown) -> Found:
    passage = shown.passage
    return Found(
        place=" > ".join((passage.chunk.page, *passage.chunk.headings)),
        text=passage.chunk.text,
        score=passage.score,
        right=shown.right,
        signals=asdict(passage.signals),
    )


def _capital(name: str) -> str:
    return name[0].upper() + name[1:]
