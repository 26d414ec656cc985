"""Pages that give different figures for the same thing.

Two sentences contradict each other when all of this holds:

- With the figures masked, they have the same content words in the same order. One word in
  another's place means another subject far more often than another wording; so does an added one.
- The figures are of the same kinds, and at least one has another value in the same measure.
- They name their subject. "It takes 5 minutes" is about something said before.
- Nothing around them explains the difference: not the product, the audience or the language of
  the pages, and not their titles, headings or folders, as a version, a platform or a plan would.

It finds few of the contradictions there are, and is meant to be right about those.
"""

# ruff: noqa: RUF001 - typographic punctuation is meant
# ruff: noqa: SIM905 - long word lists read best as lines of words

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import combinations, product, starmap
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from ingestion.quality.findings import Finding, Kind
from ingestion.quality.quantities import FIGURE_LIKE, Quantity, quantities
from retrieval.outline import Block, BlockKind
from retrieval.sentences import sentence_spans

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ingestion.quality.page import Library, Page

_PROSE = frozenset({BlockKind.PARAGRAPH, BlockKind.ITEM})
# Fewer telling words could be about anything; what to do in a step is about the step's page.
_LEAST_WORDS = 2
_LEAST_IN_STEP = 6
# A sentence that many pages fill in differently is a form, not a statement.
_MOST_VALUES = 3
# How many pages with one value are compared with those that have another.
_MOST_COMPARED = 20

_SHORT = 3
_PLAIN_WORD = re.compile(r"[^\W_]+")
_WORD = re.compile(r"[^\W_]+(?:['’.:/_-][^\W_]+)*")
_IDLE = frozenset(
    "a an the this that these those of for in within on by with and is are was were be been being "
    "has have had do does will shall can may could would you your we our us they their it its "
    "please also just simply so then currently now usually normally typically".split()
)
# Said of anything that has a figure.
_VAGUE = frozenset(
    "default value minimum maximum min max limit length size number total recommended set setting "
    "up at least most more less than under over before after from to until between every about "
    "around approximately only or no not and per each first last new long available "
    "page article document reviewed updated modified published released changed effective "
    "example note time timeout interval duration period once all any if when which".split()
)
_STEPS = frozenset(
    "press hold wait click tap take put keep select choose enter type open close turn move run "
    "set use go add remove repeat allow leave let push swipe scroll restart unplug plug hover drag "
    "then next after once when if for".split()
)
_VARIANTS = frozenset(
    "free trial starter basic standard plus premium pro professional business family enterprise "
    "cloud hosted desktop mobile ios iphone ipad android windows mac macos linux ubuntu debian "
    "docker kubernetes beta legacy old classic deprecated archive archived unsupported esr uk us "
    "eu europe canada australia ireland germany france".split()
)
_NUMBERING = re.compile(r"^(?:step )?\d+(?:\.\d+)*[.:)]?\s+", re.IGNORECASE)
_POINTERS = frozenset("it its this that these those they he she both each such here there".split())


@dataclass(frozen=True, slots=True)
class _Statement:
    number: int
    start: int
    end: int
    figures: tuple[Quantity, ...]

    @property
    def values(self) -> tuple[tuple[float | str, ...], ...]:
        return tuple(figure.value for figure in self.figures)


