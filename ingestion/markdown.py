"""Markdown, MDX and MyST to HTML.

What documentation generators add to Markdown is brought back to Markdown or HTML first, line
by line and never inside code; CommonMark does the rest.
"""

# ruff: noqa: SIM905 - long word lists read best as lines of words

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt
from mdit_py_plugins.deflist import deflist_plugin
from mdit_py_plugins.footnote import footnote_plugin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from markdown_it.renderer import RendererHTML
    from markdown_it.token import Token
    from markdown_it.utils import EnvType, OptionsDict

_FENCE = re.compile(r"(?P<indent>[ \t>]*)(?P<run>`{3,}|~{3,})(?P<info>.*)")
_DIRECTIVE = re.compile(r"\{(?P<name>[\w:-]+)\}\s*(?P<argument>.*)")
_OPTION = re.compile(r"\s*:[\w-]+:(\s|$)")
_CONTAINER = re.compile(r"(?P<indent>[ \t]*):{3,}\s*(?P<name>[\w-]*)\s*(?P<title>.*)")
_ATTRIBUTES = re.compile(r"\{[.#:][^}]*\}")
_IMPORT = re.compile(r"import\s+(?:[\w*{}\s,$]+\s+from\s+)?['\"][^'\"]+['\"];?\s*$")
_OPEN_IMPORT = re.compile(r"import\s*\{[^}]*$")
_QUOTED_END = re.compile(r"['\"];?\s*$")
_EXPORT = re.compile(r"export\s+(?:default|const|let|function|async)\b")
_LIQUID = re.compile(r"\{%-?\s*(?P<name>\w+)(?P<arguments>[^%]*)-?%\}")
_LIQUID_TITLE = re.compile(r"\btitle\s*=\s*[\"']([^\"']*)[\"']")
_CODE_SPAN = re.compile(r"(`+)(?:(?!\1).|\n)+?(?<!`)\1(?!`)")
_ROLE = re.compile(r"\{[a-z][\w:-]*\}(?P<ticks>`+)(?P<text>[^`\n]+)(?P=ticks)")
_ROLE_TARGET = re.compile(r"\s+<[^<>]*>$")
_COMMENT = re.compile(r"\{/\*.*?\*/\}", re.DOTALL)
_TAG = re.compile(r"</?(?=[A-Za-z>])")
_COMPONENT = re.compile(r"</?(?:[A-Z][\w.]*|>)")
_LOOSE_END = re.compile(r"/\s+>$")
_BRACED = re.compile(r"\s[\w:-]+=\{")
_EXPRESSION = re.compile(r"(?<![\\{])\{[^{}\n]*\}(?!\})")
_VERBATIM = re.compile(r"\s*<(?:pre|script|style|textarea|!--)", re.IGNORECASE)
_HEADING_ID = re.compile(r"^(?P<head> {0,3}#{1,6} .*?)\s*\{#(?P<id>[\w:.-]+)\}\s*$", re.MULTILINE)

# Their argument or body is for the generator, not for a reader.
_MACHINERY = frozenset(
    "include toctree image figure raw eval-rst literalinclude contents index meta bibliography "
    "youtube video iframe only".split()
)
_CODE_DIRECTIVES = {"code", "code-block", "code-cell", "sourcecode", "math", "mermaid"}


def to_html(text: str, *, mdx: bool = False) -> str:
    """Render Markdown, with the usual extensions, as an HTML fragment.

    Args:
        text: Markdown without front matter.
        mdx: Whether braces in prose are expressions to drop rather than text to keep.

    Returns:
        HTML; components are gone, the text they held is not.
    """
    lines = text.split("\n")
    # Docusaurus reads its .md files as MDX; an import gives such a page away.
    mdx = mdx or any(_IMPORT.match(line) for line in lines)
    return str(_renderer(mdx=mdx).render("\n".join(_desugared(lines, mdx=mdx))))


class _Markdown(MarkdownIt):
    """CommonMark whose links stay as their author wrote them, without percent-encoding."""

    def normalizeLink(self, url: str) -> str:  # noqa: N802 - the library's name
        return url


@cache
def _renderer(*, mdx: bool) -> MarkdownIt:
    parser = _Markdown("commonmark", {"html": True}).enable(["table", "strikethrough"])
    parser.use(footnote_plugin).use(deflist_plugin)
    if mdx:
        parser.add_render_rule("html_block", _html_with_markdown)
    return parser


def _html_with_markdown(
    renderer: RendererHTML,
    tokens: Sequence[Token],
    index: int,
    _options: OptionsDict,
    _env: EnvType,
) -> str:
    """MDX reads Markdown between tags, where CommonMark would not."""
    del renderer
    html = tokens[index].content
    return html if _VERBATIM.match(html) else str(_renderer(mdx=True).renderInline(html))


def _desugared(lines: list[str], *, mdx: bool) -> Iterator[str]:
    """Prose lines without extensions, code lines as they are."""
    prose: list[str] = []
    at = 0
    while at < len(lines):
        fence = _FENCE.fullmatch(lines[at])
        if fence is None or "`" in fence["info"]:
            prose.append(lines[at])
            at += 1
            continue
        yield from _prose(prose, mdx=mdx)
        prose = []
        last = _closing(lines, at, fence["run"])
        yield from _fenced(lines[at:last], fence, mdx=mdx)
        at = last
    yield from _prose(prose, mdx=mdx)


