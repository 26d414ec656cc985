"""From passages to what a language model is given to read: each with what stands around it.

A passage is cut to be found, not to be read: the step before it or the table it explains may stand
in the next one. Each passage, best first, gets the section that its own section is part of, or its
own section, whichever fits whole; where neither does, what stands just after and before it.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from itertools import pairwise, takewhile
from typing import TYPE_CHECKING

from retrieval.errors import IndexUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from retrieval.index import ChunkReader
    from retrieval.types import Chunk, Passage, Reader

# As the embedder counts them: a third more than the passages themselves may take.
MAX_TOKENS = 1600

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A part of one page, without a gap.

    Attributes:
        chunks: What it is made of, in page order.
        primary: Those of them that were found for the question, best first.
    """

    chunks: tuple[Chunk, ...]
    primary: tuple[Chunk, ...]

    @property
    def page(self) -> str:
        """The page it is from."""
        return self.chunks[0].page

    @property
    def title(self) -> str:
        """The page's title."""
        return self.chunks[0].title

    @property
    def headings(self) -> tuple[str, ...]:
        """What stands above its first line; headings further down are in the text."""
        return self.chunks[0].headings

    @property
    def url(self) -> str:
        """Where to read the best passage in it."""
        return self.primary[0].url

    @property
    def text(self) -> str:
        """The chunks' text, nothing twice, with the headings that stand between them."""
        text = self.chunks[0].text
        for before, chunk in pairwise(self.chunks):
            text += _seam(before, chunk) + chunk.text[max(0, before.end - chunk.start) :]
        return text


class Expander:
    """Surrounds passages with their neighbours.

    Args:
        index: Where the pages are read.
        count: Counts tokens the way the embedder does.
        max_tokens: How long all excerpts may be together. Passages are never left out; neighbours
            get the room that the passages leave.
    """

    def __init__(
        self, index: ChunkReader, count: Callable[[str], int], *, max_tokens: int = MAX_TOKENS
    ) -> None:
        self._index = index
        self._count = count
        self._max_tokens = max_tokens

    async def expand(self, passages: Sequence[Passage], reader: Reader) -> tuple[Excerpt, ...]:
        """Excerpts that hold all passages, those with the best passages first.

        A page that cannot be read gives its passages as they are, and a warning in the log.

        Args:
            passages: What was found, best first.
            reader: Who asks; neighbours that they may not see are not shown.
        """
        pages = await self._pages(passages, reader)
        places = [_place(passage.chunk, pages[passage.chunk.page]) for passage in passages]
        selection = _Selection(passages, self._count, self._max_tokens)
        for place in places:
            _widen(place, selection)
        return tuple(_excerpts(places, selection.ids))

    async def _pages(
        self, passages: Sequence[Passage], reader: Reader
    ) -> Mapping[str, Sequence[Chunk]]:
        names = list(dict.fromkeys(passage.chunk.page for passage in passages))
        pages = await asyncio.gather(*(self._read(name, reader) for name in names))
        return dict(zip(names, pages, strict=True))

    async def _read(self, page: str, reader: Reader) -> Sequence[Chunk]:
        try:
            return await self._index.page(page, reader)
        except IndexUnavailable as error:
            _log.warning("What stands around the passages of %s is left out: %s", page, error)
            return ()


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a passage stands.

    Attributes:
        around: The chunks of its page that follow one another without a gap, it among them.
        at: Which of them it is.
    """

    around: tuple[Chunk, ...]
    at: int

    @property
    def chunk(self) -> Chunk:
        return self.around[self.at]

    @property
    def adjacent(self) -> tuple[Chunk, ...]:
        """The next chunk and the one before, as far as there are any."""
        return (*self.around[self.at + 1 : self.at + 2], *self.around[: self.at][-1:])

    def section(self, path: tuple[str, ...]) -> tuple[Chunk, ...]:
        """What stands under these headings."""
        return self.stretch(lambda chunk: chunk.headings[: len(path)] == path)

    def stretch(self, wanted: Callable[[Chunk], bool]) -> tuple[Chunk, ...]:
        """The passage, with the wanted chunks before and after it up to the first unwanted."""
        before = tuple(takewhile(wanted, reversed(self.around[: self.at])))
        after = takewhile(wanted, self.around[self.at + 1 :])
        return (*reversed(before), self.chunk, *after)


class _Selection:
    """Chunks that will be shown, and how much room is left."""

    def __init__(
        self, passages: Sequence[Passage], count: Callable[[str], int], max_tokens: int
    ) -> None:
        self.ids = {passage.chunk.id for passage in passages}
        self._count = count
        self._room = max_tokens - sum(passage.tokens for passage in passages)

    def take(self, chunks: Iterable[Chunk]) -> bool:
        """Add these chunks, all or none; False when there is no room for them."""
        new = [chunk for chunk in chunks if chunk.id not in self.ids]
        room = self._room
        for chunk in new:  # one by one: a section may be a book, and counting takes time
            room -= self._count(chunk.embedded_text)
            if room < 0:
                return False
        self._room = room
        self.ids.update(chunk.id for chunk in new)
        return True


def _place(chunk: Chunk, page: Sequence[Chunk]) -> _Place:
    # Another source may have a page of this name, and the page may have changed since the search.
    same = [other for other in page if other.scope == chunk.scope]
    found = next((i for i, other in enumerate(same) if other.id == chunk.id), None)
    if found is None:
        return _Place((chunk,), 0)
    # Positions that go up by one are as far from their place in the list, all of them.
    distance = same[found].position - found
    around = [other for i, other in enumerate(same) if other.position - i == distance]
    return _Place(tuple(around), around.index(same[found]))


def _widen(place: _Place, selection: _Selection) -> None:
    headings = place.chunk.headings
    if any(selection.take(place.section(path)) for path in (headings[:-1], headings)):
        return
    for neighbour in place.adjacent:
        selection.take([neighbour])


def _excerpts(places: Sequence[_Place], chosen: set[str]) -> Iterator[Excerpt]:
    """The stretches of chosen chunks, each once, in the order of the places."""
    shown: set[str] = set()
    for place in places:
        if place.chunk.id in shown:
            continue
        chunks = place.stretch(lambda chunk: chunk.id in chosen)
        held = {chunk.id: chunk for chunk in chunks}
        shown.update(held)
        primary = (held[other.chunk.id] for other in places if other.chunk.id in held)
        yield Excerpt(chunks, tuple(primary))


def _seam(before: Chunk, chunk: Chunk) -> str:
    """What stands between a chunk and the next: a heading, or as much space as on the page."""
    shared = takewhile(
        lambda pair: pair[0] == pair[1], zip(before.headings, chunk.headings, strict=False)
    )
    if new := chunk.headings[len(list(shared)) :]:
        return f"\n\n## {' > '.join(new)}\n\n"
    return "\n" * min(2, max(0, chunk.start - before.end))
