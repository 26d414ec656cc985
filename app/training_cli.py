"""`answerable train ...`: models of your own."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - Typer reads the annotations
from typing import TYPE_CHECKING, Annotated

import typer

from app.console import err, out
from app.router.recipe import Recipe

if TYPE_CHECKING:
    from app.router.training_report import TrainingReport

DEFAULT = Recipe()

train_cli = typer.Typer(help="Train models on your own data.", no_args_is_help=True)


@train_cli.callback()
def _train() -> None:
    """Train models on your own data."""


@train_cli.command()
def intent(
    data: Annotated[Path, typer.Argument(help="CSV with the columns text and intent.")],
    folder: Annotated[Path, typer.Option("--out", help="The folder to write the model to.")],
    base: Annotated[
        str, typer.Option(help="What to start from: a BERT's or DistilBERT's folder or hub name.")
    ] = DEFAULT.base,
    epochs: Annotated[
        int, typer.Option(min=1, help="The most times each utterance is seen.")
    ] = DEFAULT.epochs,
    seed: Annotated[int, typer.Option(help="The same one gives the same model.")] = DEFAULT.seed,
) -> None:
    """Train a model that tells what customers want, from examples of what they say.

    Rows of the intent out_of_scope are examples of questions about something else. One row in ten
    is held out, to stop in time and to measure. A training that was killed goes on where it was
    when it is started again.
    """
    from app.router.training import train  # noqa: PLC0415 - seconds of imports --help skips
    from app.router.utterances import divide, read_utterances  # noqa: PLC0415
    from ingestion.progress import open_meter  # noqa: PLC0415

    recipe = Recipe(base=base, epochs=epochs, seed=seed)
    division = divide(read_utterances(data), recipe.held_out, seed)
    with open_meter(err) as meter:
        report = train(division, recipe, folder, meter)
    _show(report, folder)


def _show(report: TrainingReport, folder: Path) -> None:
    out.print(
        f"{report.accuracy:.1%} of {report.held_out} utterances that it did not learn from are "
        f"understood; macro F1 {report.macro_f1:.3f}, calibration error "
        f"{report.calibration_error:.3f}",
        highlight=False,
    )
    outside = report.out_of_scope
    told = "" if outside.recall is None else f" and {outside.recall:.1%} of those out of scope"
    out.print(
        f"{outside.false_alarms:.1%} of those in scope{told} are taken for something else",
        highlight=False,
    )
    out.print(f"one prediction {report.median_ms:.1f} ms; see {folder / 'report.html'}")
