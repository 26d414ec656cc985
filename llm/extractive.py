"""A reply without a language model: the sentences that answer, quoted verbatim.

The unit that matches the question best leads. Around it goes what a reader needs to make sense
of it (the other steps of a procedure, the sentence before an "It ..."), and behind it at most
two more units that match nearly as well.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from retrieval.lexical import word_shares
from retrieval.outline import is_separator
from retrieval.types import UnitKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from retrieval.types import Chunk, Passage, Unit

MAX_QUOTES = 3
MAX_WORDS = 110
MAX_STEPS = 12
# Weights of a unit's score beside its own match, chosen on two sets of questions whose answering
# sentences are known; they move together along a wide plateau.
PASSAGE_SHARE = 1.2  # of its passage's score
WORD_SHARE = 0.35  # of the question's words, found in the unit or in what it stands under
# For a unit of the kind that is asked for: a number to "how much", a step to "how do I".
KIND_BONUS = 0.15
# How far behind the leading unit another may score and still be quoted.
CLOSE = 0.2

_NUMBERED = re.compile(r"\s*\d{1,9}[.)]\s")
# A sentence that opens so is about something said just before it.
_LEANS_BACK = re.compile(
    r"(it|its|this|that|these|those|they|them|their|he|she|then|however|but|so|otherwise|also|"
    r"instead|if so|if not|after that|after this)\b",
    re.IGNORECASE,
)


_ASKS_NUMBER = re.compile(
    r"\bhow (many|much|long|often|far|fast|soon|late|big|old)\b|\bwhen\b|\b(cost|price|fee|limit)",
    re.IGNORECASE,
)


_ASKS_STEPS = re.compile(r"\bhow (do|can|could|should|would|to)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Quote:
    """Consecutive units of one passage, quoted together.

    Attributes:
        passage: Where they stand.
        units: The units, in order.
        score: How well the best of them matches the question.
    """

    passage: Passage
    units: tuple[Unit, ...]
    score: float

    @property
    def start(self) -> int:
        """First quoted character, as an offset into the chunk's text."""
        return self.units[0].start

    @property
    def end(self) -> int:
        """One past the last quoted character."""
        return self.units[-1].end

    @property
    def text(self) -> str:
        """The quoted words, verbatim."""
        return self.passage.chunk.text[self.start : self.end]

    def header(self, row: Unit) -> tuple[str, ...]:
        """The column names of the table that a row of this quote stands in."""
        return table_header(self.passage.chunk, row)


def table_header(chunk: Chunk, row: Unit) -> tuple[str, ...]:
    """Column names above a row: in the chunk, or in its context when the table was split."""
    lines = [line.strip() for line in chunk.text[: row.start].splitlines()]
    for i, line in reversed(list(enumerate(lines))):
        if not line.startswith("|"):
            break
        if i and is_separator(line):
            return _cells(lines[i - 1])
    context = chunk.context.splitlines()
    return _cells(context[-1]) if context and context[-1].startswith("|") else ()


def _cells(line: str) -> tuple[str, ...]:
    return tuple(cell.strip() for cell in line.strip("| ").split("|"))


def extract(question: str, passages: Sequence[Passage]) -> tuple[Quote, ...]:
    """Choose what to quote from ranked passages; empty when there is nothing to."""
    ranked = sorted(_quotable(question, passages), key=lambda scored: -scored[0])
    quotes: list[Quote] = []
    words = 0
    for score, passage, position in ranked:
        if len(quotes) == MAX_QUOTES or (quotes and score < quotes[0].score - CLOSE):
            break
        quote = Quote(passage, _with_surroundings(passage.chunk, position), score)
        words += len(quote.text.split())
        if quotes and (words > MAX_WORDS or _repeats(quote, quotes)):
            continue
        quotes.append(quote)
    return _in_reading_order(quotes)


def _in_reading_order(quotes: Sequence[Quote]) -> tuple[Quote, ...]:
    """Quotes of one passage together and as they stand there; neighbours made one."""
    rank = {q.passage.chunk.id: i for i, q in reversed(list(enumerate(quotes)))}
    ordered: list[Quote] = []
    for quote in sorted(quotes, key=lambda q: (rank[q.passage.chunk.id], q.start)):
        if ordered and _adjoins(ordered[-1], quote):
            before = ordered.pop()
            units = (*before.units, *quote.units)
            ordered.append(Quote(quote.passage, units, max(before.score, quote.score)))
        else:
            ordered.append(quote)
    return tuple(ordered)


