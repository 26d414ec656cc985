"""reStructuredText to blocks, Sphinx's dialect included.

docutils parses; its transforms and writers are left out, because a reader needs words and
not resolved links, and they would take as long again. Roles and substitutions that only
Sphinx could resolve are read as their words. Nothing is opened, fetched or printed.
"""

# ruff: noqa: SIM905 - long word lists read best as lines of words

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from docutils import nodes
from docutils.frontend import get_default_settings
from docutils.parsers.rst import Parser, states
from docutils.utils import new_document, unescape

from ingestion.canonical import (
    Block,
    Cell,
    Code,
    Heading,
    Listing,
    Paragraph,
    Span,
    Table,
    collapse,
    defined,
    grid,
)
from ingestion.directives import teach
from ingestion.html import read_fragment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_ROLE_TARGET = re.compile(r"\s*<[^<>]*>$")
_TABLE_TROUBLE = re.compile(r'Malformed table|Error .*"(?:csv|list)-table"')
_TITLE_TROUBLE = re.compile(r"\A.*\btitle\b")
_RULE = re.compile(r"^\W+$", re.MULTILINE)
_WORDS = re.compile(r"\w+")
_NEARBY_WORDS = 3


class _Inliner(states.Inliner):
    """Every role says its text: no look-up, hence no complaint about unknown ones."""

    # docutils fills its patterns in from the namespace of the inliner's very own class.
    vars().update({k: v for k, v in vars(states.Inliner).items() if isinstance(v, str)})

    def interpreted(
        self, rawsource: str, text: str, role: str, lineno: int
    ) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        del lineno
        said = _ROLE_TARGET.sub("", unescape(text)) or unescape(text)
        if role in _POINTERS and said == unescape(text):
            said = _pointed_at(said)
        return [nodes.inline(rawsource, said)], []


_POINTERS = frozenset({"doc", "ref", "numref", "any", "download", "term"})


def _pointed_at(target: str) -> str:
    """The name of what a bare reference leads to, as words where it is a path."""
    if not re.search(r"[/:]", target):
        return target
    return re.split(r"[/:]", target.rstrip("/"))[-1].replace("-", " ").replace("_", " ")


@cache
def _settings() -> Any:  # noqa: ANN401 - docutils' settings are an untyped bag
    settings = get_default_settings(Parser())
    settings.file_insertion_enabled = False
    settings.raw_enabled = False
    settings.syntax_highlight = "none"
    settings.warning_stream = False
    # Above the most severe level there is: nothing is reported, nothing stops the parse.
    settings.report_level = settings.halt_level = 6
    settings.line_length_limit = 10**9
    return settings


@dataclass(frozen=True, slots=True)
class RstPage:
    """What a page says.

    Attributes:
        blocks: Its blocks, in order.
        links: Where its links lead, as authored, once each; roles such as `:doc:` name a
            page of the manual and are not among them.
    """

    blocks: tuple[Block, ...]
    links: tuple[str, ...]


def read_rst(text: str) -> RstPage:
    """Read a reStructuredText page.

    Args:
        text: The page's source.

    Returns:
        Its blocks and its links.
    """
    teach(text)
    document = new_document("page", _settings())
    Parser(inliner=_Inliner()).parse(text, document)
    blocks = tuple(_Reader(_replacements(document)).blocks(document, 0))
    return RstPage(blocks, _links(document))


def _links(document: nodes.document) -> tuple[str, ...]:
    """The addresses of links, and of targets, which named links lead to."""
    found = (
        str(node["refuri"])
        for node in document.findall(nodes.Element)
        if isinstance(node, nodes.reference | nodes.target) and node.get("refuri")
    )
    return tuple(dict.fromkeys(found))


def _replacements(document: nodes.document) -> dict[str, str]:
    """What the page itself defines `|names|` to stand for, where that is text."""
    return {
        name: text
        for name, node in document.substitution_defs.items()
        if (text := node.astext().strip())
    }


