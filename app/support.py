"""The whole of one request, on one screen."""

from __future__ import annotations

import logging
import time
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from secrets import token_hex
from typing import TYPE_CHECKING

from app.condense import asks_for_person, condense, split_questions
from app.conversations import Turn
from app.reply import HANDOFF_MESSAGES, NOT_RECORDED, REST_TO_PERSON, compose
from app.types import (
    Answer,
    Cited,
    Finished,
    HandedOver,
    Handoff,
    HandoffReason,
    Message,
    Role,
    Said,
    ServedBy,
    Stage,
    Started,
    Trace,
)
from retrieval.errors import StoreUnavailable, Unavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping, Sequence

    from app.conversations import ConversationStore
    from app.reply import CitedText
    from app.search import Finder, Finding
    from app.types import Event, Question
    from ingestion.releases.published import PublishedIndex
    from llm.extractive import Quote
    from retrieval.types import Reader

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Request:
    """One request under way: what is known so far, and what each stage cost."""

    question: Question
    trace_id: str
    conversation_id: str
    asked_at: datetime
    reader: Reader
    new: bool = True
    history: tuple[Message, ...] = ()
    findings: tuple[Finding, ...] = ()
    failures: list[str] = field(default_factory=list)
    stages: list[Stage] = field(default_factory=list)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a stage; a part that is down is noted, and the request goes on without it."""
        started = time.perf_counter()
        try:
            yield
        except Unavailable as error:
            _log.warning("%s failed in '%s': %s", self.trace_id, name, error)
            self.failures.append(f"{name}: {error.message}")
        finally:
            self.stages.append(Stage(name, round((time.perf_counter() - started) * 1000, 3)))


class SupportService:
    """Answers questions from the documents, or hands them to a person."""

    def __init__(
        self,
        *,
        finder: Finder,
        published: PublishedIndex,
        store: ConversationStore,
        threshold: float,
        versions: Mapping[str, str],
    ) -> None:
        self._finder = finder
        self._published = published
        self._store = store
        self._threshold = threshold
        self._versions = dict(versions)

    async def answer(self, question: Question) -> Answer:
        """Answer one question. A part that is down lowers the reply's rung, it never raises."""
        async for event in self.stream(question):
            if isinstance(event, Finished):
                return event.answer
        raise AssertionError("a stream ends with Finished")

    async def stream(self, question: Question) -> AsyncIterator[Event]:
        """Answer one question, piece by piece; see `answer`."""
        request = _begin(question)
        await self._recall(request)
        yield Started(request.conversation_id, request.trace_id)
        await self._find(request)
        pieces = compose(_each_once(self._sure(request)))
        answer = await self._remember(request, self._decide(request, pieces))
        for position, piece in enumerate(pieces):
            yield Said(piece.text if position == 0 else f"\n\n{piece.text}")
            yield Cited(piece.citation)
        if not pieces:
            yield Said(answer.text)
        if answer.handoff is not None:
            yield HandedOver(answer.handoff)
        yield Finished(answer)

    async def _recall(self, request: _Request) -> None:
        wanted = request.question.conversation_id
        if wanted is None:
            return
        with request.stage("recall"):
            found = await self._store.conversation(wanted, request.question.reader.tenant)
            if found is not None:
                request.new = False
                request.conversation_id = found.id
                request.history = found.messages

    async def _find(self, request: _Request) -> None:
        if asks_for_person(request.question.text):
            return
        with request.stage("find"):
            # One release for all of the request, whatever is published meanwhile.
            reader = request.reader = await self._published.pinned(request.question.reader)
            parts = split_questions(request.question.text)
            standalone = [condense(part, request.history) for part in parts]
            request.findings = tuple([await self._finder.find(q, reader) for q in standalone])
            request.failures += [f"find: {f.failure}" for f in request.findings if f.failure]

    def _sure(self, request: _Request) -> list[Finding]:
        return [f for f in request.findings if f.confidence >= self._threshold]

    def _decide(self, request: _Request, pieces: tuple[CitedText, ...]) -> Answer:
        """The reply: quotes for what is answered, a person for what is not."""
        confidence = min((f.confidence for f in request.findings), default=0.0)
        handoff = None
        if confidence < self._threshold:
            reason = _reason(request)
            message = REST_TO_PERSON if pieces else HANDOFF_MESSAGES[reason]
            handoff = Handoff(id=f"hnd_{token_hex(6)}", reason=reason, message=message)
        text = "\n\n".join(piece.text for piece in pieces)
        return Answer(
            trace_id=request.trace_id,
            conversation_id=request.conversation_id,
            text=text or (handoff.message if handoff else ""),
            citations=tuple(piece.citation for piece in pieces),
            confidence=round(confidence, 4),
            served_by=ServedBy.PASSAGE if pieces else ServedBy.PERSON,
            degraded=bool(request.failures),
            handoff=handoff,
        )

    async def _remember(self, request: _Request, answer: Answer) -> Answer:
        """Store the turn. A handoff that cannot be stored is not promised."""
        trace = self._trace(request, answer)
        replied = Message(Role.ASSISTANT, answer.text, datetime.now(UTC))
        asked = Message(Role.CUSTOMER, request.question.text, request.asked_at)
        turn = Turn(
            tenant=request.question.reader.tenant,
            new=request.new,
            asked=request.question.text,
            asked_at=request.asked_at,
            answer=answer,
            trace=trace,
            transcript=(*request.history, asked, replied),
        )
        try:
            await self._store.record(turn)
        except StoreUnavailable as error:
            _log.error("%s was not stored: %s", answer.trace_id, error)
            return _unrecorded(answer)
        return answer

    def _trace(self, request: _Request, answer: Answer) -> Trace:
        findings = request.findings
        return Trace(
            id=answer.trace_id,
            conversation_id=answer.conversation_id,
            asked=request.question.text,
            searches=tuple(finding.asked for finding in findings),
            candidates=tuple(c for finding in findings for c in finding.candidates()),
            evidence=tuple(dict(finding.signals) for finding in findings),
            confidence=answer.confidence,
            threshold=self._threshold,
            served_by=answer.served_by,
            stages=tuple(request.stages),
            versions={**self._versions, "release": str(request.reader.release or "")},
            failures=tuple(request.failures),
        )


def _begin(question: Question) -> _Request:
    return _Request(
        question=question,
        reader=question.reader,
        trace_id=f"ans_{token_hex(8)}",
        conversation_id=f"cnv_{token_hex(8)}",
        asked_at=datetime.now(UTC),
    )


def _each_once(findings: Sequence[Finding]) -> tuple[Quote, ...]:
    """The quotes of all findings, those that two of them share only once."""
    quotes = {(q.passage.chunk.id, q.start, q.end): q for f in findings for q in f.quotes}
    return tuple(quotes.values())


def _reason(request: _Request) -> HandoffReason:
    if asks_for_person(request.question.text):
        return HandoffReason.ASKED_FOR_PERSON
    if not request.findings:
        return HandoffReason.SEARCH_UNAVAILABLE
    return HandoffReason.NOT_IN_DOCUMENTS


def _unrecorded(answer: Answer) -> Answer:
    if answer.citations:
        return replace(answer, degraded=True, handoff=None)
    return replace(
        answer, text=NOT_RECORDED, served_by=ServedBy.TEMPLATE, degraded=True, handoff=None
    )
