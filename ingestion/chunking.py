"""A page to chunks: whole blocks, under their headings, each within the embedder's reach."""

from __future__ import annotations

import json
import re
from bisect import bisect_left, bisect_right
from collections import Counter
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING
from urllib.parse import quote
from uuid import UUID

from ingestion.context import TokenCounter, breadcrumb, shortened
from ingestion.sections import Run, runs, sections
from ingestion.splitting import Splitter, pack
from retrieval.outline import Block, BlockKind, outline, rows
from retrieval.sentences import split_units
from retrieval.types import Chunk, Scope, Unit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from langchain_core.documents import Document

__all__ = ["CHUNKER_VERSION", "DEFAULT_BUDGET", "SMALLEST_BUDGET", "TokenCounter", "chunk_page"]

# A 256-token model, less what another tokenizer version may count differently.
DEFAULT_BUDGET = 240
# To be raised when the same page is cut into other chunks than before: all are read again then.
CHUNKER_VERSION = 1
SMALLEST_BUDGET = 32

# Parts of the budget: what context may take, a repeated table header within that, below what
# a section is too small to stand alone, and how far such sections are gathered.
_CONTEXT_SHARE = 1 / 3
_HEADER_SHARE = 1 / 6
_TINY_SHARE = 1 / 6
_GATHERED_SHARE = 2 / 3

_CLOSING_HASHES = re.compile(r"\s+#+\s*$")


@dataclass(frozen=True, slots=True)
class _Page:
    """A page being chunked, and the means to do it.

    Attributes:
        text: Its canonical text.
        name: Its path or URL.
        url: Where it is read; empty when the page does not say.
        title: Its title.
        anchors: Fragment ids by the offset of the heading's line.
        blocks: Its blocks.
        tokenizer: Counts tokens.
        budget: How many tokens a chunk may be.
        special: How many tokens the tokenizer adds to any text.
    """

    text: str
    name: str
    url: str
    title: str
    anchors: Mapping[str, str]
    blocks: tuple[Block, ...]
    tokenizer: TokenCounter
    budget: int
    special: int

    def measure(self, start: int, end: int) -> int:
        return self.tokenizer.count(self.text[start:end]) - self.special

    def excess(self, draft: _Draft) -> int:
        """How many tokens over the budget a draft is."""
        embedded = "\n".join(filter(None, (draft.context, self.text[draft.start : draft.end])))
        return self.tokenizer.count(embedded) - self.budget

    def headings(self, path: Sequence[Block]) -> tuple[str, ...]:
        """The headings' words; one that repeats the title says nothing new."""
        words = (self.text[heading.body : heading.body_end] for heading in path)
        cleaned = (_CLOSING_HASHES.sub("", text).strip() for text in words)
        return tuple(text for text in cleaned if text.casefold() != self.title.casefold())

    def anchor(self, path: Sequence[Block]) -> str:
        """The innermost heading's fragment id, or that of the nearest above it with one."""
        return next(
            (
                found
                for heading in reversed(path)
                if (found := self.anchors.get(str(heading.start)))
            ),
            "",
        )


@dataclass(frozen=True, slots=True)
class _Draft:
    """A chunk before it has an identity."""

    start: int
    end: int
    context: str
    headings: tuple[str, ...]
    anchor: str


def chunk_page(
    document: Document,
    *,
    tokenizer: TokenCounter,
    budget: int = DEFAULT_BUDGET,
    scope: Scope,
    base_url: str = "",
) -> list[Chunk]:
    """Cut a page into chunks.

    Args:
        document: A page from `ingestion.parsing.parse`, or any document that holds Markdown;
            its metadata may name the `page` (or `source`), `title` and heading `anchors`.
        tokenizer: Counts tokens the way the embedder will.
        budget: How many tokens `Chunk.embedded_text` may be.
        scope: Who may see the page.
        base_url: Where the pages can be read; a chunk's `url` is under it, unless the
            document's metadata has a `url` of its own.

    Returns:
        The chunks in page order. Each character that is neither whitespace nor part of a
        heading's line is in exactly one of them.

    Raises:
        ValueError: The budget is too small to say anything in.
    """
    if budget < SMALLEST_BUDGET:
        raise ValueError(f"A budget of {budget} tokens is below the least, {SMALLEST_BUDGET}.")
    page = _opened(document, tokenizer, budget)
    gathered = runs(
        sections(page.blocks, page.measure),
        tiny=int(budget * _TINY_SHARE),
        most=int(budget * _GATHERED_SHARE),
    )
    drafts = [draft for run in gathered for draft in _fitting(page, run)]
    return list(_finished(page, drafts, scope, base_url))


