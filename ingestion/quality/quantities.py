"""Durations, prices, dates and other figures in a sentence, with what they are worth."""

# ruff: noqa: RUF001 - typographic punctuation is meant
# ruff: noqa: SIM905 - long word lists read best as lines of words

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_NUMBER_WORDS = {
    word: float(number)
    for number, word in enumerate(
        "two three four five six seven eight nine ten eleven twelve".split(), start=2
    )
} | {"fifteen": 15.0, "twenty": 20.0, "thirty": 30.0, "sixty": 60.0, "ninety": 90.0}
_MONTHS = "january february march april may june july august september october november december"
# What a unit is counted in, and how many of those it is. Months and years are not so many days.
_UNITS: dict[str, tuple[str, float]] = {
    **dict.fromkeys(("ms", "millisecond", "milliseconds"), ("seconds", 0.001)),
    **dict.fromkeys("s sec secs second seconds".split(), ("seconds", 1)),
    **dict.fromkeys("min mins minute minutes".split(), ("seconds", 60)),
    **dict.fromkeys("h hr hrs hour hours".split(), ("seconds", 3600)),
    **dict.fromkeys("day days".split(), ("seconds", 86400)),
    **dict.fromkeys("week weeks".split(), ("seconds", 7 * 86400)),
    **dict.fromkeys("month months".split(), ("months", 1)),
    **dict.fromkeys("year years".split(), ("months", 12)),
    **dict.fromkeys(("working day", "business day"), ("working days", 1)),
    **dict.fromkeys(("working days", "business days"), ("working days", 1)),
    **dict.fromkeys(("%", "percent", "per cent"), ("percent", 1)),
    **dict.fromkeys("byte bytes".split(), ("bytes", 1)),
    **dict.fromkeys("kb kib".split(), ("bytes", 2**10)),
    **dict.fromkeys("mb mib".split(), ("bytes", 2**20)),
    **dict.fromkeys("gb gib".split(), ("bytes", 2**30)),
    **dict.fromkeys("tb tib".split(), ("bytes", 2**40)),
    **{code: (code, 1) for code in "usd eur gbp chf cad aud jpy sek nok dkk pln".split()},
    **dict.fromkeys(("€", "euro", "euros"), ("eur", 1)),
    **dict.fromkeys(("$", "dollar", "dollars"), ("$", 1)),
    **dict.fromkeys(("£", "pound", "pounds"), ("gbp", 1)),
}

_DIGITS = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
_NUMBER_WORD = rf"\b(?:{'|'.join(_NUMBER_WORDS)})\b"
_NUMBER = rf"(?:{_DIGITS}|{_NUMBER_WORD})"
# What any text with a figure in it has; much faster to look for than the figure.
FIGURE_LIKE = re.compile(rf"\d|{_NUMBER_WORD}", re.IGNORECASE)
_MONTH = rf"(?:{'|'.join(f'{month[:3]}(?:{month[3:]})?' for month in _MONTHS.split())})\b\.?"
_DAY = r"\d{1,2}(?:st|nd|rd|th)?"
_UNIT = "|".join(sorted(map(re.escape, _UNITS), key=len, reverse=True))
_FIGURE = re.compile(
    rf"""(?<![\w.,/:\#@=_+-])(?:
    (?P<date>\d{{4}}-\d\d-\d\d | {_DAY}\ (?:of\ )?{_MONTH}(?:,?\ \d{{4}})?
        | {_MONTH}\ {_DAY}(?:,?\ \d{{4}})?)
    | (?P<time>\d{{1,2}}:\d\d(?:\ ?[ap]\.?m\b)? | \d{{1,2}}\ ?[ap]\.?m\b)
    | (?P<sign>[£$€])\ ?(?P<price>{_DIGITS})
    | (?P<low>{_NUMBER})(?:\ ?[-–]\ ?|\ to\ )(?P<high>{_NUMBER})
        [\ -]?(?P<unit_of_both>{_UNIT})(?!\w)
    | (?P<number>{_NUMBER})(?:[\ -]?(?P<unit>{_UNIT})(?!\w) | (?=\ [a-z]{{3}}))
    )(?![\w/]|[.,:-]\d)""",
    re.IGNORECASE | re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Quantity:
    """A figure in a sentence.

    Attributes:
        start: Its first character.
        end: One past its last character.
        kind: What it counts; figures of different kinds cannot contradict each other.
        value: How much, in the same measure for all of its kind; two for a range.
    """

    start: int
    end: int
    kind: str
    value: tuple[float | str, ...]


def quantities(sentence: str) -> Iterator[Quantity]:
    """Find the figures in a sentence.

    Args:
        sentence: Prose without markup.

    Yields:
        Them in order. A number that names something, like a version, a port or a step, is
        left out where its spelling or the word before it shows it.
    """
    for found in _FIGURE.finditer(sentence):
        if found["number"] and not found["unit"] and _names(sentence[: found.start()]):
            continue
        kind, value = _measured(found)
        yield Quantity(found.start(), found.end(), kind, value)


_NAMING = frozenset(
    "step steps version versions release releases v page pages chapter section figure table port "
    "ports error code codes status level levels option phase part no number nr line rule example "
    "method type tier stage class series model generation gen item question http id article "
    "windows ubuntu debian rhel centos ios android macos python node".split()
)
_LAST_WORD = re.compile(r"([^\W\d_]+)\W*$")


def _names(before: str) -> bool:
    """Whether the number after these words is a name rather than a count."""
    word = _LAST_WORD.search(before)
    return word is not None and word[1].casefold() in _NAMING


def _measured(found: re.Match[str]) -> tuple[str, tuple[float | str, ...]]:
    for kind in ("date", "time"):
        if found[kind]:
            spelled = _spelled(found[kind])
            return f"{kind} of {len(spelled)} parts", spelled
    if found["sign"]:
        kind, worth = _UNITS[found["sign"]]
        return kind, (_number(found["price"]) * worth,)
    if found["low"]:
        kind, worth = _UNITS[found["unit_of_both"].casefold()]
        return f"{kind}, from and to", (
            _number(found["low"]) * worth,
            _number(found["high"]) * worth,
        )
    kind, worth = _UNITS[found["unit"].casefold()] if found["unit"] else ("count", 1)
    return kind, (_number(found["number"]) * worth,)


def _number(text: str) -> float:
    return _NUMBER_WORDS.get(text.casefold()) or float(text.replace(",", ""))


def _spelled(text: str) -> tuple[str, ...]:
    """A date or a time without the differences that spelling makes."""
    words = re.findall(r"\d+|[a-z]+", text.casefold())
    kept = (word.lstrip("0") if word.isdigit() else word[:3] for word in words)
    return tuple(sorted(word for word in kept if word not in {"", "st", "nd", "rd", "th", "of"}))
