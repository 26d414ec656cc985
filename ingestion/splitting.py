"""Blocks to pieces that fit, and pieces to chunks of an even size.

A piece is the largest thing that fits: a whole list, table or paragraph; when it does not,
its items, rows, lines or sentences; when those do not, halves cut at a clause, a word, and
only in a word longer than a chunk between two characters. Nothing is ever cut off.
"""

# ruff: noqa: RUF001 - the punctuation of other scripts is meant

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from retrieval.outline import Block, BlockKind, rows
from retrieval.sentences import sentence_spans

# What beginning a chunk at a piece costs, on the scale where a chunk of no length costs 1.
_FREE = 0.0
_IN_LIST = 0.1
_WITHIN = {
    BlockKind.TABLE: 0.1,
    BlockKind.CODE: 0.15,
    BlockKind.ITEM: 0.2,
    BlockKind.PARAGRAPH: 0.2,
    BlockKind.HEADING: 0.2,
}
_IN_SENTENCE = 0.3
_AFTER_LEAD_IN = 0.5
_GLUED = 9.0

# A chunk this full is the best there is: room is left for what the count cannot foresee, and
# a passage near the model's limit blurs several facts into one vector.
_IDEAL_FILL = 0.75
_OVERFULL_WEIGHT = 0.25

_CLAUSE = re.compile(r"(?<=[,;:)—–|])\s+|\s+(?=[(—–|])|(?<=[，、；：])")
_LINE = re.compile(r"[^\n]*\S")
_SPACE = re.compile(r"\s+")
_LEAD_INS = (":", "：")


@dataclass(frozen=True, slots=True)
class Piece:
    """A span of text that stays in one chunk.

    Attributes:
        start: Its first character.
        end: One past its last.
        tokens: How many tokens it is.
        breaking: What it costs to begin a chunk with it.
    """

    start: int
    end: int
    tokens: int
    breaking: float


Measure = Callable[[int, int], int]


@dataclass(frozen=True, slots=True)
class Splitter:
    """Cuts a text.

    Attributes:
        text: The page.
        measure: How many tokens a span of it is.
        limit: How many tokens a piece may be.
    """

    text: str
    measure: Measure
    limit: int

    def pieces(self, blocks: Sequence[Block]) -> list[Piece]:
        """Cut consecutive blocks into pieces.

        Args:
            blocks: Blocks of the text, in order.

        Returns:
            Pieces in order, which cover all of the blocks.
        """
        found: list[Piece] = []
        glue = _FREE
        for group in _groups(blocks):
            first, *rest = self._group(group)
            found += [replace(first, breaking=max(glue, first.breaking)), *rest]
            glue = self._glue_after(group[-1])
        return found

    def _glue_after(self, block: Block) -> float:
        if block.kind is BlockKind.HEADING:
            return _GLUED
        leads_in = self.text.endswith(_LEAD_INS, block.start, block.end)
        return _AFTER_LEAD_IN if leads_in and block.kind is not BlockKind.CODE else _FREE

    def _group(self, group: Sequence[Block]) -> Iterator[Piece]:
        start, end = group[0].start, group[-1].end
        if len(group) == 1:
            yield from self._block(group[0])
        elif (tokens := self.measure(start, end)) <= self.limit:
            yield Piece(start, end, tokens, _FREE)
        else:
            for ordinal, block in enumerate(group):
                first, *rest = self._block(block)
                yield replace(first, breaking=_IN_LIST if ordinal else _FREE)
                yield from rest

    def _block(self, block: Block) -> Iterator[Piece]:
        tokens = self.measure(block.start, block.end)
        if tokens <= self.limit:
            yield Piece(block.start, block.end, tokens, _FREE)
            return
        breaking = _FREE
        for start, end in self._parts(block):
            yield from self._part(start, end, breaking)
            breaking = _WITHIN[block.kind]

    def _parts(self, block: Block) -> Iterator[tuple[int, int]]:
        match block.kind:
            case BlockKind.TABLE:
                return self._rows(block)
            case BlockKind.CODE:
                return self._code_lines(block)
            case _:
                return self._sentences(block)

    def _rows(self, table: Block) -> Iterator[tuple[int, int]]:
        # A header without a row under it says nothing, so the first row begins with it.
        start = table.start
        for _, end in rows(self.text, table).body or [(start, table.end)]:
            yield start + _leading_space(self.text, start, end), end
            start = end

    def _code_lines(self, code: Block) -> Iterator[tuple[int, int]]:
        lines = [found.span() for found in _LINE.finditer(self.text, code.body, code.body_end)]
        # Nor does a fence: the opening one goes with the first line, the closing with the last.
        starts = [code.start, *(start for start, _ in lines[1:])]
        ends = [*(end for _, end in lines[:-1]), code.end]
        yield from zip(starts, ends, strict=True)

    def _sentences(self, block: Block) -> Iterator[tuple[int, int]]:
        start = block.start
        for _, end in sentence_spans(self.text, block.body, block.end):
            # An item's marker goes with its first sentence.
            yield start + _leading_space(self.text, start, end), end
            start = end

    def _part(self, start: int, end: int, breaking: float) -> Iterator[Piece]:
        tokens = self.measure(start, end)
        if tokens <= self.limit or end - start == 1:
            yield Piece(start, end, tokens, breaking)
            return
        left, right = _cut(self.text, start, end)
        yield from self._part(start, left, breaking)
        yield from self._part(right, end, _IN_SENTENCE)


