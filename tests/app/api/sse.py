"""Reads server-sent events as the standard has them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class ServerEvent:
    name: str
    data: dict[str, Any]


def parse_events(body: str) -> list[ServerEvent]:
    """Each event; one cut off before its blank line is dropped, as browsers do."""
    events = []
    name, data = "message", list[str]()
    for line in body.splitlines():
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line and data:
            events.append(ServerEvent(name, json.loads("\n".join(data))))
        if not line:
            name, data = "message", []
        elif field == "event":
            name = value
        elif field == "data":
            data.append(value)
    return events
