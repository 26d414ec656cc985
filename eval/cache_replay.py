"""What a log of questions would have found in the cache, had it been there from the first one on.

Every question is taken to be answered when it is new, and nothing to be published meanwhile.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from app.cache.answers import AnswerCache
from app.cache.memory import MemoryStore
from app.cache.types import CacheHit, Entry, Lookup, Matched, Partition
from app.cache.wording import Asked
from eval.shares import Share
from ingestion.rows import read_rows
from retrieval.errors import MalformedDataset
from retrieval.types import Chunk, Reader, Scope

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from app.cache.verifier import Verifier
    from ingestion.progress import Meter
    from retrieval.embedders import Embedder
    from retrieval.index import Candidate, IndexQuery

BATCH = 64
A_YEAR = timedelta(days=365)
PATIENCE = 10.0  # seconds that a look-up may take: nobody waits here
READER = Reader()
EVERYBODY = Partition.of(READER, "replay")
ALWAYS_SHOWN = Chunk(
    id="always shown",
    page="",
    url="",
    title="",
    headings=(),
    text="",
    start=0,
    end=0,
    position=0,
    units=(),
    context="",
    scope=Scope(),
)


@dataclass(frozen=True, slots=True)
class Logged:
    """A question of a log.

    Attributes:
        question: As it was asked.
        meaning: The same for questions with the same answer; empty when the log does not say.
    """

    question: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Replay:
    """What became of a log's questions.

    Attributes:
        questions: How many there are.
        matched: How many found an answer, by how.
        wrong: Of those whose meaning the log says, how many got the answer to another one.
        wrongly: Those, each with the question whose answer it got.
    """

    questions: int
    matched: Counter[Matched]
    wrong: Share
    wrongly: tuple[tuple[Logged, Logged], ...]

    @property
    def served(self) -> Share:
        """Questions answered from the cache."""
        return Share(self.matched.total(), self.questions)


class _Published:
    """An index in which the one chunk there is stays as it is."""

    async def search(self, query: IndexQuery) -> list[Candidate]:
        """See `ChunkReader.search`."""
        del query
        return []

    async def read(self, ids: Sequence[str], reader: Reader) -> list[Chunk]:
        """See `ChunkReader.read`."""
        del reader
        return [ALWAYS_SHOWN for _ in ids]

    async def page(self, page: str, reader: Reader) -> list[Chunk]:
        """See `ChunkReader.page`."""
        del page, reader
        return [ALWAYS_SHOWN]


def load_log(path: Path) -> list[Logged]:
    """The questions of a file of JSON lines, `question` and, where it is known, `meaning`.

    Raises:
        MalformedDataset: A line holds no question; the message names it.
    """
    log = [Logged(row.name("question"), row.text("meaning")) for row in read_rows(path)]
    if not log:
        raise MalformedDataset(f"{path} holds no questions.", hint="Give one object a line.")
    return log


async def replay(
    log: Sequence[Logged], verifier: Verifier, embedder: Embedder, meter: Meter
) -> Replay:
    """Ask a log's questions in their order, keeping an answer to each that finds none."""
    store = MemoryStore(capacity=len(log))
    cache = AnswerCache(store, verifier, A_YEAR, look_up_seconds=PATIENCE)
    meter.start("Replaying questions", len(log))
    first: dict[str, Logged] = {}
    matched: Counter[Matched] = Counter()
    pairs: list[tuple[Logged, Logged]] = []
    for start in range(0, len(log), BATCH):
        some = log[start : start + BATCH]
        for logged, encoding in zip(
            some, embedder.questions([one.question for one in some]), strict=True
        ):
            asked = Asked(logged.question, encoding)
            found = await cache.find(Lookup(EVERYBODY, asked), _Published(), READER)
            if isinstance(found, CacheHit):
                matched[found.matched] += 1
                pairs.append((logged, first[found.entry_id]))
            else:
                entry = Entry(EVERYBODY, asked, b"", (ALWAYS_SHOWN.id,), confidence=1.0)
                first[entry.id] = logged
                await cache.store(entry)
        meter.advance(len(some))
    known = [(one, other) for one, other in pairs if one.meaning and other.meaning]
    wrongly = tuple((one, other) for one, other in known if one.meaning != other.meaning)
    return Replay(len(log), matched, Share(len(wrongly), len(known)), wrongly)
