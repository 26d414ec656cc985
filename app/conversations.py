"""Durable state: what was said, why it was answered so, and what a person has to take over."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Row, insert, select

from app.schema import conversations, handoffs, messages, metadata, traces
from app.types import (
    Answer,
    Citation,
    Conversation,
    Handoff,
    HandoffReason,
    Message,
    Role,
    ServedBy,
    Trace,
)
from ingestion.database import Database

_TRACE = TypeAdapter(Trace)


@dataclass(frozen=True, slots=True)
class Turn:
    """A question, its answer and its trace: stored together or not at all.

    Attributes:
        tenant: Whose conversation it is.
        new: True when the turn opens the conversation.
        asked: What the customer wrote.
        asked_at: When it came in.
        answer: The reply.
        trace: Why it is what it is.
        transcript: The conversation so far, this turn included, for a person taking over.
    """

    tenant: str
    new: bool
    asked: str
    asked_at: datetime
    answer: Answer
    trace: Trace
    transcript: tuple[Message, ...]


class ConversationStore:
    """Conversations, traces and handoffs in one database.

    Every method raises `StoreUnavailable` when the database cannot be read or written.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    @classmethod
    async def open(cls, url: str) -> ConversationStore:
        """Connect by SQLAlchemy URL and create missing tables."""
        return cls(await Database.open(url, metadata))

    async def record(self, turn: Turn) -> None:
        """Store one turn in one transaction."""
        now = datetime.now(UTC)
        async with self._database.transaction() as connection:
            if turn.new:
                await connection.execute(insert(conversations), _conversation_row(turn))
            await connection.execute(insert(messages), _message_rows(turn, now))
            await connection.execute(insert(traces), _trace_row(turn, now))
            if turn.answer.handoff is not None:
                await connection.execute(insert(handoffs), _handoff_row(turn, now))

    async def conversation(self, conversation_id: str, tenant: str) -> Conversation | None:
        """A tenant's conversation, or None when that tenant has none of this id."""
        known = select(conversations.c.id).where(
            conversations.c.id == conversation_id, conversations.c.tenant == tenant
        )
        turns = (
            select(messages, handoffs.c.reason, handoffs.c.message, handoffs.c.state)
            .outerjoin(handoffs, handoffs.c.id == messages.c.handoff_id)
            .where(messages.c.conversation_id == conversation_id)
            .order_by(messages.c.at, messages.c.id)
        )
        async with self._database.transaction() as connection:
            if (await connection.execute(known)).first() is None:
                return None
            rows = (await connection.execute(turns)).all()
        return Conversation(conversation_id, tuple(_message(row) for row in rows))

    async def trace(self, trace_id: str, tenant: str) -> Trace | None:
        """A tenant's trace, or None when that tenant has none of this id."""
        wanted = select(traces.c.body).where(traces.c.id == trace_id, traces.c.tenant == tenant)
        async with self._database.transaction() as connection:
            row = (await connection.execute(wanted)).first()
        return None if row is None else _TRACE.validate_python(row.body)

    async def check(self) -> None:
        """Raise `StoreUnavailable` unless the database answers."""
        await self._database.check()

    async def close(self) -> None:
        """Close all connections."""
        await self._database.close()


def _conversation_row(turn: Turn) -> dict[str, Any]:
    return {
        "id": turn.answer.conversation_id,
        "tenant": turn.tenant,
        "created_at": turn.asked_at,
    }


def _message_rows(turn: Turn, now: datetime) -> list[dict[str, Any]]:
    answer = turn.answer
    asked = {
        "id": f"{answer.trace_id}.q",
        "conversation_id": answer.conversation_id,
        "role": Role.CUSTOMER,
        "text": turn.asked,
        "at": turn.asked_at,
        "citations": [],
        "served_by": None,
        "trace_id": None,
        "handoff_id": None,
    }
    replied = {
        "id": f"{answer.trace_id}.r",
        "conversation_id": answer.conversation_id,
        "role": Role.ASSISTANT,
        "text": answer.text,
        "at": now,
        "citations": [asdict(citation) for citation in answer.citations],
        "served_by": answer.served_by,
        "trace_id": answer.trace_id,
        "handoff_id": answer.handoff.id if answer.handoff else None,
    }
    return [asked, replied]


def _trace_row(turn: Turn, now: datetime) -> dict[str, Any]:
    return {
        "id": turn.trace.id,
        "tenant": turn.tenant,
        "conversation_id": turn.trace.conversation_id,
        "created_at": now,
        "confidence": turn.trace.confidence,
        "body": _TRACE.dump_python(turn.trace, mode="json"),
    }


def _handoff_row(turn: Turn, now: datetime) -> dict[str, Any]:
    handoff = turn.answer.handoff
    assert handoff is not None  # noqa: S101 - the one caller has just looked
    return {
        "id": handoff.id,
        "tenant": turn.tenant,
        "conversation_id": turn.answer.conversation_id,
        "reason": handoff.reason,
        "message": handoff.message,
        "state": handoff.state,
        "created_at": now,
        "package": {
            "transcript": [{"role": m.role, "text": m.text} for m in turn.transcript],
            "found": [asdict(candidate) for candidate in turn.trace.candidates[:5]],
        },
    }


def _message(row: Row[Any]) -> Message:
    handoff = None
    if row.handoff_id is not None:
        handoff = Handoff(row.handoff_id, HandoffReason(row.reason), row.message, row.state)
    return Message(
        role=Role(row.role),
        text=row.text,
        at=row.at if row.at.tzinfo else row.at.replace(tzinfo=UTC),  # SQLite drops the zone
        citations=tuple(_citation(fields) for fields in row.citations),
        served_by=ServedBy(row.served_by) if row.served_by else None,
        trace_id=row.trace_id,
        handoff=handoff,
    )


def _citation(fields: dict[str, Any]) -> Citation:
    return Citation(**{**fields, "headings": tuple(fields["headings"])})
