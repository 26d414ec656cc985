"""A spreadsheet's cell as the text that stands in it on the screen."""

from __future__ import annotations

import re
from datetime import date, datetime, time
from functools import lru_cache
from typing import NamedTuple

from ingestion.canonical import collapse
from ingestion.decoding import printable

# Words and currencies around one run of digits; what has more to it is not followed.
_SECTION = re.compile(
    r"""(?P<before>(?:"[^"]*"|\\.|[^"\\#0?.,E/])*)
        (?P<digits>[#0?](?:[#0?,]*[#0?])?)(?:\.(?P<decimals>0+))?
        (?P<after>(?:"[^"]*"|\\.|[^"\\#0?.,E/])*)""",
    re.VERBOSE,
)
_CURRENCY = re.compile(r"\[\$([^\]-]*)[^\]]*\]")
_COLOUR = re.compile(r"\[[^\]]*\]")
_PADDING = re.compile(r"[_*].")
_QUOTES = re.compile(r'["\\]')


class _Format(NamedTuple):
    before: str
    after: str
    grouped: bool
    decimals: int


def shown(value: object, number_format: str | None) -> str:
    """Write a cell's value the way its number format asks for.

    Currencies, percentages, decimals and digit groups are followed; dates are in ISO form;
    fractions, powers of ten and conditions are written as plain numbers.

    Args:
        value: What openpyxl or a CSV file has for it.
        number_format: Excel's number format, if there is one.

    Returns:
        One line of text; empty for an empty cell.
    """
    match value:
        case None:
            return ""
        case bool():
            return str(value).upper()
        case int() | float():
            return _number(value, _parsed(number_format or "General"))
        case date() | time():
            return _moment(value)
        case _:
            return collapse(printable(str(value)))


def _moment(value: date | time) -> str:
    if isinstance(value, datetime) and value.time() != time():
        return value.isoformat(" ", "minutes")
    return (value.date() if isinstance(value, datetime) else value).isoformat()


def _number(value: float, form: _Format | None) -> str:
    if form is None:
        # Excel shows 15 digits, which is why 0.1 + 0.2 is 0.3 there.
        return f"{value:.15g}"
    if form.after.startswith("%"):
        value *= 100
    digits = f"{abs(value):{',' if form.grouped else ''}.{form.decimals}f}"
    return f"{'-' if value < 0 else ''}{form.before}{digits}{form.after}".strip()


@lru_cache
def _parsed(number_format: str) -> _Format | None:
    # Sections for negative numbers and for zero follow the first.
    section = number_format.split(";", maxsplit=1)[0]
    section = _PADDING.sub("", _COLOUR.sub("", _CURRENCY.sub(r'"\1"', section)))
    found = _SECTION.fullmatch(section)
    if found is None:
        return None
    before, after = (_QUOTES.sub("", found[part]) for part in ("before", "after"))
    return _Format(before, after, "," in found["digits"], len(found["decimals"] or ""))
