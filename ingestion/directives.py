"""Sphinx's directives, as far as a reader is concerned.

docutils drops a directive it does not know, with everything in it. Here each keeps what it
says and loses what it configures; nothing is opened, fetched or run.
"""

# ruff: noqa: SIM905 - long word lists read best as lines of words

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import Directive, directives
from docutils.parsers.rst.directives.tables import CSVTable, ListTable, RSTTable

if TYPE_CHECKING:
    from collections.abc import Callable

_DIRECTIVE = re.compile(
    r"^[ \t|+]*\.\.[ ]+(?:\|[^|\n]+\|[ ]+)?([\w:.+-]+?)::(?:\s|$)", re.MULTILINE
)

# Their whole body is for the generator, not for a reader. `config:setting` is Mattermost's: it
# feeds an index with a summary of the table that follows under the setting's own heading.
_MACHINERY = (
    "config:setting include toctree image contents sectnum meta index highlight currentmodule "
    "default-domain bibliography tabularcolumns graphviz uml mermaid youtube video iframe "
    "header footer date title target-notes role default-role class literalinclude"
).split()
# Their argument is a label that readers see.
_LABELLED = (
    "tab tab-item group-tab dropdown details card grid-item-card admonition topic sidebar "
    "rubric centered"
).split()
_CODE = ("code", "code-block", "sourcecode", "prompt", "parsed-literal")
_BODIES = (
    "note tip important warning caution danger attention error hint seealso todo "
    "container compound epigraph highlights pull-quote grid tabs tab-set tabbed"
).split()
_VERSIONS = {
    "versionadded": "Added in version",
    "versionchanged": "Changed in version",
    "versionremoved": "Removed in version",
    "deprecated": "Deprecated since version",
}


class _AnyOption(dict[str, Any]):
    """Accepts every option, so that an unknown one never costs a directive its text."""

    def __bool__(self) -> bool:
        return True

    def __missing__(self, name: str) -> Callable[[str], str]:
        return directives.unchanged


class _Lenient(Directive):
    """A directive of which only the text matters."""

    optional_arguments = 1
    final_argument_whitespace = True
    option_spec: ClassVar[Any] = _AnyOption()
    has_content = True


class _Dropped(_Lenient):
    """Configuration, of which not even the options need reading."""

    option_spec: ClassVar[Any] = None

    def run(self) -> list[nodes.Node]:
        return []


class _Body(_Lenient):
    """Keeps the content; the first line belongs to it."""

    optional_arguments = 0

    def run(self) -> list[nodes.Node]:
        return self._content()

    def _content(self) -> list[nodes.Node]:
        holder = nodes.container()
        self.state.nested_parse(self.content, self.content_offset, holder, match_titles=True)
        return [holder]


class _Labelled(_Body):
    """Keeps the argument, as a paragraph ahead of the content."""

    optional_arguments = 1

    def run(self) -> list[nodes.Node]:
        return [*self._label(" ".join(self.arguments)), *self._content()]

    def _label(self, text: str) -> list[nodes.Node]:
        label = nodes.paragraph()
        inline, _messages = self.state.inline_text(text, self.lineno)
        label.extend(inline)
        return [label]


class _Version(_Labelled):
    """Says what the version number means, then the rest."""

    optional_arguments = 2

    def run(self) -> list[nodes.Node]:
        number, *more = self.arguments
        said = f"{_VERSIONS[self.name]} {number}{':' if more else '.'}"
        return [*self._label(" ".join([said, *more])), *self._content()]


class _Unknown(_Labelled):
    """Keeps the content, and the argument where it is words rather than a name or a path."""

    def _label(self, text: str) -> list[nodes.Node]:
        return super()._label(text) if " " in text.strip() else []


class _ListTable(ListTable):
    option_spec: ClassVar[Any] = _AnyOption(ListTable.option_spec or {})


class _CsvTable(CSVTable):
    option_spec: ClassVar[Any] = _AnyOption(CSVTable.option_spec or {})


class _Table(RSTTable):
    option_spec: ClassVar[Any] = _AnyOption(RSTTable.option_spec or {})


class _CodeBlock(_Lenient):
    """Keeps the content to the letter."""

    def run(self) -> list[nodes.Node]:
        language = self.arguments[0].strip() if self.arguments else ""
        text = "\n".join(self.content)
        return [nodes.literal_block(text, text, language=language)]


class _Figure(_Lenient):
    """Keeps the caption and the legend."""

    def run(self) -> list[nodes.Node]:
        holder = nodes.container()
        self.state.nested_parse(self.content, self.content_offset, holder)
        return [holder]


class _Raw(_Lenient):
    """Hands HTML on to the HTML reader; other formats have no reader."""

    def run(self) -> list[nodes.Node]:
        if "html" not in " ".join(self.arguments).lower().split():
            return []
        text = "\n".join(self.content)
        return [nodes.raw(text, text, format="html")]


def teach(text: str) -> None:
    """Make docutils accept every directive that a page uses.

    Args:
        text: The page's source.
    """
    for name in {found.lower() for found in _DIRECTIVE.findall(text)} - _known():
        directives.register_directive(name, _Unknown)
        _known().add(name)


@cache
def _known() -> set[str]:
    """Register the directives handled here, and say which need no further handling."""
    handled: dict[str, type[Directive]] = {
        **dict.fromkeys(_MACHINERY, _Dropped),
        **dict.fromkeys(_LABELLED, _Labelled),
        **dict.fromkeys(_BODIES, _Body),
        **dict.fromkeys(_VERSIONS, _Version),
        **dict.fromkeys(_CODE, _CodeBlock),
        "figure": _Figure,
        "raw": _Raw,
        "list-table": _ListTable,
        "csv-table": _CsvTable,
        "table": _Table,
    }
    for name, directive in handled.items():
        directives.register_directive(name, directive)
    return {*handled, "replace", "unicode", "math"}