def _opened(document: Document, tokenizer: TokenCounter, budget: int) -> _Page:
    metadata = document.metadata
    name = str(metadata.get("page") or metadata.get("source") or "")
    text = document.page_content
    return _Page(
        text=text,
        name=name,
        url=str(metadata.get("url") or ""),
        title=str(metadata.get("title") or name),
        anchors=metadata.get("anchors") or {},
        blocks=outline(text),
        tokenizer=tokenizer,
        budget=budget,
        special=tokenizer.count(""),
    )


def _fitting(page: _Page, run: Run) -> list[_Draft]:
    """Draft a run's chunks, in less room each time one of them turns out too long.

    Tokens do not add up exactly: a word cut in two has more of them than it has whole.
    """
    reserve = _header_reserve(page, run)
    limit = page.special + int(page.budget * _CONTEXT_SHARE) - reserve
    crumb = breadcrumb(page.title, page.headings(run.path), page.tokenizer, limit)
    room = page.budget - page.tokenizer.count(crumb) - reserve
    while True:
        drafts = list(_drafts(page, run, crumb, max(1, room)))
        excess = max(map(page.excess, drafts))
        if excess <= 0 or room <= 1:
            return drafts
        room -= excess


def _header_reserve(page: _Page, run: Run) -> int:
    """Room for the longest header that may have to be repeated."""
    tables = (block for block in page.blocks[run.first : run.last] if _is_long_table(page, block))
    headers = (page.tokenizer.count(_header(page, table)) - page.special for table in tables)
    return max(headers, default=0)


def _is_long_table(page: _Page, block: Block) -> bool:
    return block.kind is BlockKind.TABLE and page.measure(block.start, block.end) > page.budget // 2


def _header(page: _Page, table: Block) -> str:
    """A table's header row, as long as context may be; empty when it has none."""
    header = rows(page.text, table).header
    if header is None:
        return ""
    limit = page.special + int(page.budget * _HEADER_SHARE)
    return shortened(page.text[slice(*header)], page.tokenizer, limit)


def _drafts(page: _Page, run: Run, crumb: str, room: int) -> Iterator[_Draft]:
    blocks = page.blocks[run.first : run.last]
    headings = page.headings(run.path)
    anchor = page.anchor(run.sections[0].path)
    for pieces in pack(Splitter(page.text, page.measure, room).pieces(blocks), room):
        start = pieces[0].start
        header = next((_header(page, table) for table in blocks if _cuts(start, table)), "")
        context = "\n".join(filter(None, (crumb, header)))
        yield _Draft(start, pieces[-1].end, context, headings, anchor)


def _cuts(start: int, block: Block) -> bool:
    return block.kind is BlockKind.TABLE and block.start < start < block.end


def _finished(
    page: _Page, drafts: Sequence[_Draft], scope: Scope, base_url: str
) -> Iterator[Chunk]:
    units = split_units(page.text)
    seen: Counter[tuple[str, str]] = Counter()
    for position, draft in enumerate(drafts):
        text = page.text[draft.start : draft.end]
        seen[draft.context, text] += 1
        yield Chunk(
            id=_identity(scope, page.name, draft.context, text, seen[draft.context, text]),
            page=page.name,
            url=_url(page.url or _under(base_url, page.name), draft.anchor),
            title=page.title,
            headings=draft.headings,
            text=text,
            start=draft.start,
            end=draft.end,
            position=position,
            units=_within(units, draft.start, draft.end),
            context=draft.context,
            scope=scope,
        )


def _within(units: Sequence[Unit], start: int, end: int) -> tuple[Unit, ...]:
    """The units of a span, relative to it; one that the span cuts is kept as far as it goes."""
    first = bisect_right(units, start, key=lambda unit: unit.end)
    last = bisect_left(units, end, key=lambda unit: unit.start)
    return tuple(
        Unit(max(unit.start, start) - start, min(unit.end, end) - start, unit.kind)
        for unit in units[first:last]
    )


def _identity(scope: Scope, *parts: str | int) -> str:
    """The same content in the same place of the same page has the same id, run after run."""
    where = (scope.tenant, scope.source, scope.audience, scope.locale, scope.product)
    named = json.dumps([*where, *parts])
    return str(UUID(bytes=blake2b(named.encode(), digest_size=16).digest(), version=5))


def _under(base_url: str, page: str) -> str:
    path = page if "://" in page else quote(page)
    return f"{base_url.rstrip('/')}/{path}" if base_url else path


def _url(page: str, anchor: str) -> str:
    return f"{page.partition('#')[0]}#{anchor}" if anchor else page
