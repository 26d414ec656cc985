"""The decision table: from an intent to where a question goes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.router.utterances import OUT_OF_SCOPE
from ingestion.placed_yaml import line_of, read_placed
from ingestion.rows import read_text
from retrieval.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from app.router.intent import Intent

SHIPPED_TABLE = Path(__file__).with_name("intents.yaml")
DEFAULT_THRESHOLD = 0.5

_HINT = "The table that comes with the service, app/router/intents.yaml, says what it may hold."


class Destination(StrEnum):
    """Where a question goes."""

    KNOWLEDGE = "knowledge"
    FAQ = "faq"
    ESCALATE = "escalate"
    SMALL_TALK = "small_talk"
    REFUSE = "refuse"


class Reason(StrEnum):
    """Why it goes there."""

    BY_TABLE = "by_table"
    NOT_LISTED = "not_listed"
    NOT_SURE = "not_sure"
    FOREIGN = "foreign"


@dataclass(frozen=True, slots=True)
class Route:
    """Where one question goes.

    Attributes:
        to: Where.
        intent: What the question was taken to want.
        sensitive: Whether it may be about something that people should see.
        reason: Why it goes there.
    """

    to: Destination
    intent: str
    sensitive: bool
    reason: Reason


@dataclass(frozen=True, slots=True)
class Rule:
    """What the table says of an intent.

    Attributes:
        to: Where its questions go.
        threshold: The least probability at which it is believed.
        sensitive: Whether its questions are marked.
    """

    to: Destination
    threshold: float = DEFAULT_THRESHOLD
    sensitive: bool = False


@dataclass(frozen=True, slots=True)
class RouteTable:
    """The decision table.

    Attributes:
        rules: What holds for each intent that is listed.
        foreign_from: From this on, `Intent.out_of_scope` overrules the table.
        sensitive_from: The least probability at which a sensitive intent marks a question.
    """

    rules: Mapping[str, Rule]
    foreign_from: float
    sensitive_from: float

    def route(self, intent: Intent) -> Route:
        """Where a question of this intent goes; whatever is in doubt goes to the documents."""
        to, reason = self._decide(intent)
        return Route(to, intent.name, self._is_sensitive(intent), reason)

    def expect_intents(self, names: Sequence[str]) -> None:
        """Make sure that the table is about the intents of a model.

        Raises:
            BadInput: It lists one that the model does not know: most likely a misspelt name.
        """
        for name in self.rules:
            if name not in names and name != OUT_OF_SCOPE:
                raise BadInput(
                    f"The table of routes lists the intent '{name}', which the model never gives.",
                    hint=f"The model knows {', '.join(names)}.",
                )

    def _decide(self, intent: Intent) -> tuple[Destination, Reason]:
        rule = self.rules.get(intent.name)
        if rule is None:
            return Destination.KNOWLEDGE, Reason.NOT_LISTED
        if intent.name != OUT_OF_SCOPE and intent.out_of_scope >= self.foreign_from:
            return Destination.KNOWLEDGE, Reason.FOREIGN
        if intent.probability < rule.threshold:
            return Destination.KNOWLEDGE, Reason.NOT_SURE
        return rule.to, Reason.BY_TABLE

    def _is_sensitive(self, intent: Intent) -> bool:
        """Whether it is, or might be: the runner-up counts too."""
        candidates = (
            (intent.name, intent.probability),
            (intent.runner_up, intent.runner_up_probability),
        )
        return any(
            probability >= self.sensitive_from and name in self.rules and self.rules[name].sensitive
            for name, probability in candidates
        )


class _Rule(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    to: Destination
    threshold: Annotated[float, Field(ge=0, le=1)] = DEFAULT_THRESHOLD
    sensitive: Annotated[bool, Field(strict=True)] = False


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    foreign_from: Annotated[float, Field(ge=0, le=1)]
    sensitive_from: Annotated[float, Field(ge=0, le=1)]
    intents: Annotated[dict[str, _Rule], Field(min_length=1)]


def load_table(path: Path = SHIPPED_TABLE) -> RouteTable:
    """Read a table.

    Raises:
        BadInput: It cannot be read, or is not what it should be; the message names file and line.
    """
    node, content = _parsed(path)
    try:
        table = _Table.model_validate(content)
    except ValidationError as error:
        # A field that is misspelt is also one that is missing, and the better thing to name.
        first = min(error.errors(), key=lambda found: found["type"] != "extra_forbidden")
        field = ".".join(str(part) for part in first["loc"]) or "the file"
        problem = (
            "there is no such field" if first["type"] == "extra_forbidden" else first["msg"]
        ).rstrip(".")
        where = f"{path}:{line_of(node, first['loc'])}"
        raise BadInput(f"{where}: {field}: {problem}.", hint=_HINT) from error
    rules = {
        name: Rule(rule.to, rule.threshold, rule.sensitive) for name, rule in table.intents.items()
    }
    return RouteTable(rules, table.foreign_from, table.sensitive_from)


def _parsed(path: Path) -> tuple[yaml.Node | None, object]:
    try:
        return read_placed(read_text(path))
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise BadInput(f"{path}:{line}: {error.problem}.", hint=_HINT) from error
    except yaml.YAMLError as error:
        raise BadInput(f"{path} is not YAML: {error}.", hint=_HINT) from error
