"""Pages that are copies of one another, to the letter or nearly.

Nearly is measured on runs of three words (Jaccard, in the manner of Broder, 1997). MinHash and
locality-sensitive hashing say which pages may be alike, so that not every pair is compared; the
runs themselves then say whether they are.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np
from datasketch import MinHash, MinHashLSH

from ingestion.quality.findings import Finding, Kind, Place
from retrieval.sentences import split_units
from retrieval.types import UnitKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from ingestion.quality.page import Library, Page

# Shorter pages are alike by having little to say.
LEAST_WORDS = 50
RUN = 3
_PERMUTATIONS = 128
# Missing a pair is worse than comparing one too many.
_WEIGHTS = (0.2, 0.8)
# How many runs are hashed at once; a page may be as long as a book.
_BATCH = 20_000
_SHOWN = 6
_WORD = re.compile(r"\w+")
# Odd, and otherwise arbitrary: they make a run's hash depend on the order of its words.
_MIXERS = np.array([0x9E3779B1, 0x85EBCA6B, 0xC2B2AE35], dtype=np.uint32)


@dataclass(slots=True)
class _Cluster:
    """A page and those found to be like it, with their similarity to it."""

    leader: int
    members: list[tuple[int, float]] = field(default_factory=list)


class Resemblance:
    """Finds identical and nearly identical pages.

    Pages are compared with the first of their kind only, which keeps a thousand copies from
    being a million pairs. What resembles a copy but not the original comes up once that copy is
    gone.

    Args:
        library: Where the pages are.
        similarity: The share of runs of words that nearly identical pages have in common.
    """

    def __init__(self, library: Library, similarity: float) -> None:
        self._library = library
        self._similarity = similarity
        self._copies: dict[bytes, list[int]] = defaultdict(list)
        self._runs: dict[int, NDArray[np.uint32]] = {}
        self._words: dict[str, int] = {}
        self._blank = MinHash(num_perm=_PERMUTATIONS, hashfunc=int)

    def look(self, number: int, page: Page) -> None:
        """See `Check.look`."""
        numbers = self._copies[_digest(page.text)]
        numbers.append(number)
        if len(numbers) == 1:
            runs = self._runs_of(page.text)
            if len(runs) >= LEAST_WORDS:
                self._runs[number] = runs

    def findings(self) -> Iterator[Finding]:
        """See `Check.findings`."""
        for group in self._identical:
            opened = [self._library[number] for number in group]
            what = f"{len(group)} pages say exactly the same."
            pages = tuple(page.name for page in opened)
            places = tuple(Place(page.name, text=page.title) for page in opened)
            yield Finding(Kind.IDENTICAL_PAGES, what, pages, places, len(group))
        for cluster in self._clusters:
            yield self._similar(cluster)

    def leader(self, number: int) -> int:
        """The first of the pages that say the same, or nearly, as a page does."""
        return self._leaders.get(number, number)

    @cached_property
    def _identical(self) -> list[tuple[int, ...]]:
        return [
            group
            for numbers in self._copies.values()
            for group in self._library.companions(numbers)
        ]

    @cached_property
    def _leaders(self) -> dict[int, int]:
        leaders = {copy: group[0] for group in self._identical for copy in group}
        near = {copy: cluster.leader for cluster in self._clusters for copy, _ in cluster.members}
        return near | {copy: near.get(first, first) for copy, first in leaders.items()}

    @cached_property
    def _clusters(self) -> list[_Cluster]:
        """Each page joins the cluster whose first page it is most like, or begins one."""
        clusters: dict[int, _Cluster] = {}
        near = MinHashLSH(self._similarity, _PERMUTATIONS, weights=_WEIGHTS)
        for number, runs in self._runs.items():
            sketch = self._sketch(runs)
            similarity, leader = self._most_similar(number, near.query(sketch))
            if similarity >= self._similarity:
                clusters[leader].members.append((number, similarity))
            else:
                clusters[number] = _Cluster(number)
                near.insert(number, sketch)
        return [cluster for cluster in clusters.values() if cluster.members]

    def _most_similar(self, number: int, candidates: list[int]) -> tuple[float, int]:
        compared = (
            (_jaccard(self._runs[number], self._runs[other]), -other)
            for other in candidates
            if self._library[other].shares_readers_with(self._library[number])
        )
        similarity, other = max(compared, default=(0.0, 0))
        return similarity, -other

    def _runs_of(self, text: str) -> NDArray[np.uint32]:
        """The hashes of the distinct runs of words, sorted."""
        words = np.fromiter(map(self._word, _WORD.findall(text.casefold())), np.uint32)
        if len(words) < RUN:
            return words[:0]
        runs = sum(
            words[start : len(words) - RUN + 1 + start] * mixer
            for start, mixer in enumerate(_MIXERS)
        )
        return np.unique(np.asarray(runs, dtype=np.uint32))

    def _word(self, word: str) -> int:
        found = self._words.get(word)
        if found is None:
            found = self._words[word] = crc32(word.encode())
        return found

    def _sketch(self, runs: NDArray[np.uint32]) -> MinHash:
        sketch = self._blank.copy()
        for start in range(0, len(runs), _BATCH):
            sketch.update_batch(runs[start : start + _BATCH].tolist())
        return sketch

    def _similar(self, cluster: _Cluster) -> Finding:
        members = sorted(cluster.members, key=lambda member: (-member[1], member[0]))
        first, second = self._library[cluster.leader], self._library[members[0][0]]
        pages = (first.name, *(self._library[number].name for number, _ in members))
        highest, lowest = members[0][1], members[-1][1]
        share = f"{highest:.0%}" if highest == lowest else f"{lowest:.0%} to {highest:.0%}"
        what = f"{len(pages)} pages are {share} alike."
        if len(pages) > 2:  # noqa: PLR2004 - a pair needs no telling apart
            what += " Shown is what sets the first two apart."
        places = (*_apart(first, second), *_apart(second, first))
        return Finding(Kind.SIMILAR_PAGES, what, pages, places, highest)


def _digest(text: str) -> bytes:
    return blake2b(" ".join(text.split()).encode(), digest_size=16).digest()


def _jaccard(one: NDArray[np.uint32], other: NDArray[np.uint32]) -> float:
    shared = len(np.intersect1d(one, other, assume_unique=True))
    return shared / (len(one) + len(other) - shared)


def _apart(page: Page, other: Page) -> Iterator[Place]:
    """The first few sentences that a page has and the other lacks."""
    theirs = {_said(other.text[unit.start : unit.end]) for unit in split_units(other.text)}
    mine = (
        unit
        for unit in split_units(page.text)
        if unit.kind is not UnitKind.HEADING
        and _said(page.text[unit.start : unit.end]) not in theirs
    )
    for unit, _ in zip(mine, range(_SHOWN), strict=False):
        yield page.place(unit.start, unit.end)


def _said(sentence: str) -> str:
    return " ".join(sentence.split()).casefold()
