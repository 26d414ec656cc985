"""What a reply may quote: sentences, list items, table rows, code, headings.

The sentence splitter prefers to leave two sentences together over cutting one in half: a
quotation that says a little more is right, one that ends at "approx." is not.
"""

# ruff: noqa: RUF001 - the punctuation of other scripts is meant
# ruff: noqa: SIM905 - long word lists read best as lines of words

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from retrieval.outline import Block, BlockKind, is_separator, outline, rows
from retrieval.types import Unit, UnitKind

if TYPE_CHECKING:
    from collections.abc import Iterator

# Longer items are paragraphs in disguise, and are quoted by the sentence.
_LONG_ITEM_WORDS = 60

_CLOSERS = "\"'”’»)\\]}」』）】》"
_OPENERS = "\"'“‘„«([{<*_"
_STOP = re.compile(rf"(?P<spaced>[.!?…؟۔]+)[{_CLOSERS}]*(?=\s)|(?P<bare>[。！？｡।॥]+)[{_CLOSERS}]*")
# A stop that needs no space after it begins a new word too.
_WORD = re.compile(r"[^\s。！？｡।॥]+$")
# "J", "U.S", "a.m"; not "I", which ends many a sentence, nor "y", a key to press.
_INITIAL = re.compile(r"[A-HJ-Z]|[^\W\d_](?:\.[^\W\d_])+")

# After these a full stop never ends a sentence.
_NEVER_FINAL = frozenset(
    "e.g i.e eg ie cf vs viz approx dr mr mrs ms mx prof rev hon gen col lt sgt capt st "
    "mt ft messrs mme mlle fig figs eq eqs sec secs ch chap vol vols pp ed eds resp incl excl "
    "z.b d.h bzw ca p.ej sr sra".split()
)
# After these it does not when a number follows: "No. 5", "p. 12", "Jan. 3".
_BEFORE_NUMBER = frozenset(
    "no nos nr p art para ver v n jan feb mar apr jun jul aug sep sept oct nov dec".split()
)


def split_units(text: str) -> tuple[Unit, ...]:
    """Find what may be quoted.

    Args:
        text: Canonical text; any Markdown will do.

    Returns:
        Units in order, not overlapping. Together they cover everything but markup: heading
        hashes, list markers, fences, and a table's header and rule.
    """
    return tuple(unit for block in outline(text) for unit in _units(text, block))


def sentence_spans(text: str, start: int = 0, end: int | None = None) -> Iterator[tuple[int, int]]:
    """Split prose into sentences.

    Args:
        text: Where the prose stands.
        start: Its first character.
        end: One past its last character; the end of the text when left out.

    Yields:
        The span of each sentence, without the whitespace around it.
    """
    end = len(text) if end is None else end
    first = _skip_space(text, start, end)
    for stop in _STOP.finditer(text, first, end):
        following = _skip_space(text, stop.end(), end)
        if following < end and first < stop.end() and _ends(text, first, stop, following):
            yield first, stop.end()
            first = following
    last = first + len(text[first:end].rstrip())
    if first < last:
        yield first, last


def _ends(text: str, first: int, stop: re.Match[str], following: int) -> bool:
    if stop["bare"]:
        return True
    if text[following].islower():
        return False
    return stop["spaced"] != "." or not _abbreviates(text, first, stop.start(), following)


def _abbreviates(text: str, first: int, dot: int, following: int) -> bool:
    """Whether the full stop belongs to the word before it."""
    before = text[first:dot]
    found = _WORD.search(before)
    word = found[0].lstrip(_OPENERS) if found else ""
    token = word.casefold()
    if token in _NEVER_FINAL or _INITIAL.fullmatch(word):
        return True
    if token in _BEFORE_NUMBER:
        return text[following].isdigit()
    # "1. Open the menu": a number that is all there is so far counts, it does not say.
    return before.isdecimal()


def _units(text: str, block: Block) -> Iterator[Unit]:
    match block.kind:
        case BlockKind.HEADING:
            yield Unit(block.body, block.body_end, UnitKind.HEADING)
        case BlockKind.CODE:
            yield from _code(text, block)
        case BlockKind.TABLE:
            yield from _rows(text, block)
        case BlockKind.ITEM if len(text[block.body : block.end].split()) <= _LONG_ITEM_WORDS:
            yield Unit(block.body, block.end, UnitKind.ITEM)
        case _:
            for start, end in sentence_spans(text, block.body, block.end):
                yield Unit(start, end, UnitKind.SENTENCE)


def _code(text: str, block: Block) -> Iterator[Unit]:
    body = text[block.body : block.body_end]
    if stripped := body.rstrip():
        # Leading blank lines go, the first line's indentation stays.
        blank = len(body) - len(body.lstrip())
        start = body.rfind("\n", 0, blank) + 1
        yield Unit(block.body + start, block.body + len(stripped), UnitKind.CODE)


def _rows(text: str, block: Block) -> Iterator[Unit]:
    for start, end in rows(text, block).body:
        if not is_separator(text[start:end]):
            yield Unit(start, end, UnitKind.ROW)


def _skip_space(text: str, start: int, end: int) -> int:
    while start < end and text[start].isspace():
        start += 1
    return start
