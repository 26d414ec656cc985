"""Shows what `eval.run` measured of replies: in the terminal, as JSON, as an HTML page."""

from __future__ import annotations

import json
import shlex
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from eval.judge import Verdict
from eval.report import (
    Figure,
    Plot,
    ReportPage,
    WorstQuestion,
    check_writable,
    draw_reliability,
    draw_risk_coverage,
    save_reliability,
    write_page,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from rich.console import Console

    from eval.answers import ScoredReply
    from eval.calibration import Reliability, RiskCoverage
    from eval.fitting import Fitting, SampleFigures
    from eval.judge import Judged
    from eval.metrics import Interval
    from eval.run import AnswerReport
    from eval.shares import Share

WORST_SHOWN = 40
FEW = 100  # questions; with fewer, an interval spans a fifth of the scale or more
BY_KIND = "Went as it should, by kind of question"
CONFIDENCE = "Confidence"
COLUMNS = (
    "AUROC, answerable or not: on questions that the fit saw, on those left out of each fit, and "
    "with the whole set left out. ECE: on questions left out, with the set's own intercept, and "
    "with the intercept as written."
)


@dataclass(frozen=True, slots=True)
class AnswerOutputs:
    """Files to write; None for those not asked for.

    Attributes:
        figures: The figures and each question's outcome, as JSON.
        page: The HTML page.
        plot: The reliability plot alone, as a picture.
    """

    figures: Path | None = None
    page: Path | None = None
    plot: Path | None = None

    def check(self) -> None:
        """Fail now rather than after minutes of work.

        Raises:
            BadInput: A file could not be written.
        """
        check_writable(path for path in (self.figures, self.page, self.plot) if path)

    def write(self, report: AnswerReport) -> None:
        """Write those asked for."""
        if self.figures:
            self.figures.write_text(to_json(report), encoding="utf-8")
        if self.page:
            write_page(to_page(report), self.page)
        if self.plot:
            save_reliability(report.reliability, self.plot, report.threshold)


def figures(report: AnswerReport) -> tuple[Figure, ...]:
    """Every figure, the most telling ones first; what was not defined is not among them."""
    scores = report.scores
    confidence = confidence_figures(report.reliability, report.curve)
    named = (
        _share("Answerable, answered without a person", scores.answered),
        _share("Answered, the gold passage cited", scores.cited_right),
        _share("Answered, the gold answer in the reply", scores.answer_given),
        _share("Unanswerable, handed to a person", scores.handed_over),
        *confidence,
        *(_share(kind, share, BY_KIND) for kind, share in scores.by_kind.items()),
        *(_judge_figures(report.judged) if report.judged else ()),
    )
    return tuple(figure for figure in named if figure)


def confidence_figures(measured: Reliability, curve: RiskCoverage) -> tuple[Figure, ...]:
    """What the confidence is worth; an AUROC that is not defined is left out."""
    named = (
        _figure("AUROC, right or wrong", measured.auroc_right, "", CONFIDENCE),
        _figure("AUROC, answerable or not", measured.auroc_answerable, "", CONFIDENCE),
        Figure("ECE", measured.ece, note="10 bins of equally many replies", group=CONFIDENCE),
        _figure("AURC", curve.aurc, "mean risk over all coverages; lower is better", CONFIDENCE),
        *(
            _figure(f"Coverage at {risk:.0%} risk", coverage, "of all questions", CONFIDENCE)
            for risk, coverage in curve.coverage_at.items()
        ),
    )
    return tuple(figure for figure in named if figure)


def cautions(report: AnswerReport) -> tuple[str, ...]:
    """What keeps the figures from being taken at their word."""
    return (*report.cautions, *_of_questions(report), *_of_judge(report.judged))


def show(report: AnswerReport, console: Console) -> None:
    """Print the figures, and what to know of them."""
    console.print(Text(_summary(report)))
    console.print(figures_table(figures(report)))
    for caution in cautions(report):
        console.print(Text(f"Caution: {caution}", style="yellow"))


def figures_table(shown: Iterable[Figure]) -> Table:
    """Figures for a terminal, each group under its name."""
    table = Table("", "", "95% interval", "", box=None)
    group = ""
    for figure in shown:
        if figure.group != group:
            group = figure.group
            table.add_row(Text(group), "", "", "", style="bold")
        ends = "" if figure.low is None else f"{figure.low:.3f} to {figure.high:.3f}"
        table.add_row(Text(figure.name), f"{figure.value:.3f}", ends, Text(figure.note))
    return table


def show_fitting(fitting: Fitting, console: Console) -> None:
    """Print what was fitted, why, and what it is worth."""
    first = fitting.sets[0]
    console.print(Text(fitting.why))
    console.print(Text(f"{first.name}, on questions left out of each fit:"))
    console.print(figures_table(confidence_figures(first.unseen, first.curve)))
    console.print(_sets_table(fitting.sets))
    console.print(Text(COLUMNS))


def _sets_table(sets: Iterable[SampleFigures]) -> Table:
    table = Table("", "questions", "seen", "unseen", "set left out", "ECE", "as written", box=None)
    for figures in sets:
        aurocs = (figures.seen, figures.unseen.auroc_answerable, figures.left_out)
        table.add_row(
            Text(figures.name),
            str(figures.questions),
            *("-" if auroc is None else f"{auroc.value:.3f}" for auroc in aurocs),
            f"{figures.unseen.ece:.3f}",
            f"{figures.ece_written:.3f}",
        )
    return table


def to_json(report: AnswerReport) -> str:
    """The figures, and what became of each question."""
    fields: dict[str, object] = {
        "name": report.name,
        "threshold": report.threshold,
        "figures": [asdict(figure) for figure in figures(report)],
        "scores": asdict(report.scores),
        "reliability": asdict(report.reliability),
        "risk_coverage": asdict(report.curve),
        "judge": asdict(report.judged) if report.judged else None,
        "cautions": cautions(report),
        "questions": [_row(reply, report) for reply in report.replies],
    }
    return json.dumps(fields, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def to_page(report: AnswerReport) -> ReportPage:
    """The HTML page."""
    return ReportPage(
        title=f"Answers: {report.name}",
        summary=_summary(report),
        command=_command(report),
        figures=figures(report),
        plots=tuple(_plots(report)),
        worst=tuple(_failed(reply, report) for reply in _worst(report)[:WORST_SHOWN]),
        cautions=cautions(report),
        worst_by="confidence",
    )


def _share(name: str, share: Share, group: str = "") -> Figure | None:
    return _figure(name, share.interval, str(share), group)


def _figure(name: str, interval: Interval | None, note: str, group: str = "") -> Figure | None:
    if interval is None:
        return None
    return Figure(name, interval.value, interval.low, interval.high, note, group)


def _judge_figures(judged: Judged) -> Iterator[Figure | None]:
    group = f"The judge, {judged.model}"
    yield _share("Verdicts that could be read", judged.read, group)
    yield _share("Grounded in the cited passages", judged.grounded, group)
    yield _share("Answers the question", judged.answers, group)
    for known, agreement in judged.agreement.items():
        yield _share(f"Agrees with: {known}", agreement.same, group)
        if agreement.kappa is not None:
            note = "Cohen's kappa: 0 is chance, 1 is always"
            yield Figure(f"Beyond chance with: {known}", agreement.kappa, note=note, group=group)


def _of_questions(report: AnswerReport) -> Iterator[str]:
    answerable = [reply for reply in report.replies if reply.golden.answerable]
    nameless = sum(not reply.golden.answer for reply in answerable)
    if len(report.replies) < FEW:
        yield f"There are only {len(report.replies)} questions: see how wide the intervals are."
    if len(answerable) in {0, len(report.replies)}:
        missing = "unanswerable" if answerable else "answerable"
        yield f"No question is {missing}: figures that need some are absent."
    if report.reliability.auroc_right is None:
        yield "Replies are all right or all wrong: their AUROC is not defined."
    if nameless:
        yield (
            f"{nameless} of {len(answerable)} answerable questions name no answer that stands in "
            "a passage word for word: they do not count for the gold answer in the reply."
        )


def _of_judge(judged: Judged | None) -> Iterator[str]:
    if judged is None:
        return
    reasons = ", ".join(f"{reason}: {count}" for reason, count in judged.unread.items())
    if not judged.read.total:
        yield "No question was answered: the judge was not asked."
    elif not judged.read.count:
        yield f"None of the judge's {judged.read.total} verdicts could be read ({reasons})."
    elif judged.unread:
        unread = judged.read.total - judged.read.count
        yield (
            f"{unread} of the judge's {judged.read.total} verdicts could not be read ({reasons}). "
            "They count neither for nor against."
        )


def _summary(report: AnswerReport) -> str:
    answered, over = report.scores.answered, report.scores.handed_over
    said = [f"Below a confidence of {report.threshold:.2f} a person answers."]
    if answered.total:
        said.append(
            f"Of {answered.total} answerable questions {answered.count} were answered, "
            f"{report.scores.cited_right.count} of them from the right passage."
        )
    if over.total:
        said.append(f"Of {over.total} unanswerable ones {over.count} were handed over.")
    return " ".join(said)


def _command(report: AnswerReport) -> str:
    task = report.task
    options = (
        ("--golden", task.golden),
        ("--documents", task.documents),
        ("--data", task.data),
        ("--judge", task.judge.url if task.judge else None),
        ("--judge-model", task.judge.model if task.judge else None),
    )
    given = [part for name, value in options if value for part in (name, str(value))]
    pages = ["--pages"] if task.pages else []
    return shlex.join(["answerable", "eval", "answers", *given, *pages])


def _plots(report: AnswerReport) -> Iterator[Plot]:
    yield Plot(
        "Reliability",
        draw_reliability(report.reliability, report.threshold),
        "Each point is a tenth of the replies. On the diagonal the confidence can be taken at its "
        "word; below it the service is surer than it should be.",
    )
    yield Plot(
        "Risk and coverage",
        draw_risk_coverage(report.curve),
        "What each threshold would answer, and how much of that wrongly. The thresholds are "
        "chosen with these same questions, so other questions will fare a little worse.",
    )


def _worst(report: AnswerReport) -> list[ScoredReply]:
    """Confident and wrong first, the surest ahead; then handed over for nothing."""
    wrong = [r for r in report.replies if not r.handed_over and not r.passage_right]
    timid = [r for r in report.replies if r.handed_over and r.golden.answerable]
    return [
        *sorted(wrong, key=lambda reply: -reply.confidence),
        *sorted(timid, key=lambda reply: (not reply.passage_right, -reply.confidence)),
    ]


def _failed(reply: ScoredReply, report: AnswerReport) -> WorstQuestion:
    return WorstQuestion(
        question=" → ".join((*reply.golden.earlier, reply.golden.question)),
        expected=tuple(passage.text for passage in reply.golden.passages),
        found=reply.found,
        verdict=_verdict(reply, report),
        figure=reply.confidence,
        reply="" if reply.handed_over else reply.reply,
    )


def _verdict(reply: ScoredReply, report: AnswerReport) -> str:
    if reply.handed_over:
        return "right, but handed over" if reply.passage_right else "not found, handed over"
    wrong = "answered wrongly" if reply.golden.answerable else "answered, but nothing answers"
    said = report.said.get(reply.golden.id)
    if not isinstance(said, Verdict):
        return wrong
    return f"{wrong}; the judge: {'it answers' if said.answers else 'it does not answer'}"


def _row(reply: ScoredReply, report: AnswerReport) -> dict[str, object]:
    said = report.said.get(reply.golden.id)
    return {
        "id": reply.golden.id,
        "kind": reply.golden.kind,
        "question": reply.golden.question,
        "answerable": reply.golden.answerable,
        "confidence": reply.confidence,
        "handed_over": reply.handed_over,
        "passage_right": reply.passage_right,
        "answer_given": reply.answer_given if reply.golden.answer else None,
        "as_it_should": reply.as_it_should,
        "judge": asdict(said) if said else None,
    }
