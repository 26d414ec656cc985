"""What every command shares: where it prints, the settings, and how errors are told."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pydantic import ValidationError
from pydantic_settings import SettingsError
from rich.console import Console
from rich.text import Text

from app.settings import Settings
from retrieval.errors import AnswerableError, BadInput, ReleaseRefused, WriterBusy

if TYPE_CHECKING:
    from collections.abc import Iterator

out = Console()
err = Console(stderr=True)

# 2 is what the command line itself ends with when it is not understood.
FAILED, REFUSED, BUSY = 1, 3, 4


def settings_with(**overrides: object) -> Settings:
    """The settings, some of them given on the command line; None leaves one as it is.

    Raises:
        BadInput: A setting cannot be used.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        return Settings(**given)  # type: ignore[arg-type] # pydantic checks them
    except SettingsError as error:
        raise BadInput(
            f"The setting {_named_in(error)} cannot be read.",
            hint='Lists are written as JSON, ["like this"].',
        ) from error
    except ValidationError as error:
        problem = error.errors()[0]
        name = "ANSWERABLE_" + "_".join(str(part) for part in problem["loc"]).upper()
        raise BadInput(
            f"The setting {name} cannot be used: {problem['msg']}.",
            hint="Settings are explained in README.md.",
        ) from error


@contextmanager
def errors_explained() -> Iterator[None]:
    """Errors made on purpose are sentences for people; a traceback is for our own mistakes."""
    try:
        yield
    except AnswerableError as error:
        err.print(Text.assemble(("Error: ", "red"), error.message), soft_wrap=True)
        if error.hint:
            err.print(Text(error.hint), soft_wrap=True)
        raise SystemExit(exit_code(error)) from None


def exit_code(error: AnswerableError) -> int:
    """What the process ends with: 3 when a release was refused, 4 when another run is at work."""
    if isinstance(error, ReleaseRefused):
        return REFUSED
    return BUSY if isinstance(error, WriterBusy) else FAILED


def _named_in(error: SettingsError) -> str:
    field = re.search(r'field "(\w+)"', str(error))
    return f"ANSWERABLE_{field[1].upper()}" if field else str(error)