def pack(pieces: Sequence[Piece], limit: int) -> list[tuple[Piece, ...]]:
    """Gather pieces into chunks so that the page as a whole is cut best.

    Minimises the sum over chunks of their raggedness and of the cost of where they begin, by
    dynamic programming over the last break, as Knuth and Plass break lines.

    Args:
        pieces: Consecutive pieces.
        limit: How many tokens a chunk may be.

    Returns:
        The chunks, in order; a piece over the limit stands alone.
    """
    costs = [0.0]
    breaks = [0]
    for end in range(1, len(pieces) + 1):
        cost, start = min(_endings(pieces, costs, end, limit))
        costs.append(cost)
        breaks.append(start)
    return _traced(pieces, breaks)


def _endings(
    pieces: Sequence[Piece], costs: Sequence[float], end: int, limit: int
) -> Iterator[tuple[float, int]]:
    """Each way to end a chunk before piece `end`: what it costs, where the chunk begins."""
    tokens = 0
    for start in range(end - 1, -1, -1):
        tokens += pieces[start].tokens
        if tokens > limit and start < end - 1:
            return
        breaking = pieces[start].breaking if start else _FREE
        yield costs[start] + breaking + _raggedness(tokens, limit), start


def _raggedness(tokens: int, limit: int) -> float:
    ideal = max(1.0, _IDEAL_FILL * limit)
    if tokens <= ideal:
        return float((1 - tokens / ideal) ** 2)
    return float(_OVERFULL_WEIGHT * ((tokens - ideal) / (max(limit, tokens) - ideal)) ** 2)


def _traced(pieces: Sequence[Piece], breaks: Sequence[int]) -> list[tuple[Piece, ...]]:
    chunks: list[tuple[Piece, ...]] = []
    end = len(pieces)
    while end:
        chunks.append(tuple(pieces[breaks[end] : end]))
        end = breaks[end]
    return chunks[::-1]


def _groups(blocks: Sequence[Block]) -> Iterator[Sequence[Block]]:
    """Lists as a whole, with whatever is indented under their items; other blocks alone."""
    start = 0
    for at in range(1, len(blocks) + 1):
        if at == len(blocks) or not _belongs_to_list(blocks[at], blocks[start]):
            yield blocks[start:at]
            start = at


def _belongs_to_list(block: Block, first: Block) -> bool:
    if first.kind is not BlockKind.ITEM or block.kind is BlockKind.HEADING:
        return False
    return block.kind is BlockKind.ITEM or block.level > 0


def _leading_space(text: str, start: int, end: int) -> int:
    return (end - start) - len(text[start:end].lstrip())


def _cut(text: str, start: int, end: int) -> tuple[int, int]:
    """Where to halve a span: the end of the left half and the start of the right one."""
    quarter = (end - start) // 4
    central = [
        found.span()
        for found in _CLAUSE.finditer(text, start, end)
        if start + quarter <= found.start() <= end - quarter
    ]
    middle = (start + end) // 2
    spaces = [found.span() for found in _SPACE.finditer(text, start, end)]
    inner = central or [span for span in spaces if start < span[0] and span[1] < end]
    return min(inner, key=lambda span: abs(span[0] - middle), default=(middle, middle))
