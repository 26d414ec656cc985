"""The commands that ingest and ask, run in this process: only the model is already loaded."""

from __future__ import annotations

from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO

from typer import Typer

from app.cli import ask
from app.console import errors_explained
from app.knowledge_cli import add_knowledge_commands

PROGRAM = Typer()
PROGRAM.command()(ask)
add_knowledge_commands(PROGRAM)


@dataclass(frozen=True, slots=True)
class Ended:
    """What a command ended with, and what it said, each as one line however it was wrapped."""

    code: int
    out: str
    err: str
    lines: list[str]


def answerable(*arguments: object) -> Ended:
    """Run a command; its errors are explained as the real program explains them."""
    out, err, code = StringIO(), StringIO(), 0
    with redirect_stdout(out), redirect_stderr(err):
        try:
            with errors_explained():
                PROGRAM([str(argument) for argument in arguments], standalone_mode=False)
        except SystemExit as ended:
            code = int(ended.code or 0)
    return Ended(code, _words(out), _words(err), out.getvalue().splitlines())


def _words(said: StringIO) -> str:
    return " ".join(said.getvalue().split())
