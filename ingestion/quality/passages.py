"""Passages that stand word for word on several pages."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ingestion.quality.findings import Finding, Kind, Place
from retrieval.outline import Block, BlockKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ingestion.quality.page import Library, Page

_PROSE = frozenset({BlockKind.PARAGRAPH, BlockKind.ITEM})
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class _Passage:
    number: int
    start: int
    end: int
    words: int


@dataclass(slots=True)
class RepeatedPassages:
    """Finds paragraphs and list items that several pages have, told once for those pages.

    Attributes:
        library: Where the pages are.
        least_words: Shorter passages may repeat.
        leader: The page that stands for a page and its copies, which are told of as pages.
    """

    library: Library
    least_words: int
    leader: Callable[[int], int]
    _said: dict[int, list[_Passage]] = field(default_factory=lambda: defaultdict(list))

    def look(self, number: int, page: Page) -> None:
        """See `Check.look`."""
        for block in page.blocks:
            if block.kind in _PROSE:
                self._note(number, page, block)

    def _note(self, number: int, page: Page, block: Block) -> None:
        words = page.text[block.body : block.end].split()
        if len(words) >= self.least_words:
            # Words themselves would take as much room as the documents.
            said = self._said[hash(tuple(words))]
            said.append(_Passage(number, block.body, block.end, len(words)))

    def findings(self) -> Iterator[Finding]:
        """See `Check.findings`."""
        shared: dict[tuple[int, ...], list[_Passage]] = defaultdict(list)
        for passages in self._said.values():
            first = {self.leader(passage.number): passage for passage in reversed(passages)}
            for group in self.library.companions(sorted(first)):
                shared[group].append(first[group[0]])
        for numbers, passages in shared.items():
            yield self._finding(numbers, passages)

    def _finding(self, numbers: tuple[int, ...], passages: list[_Passage]) -> Finding:
        pages = tuple(self.library[number].name for number in numbers)
        words = sum(passage.words for passage in passages)
        count = "a passage" if len(passages) == 1 else f"{len(passages)} passages"
        what = f"{len(pages)} pages share {count}, {words} words in all, word for word."
        longest = sorted(passages, key=lambda passage: (-passage.words, passage.start))[:_SHOWN]
        places = tuple(map(self._place, longest))
        return Finding(Kind.REPEATED_PASSAGE, what, pages, places, words * (len(pages) - 1))

    def _place(self, passage: _Passage) -> Place:
        return self.library[passage.number].place(passage.start, passage.end)
