"""`answerable eval ...`: measures the service."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from app.settings import Settings

if TYPE_CHECKING:
    from eval.answers import AnswerScores

EXAMPLES = Path(__file__).parent.parent / "examples"

cli = typer.Typer(help="Measure quality and speed.", no_args_is_help=True)
out = Console()
err = Console(stderr=True)


@cli.command()
def answers(
    golden: Annotated[Path, typer.Option(help="Golden questions, as JSON lines.")],
    documents: Annotated[Path, typer.Option(help="The documents they are about.")],
    json_file: Annotated[Path | None, typer.Option("--json", help="Write figures here.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Write a reliability plot here.")] = None,
) -> None:
    """Is the right passage cited, is the rest handed over, is the confidence honest?"""
    from eval.run import answer_golden  # noqa: PLC0415 - seconds of imports that --help skips

    scores, measured = asyncio.run(answer_golden(Settings(), documents, golden, err, plot))
    _show(scores)
    out.print(
        f"confidence: ECE {measured.ece:.3f}, AUROC right/wrong {measured.auroc_right:.3f}, "
        f"answerable/unanswerable {measured.auroc_answerable:.3f}"
    )
    if json_file:
        json_file.write_text(json.dumps({**asdict(scores), **asdict(measured)}, indent=2))


@cli.command()
def calibrate(
    golden: Annotated[Path, typer.Option(help="Golden questions, as JSON lines.")],
    documents: Annotated[Path, typer.Option(help="The documents they are about.")],
    out_file: Annotated[Path, typer.Option("--out", help="Where to write the calibration.")],
    plot: Annotated[Path | None, typer.Option(help="Write a reliability plot here.")] = None,
) -> None:
    """Fit the confidence on golden questions; figures are of questions it was not fitted on."""
    from eval.run import calibrate_on  # noqa: PLC0415

    calibration, measured = asyncio.run(calibrate_on(Settings(), documents, golden, err, plot))
    out_file.write_text(json.dumps(asdict(calibration), indent=2) + "\n")
    out.print(f"{out_file}: {calibration.weights}, intercept {calibration.intercept}")
    out.print(
        f"out of fold: ECE {measured.ece:.3f}, AUROC right/wrong {measured.auroc_right:.3f}, "
        f"answerable/unanswerable {measured.auroc_answerable:.3f}"
    )


@cli.command()
def speed(
    documents: Annotated[Path, typer.Option(help="Documents to search.")] = EXAMPLES
    / "help-centre",
    questions: Annotated[
        Path, typer.Option(help="Questions, as JSON lines with `text` or `question`.")
    ] = EXAMPLES / "golden.jsonl",
    most: Annotated[int, typer.Option(help="Time at most this many questions.")] = 200,
) -> None:
    """Time retrieval and the whole chat request, as ratios to one encode of the question."""
    from eval.golden import load_texts  # noqa: PLC0415
    from eval.speed import measure  # noqa: PLC0415

    report = asyncio.run(measure(Settings(), documents, load_texts(questions)[:most], err))
    table = Table("", "p50 ms", "p95 ms", "encodes (p50)", box=None)
    for timing in report.timings:
        ratio = f"{report.ratio(timing):.1f}"
        table.add_row(timing.name, f"{timing.p50:.2f}", f"{timing.p95:.2f}", ratio)
    out.print(f"{report.questions} questions over {report.passages} passages")
    out.print(table)
    out.print(
        f"ingestion: {report.ingestion.added / report.ingestion.seconds:.0f} passages/s, "
        f"{report.encoder_share:.0%} of the time in the encoder"
    )


def _show(scores: AnswerScores) -> None:
    rows = (
        ("answerable, answered without a person", scores.answered, scores.answerable),
        ("of those, cited passage right", scores.cited_right, scores.answered),
        ("of those, gold answer in the reply", scores.answer_given, scores.answered),
        ("unanswerable, handed to a person", scores.handed_over, scores.unanswerable),
    )
    table = Table("", "of", "", "share", box=None)
    for name, count, total in rows:
        table.add_row(name, str(total), str(count), f"{count / total:.1%}" if total else "-")
    for kind, (total, right) in scores.by_kind.items():
        table.add_row(f"  {kind}", str(total), str(right), f"{right / total:.0%}")
    out.print(table)