@dataclass(slots=True)
class _Reader:
    """Walks a doctree; `replacements` maps substitution names to text."""

    replacements: dict[str, str] = field(default_factory=dict)

    def blocks(self, parent: nodes.Element, depth: int) -> Iterator[Block]:
        for node in parent.children:
            if isinstance(node, nodes.Element):
                yield from self._block(node, depth)

    def _block(self, node: nodes.Element, depth: int) -> Iterator[Block]:
        read = _READERS.get(node.tagname)
        if read is not None:
            yield from read(self, node, depth)
        elif node.tagname in _SILENT:
            return
        elif isinstance(node, nodes.TextElement):
            yield from self.paragraph(node, depth)
        else:
            yield from self.blocks(node, depth)

    def section(self, node: nodes.Element, depth: int) -> Iterator[Block]:
        title = node.next_node(nodes.title)
        if title is not None:
            yield Heading(depth + 1, self._text(title), next(iter(node["ids"]), None))
        for child in node.children:
            if child is not title and isinstance(child, nodes.Element):
                yield from self._block(child, depth + 1)

    def paragraph(self, node: nodes.Element, _depth: int) -> Iterator[Block]:
        if text := self._text(node):
            yield Paragraph(text)

    def line_block(self, node: nodes.Element, depth: int) -> Iterator[Block]:
        lines = (
            self._text(line) if isinstance(line, nodes.line) else self._nested_lines(line, depth)
            for line in node.children
            if isinstance(line, nodes.Element)
        )
        if text := "\n".join(filter(None, lines)):
            yield Paragraph(text)

    def _nested_lines(self, node: nodes.Element, depth: int) -> str:
        blocks = self.line_block(node, depth)
        return "\n".join(block.text for block in blocks if isinstance(block, Paragraph))

    def code(self, node: nodes.Element, _depth: int) -> Iterator[Block]:
        if (text := node.astext()).strip():
            yield Code(text, node.get("language", ""))

    def bullets(self, node: nodes.Element, depth: int) -> Iterator[Block]:
        yield Listing(self._items(node, depth))

    def numbers(self, node: nodes.Element, depth: int) -> Iterator[Block]:
        yield Listing(self._items(node, depth), node.get("start", 1))

    def _items(self, node: nodes.Element, depth: int) -> tuple[Cell, ...]:
        return tuple(
            tuple(self.blocks(item, depth))
            for item in node.children
            if isinstance(item, nodes.Element)
        )

    def pairs(self, node: nodes.Element, depth: int) -> Iterator[Block]:
        """Definitions, fields, options: a name, then what it means."""
        items = (child for child in node.children if isinstance(child, nodes.Element))
        yield Listing(tuple(self._pair(item, depth) for item in items))

    def _pair(self, item: nodes.Element, depth: int) -> Cell:
        *names, body = (child for child in item.children if isinstance(child, nodes.Element))
        name = ", ".join(self._text(part) for part in names)
        return defined(name, tuple(self.blocks(body, depth)))

    def table(self, node: nodes.Element, depth: int) -> Iterator[Block]:
        if (title := node.next_node(nodes.title)) is not None and title.parent is node:
            yield from self.paragraph(title, depth)
        for group in node.findall(nodes.tgroup):
            if group.parent is node:
                yield self._grid(group, depth)

    def _grid(self, group: nodes.Element, depth: int) -> Table:
        header = grid(self._rows(group, nodes.thead, depth))
        rows = grid(self._rows(group, nodes.tbody, depth))
        return Table(header[0] if header else (), (*header[1:], *rows))

    def _rows(
        self, group: nodes.Element, part: type[nodes.Element], depth: int
    ) -> list[list[Span]]:
        return [
            self._spans(row, depth)
            for body in group.children
            if isinstance(body, part)
            for row in body.children
            if isinstance(row, nodes.Element)
        ]

    def _spans(self, row: nodes.Element, depth: int) -> list[Span]:
        return [
            Span(tuple(self.blocks(cell, depth)), cell.get("morerows", 0) + 1, _across(cell))
            for cell in row.children
            if isinstance(cell, nodes.Element)
        ]

    def raw(self, node: nodes.Element, _depth: int) -> Iterator[Block]:
        yield from read_fragment(node.astext())

    def complaint(self, node: nodes.Element, _depth: int) -> Iterator[Block]:
        """What docutils could not read as a table or a title is kept; other complaints go."""
        complaint = node.astext()
        kept = next(node.findall(nodes.literal_block), None)
        if kept is None:
            return
        if _TABLE_TROUBLE.search(complaint):
            yield Code(kept.astext())
        elif _TITLE_TROUBLE.search(complaint):
            yield Paragraph(_RULE.sub("", kept.astext()).strip())

    def _text(self, node: nodes.Element) -> str:
        parts: list[str] = []
        self._inline(node, parts)
        return collapse("".join(parts))

    def _inline(self, node: nodes.Element, parts: list[str]) -> None:
        for child in node.children:
            if isinstance(child, nodes.Text):
                parts.append(child.astext())
            elif isinstance(child, nodes.substitution_reference):
                parts.append(self._substitution(child.astext(), "".join(parts)))
            elif isinstance(child, nodes.Element) and child.tagname not in _SILENT:
                self._inline(child, parts)

    def _substitution(self, name: str, before: str) -> str:
        """A name's text; for an icon its name, unless the sentence has just said it."""
        if name in self.replacements:
            return self.replacements[name]
        words = _WORDS.findall(name.replace("-", " ").replace("_", " ").lower())
        nearby = _WORDS.findall(before.lower())[-_NEARBY_WORDS:]
        return "" if set(words) & set(nearby) else " ".join(words)


def _across(cell: nodes.Element) -> int:
    return int(cell.get("morecols", 0)) + 1


_SILENT = frozenset(
    "comment substitution_definition target pending image system_message meta footnote_reference "
    "citation_reference decoration header footer docinfo label raw".split()
)
_READERS: dict[str, Callable[[_Reader, nodes.Element, int], Iterator[Block]]] = {
    "section": _Reader.section,
    "line_block": _Reader.line_block,
    "literal_block": _Reader.code,
    "doctest_block": _Reader.code,
    "math_block": _Reader.code,
    "bullet_list": _Reader.bullets,
    "enumerated_list": _Reader.numbers,
    "definition_list": _Reader.pairs,
    "field_list": _Reader.pairs,
    "option_list": _Reader.pairs,
    "table": _Reader.table,
    "raw": _Reader.raw,
    "system_message": _Reader.complaint,
}
