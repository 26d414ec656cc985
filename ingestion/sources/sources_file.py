"""Reads a sources file and says, with its line, what is wrong in it."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

import yaml
from pydantic import ValidationError

from ingestion.placed_yaml import line_of, read_placed
from ingestion.sources.entries import FORMS, SourceEntry, SourcesFile
from retrieval.errors import BadInput, SourceNotFound

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_HINT = "docs/sources.md describes the file."


@dataclass(frozen=True, slots=True)
class PlacedEntry:
    """A source as it is written, and where.

    Attributes:
        where: File and line.
        entry: The source.
    """

    where: str
    entry: SourceEntry


def read_entries(path: Path) -> list[PlacedEntry]:
    """The sources that a file describes.

    Raises:
        SourceNotFound: The file cannot be read.
        BadInput: It is not what it should be; the message names file, line and field.
    """
    node, content = _parsed(path)
    try:
        found = SourcesFile.model_validate(content)
    except ValidationError as error:
        # A field that is misspelt is also one that is missing, and the better thing to name.
        first = min(error.errors(), key=lambda found: found["type"] != "extra_forbidden")
        raise _malformed(path, node, first["loc"], first["type"], first["msg"]) from error
    entries = [
        PlacedEntry(f"{path}:{line_of(node, ('sources', number))}", entry)
        for number, entry in enumerate(found.sources)
    ]
    _expect_names(entries)
    return entries


def _parsed(path: Path) -> tuple[yaml.Node | None, object]:
    try:
        return read_placed(path.read_text("utf-8"))
    except OSError as error:
        raise SourceNotFound(
            f"{path} cannot be read: {error.strerror}.", hint="Check the path of the sources file."
        ) from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        # Not chained: its own text quotes the file, where a password may stand.
        raise BadInput(f"{path}:{line}: {error.problem}.", hint=_HINT) from None
    except (yaml.YAMLError, ValueError) as error:
        # ValueError: it is not UTF-8, or holds a date such as 2024-99-99.
        raise BadInput(f"{path} is not YAML: {error}.", hint=_HINT) from error


def _malformed(
    path: Path, node: yaml.Node | None, loc: tuple[int | str, ...], kind: str, message: str
) -> BadInput:
    field = ".".join(str(part) for part in loc) or "the file"
    hint = _HINT
    if kind == "extra_forbidden":
        message = "there is no such field"
        hint = _suggestion(loc)
    message = message.removeprefix("Value error, ").rstrip(".")
    return BadInput(f"{path}:{line_of(node, loc)}: {field}: {message}.", hint=hint)


def _suggestion(loc: tuple[int | str, ...]) -> str:
    """The field that was meant, or all there are."""
    inside = [part for part in loc[:-1] if isinstance(part, str)]
    known = list((FORMS[inside[-1]] if inside else SourcesFile).model_fields)
    if close := get_close_matches(str(loc[-1]), known, n=1):
        return f"Did you mean '{close[0]}'?"
    return f"The fields are {', '.join(known)}."


def _expect_names(entries: Sequence[PlacedEntry]) -> None:
    seen: dict[str, str] = {}
    for placed in entries:
        name = placed.entry.name
        if name in seen:
            raise BadInput(
                f"{placed.where}: '{name}' is the name of the source at {seen[name]} already.",
                hint=f"Give each source a name of its own, such as '{name}-2'.",
            )
        seen[name] = placed.where
