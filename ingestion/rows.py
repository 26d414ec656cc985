"""Lines of a data set, each with its place for error messages."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from retrieval.errors import MalformedDataset

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

T = TypeVar("T")

_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Row:
    """One JSON object of a file.

    Attributes:
        where: File and line.
        fields: What it holds.
    """

    where: str
    fields: Mapping[str, object]

    def name(self, field: str) -> str:
        """A field that identifies something: text or a whole number, never empty.

        Raises:
            MalformedDataset: It is missing or something else.
        """
        value = self.fields.get(field)
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if isinstance(value, str) and value.strip():
            return value
        raise MalformedDataset(
            f"{self.where}: '{field}' is missing or empty.",
            hint=f"Give every line a '{field}' of its own.",
        )

    def text(self, field: str) -> str:
        """A field of text; empty when it is missing or null.

        Raises:
            MalformedDataset: It is something else.
        """
        value = self.fields.get(field)
        if value is None:
            return ""
        if isinstance(value, str):
            return value
        raise self._not("text", field)

    def texts(self, field: str) -> tuple[str, ...]:
        """A list of text; empty when it is missing or null.

        Raises:
            MalformedDataset: It is something else.
        """
        values = self._list(field)
        if all(isinstance(value, str) for value in values):
            return tuple(str(value) for value in values)
        raise self._not("a list of text", field)

    def rows(self, field: str) -> tuple[Row, ...]:
        """A list of objects; empty when it is missing or null.

        Raises:
            MalformedDataset: It is something else.
        """
        values = [value for value in self._list(field) if isinstance(value, dict)]
        if len(values) != len(self._list(field)):
            raise self._not("a list of objects", field)
        return tuple(Row(f"{self.where}, '{field}'", value) for value in values)

    def _list(self, field: str) -> list[object]:
        value = self.fields.get(field)
        if value is None:
            return []
        if isinstance(value, list):
            return value
        raise self._not("a list", field)

    def _not(self, wanted: str, field: str) -> MalformedDataset:
        found = type(self.fields.get(field)).__name__
        return MalformedDataset(
            f"{self.where}: '{field}' is {found}, not {wanted}.",
            hint=f"Make it {wanted}, or leave it out.",
        )


@dataclass(frozen=True, slots=True)
class Placed(Generic[T]):
    """Something read, and where it stood."""

    where: str
    value: T


def read_rows(path: Path) -> Iterator[Row]:
    """The objects of a file of JSON lines; blank lines are passed over.

    Raises:
        MalformedDataset: The file is missing, is not UTF-8, or a line is no JSON object.
    """
    for line in read_lines(path):
        yield Row(line.where, _object(line))


def read_lines(path: Path) -> Iterator[Placed[str]]:
    """A file's lines that are not blank.

    Raises:
        MalformedDataset: The file is missing or not UTF-8.
    """
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if line.strip():
            yield Placed(f"{path}:{number}", line.rstrip("\r"))


def unique(things: Iterable[Placed[T]], name: Callable[[T], str]) -> tuple[T, ...]:
    """The things read, once it is sure that no two have one name.

    Raises:
        MalformedDataset: Two have.
    """
    seen: dict[str, Placed[T]] = {}
    for thing in things:
        first = seen.setdefault(name(thing.value), thing)
        if first is not thing:
            raise MalformedDataset(
                f"{thing.where}: '{name(thing.value)}' stands at {first.where} already.",
                hint="Ids have to be unique; remove or rename one of the two.",
            )
    return tuple(thing.value for thing in seen.values())


def read_text(path: Path) -> str:
    """All of a file.

    Raises:
        MalformedDataset: It is missing or not UTF-8.
    """
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise MalformedDataset(
            f"{path} cannot be read: {error.strerror}.",
            hint="Check the folder given, and that the set is there whole.",
        ) from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise MalformedDataset(
            f"{path}:{line}: this is not UTF-8: {error.reason}.",
            hint="Save the file as UTF-8.",
        ) from error


def _object(line: Placed[str]) -> dict[str, object]:
    try:
        fields = json.loads(line.value)
    except json.JSONDecodeError as error:
        raise MalformedDataset(
            f"{line.where}: this is not JSON: {error.msg}.",
            hint="Each line has to be one whole JSON object.",
        ) from error
    if not isinstance(fields, dict):
        raise MalformedDataset(
            f"{line.where}: this is {type(fields).__name__}, not an object.",
            hint='Each line has to be an object, {"_id": ...}.',
        )
    if _SURROGATE.search(json.dumps(fields, ensure_ascii=False)):
        raise MalformedDataset(
            f"{line.where}: half of a character stands here, a lone surrogate.",
            hint="Look for \\ud and three more signs, and write the whole character.",
        )
    return fields
