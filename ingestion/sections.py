"""The blocks of a page gathered under their headings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from retrieval.outline import Block, BlockKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ingestion.splitting import Measure


@dataclass(frozen=True, slots=True)
class Section:
    """The blocks between one heading and the next.

    Attributes:
        path: The headings above them, outermost first.
        first: Index of the first block under the heading.
        last: Index one past the last.
        tokens: How long they are.
    """

    path: tuple[Block, ...]
    first: int
    last: int
    tokens: int


@dataclass(frozen=True, slots=True)
class Run:
    """Sections that are chunked together: one, or small neighbours."""

    sections: tuple[Section, ...]

    @property
    def path(self) -> tuple[Block, ...]:
        """The headings that all of the sections stand under."""
        paths = [section.path for section in self.sections]
        depth = 0
        for level in zip(*paths, strict=False):
            if len(set(level)) > 1:
                break
            depth += 1
        return paths[0][:depth]

    @property
    def tokens(self) -> int:
        """How long the sections are together, without the headings between them."""
        return sum(section.tokens for section in self.sections)

    @property
    def first(self) -> int:
        """Index of the first block; a heading that not all stand under is part of the text."""
        section = self.sections[0]
        return section.first - (len(section.path) > len(self.path))

    @property
    def last(self) -> int:
        """Index one past the last block."""
        return self.sections[-1].last

    def joined(self, other: Run) -> Run:
        """This run and the one after it as one."""
        return Run((*self.sections, *other.sections))

    def is_kin(self, other: Run) -> bool:
        """Whether the run after this one is under the same heading, or under this one's own."""
        mine, theirs = self.sections[0].path, other.sections[0].path
        return theirs[:-1] in (mine, mine[:-1])


def sections(blocks: Sequence[Block], measure: Measure) -> list[Section]:
    """Find the sections of a page that say something.

    Args:
        blocks: The page's blocks.
        measure: How many tokens a span of the page is.

    Returns:
        Sections in page order. A heading with nothing beneath it has no section; it still
        shows in the paths of those below it.
    """
    return [
        Section(path, first, last, measure(blocks[first].start, blocks[last - 1].end))
        for path, first, last in _extents(blocks)
        if last > first
    ]


def runs(found: Sequence[Section], *, tiny: int, most: int) -> list[Run]:
    """Gather sections too small to stand alone with their neighbours.

    Args:
        found: The sections of a page.
        tiny: A section with fewer tokens should not stand alone.
        most: A run may not grow beyond this many tokens.

    Returns:
        Runs in page order. Two sections that could both stand alone are never in one run.
    """
    gathered: list[Run] = []
    for section in found:
        run = Run((section,))
        if gathered and _may_join(gathered[-1], run, most) and gathered[-1].tokens < tiny:
            gathered[-1] = gathered[-1].joined(run)
        else:
            _settle(gathered, tiny, most)
            gathered.append(run)
    _settle(gathered, tiny, most)
    return gathered


def _settle(gathered: list[Run], tiny: int, most: int) -> None:
    """Join a last run that found no follower to the one before it."""
    match gathered:
        case [*_, before, last] if last.tokens < tiny and _may_join(before, last, most):
            gathered[-2:] = [before.joined(last)]


def _may_join(run: Run, other: Run, most: int) -> bool:
    return run.is_kin(other) and run.tokens + other.tokens <= most


def _extents(blocks: Sequence[Block]) -> Iterator[tuple[tuple[Block, ...], int, int]]:
    """Each section's headings and the indexes between which its blocks stand."""
    path: tuple[Block, ...] = ()
    first = 0
    for index, block in enumerate(blocks):
        if block.kind is BlockKind.HEADING:
            yield path, first, index
            path = (*(above for above in path if above.level < block.level), block)
            first = index + 1
    yield path, first, len(blocks)
