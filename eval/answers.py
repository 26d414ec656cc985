"""Asks golden questions of the real service and scores the replies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.types import Question
from eval.report import Found
from eval.shares import Share
from ingestion.golden import says
from retrieval.errors import StoreUnavailable
from retrieval.types import Reader

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from app.bootstrap import Service
    from app.types import Answer, CandidateTrace, Trace
    from ingestion.golden import GoldenQuestion
    from ingestion.progress import Meter
    from retrieval.types import Chunk

SHOWN = 5  # passages of each question that reports show, the quoted ones apart


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
        cited: The passages that were quoted, or would have been, headings included.
        found: What else was considered: the best passages and the quoted ones, best first.
    """

    golden: GoldenQuestion
    reply: str
    confidence: float
    handed_over: bool
    passage_right: bool
    answer_given: bool
    evidence: tuple[Mapping[str, float], ...]
    cited: tuple[str, ...] = ()
    found: tuple[Found, ...] = ()

    @property
    def as_it_should(self) -> bool:
        """Answered from the right passage, or handed over when nothing answers."""
        if self.golden.answerable:
            return self.passage_right and not self.handed_over
        return self.handed_over


@dataclass(frozen=True, slots=True)
class AnswerScores:
    """Counts over a golden set.

    Attributes:
        answered: Questions the documents answer that were answered without a person.
        cited_right: Of those answered, with the gold passage among the cited ones.
        answer_given: Of those answered that name a gold answer, with that in the reply.
        handed_over: Questions the documents do not answer that were handed to a person.
        by_kind: For each kind of question, those that went as they should.
    """

    answered: Share
    cited_right: Share
    answer_given: Share
    handed_over: Share
    by_kind: Mapping[str, Share]


IsRight = Callable[["Chunk", "GoldenQuestion"], bool]


def carries_gold(chunk: Chunk, golden: GoldenQuestion) -> bool:
    """Whether a chunk of the gold page holds a gold passage, word for word."""
    return any(
        chunk.page == gold.page and says(f"{chunk.context} {chunk.text}", gold.text)
        for gold in golden.passages
    )


async def ask_all(
    service: Service,
    questions: Sequence[GoldenQuestion],
    meter: Meter,
    is_right: IsRight = carries_gold,
) -> list[ScoredReply]:
    """Ask each question in a conversation of its own, what came before it first."""
    meter.start("Asking golden questions", len(questions))
    replies = []
    for question in questions:
        replies.append(await _ask(service, question, is_right))
        meter.advance()
    return replies


def score(replies: Sequence[ScoredReply]) -> AnswerScores:
    """Count what went right."""
    answerable = [r for r in replies if r.golden.answerable]
    answered = [r for r in answerable if not r.handed_over]
    kinds = sorted({r.golden.kind for r in replies})
    return AnswerScores(
        answered=Share(len(answered), len(answerable)),
        cited_right=Share.of(r.passage_right for r in answered),
        answer_given=Share.of(r.answer_given for r in answered if r.golden.answer),
        handed_over=Share.of(r.handed_over for r in replies if not r.golden.answerable),
        by_kind={
            kind: Share.of(r.as_it_should for r in replies if r.golden.kind == kind)
            for kind in kinds
        },
    )


async def _ask(service: Service, golden: GoldenQuestion, is_right: IsRight) -> ScoredReply:
    answer = await _answer(service, golden)
    trace = await service.store.trace(answer.trace_id, Reader().tenant)
    if trace is None:
        raise StoreUnavailable(f"The trace of '{golden.id}' was not stored.")
    candidates = _considered(trace)
    chunks = await service.library.index.read(list(candidates), Reader())
    quoted = [chunk for chunk in chunks if candidates[chunk.id].used]
    return ScoredReply(
        golden=golden,
        reply=answer.text,
        confidence=answer.confidence,
        handed_over=answer.handoff is not None,
        passage_right=any(is_right(chunk, golden) for chunk in quoted),
        answer_given=bool(golden.answer) and says(answer.text, golden.answer),
        evidence=trace.evidence,
        cited=tuple(chunk.embedded_text for chunk in quoted),
        found=tuple(_found(candidates[c.id], c, right=is_right(c, golden)) for c in chunks),
    )


async def _answer(service: Service, golden: GoldenQuestion) -> Answer:
    conversation = None
    for text in (*golden.earlier, golden.question):
        answer = await service.support.answer(Question(text, Reader(), conversation))
        conversation = answer.conversation_id
    return answer


def _considered(trace: Trace) -> dict[str, CandidateTrace]:
    """The best candidates and the quoted ones, each once, best first."""
    best = sorted(trace.candidates, key=lambda candidate: -candidate.scores["score"])
    quoted = {candidate.chunk_id: candidate for candidate in best if candidate.used}
    leading = {candidate.chunk_id: candidate for candidate in best[:SHOWN]}
    return {c.chunk_id: quoted.get(c.chunk_id, c) for c in best if c.chunk_id in leading | quoted}


def _found(candidate: CandidateTrace, chunk: Chunk, *, right: bool) -> Found:
    headings = (heading for heading in chunk.headings if heading != chunk.title)
    signals = {name: value for name, value in candidate.scores.items() if name != "score"}
    return Found(
        place=" > ".join((chunk.page, *headings)),
        text=chunk.text,
        score=candidate.scores["score"],
        right=right,
        signals=signals,
        quoted=candidate.used,
    )
