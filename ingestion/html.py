"""HTML to blocks: the main content of a page, without its furniture."""

# ruff: noqa: SIM905 - long word lists read best as lines of words

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from selectolax.lexbor import LexborHTMLParser, LexborNode

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

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_DROPPED = frozenset(
    "script style noscript template nav footer button svg iframe video audio canvas object "
    "embed select input textarea dialog head title link meta img picture source col colgroup "
    "math map area progress".split()
)
# Around the content they are furniture; inside <main> or <article> they are part of it.
_OUTER = frozenset({"header", "aside"})
_BLOCKS = frozenset(
    "address article aside blockquote body center dd details div dl dt fieldset figcaption "
    "figure footer form h1 h2 h3 h4 h5 h6 header hr html legend li main ol p pre section "
    "summary table tbody td tfoot th thead tr ul caption".split()
)
_FURNITURE_ROLES = frozenset({"navigation", "banner", "contentinfo", "search", "dialog"})
_FURNITURE = re.compile(
    r"(?:^|[\s_-])(?:cookie(?:consent|banner|notice|bar)?|onetrust|CybotCookiebot\w*|didomi-host|"
    r"usercentrics-root|iubenda-cs-banner|osano-cm|consent|gdpr|breadcrumbs?|pagination|skip-?(?:link|to-content)|"
    r"headerlink|hash-link|heading-anchor|anchor-?link|footnote-(?:ref|backref)|"
    r"sr-only|visually-hidden|toc|tableOfContents|edit-this-page|theme-edit-this-page)"
    r"(?:$|[\s_-])",
    re.IGNORECASE,
)
_MAIN = ("main article", "main", "[role=main]", "article")
_LANGUAGE = re.compile(r"\b(?:language|lang|highlight|highlight-source)-([\w+#-]+)")
_PERMALINK = frozenset("¶#§🔗")
_LINE_BREAK = "\n"
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9-]*)")
_DEEPEST = 10_000
_CLOSED_BY_OTHERS = frozenset(
    "area base br col colgroup dd dt embed hr img input li link meta option optgroup p param rp "
    "rt source tbody td tfoot th thead tr track wbr".split()
)


@dataclass(frozen=True, slots=True)
class HtmlPage:
    """What a page says and what it says about itself.

    Attributes:
        blocks: Its main content.
        title: The text of `<title>`; empty when there is none.
        locale: The language it declares, if any.
        links: Where the links of its main content lead, as authored, once each.
    """

    blocks: tuple[Block, ...]
    title: str
    locale: str | None
    links: tuple[str, ...]


def read_page(html: str) -> HtmlPage:
    """Read a whole page, however broken.

    Args:
        html: The page's source.

    Returns:
        Its main content as blocks, its title, its language and its links.

    Raises:
        RecursionError: It nests too deeply to follow.
    """
    tree = parsed(html)
    title = tree.css_first("head > title")
    root = tree.css_first("html")
    content = _main(tree)
    return HtmlPage(
        blocks=content.blocks if content else (),
        title=collapse(title.text()) if title else "",
        locale=(root.attributes.get("lang") if root else None) or None,
        links=_links(content.node, outer=content.outer) if content else (),
    )


def read_fragment(html: str) -> tuple[Block, ...]:
    """Read a piece of HTML that is all content.

    Args:
        html: The fragment, for instance rendered Markdown.

    Returns:
        Its blocks, in order.

    Raises:
        RecursionError: It nests too deeply to follow.
    """
    body = parsed(html).body
    return _Walker().blocks(body) if body else ()


def fragment_links(html: str) -> tuple[str, ...]:
    """Where the links in a piece of HTML lead, as authored, once each."""
    body = parsed(html).body
    return _links(body, outer=False) if body else ()