def _adjoins(before: Quote, after: Quote) -> bool:
    chunk = before.passage.chunk
    if chunk.id != after.passage.chunk.id:
        return False
    return chunk.units.index(before.units[-1]) + 1 == chunk.units.index(after.units[0])


def _quotable(question: str, passages: Sequence[Passage]) -> Iterator[tuple[float, Passage, int]]:
    units = [
        (passage, position)
        for passage in passages
        for position, unit in enumerate(passage.chunk.units)
        if unit.kind is not UnitKind.HEADING
    ]
    shares = word_shares(question, [_in_context(p.chunk, p.chunk.units[i]) for p, i in units])
    for (passage, position), share in zip(units, shares, strict=True):
        unit = passage.chunk.units[position]
        bonus = KIND_BONUS if _is_kind_asked_for(question, passage.chunk, unit) else 0.0
        match = passage.unit_scores[position]
        yield match + WORD_SHARE * share + PASSAGE_SHARE * passage.score + bonus, passage, position


def _is_kind_asked_for(question: str, chunk: Chunk, unit: Unit) -> bool:
    if _ASKS_NUMBER.search(question):
        return any(map(str.isdigit, chunk.quote(unit)))
    return bool(_ASKS_STEPS.search(question)) and _is_step(chunk, unit)


def _in_context(chunk: Chunk, unit: Unit) -> str:
    """The unit's words, and those of the headings and column names it stands under."""
    header = " ".join(table_header(chunk, unit)) if unit.kind is UnitKind.ROW else ""
    return f"{chunk.context} {header} {chunk.quote(unit)}"


def _with_surroundings(chunk: Chunk, position: int) -> tuple[Unit, ...]:
    """The unit at `position`, with what a reader needs to make sense of it."""
    unit = chunk.units[position]
    first, last = position, position
    if _is_step(chunk, unit):
        first, last = _procedure(chunk, position)
    elif unit.kind is UnitKind.SENTENCE and chunk.quote(unit).endswith(":"):
        last = _introduced(chunk, position)
    elif unit.kind is UnitKind.SENTENCE and _LEANS_BACK.match(chunk.quote(unit)):
        first = _previous_sentence(chunk, position)
    return chunk.units[first : last + 1]


def _is_step(chunk: Chunk, unit: Unit) -> bool:
    line = chunk.text.rfind("\n", 0, unit.start) + 1
    return unit.kind is UnitKind.ITEM and bool(_NUMBERED.match(chunk.text[line : unit.start]))


def _procedure(chunk: Chunk, position: int) -> tuple[int, int]:
    """The run of steps around one of them, from the sentence that introduces it."""
    first = last = position
    while first > 0 and chunk.units[first - 1].kind is UnitKind.ITEM:
        first -= 1
    while last + 1 < len(chunk.units) and chunk.units[last + 1].kind is UnitKind.ITEM:
        last += 1
    last = min(last, max(position, first + MAX_STEPS - 1))
    if first > 0 and chunk.quote(chunk.units[first - 1]).endswith(":"):
        first -= 1
    return first, last


def _introduced(chunk: Chunk, position: int) -> int:
    """The last unit of what a sentence ending in a colon leads up to."""
    last = position
    kinds = {UnitKind.ITEM, UnitKind.ROW, UnitKind.CODE}
    while last + 1 < len(chunk.units) and chunk.units[last + 1].kind in kinds:
        last += 1
        if last - position == MAX_STEPS:
            break
    return last


def _previous_sentence(chunk: Chunk, position: int) -> int:
    before = chunk.units[position - 1] if position else None
    return position - 1 if before and before.kind is UnitKind.SENTENCE else position


def _repeats(quote: Quote, quotes: Sequence[Quote]) -> bool:
    """Whether it says again, or overlaps, what is quoted already."""
    words = set(quote.text.lower().split())
    for other in quotes:
        same_chunk = other.passage.chunk.id == quote.passage.chunk.id
        if same_chunk and quote.start < other.end and other.start < quote.end:
            return True
        shared = words & set(other.text.lower().split())
        if len(shared) > 0.7 * min(len(words), len(set(other.text.lower().split()))):
            return True
    return False
