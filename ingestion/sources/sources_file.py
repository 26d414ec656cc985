"""Reads a sources file and says, with its line, what is wrong in it."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import yaml
from pydantic import ValidationError

from ingestion.sources.entries import FORMS, SourceEntry, SourcesFile
from retrieval.errors import BadInput, SourceNotFound

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence
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
        PlacedEntry(f"{path}:{_line(node, ('sources', number))}", entry)
        for number, entry in enumerate(found.sources)
    ]
    _expect_names(entries)
    return entries


def _parsed(path: Path) -> tuple[yaml.Node | None, object]:
    try:
        loader = _Loader(path.read_text("utf-8"))
        node = loader.get_single_node()
        return node, loader.construct_document(node) if node else {}
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


class _Loader(yaml.SafeLoader):
    """Refuses a key that is written twice, of which YAML would keep the last in silence."""

    def construct_mapping(
        self,
        node: yaml.MappingNode,
        deep: bool = False,  # noqa: FBT001, FBT002 - as PyYAML has it
    ) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            name = str(key.value)
            if name in seen:
                problem = f"'{name}' is written twice"
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=key.start_mark)
            seen.add(name)
        return super().construct_mapping(node, deep)


def _malformed(
    path: Path, node: yaml.Node | None, loc: tuple[int | str, ...], kind: str, message: str
) -> BadInput:
    field = ".".join(str(part) for part in loc) or "the file"
    hint = _HINT
    if kind == "extra_forbidden":
        message = "there is no such field"
        hint = _suggestion(loc)
    message = message.removeprefix("Value error, ").rstrip(".")
    return BadInput(f"{path}:{_line(node, loc)}: {field}: {message}.", hint=hint)


def _suggestion(loc: tuple[int | str, ...]) -> str:
    """The field that was meant, or all there are."""
    inside = [part for part in loc[:-1] if isinstance(part, str)]
    known = list((FORMS[inside[-1]] if inside else SourcesFile).model_fields)
    if close := get_close_matches(str(loc[-1]), known, n=1):
        return f"Did you mean '{close[0]}'?"
    return f"The fields are {', '.join(known)}."


def _line(node: yaml.Node | None, loc: Sequence[int | str]) -> int:
    """The line where a field stands; where it is missing, that of what it should be in."""
    line = node.start_mark.line if node else 0
    for part in loc:
        if isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            node = node.value[part]
            line = node.start_mark.line
        elif isinstance(node, yaml.MappingNode):
            found = [pair for pair in node.value if pair[0].value == part]
            if not found:
                break
            line, node = found[0][0].start_mark.line, found[0][1]
    return line + 1


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