@dataclass(slots=True)
class Contradictions:
    """Finds sentences that differ in nothing but their figures.

    Attributes:
        library: Where the pages are.
    """

    library: Library
    _said: dict[int, list[_Statement]] = field(default_factory=lambda: defaultdict(list))

    def look(self, number: int, page: Page) -> None:
        """See `Check.look`."""
        for block in page.blocks:
            if block.kind in _PROSE and FIGURE_LIKE.search(page.text, block.body, block.end):
                self._note(number, page, block)

    def findings(self) -> Iterator[Finding]:
        """See `Check.findings`."""
        for statements in self._said.values():
            by_value: dict[tuple[tuple[float | str, ...], ...], list[_Statement]] = {}
            for statement in statements:
                by_value.setdefault(statement.values, []).append(statement)
            if 1 < len(by_value) <= _MOST_VALUES:
                yield from self._opposed(list(by_value.values()))

    def _note(self, number: int, page: Page, block: Block) -> None:
        for start, end in sentence_spans(page.text, block.body, block.end):
            sentence = page.text[start:end]
            figures = tuple(quantities(sentence)) if FIGURE_LIKE.search(sentence) else ()
            if figures and (words := _masked(sentence, figures)):
                self._said[hash(words)].append(_Statement(number, start, end, figures))

    def _opposed(self, sides: Sequence[list[_Statement]]) -> Iterator[Finding]:
        """One finding for each two values of which nothing explains the difference."""
        for one, other in combinations(sides, 2):
            pairs = product(one[:_MOST_COMPARED], other[:_MOST_COMPARED])
            found = next((pair for pair in pairs if self._contradict(*pair)), None)
            if found is not None:
                yield self._finding(*found)

    def _contradict(self, one: _Statement, other: _Statement) -> bool:
        if one.number == other.number:
            return False
        first, second = self.library[one.number], self.library[other.number]
        return first.shares_readers_with(second) and not _explained(
            first, one.start, second, other.start
        )

    def _finding(self, one: _Statement, other: _Statement) -> Finding:
        first, second = self.library[one.number], self.library[other.number]
        differing = [
            (a, b) for a, b in zip(one.figures, other.figures, strict=True) if a.value != b.value
        ]
        places = (
            first.place(one.start, one.end, tuple((a.start, a.end) for a, _ in differing)),
            second.place(other.start, other.end, tuple((b.start, b.end) for _, b in differing)),
        )
        figures = " and ".join(
            f"“{places[0].text[a.start : a.end]}” against “{places[1].text[b.start : b.end]}”"
            for a, b in differing
        )
        what = f"Two pages say the same sentence with {figures}."
        weight = one.end - one.start
        return Finding(Kind.CONTRADICTION, what, (first.name, second.name), places, weight)


def _masked(sentence: str, figures: Sequence[Quantity]) -> tuple[str, ...]:
    """The content words, with kinds for figures; empty when they do not name their subject."""
    parts: list[str] = []
    done = 0
    for figure in figures:
        parts += [*_content(sentence[done : figure.start]), f"<{figure.kind}>"]
        done = figure.end
    parts += _content(sentence[done:])
    telling = sum(word not in _VAGUE and not word.startswith("<") for word in parts)
    opening = next(iter(_WORD.findall(sentence.casefold())), "")
    least = _LEAST_IN_STEP if opening in _STEPS else _LEAST_WORDS
    return tuple(parts) if telling >= least and opening not in _POINTERS else ()


def _content(text: str) -> Iterator[str]:
    for word in _WORD.findall(text.casefold()):
        if word not in _IDLE:
            yield word.removesuffix("s") if len(word) > _SHORT and word[-2] != "s" else word


def _explained(one: Page, start: int, other: Page, other_start: int) -> bool:
    """Whether titles, headings or paths name two things of one sort."""
    if _variants(one, start) != _variants(other, other_start):
        return True
    mine, theirs = _names(one, start), _names(other, other_start)
    # "one/reset" and "valve/reset" are of different things, whatever those are called.
    return mine[0] == theirs[0] or any(starmap(_parallel, zip(mine, theirs, strict=True)))


def _variants(page: Page, offset: int) -> frozenset[str]:
    """The versions, years, platforms and plans that are named around a place."""
    names = (page.name, page.title, *page.headings_above(offset))
    around = {word for name in names for word in _name(name)}
    return frozenset(word for word in around if word in _VARIANTS or any(map(str.isdigit, word)))


def _names(page: Page, offset: int) -> list[list[str]]:
    """The words of the page's file name, its title and the nearest heading."""
    names = (PurePosixPath(page.name).stem, page.title, *page.headings_above(offset)[-1:], "")
    return [_name(name) for name in names[:3]]


def _name(text: str) -> list[str]:
    """A name's words without its number in a list."""
    return _PLAIN_WORD.findall(_NUMBERING.sub("", text).casefold())


def _parallel(one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether two names are one pattern filled in differently: "Reset Wren One", "... Valve"."""
    if one == other or not one or not other:
        return False
    longest = max(len(one), len(other))
    return 2 * (_common(one, other) + _common(one[::-1], other[::-1])) >= longest


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """How many words two names begin with alike."""
    return next(
        (at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b),
        min(len(one), len(other)),
    )
