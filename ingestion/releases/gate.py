"""Golden questions, asked of the candidate and of what readers see now."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ingestion.golden import GoldenQuestion, says
from retrieval.errors import ReleaseRefused

if TYPE_CHECKING:
    from ingestion.progress import Meter
    from ingestion.releases.types import Head
    from retrieval.hybrid import Retriever
    from retrieval.types import Reader

AMONG = 5  # a gold passage counts as found among so many
DEFAULT_TOLERANCE = 0.02
MOST_NAMED = 10


@dataclass(frozen=True, slots=True)
class GateResult:
    """How many golden questions find their passage, before and after.

    Attributes:
        asked: How many have a passage to find.
        before: How many find it in what readers see now.
        after: How many find it in the candidate.
        lost: Those that no longer do.
        gained: Those that now do.
    """

    asked: int
    before: int
    after: int
    lost: tuple[str, ...]
    gained: tuple[str, ...]

    @property
    def drop(self) -> float:
        """What share of the questions got worse, less those that got better; may be negative."""
        return (self.before - self.after) / self.asked if self.asked else 0.0


@dataclass(frozen=True, slots=True)
class Gate:
    """Decides whether a candidate may be published.

    Attributes:
        retriever: Finds passages the way the service does.
        questions: Golden questions; those without an answer in the documents are not asked.
        tolerance: The greatest share of the questions that may be lost, less those gained.
    """

    retriever: Retriever
    questions: tuple[GoldenQuestion, ...]
    tolerance: float = DEFAULT_TOLERANCE

    async def judge(self, reader: Reader, head: Head, meter: Meter) -> GateResult:
        """Ask every question of both.

        Args:
            reader: Whose knowledge is judged.
            head: What readers see now, and the candidate's number.
            meter: Is told how far it is.

        Raises:
            ReleaseRefused: The candidate loses more than is tolerated; it says which questions.
            IndexUnavailable: The index does not answer.
        """
        asked = [question for question in self.questions if question.answerable]
        meter.start("Asking golden questions", len(asked))
        lost, gained, before = [], [], 0
        for question in asked:
            was = await self._finds(question, replace(reader, release=head.current))
            now = await self._finds(question, replace(reader, release=head.candidate))
            before += was
            lost += [question.question] * (was and not now)
            gained += [question.question] * (now and not was)
            meter.advance()
        after = before - len(lost) + len(gained)
        result = GateResult(len(asked), before, after, tuple(lost), tuple(gained))
        # Before the first release there is nothing to lose.
        if head.current and result.drop > self.tolerance:
            raise _refused(result, self.tolerance)
        return result

    async def _finds(self, question: GoldenQuestion, reader: Reader) -> bool:
        retrieval = await self.retriever.retrieve(question.question, reader)
        return any(
            passage.chunk.page == gold.page
            and (says(passage.chunk.text, gold.text) or says(gold.text, passage.chunk.text))
            for passage in retrieval.passages[:AMONG]
            for gold in question.passages
        )


def _refused(result: GateResult, tolerance: float) -> ReleaseRefused:
    more = len(result.lost) - MOST_NAMED
    named = "".join(f"\n  - {question}" for question in result.lost[:MOST_NAMED])
    return ReleaseRefused(
        f"Of {result.asked} golden questions, {result.before} find their passage now and "
        f"{result.after} would; {tolerance:.0%} may be lost. Lost would be:{named}"
        + (f"\n  and {more} more" if more > 0 else ""),
        hint="Readers see what they saw before. Mend the documents, or the golden questions.",
    )
