"""Quotes to the text a customer reads, each with its number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.types import Citation, HandoffReason
from retrieval.types import UnitKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from llm.extractive import Quote

HANDOFF_MESSAGES = {
    HandoffReason.NOT_IN_DOCUMENTS: (
        "I could not find this in our documents, so I have passed your question to a person. "
        "They can see what you wrote and will answer you here."
    ),
    HandoffReason.ASKED_FOR_PERSON: (
        "I have passed this to a person. They can see what you wrote and will answer you here."
    ),
    HandoffReason.SEARCH_UNAVAILABLE: (
        "I cannot look this up at the moment, so I have passed your question to a person. "
        "They can see what you wrote and will answer you here."
    ),
}
REST_TO_PERSON = (
    "I could not find the rest in our documents, so I have passed it to a person. "
    "They can see what you wrote and will answer you here."
)
NOT_RECORDED = (
    "I cannot look this up at the moment, and I could not pass it to a person either. "
    "Please send it again in a few minutes."
)


@dataclass(frozen=True, slots=True)
class CitedText:
    """A piece of the reply and what its marker points to."""

    text: str
    citation: Citation


def compose(quotes: Sequence[Quote]) -> tuple[CitedText, ...]:
    """Number the quotes and lay them out for reading."""
    return tuple(
        CitedText(_marked(_laid_out(quote), n), _citation(n, quote))
        for n, quote in enumerate(quotes, start=1)
    )


def _marked(text: str, n: int) -> str:
    # A code fence closes only on a line of its own.
    return f"{text}\n[{n}]" if text.endswith("```") else f"{text} [{n}]"


def _citation(n: int, quote: Quote) -> Citation:
    chunk = quote.passage.chunk
    return Citation(
        n=n,
        chunk_id=chunk.id,
        page=chunk.page,
        title=chunk.title,
        headings=chunk.headings,
        url=chunk.url,
        quote=quote.text,
        start=chunk.start + quote.start,
        end=chunk.start + quote.end,
    )


def _laid_out(quote: Quote) -> str:
    """The quoted words; only the layout of lists, tables and code is added."""
    return "".join(_pieces(quote)).strip()


def _pieces(quote: Quote) -> Iterator[str]:
    chunk = quote.passage.chunk
    before = quote.start
    for unit in quote.units:
        text, gap = chunk.quote(unit), chunk.text[before : unit.start]
        before = unit.end
        match unit.kind:
            case UnitKind.ITEM:
                yield f"\n{_marker(chunk.text, unit.start)}{text}"
            case UnitKind.ROW:
                yield f"\n{_row(text, quote.header(unit))}"
            case UnitKind.CODE:
                yield f"\n```\n{text}\n```\n"
            case UnitKind.HEADING:
                yield f"\n{text}\n"
            case _:
                # A line break between sentences means something: a paragraph, or a list's end.
                yield (gap if "\n" in gap else " ") + text


def _marker(text: str, start: int) -> str:
    """The item's own number or dash."""
    line = text.rfind("\n", 0, start) + 1
    return text[line:start].lstrip() or "- "


def _row(row: str, header: Sequence[str]) -> str:
    """The row's cells, each behind its column's name."""
    cells = [cell.strip() for cell in row.strip("| ").split("|")]
    names = [*header, *[""] * (len(cells) - len(header))]
    named = zip(names, cells, strict=False)
    return "- " + "; ".join(f"{name}: {cell}" if name else cell for name, cell in named if cell)