def parsed(html: str) -> LexborHTMLParser:
    """Parse HTML that may be hostile.

    Raises:
        RecursionError: It nests too deeply to follow.
    """
    # The parser takes time by the square of the depth: an hour for what a megabyte can hold.
    if html.count("<") > _DEEPEST and _open_tags(html) > _DEEPEST:
        raise RecursionError
    return LexborHTMLParser(html)


def _open_tags(html: str) -> int:
    """How many tags are never closed, of those that the next one does not close."""
    left: Counter[str] = Counter()
    for tag in _TAG.finditer(html):
        name = tag[2].lower()
        if tag[1]:
            left[name] -= left[name] > 0
        elif name not in _CLOSED_BY_OTHERS:
            left[name] += 1
    return left.total()


@dataclass(frozen=True, slots=True)
class _Content:
    """The part of a page that is read; `outer` when furniture may stand in it."""

    node: LexborNode
    outer: bool
    blocks: tuple[Block, ...]


def _main(tree: LexborHTMLParser) -> _Content | None:
    for selector in _MAIN:
        found = tree.css(selector)
        # Several articles are a list of teasers: none of them is the page.
        if len(found) == 1 and (blocks := _Walker().blocks(found[0])):
            return _Content(found[0], outer=False, blocks=blocks)
    if tree.body is None:
        return None
    if blocks := _Walker(outer=True).blocks(tree.body):
        return _Content(tree.body, outer=True, blocks=blocks)
    return _Content(tree.body, outer=False, blocks=_Walker().blocks(tree.body))


def _links(root: LexborNode, *, outer: bool) -> tuple[str, ...]:
    found = (
        (node.attributes.get("href") or "").strip()
        for node in root.css("a[href]")
        if not _in_furniture(node, root, outer=outer)
    )
    return tuple(dict.fromkeys(filter(None, found)))


def _in_furniture(node: LexborNode, root: LexborNode, *, outer: bool) -> bool:
    above: LexborNode | None = node
    while above is not None and above.mem_id != root.mem_id:
        if _is_furniture(above, above.tag or "", outer=outer):
            return True
        above = above.parent
    return False


@dataclass(slots=True)
class _Walker:
    """Collects blocks; inline text gathers in `words` until a block begins or ends."""

    outer: bool = False
    found: list[Block] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    section_id: str | None = None

    def blocks(self, node: LexborNode) -> tuple[Block, ...]:
        self._children(node)
        self._flush()
        return tuple(self.found)

    def _children(self, node: LexborNode) -> None:
        for child in node.iter(include_text=True):
            self._visit(child)

    def _visit(self, node: LexborNode) -> None:
        tag = node.tag or ""
        if tag == "-text":
            self.words.append(_unwrapped(node.text_content or ""))
        elif tag == "br":
            self.words.append(_LINE_BREAK)
        elif _is_furniture(node, tag, outer=self.outer):
            return
        elif tag in _BLOCKS:
            self._flush()
            self._block(node, tag)
            self._flush()
        else:
            self._children(node)

    def _block(self, node: LexborNode, tag: str) -> None:
        if tag in _HEADINGS:
            self._heading(node, int(tag[1]))
        elif (read := _READERS.get(tag)) is not None:
            self.found.extend(read(node))
        else:
            self.section_id = _id(node) if tag == "section" else self.section_id
            self._children(node)

    def _heading(self, node: LexborNode, level: int) -> None:
        words = _inline(node)
        anchor = _id(node) or _inner_id(node) or self.section_id
        self.section_id = None
        if words:
            self.found.append(Heading(level, words.replace(_LINE_BREAK, " "), anchor))

    def _flush(self) -> None:
        if self.words:
            if text := _paragraph("".join(self.words)):
                self.found.append(Paragraph(text))
            self.words.clear()


def _is_furniture(node: LexborNode, tag: str, *, outer: bool) -> bool:
    if tag in _DROPPED or (outer and tag in _OUTER):
        return True
    return bool(node.attributes) and _is_marked_furniture(node, tag)


