"""`python -m eval.peers`: our retrieval beside other frameworks', in one run."""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from app.settings import Settings
from eval.peers.protocol import Job
from eval.peers.report import as_json, remarks, report, table
from eval.peers.running import run_all
from eval.peers.sets import example_set, read_set
from eval.peers.setups import all_setups, chosen
from retrieval.errors import AnswerableError
from retrieval.models import BUNDLED_MODEL, find_weights

WIDTH = 150  # what the table needs: squeezed, its figures would be cut off

err = Console(stderr=True)


def main(
    data: Annotated[
        Path | None, typer.Option(help="Folder of a set in BEIR's form; the examples if not given.")
    ] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write figures here.")] = None,
    only: Annotated[
        list[str] | None, typer.Option(help="Only set-ups whose names begin so, and ours.")
    ] = None,
) -> None:
    """Measure quality, speed and memory of our retrieval and of other frameworks'."""
    try:
        compare(data, json_file, only or [])
    except AnswerableError as error:
        err.print(str(error), markup=False, highlight=False)
        raise typer.Exit(code=2) from error


def compare(data: Path | None, json_file: Path | None, only: list[str]) -> None:
    """Run all set-ups and show what came out.

    Raises:
        BadInput: The set is not what it should be.
    """
    weights = Path(find_weights(BUNDLED_MODEL))
    found = read_set(data, weights) if data else example_set(weights)
    setups = chosen(all_setups(), only) if only else all_setups()
    with tempfile.TemporaryDirectory() as folder:
        job = Job(
            weights=str(weights),
            home=str(Settings().home.resolve()),
            scratch=folder,
            passages=found.passages,
            questions=found.questions,
        )
        outcomes = run_all(setups, job, Path(folder), _say)
    measured = report(found, setups, outcomes)
    if json_file:
        json_file.write_text(json.dumps(as_json(measured), indent=2), encoding="utf-8")
    out = Console(width=max(WIDTH, Console().width))
    out.print(table(measured))
    for remark in remarks(measured):
        out.print(f"- {remark}", markup=False, highlight=False)


def _say(line: str) -> None:
    err.print(f"{time.strftime('%H:%M:%S')} {line}", markup=False, highlight=False, soft_wrap=True)


if __name__ == "__main__":
    typer.run(main)