def _closing(lines: list[str], at: int, run: str) -> int:
    """The line after the one that closes a fence; past the end when none does."""
    for index in range(at + 1, len(lines)):
        text = lines[index].strip(" \t>")
        if text.startswith(run) and not text.strip(run[0]):
            return index + 1
    return len(lines)


def _fenced(lines: list[str], fence: re.Match[str], *, mdx: bool) -> Iterator[str]:
    """A code block, or what a MyST directive written as one has to say."""
    directive = _DIRECTIVE.match(fence["info"])
    if directive is None:
        # CommonMark takes everything after the fence as its language.
        yield from [fence["indent"] + fence["run"] + fence["info"].split("{")[0], *lines[1:]]
    elif directive["name"] in _CODE_DIRECTIVES:
        yield from [
            fence["indent"] + fence["run"] + directive["argument"],
            *_without_options(lines[1:]),
        ]
    elif directive["name"] not in _MACHINERY:
        yield from _directive(lines, fence["indent"], directive["argument"], mdx=mdx)


def _directive(lines: list[str], indent: str, argument: str, *, mdx: bool) -> Iterator[str]:
    yield from ["", indent + argument, ""]
    yield from _desugared(_without_options(lines[1:-1]), mdx=mdx)
    yield ""


def _without_options(lines: list[str]) -> list[str]:
    at = 0
    while at < len(lines) and _OPTION.match(lines[at]):
        at += 1
    return lines[at:]


def _prose(lines: list[str], *, mdx: bool) -> Iterator[str]:
    text = "\n".join(_line_by_line(lines))
    text = _ROLE.sub(_role_text, _COMMENT.sub("", text))
    # The id becomes an element of its own, which survives inside a heading.
    text = _HEADING_ID.sub(r'\g<head> <a id="\g<id>"></a>', text)
    yield from _outside_code(text, lambda part: _without_jsx(part, mdx=mdx)).split("\n")


def _line_by_line(lines: list[str]) -> Iterator[str]:
    ends: Callable[[str], bool] | None = None
    for line in lines:
        ends = ends or _statement_end(line)
        if ends is None:
            yield from _container(line)
        elif ends(line):
            ends = None


def _statement_end(line: str) -> Callable[[str], bool] | None:
    """How to tell the last line of the import or export that begins here, if one does."""
    if _IMPORT.match(line) or _OPEN_IMPORT.match(line):
        return lambda last: _QUOTED_END.search(last) is not None
    return (lambda last: not last.strip()) if _EXPORT.match(line) else None


def _container(line: str) -> list[str]:
    """A `:::tip Title` line as its title, a closing one as nothing; others as they are."""
    found = _CONTAINER.fullmatch(line)
    if found is None:
        return [_LIQUID.sub(_liquid_title, line)]
    title = _ATTRIBUTES.sub("", found["title"]).strip().removeprefix("[").removesuffix("]")
    return ["", found["indent"] + title, ""]


def _role_text(role: re.Match[str]) -> str:
    """A MyST role's words; they read better as prose than as the code they are quoted as."""
    return _ROLE_TARGET.sub("", role["text"])


def _liquid_title(tag: re.Match[str]) -> str:
    title = _LIQUID_TITLE.search(tag["arguments"])
    return f"\n{title[1]}\n" if title else ""


def _outside_code(text: str, change: Callable[[str], str]) -> str:
    parts: list[str] = []
    done = 0
    for span in _CODE_SPAN.finditer(text):
        parts += [change(text[done : span.start()]), span[0]]
        done = span.end()
    return "".join([*parts, change(text[done:])])


def _without_jsx(text: str, *, mdx: bool) -> str:
    """Drop component tags, and from other tags the attributes that hold expressions."""
    parts: list[str] = []
    done = 0
    while found := _TAG.search(text, done):
        end = _tag_end(text, found.end())
        parts += [text[done : found.start()], _plain_tag(text[found.start() : end])]
        done = end
    kept = "".join([*parts, text[done:]])
    return _EXPRESSION.sub("", kept) if mdx else kept


def _plain_tag(tag: str) -> str:
    if _COMPONENT.match(tag):
        return ""
    tag = _LOOSE_END.sub("/>", tag)
    while found := _BRACED.search(tag):
        tag = tag[: found.start()] + tag[_brace_end(tag, found.end()) :]
    return tag


def _tag_end(text: str, at: int) -> int:
    """One past a tag's `>`, which may also occur in its quotes and braces."""
    quote = ""
    while at < len(text):
        char = text[at]
        if quote:
            quote = "" if char == quote else quote
        elif char in "\"'":
            quote = char
        elif char == "{":
            at = _brace_end(text, at + 1) - 1
        elif char == ">":
            return at + 1
        at += 1
    return at


def _brace_end(text: str, at: int) -> int:
    depth = 1
    while at < len(text) and depth:
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        at += 1
    return at
