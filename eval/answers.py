"""Asks golden questions of the real service and scores the replies."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.types import Question
from eval.golden import normalised
from retrieval.errors import StoreUnavailable
from retrieval.types import Reader

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from app.bootstrap import Service
    from app.types import Trace
    from eval.golden import GoldenQuestion
    from ingestion.progress import Meter
    from retrieval.types import Chunk


@dataclass(frozen=True, slots=True)
class ScoredReply:
    """One golden question and what became of it.

    Attributes:
        golden: The question.
        reply: What the customer read.
        confidence: Calibrated probability that the reply answers, in [0, 1].
        handed_over: Whether a person was called.
        passage_right: Whether a passage that was quoted, or would have been had the confidence
            sufficed, carries the gold passage.
        answer_given: Whether the reply holds the gold answer.
        evidence: The signals behind the confidence, for each search the question led to.
    """

    golden: GoldenQuestion
    reply: str
    confidence: float
    handed_over: bool
    passage_right: bool
    answer_given: bool
    evidence: tuple[Mapping[str, float], ...]


@dataclass(frozen=True, slots=True)
class AnswerScores:
    """Counts over a golden set.

    Attributes:
        answerable: Questions the documents answer.
        answered: Of those, answered without a person.
        cited_right: Of those answered, with the gold passage among the cited ones.
        answer_given: Of those answered, with the gold answer in the reply.
        unanswerable: Questions the documents do not answer.
        handed_over: Of those, handed to a person.
        by_kind: For each kind of question, how many, and how many went as they should.
    """

    answerable: int
    answered: int
    cited_right: int
    answer_given: int
    unanswerable: int
    handed_over: int
    by_kind: Mapping[str, tuple[int, int]]


async def ask_all(
    service: Service, questions: Sequence[GoldenQuestion], meter: Meter
) -> list[ScoredReply]:
    """Ask each question in a conversation of its own, what came before it first."""
    meter.start("Asking golden questions", len(questions))
    replies = []
    for question in questions:
        replies.append(await _ask(service, question))
        meter.advance()
    return replies


def score(replies: Sequence[ScoredReply]) -> AnswerScores:
    """Count what went right."""
    answerable = [r for r in replies if r.golden.answerable]
    unanswerable = [r for r in replies if not r.golden.answerable]
    answered = [r for r in answerable if not r.handed_over]
    kinds = Counter(r.golden.kind for r in replies)
    right = Counter(r.golden.kind for r in replies if _as_it_should(r))
    return AnswerScores(
        answerable=len(answerable),
        answered=len(answered),
        cited_right=sum(r.passage_right for r in answered),
        answer_given=sum(r.answer_given for r in answered),
        unanswerable=len(unanswerable),
        handed_over=sum(r.handed_over for r in unanswerable),
        by_kind={kind: (count, right[kind]) for kind, count in sorted(kinds.items())},
    )


def _as_it_should(reply: ScoredReply) -> bool:
    if reply.golden.answerable:
        return reply.passage_right and not reply.handed_over
    return reply.handed_over


async def _ask(service: Service, golden: GoldenQuestion) -> ScoredReply:
    conversation = None
    for text in (*golden.earlier, golden.question):
        question = Question(text, Reader(), conversation)
        answer = await service.support.answer(question)
        conversation = answer.conversation_id
    trace = await service.store.trace(answer.trace_id, Reader().tenant)
    if trace is None:
        raise StoreUnavailable(f"The trace of '{golden.id}' was not stored.")
    quoted = await _quoted(service, trace)
    return ScoredReply(
        golden=golden,
        reply=answer.text,
        confidence=answer.confidence,
        handed_over=answer.handoff is not None,
        passage_right=_carries(quoted, golden),
        answer_given=bool(golden.answer) and normalised(golden.answer) in normalised(answer.text),
        evidence=trace.evidence,
    )


async def _quoted(service: Service, trace: Trace) -> list[Chunk]:
    ids = [candidate.chunk_id for candidate in trace.candidates if candidate.used]
    return await service.library.index.read(ids, Reader())


def _carries(chunks: Sequence[Chunk], golden: GoldenQuestion) -> bool:
    return any(
        chunk.page == gold.page
        and normalised(gold.text) in normalised(f"{chunk.context} {chunk.text}")
        for chunk in chunks
        for gold in golden.passages
    )
