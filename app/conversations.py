"""Durable state: what was said, why it was answered so, and what a person has to take over."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import asynccontextmanager, closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter
from sqlalchemy import Row, event, insert, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

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
from retrieval.errors import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sqlalchemy.engine.interfaces import DBAPIConnection
    from sqlalchemy.ext.asyncio import AsyncConnection


CHECK_URL = "Check ANSWERABLE_DATABASE_URL, its permissions and the free disk space."

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

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    @classmethod
    async def open(cls, url: str) -> ConversationStore:
        """Connect by SQLAlchemy URL and create missing tables."""
        try:
            engine = create_async_engine(url)
        except (SQLAlchemyError, ImportError) as error:
            place = url.rsplit("@", maxsplit=1)[-1]  # what is before it is a password
            raise StoreUnavailable(
                f"'{place}' does not name a database: {error}.", hint=CHECK_URL
            ) from error
        if engine.dialect.name == "sqlite":
            await asyncio.to_thread(_probe, engine.url.database or "")
            event.listen(engine.sync_engine, "connect", _tune_sqlite)
        store = cls(engine)
        try:
            async with store._transaction() as connection:
                await connection.run_sync(metadata.create_all)
        except StoreUnavailable:
            await store.close()
            raise
        return store

    async def record(self, turn: Turn) -> None:
        """Store one turn in one transaction."""
        now = datetime.now(UTC)
        async with self._transaction() as connection:
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
        async with self._transaction() as connection:
            if (await connection.execute(known)).first() is None:
                return None
            rows = (await connection.execute(turns)).all()
        return Conversation(conversation_id, tuple(_message(row) for row in rows))

    async def trace(self, trace_id: str, tenant: str) -> Trace | None:
        """A tenant's trace, or None when that tenant has none of this id."""
        wanted = select(traces.c.body).where(traces.c.id == trace_id, traces.c.tenant == tenant)
        async with self._transaction() as connection:
            row = (await connection.execute(wanted)).first()
        return None if row is None else _TRACE.validate_python(row.body)

    async def check(self) -> None:
        """Raise `StoreUnavailable` unless the database answers."""
        async with self._transaction() as connection:
            await connection.execute(select(1))

    async def close(self) -> None:
        """Close all connections."""
        await self._engine.dispose()

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[AsyncConnection]:
        try:
            async with self._engine.begin() as connection:
                yield connection
        except (SQLAlchemyError, OSError) as error:
            raise StoreUnavailable(
                f"The database does not answer: {getattr(error, 'orig', None) or error}.",
                hint=CHECK_URL,
            ) from error


def _probe(file: str) -> None:
    """Refuse a file that does not open, before a thread is started that keeps it open."""
    try:
        with closing(sqlite3.connect(file)) as connection:
            connection.execute("PRAGMA schema_version")
    except sqlite3.Error as error:
        raise StoreUnavailable(
            f"The database {file} does not open: {error}.", hint=CHECK_URL
        ) from error


def _tune_sqlite(connection: DBAPIConnection, _record: object) -> None:
    """Let readers work beside the writer; a power cut may cost the last turn, never the file."""
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


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