def _is_marked_furniture(node: LexborNode, tag: str) -> bool:
    attributes = node.attributes
    if "hidden" in attributes or attributes.get("role") in _FURNITURE_ROLES:
        return True
    if tag == "a" and node.text().strip() in _PERMALINK:
        return True
    marks = f"{attributes.get('class') or ''} {attributes.get('id') or ''}".strip()
    # A heading about cookies is named for them; only containers are furniture by name.
    return bool(marks) and tag not in _CONTENT and _FURNITURE.search(marks) is not None


def _unwrapped(text: str) -> str:
    """Line ends in HTML source are spaces; real breaks come from `<br>`."""
    return text.replace("\n", " ")


def _paragraph(text: str) -> str:
    lines = (collapse(line) for line in text.split(_LINE_BREAK))
    return _LINE_BREAK.join(line for line in lines if line)


def _inline(node: LexborNode) -> str:
    walker = _Walker()
    blocks = walker.blocks(node)
    return " ".join(block.text for block in blocks if isinstance(block, Paragraph | Heading))


def _id(node: LexborNode) -> str | None:
    return node.attributes.get("id") or None


def _inner_id(heading: LexborNode) -> str | None:
    anchor = heading.css_first("a[id], a[name], span[id]")
    return (_id(anchor) or anchor.attributes.get("name")) if anchor else None


def _cell(node: LexborNode) -> Cell:
    return _Walker().blocks(node)


def _listing(node: LexborNode, *, ordered: bool) -> Iterator[Block]:
    items = tuple(_cell(child) for child in node.iter() if child.tag not in _DROPPED)
    yield Listing(items, _number(node, "start") if ordered else None)


def _definitions(node: LexborNode) -> Iterator[Block]:
    items: list[Cell] = []
    term = ""
    for child in node.css("dt, dd"):
        if child.tag == "dt":
            term = f"{term}, {_inline(child)}" if term else _inline(child)
        else:
            items.append(defined(term, _cell(child)))
            term = ""
    if term:
        items.append((Paragraph(term),))
    yield Listing(tuple(items))


def _code(node: LexborNode) -> Iterator[Block]:
    marks = [node, node.css_first("code"), node.parent]
    classes = " ".join(mark.attributes.get("class") or "" for mark in marks if mark)
    language = _LANGUAGE.search(classes)
    text = node.text().strip("\n")
    if text.strip():
        yield Code(text, language[1] if language and language[1] != "default" else "")


def _table(node: LexborNode) -> Iterator[Block]:
    caption = node.css_first("caption")
    if caption and (text := _inline(caption)):
        yield Paragraph(text)
    rows = [row for row in node.css("tr") if _owner(row) == node.mem_id]
    headed = bool(rows) and all(cell.tag == "th" for cell in rows[0].iter())
    cells = grid([_row(row) for row in rows])
    yield Table(cells[0] if headed else (), cells[1:] if headed else cells)


def _owner(row: LexborNode) -> int:
    """The table a row belongs to: a nested table's rows are not the outer one's."""
    node = row.parent
    while node is not None and node.tag != "table":
        node = node.parent
    return node.mem_id if node is not None else 0


def _row(row: LexborNode) -> list[Span]:
    return [
        Span(_cell(cell), _number(cell, "rowspan"), _number(cell, "colspan"))
        for cell in row.iter()
        if cell.tag in {"td", "th"}
    ]


def _number(node: LexborNode, name: str) -> int:
    text = node.attributes.get(name) or ""
    return int(text[:6]) if text.isdecimal() else 1


_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_CONTENT = frozenset({*_HEADINGS, "p", "pre", "table", "body", "main", "article", "section"})
_READERS: dict[str, Callable[[LexborNode], Iterator[Block]]] = {
    "ul": partial(_listing, ordered=False),
    "ol": partial(_listing, ordered=True),
    "dl": _definitions,
    "pre": _code,
    "table": _table,
}
