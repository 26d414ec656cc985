"""Shows what `eval.cache` measured: in the terminal, as JSON, as an HTML page."""

from __future__ import annotations

import json
import shlex
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from eval.cache import COSINE, VERIFIED
from eval.hit_rates import NEVER
from eval.report import (
    Figure,
    Found,
    Plot,
    ReportPage,
    WorstQuestion,
    check_writable,
    draw_precision,
    write_page,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rich.console import Console

    from eval.cache import CacheReport, Operated
    from eval.cache_replay import Replay

WORST_SHOWN = 40
NAMES = {
    "hit_rate": "hit rate",
    "false_hit_rate": "false hits, of those served",
    "true_hit_recall": "repeats found",
}


@dataclass(frozen=True, slots=True)
class CacheOutputs:
    """Files to write; None for those not asked for.

    Attributes:
        figures: The figures, as JSON.
        page: The HTML page.
    """

    figures: Path | None = None
    page: Path | None = None

    def check(self) -> None:
        """Fail now rather than after minutes of work.

        Raises:
            BadInput: A file could not be written.
        """
        check_writable(path for path in (self.figures, self.page) if path)

    def write(self, report: CacheReport) -> None:
        """Write those asked for."""
        if self.figures:
            self.figures.write_text(to_json(report), encoding="utf-8")
        if self.page:
            write_page(to_page(report), self.page)


def to_json(report: CacheReport) -> str:
    """The figures, and everything needed to read them."""
    fields: dict[str, object] = {
        **_operated(report.verified),
        "pairs": len(report.compared),
        "pair_score": asdict(report.pair_score),
        "cosine": _operated(report.cosine),
        "gain": report.gain,
        "within": {
            str(risk): {name: _operated(one) for name, one in best.items()}
            for risk, best in report.within.items()
        },
        "told_apart": {
            check: {"same": same, "other": other}
            for check, (same, other) in report.told_apart.items()
        },
    }
    if report.chosen:
        fields["cosine_chosen"] = _operated(report.chosen)
    return json.dumps(fields, indent=2, ensure_ascii=False) + "\n"


def _operated(operated: Operated) -> dict[str, object]:
    """The three shares by name, and beside them their intervals and what they were counted from."""
    shares = operated.rates.intervals()
    return {
        **{name: interval.value for name, interval in shares.items()},
        "intervals": {name: [i.low, i.high] for name, i in shares.items()},
        "threshold": operated.threshold,
        **asdict(operated.rates),
    }


def show(report: CacheReport, console: Console) -> None:
    """Print the figures."""
    console.print(Text(_headline(report)), soft_wrap=True)
    table = Table("", *NAMES.values(), "right", "wrong", box=None)
    for name, operated in _rows(report):
        intervals = operated.rates.intervals()
        shares = (f"{i.value:.1%} ({i.low:.1%} to {i.high:.1%})" for i in intervals.values())
        table.add_row(name, *shares, str(operated.rates.right), str(operated.rates.wrong))
    console.print(table)
    told = ", ".join(
        f"{check} {same}/{other}" for check, (same, other) in report.told_apart.items()
    )
    console.print(Text(f"told apart by a check, same/other: {told}", style="dim"), soft_wrap=True)


def show_replay(replay: Replay, console: Console) -> None:
    """Print what became of a log."""
    ways = ", ".join(f"{count} {way}" for way, count in sorted(replay.matched.items()))
    console.print(f"{replay.served} questions answered from the cache ({ways or 'none'})")
    if replay.wrong.total:
        console.print(f"{replay.wrong} of those with a known meaning got the answer to another")
    for asked, answered in replay.wrongly[:WORST_SHOWN]:
        console.print(Text(f"  {asked.question}  <-  {answered.question}"), soft_wrap=True)


def to_page(report: CacheReport) -> ReportPage:
    """The HTML page."""
    return ReportPage(
        title="Cached answers: hits and false hits",
        summary=_headline(report),
        command=_command(report),
        figures=tuple(_figures(report)),
        plots=(
            Plot(
                title="What is right of what is served",
                svg=_draw(report),
                caption="Each point is a threshold, the strictest on the left. The verifier serves "
                "nothing that a check has told apart, so its curve ends.",
            ),
        ),
        worst=tuple(_worst(report)),
        worst_by="score",
    )


def _headline(report: CacheReport) -> str:
    repeats = int(sum(one.pair.same for one in report.compared))
    return (
        f"{len(report.compared)} pairs, {repeats} of them repeats. At a score of "
        f"{report.pair_score.threshold:.3f}, for a budget of {report.pair_score.budget:.1%} false "
        f"hits, the verifier serves {report.verified.rates.right} rightly and "
        f"{report.verified.rates.wrong} wrongly; the best plain cosine with no larger share of "
        f"false hits serves {report.cosine.rates.right} rightly."
    )


def _command(report: CacheReport) -> str:
    task = report.task
    words = ["answerable", "eval", "cache"]
    words += [word for path in task.pairs for word in ("--pairs", str(path))]
    words += [word for path in task.chosen_on for word in ("--chosen-on", str(path))]
    if task.chosen_on:
        words += ["--budget", str(task.budget)]
    return shlex.join(words)


def _rows(report: CacheReport) -> Iterator[tuple[str, Operated]]:
    yield f"verifier, {report.pair_score.threshold:.3f}", report.verified
    if report.chosen:
        yield "cosine, chosen on the same other pairs", report.chosen
    yield "cosine, no more false hits than the verifier", report.cosine
    for risk, best in report.within.items():
        yield f"verifier, best here within {risk:.0%}", best[VERIFIED]
        yield f"cosine, best here within {risk:.0%}", best[COSINE]


def _figures(report: CacheReport) -> Iterator[Figure]:
    for group, operated in _rows(report):
        for key, interval in operated.rates.intervals().items():
            heading = "" if operated is report.verified else group
            note = f"{operated.rates.right} right, {operated.rates.wrong} wrong"
            yield Figure(NAMES[key], interval.value, interval.low, interval.high, note, heading)


def _draw(report: CacheReport) -> str:
    """Precision against hit rate, of the verifier and of the cosine alone."""
    curves = {}
    for name in (VERIFIED, COSINE):
        curve = report.curves[name]
        served = curve.right + curve.wrong
        share, right = served / len(report.compared), curve.right / served
        curves[name] = (share.tolist(), right.tolist())
    return draw_precision(curves)


def _worst(report: CacheReport) -> Iterator[WorstQuestion]:
    """The false hits, the surest first."""
    scored = sorted(
        zip(report.scores.tolist(), report.compared, strict=True), key=lambda one: -one[0]
    )
    wrong = [
        (score, one)
        for score, one in scored
        if not one.pair.same and score > NEVER and score >= report.pair_score.threshold
    ]
    for score, one in wrong[:WORST_SHOWN]:
        found = Found("stored question", one.pair.b, score, right=False, signals=one.signals)
        yield WorstQuestion(one.pair.a, (), (found,), "another question's answer", score)
