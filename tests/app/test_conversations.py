from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import event, select

from app.conversations import ConversationStore, Turn
from app.schema import conversations, handoffs, messages, traces
from app.types import (
    Answer,
    Citation,
    Handoff,
    HandoffReason,
    Message,
    Role,
    ServedBy,
    Trace,
)
from retrieval.errors import StoreUnavailable

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

NOON = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
CITATION = Citation(1, "chunk", "a.md", "Title", ("One", "Two"), "/a#b", "quoted", 3, 9)
HANDOFF = Handoff("hnd_1", HandoffReason.NOT_IN_DOCUMENTS, "A person will answer.")


def turn(
    n: int = 1, *, new: bool = True, handoff: Handoff | None = None, tenant: str = "default"
) -> Turn:
    asked = f"Question {n}?"
    answer = Answer(
        f"ans_{n}",
        "cnv_1",
        f"Reply {n}.",
        (CITATION,),
        0.9,
        ServedBy.PASSAGE,
        degraded=False,
        handoff=handoff,
    )
    trace = Trace(
        answer.trace_id, "cnv_1", asked, (asked,), (), (), 0.9, 0.7, ServedBy.PASSAGE, (), {}
    )
    at = NOON + timedelta(minutes=n)
    transcript = (Message(Role.CUSTOMER, asked, at), Message(Role.ASSISTANT, answer.text, at))
    return Turn(tenant, new, asked, at, answer, trace, transcript)


async def counted(store: ConversationStore) -> list[int]:
    tables = (conversations, messages, traces, handoffs)
    async with store._database._engine.connect() as connection:
        return [len((await connection.execute(select(table))).all()) for table in tables]


async def test_a_turn_reads_back_as_it_was_said(store: ConversationStore) -> None:
    await store.record(turn(handoff=HANDOFF))
    found = await store.conversation("cnv_1", "default")
    assert found is not None
    asked, replied = found.messages
    assert (asked.role, asked.text) == (Role.CUSTOMER, "Question 1?")
    assert (asked.citations, asked.handoff, asked.trace_id) == ((), None, None)
    assert (replied.role, replied.text) == (Role.ASSISTANT, "Reply 1.")
    assert replied.citations == (CITATION,)
    assert replied.handoff == HANDOFF
    assert (replied.trace_id, replied.served_by) == ("ans_1", ServedBy.PASSAGE)


async def test_times_read_back_in_utc(store: ConversationStore) -> None:
    await store.record(turn())
    found = await store.conversation("cnv_1", "default")
    assert found is not None
    assert found.messages[0].at == NOON + timedelta(minutes=1)


async def test_turns_read_back_in_the_order_they_were_asked(store: ConversationStore) -> None:
    for n in (1, 2, 3):
        await store.record(turn(n, new=n == 1))
    found = await store.conversation("cnv_1", "default")
    assert found is not None
    texts = [message.text for message in found.messages if message.role is Role.CUSTOMER]
    assert texts == ["Question 1?", "Question 2?", "Question 3?"]


async def test_what_is_stored_survives_closing(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path / 'kept.db'}"
    first = await ConversationStore.open(url)
    await first.record(turn())
    await first.close()
    second = await ConversationStore.open(url)
    assert await second.conversation("cnv_1", "default") is not None
    await second.close()


async def test_a_trace_reads_back_whole(store: ConversationStore) -> None:
    await store.record(turn())
    found = await store.trace("ans_1", "default")
    assert found is not None
    assert (found.id, found.asked, found.confidence) == ("ans_1", "Question 1?", 0.9)


async def test_a_handoff_keeps_the_transcript_for_the_person(store: ConversationStore) -> None:
    await store.record(turn(handoff=HANDOFF))
    async with store._database._engine.connect() as connection:
        [row] = (await connection.execute(select(handoffs))).all()
    assert row.package["transcript"] == [
        {"role": "customer", "text": "Question 1?"},
        {"role": "assistant", "text": "Reply 1."},
    ]


async def test_another_tenant_sees_nothing(store: ConversationStore) -> None:
    await store.record(turn(tenant="acme"))
    assert await store.conversation("cnv_1", "default") is None
    assert await store.trace("ans_1", "default") is None
    assert await store.conversation("cnv_1", "acme") is not None
    assert await store.trace("ans_1", "acme") is not None


async def test_what_was_never_said_is_not_there(store: ConversationStore) -> None:
    assert await store.conversation("cnv_1", "default") is None
    assert await store.trace("ans_1", "default") is None


async def test_a_turn_that_fails_halfway_stores_nothing(store: ConversationStore) -> None:
    await store.record(turn(1, handoff=HANDOFF))
    before = await counted(store)
    # Its handoff's id is taken, which comes out at the last of four inserts.
    clash = replace(turn(2, handoff=HANDOFF), new=False)
    with pytest.raises(StoreUnavailable):
        await store.record(clash)
    assert await counted(store) == before


async def test_a_turn_of_an_unknown_conversation_is_not_stored(store: ConversationStore) -> None:
    with pytest.raises(StoreUnavailable):
        await store.record(turn(new=False))
    assert await counted(store) == [0, 0, 0, 0]


async def test_a_full_database_is_unavailable_and_still_readable(store: ConversationStore) -> None:
    await store.record(turn(1))

    @event.listens_for(store._database._engine.sync_engine, "begin")
    def _no_more_pages(connection: Any) -> None:  # noqa: ANN401 - SQLAlchemy's own type here
        connection.exec_driver_sql("PRAGMA max_page_count = 1")

    large = replace(turn(2, new=False), asked="x" * 200_000)
    with pytest.raises(StoreUnavailable, match=r"full.*free disk space"):
        await store.record(large)
    found = await store.conversation("cnv_1", "default")
    assert found is not None
    assert len(found.messages) == 2


async def test_a_database_that_may_not_be_written_is_unavailable(tmp_path: Path) -> None:
    path = tmp_path / "kept.db"
    writable = await ConversationStore.open(f"sqlite+aiosqlite:///{path}")
    await writable.record(turn(1))
    await writable.close()
    store = await ConversationStore.open(f"sqlite+aiosqlite:///{path}")

    @event.listens_for(store._database._engine.sync_engine, "begin")
    def _read_only(connection: Any) -> None:  # noqa: ANN401 - SQLAlchemy's own type here
        connection.exec_driver_sql("PRAGMA query_only = ON")

    with pytest.raises(StoreUnavailable, match="readonly"):
        await store.record(turn(2, new=False))
    assert await store.conversation("cnv_1", "default") is not None
    await store.close()


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("content", [b"not a database" * 100, b"\0" * 4096 + b"junk"])
async def test_a_damaged_database_is_unavailable(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "damaged.db"
    path.write_bytes(content)
    with pytest.raises(StoreUnavailable, match="ANSWERABLE_DATABASE_URL"):
        await ConversationStore.open(f"sqlite+aiosqlite:///{path}")


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize(
    "url",
    [
        "sqlite+aiosqlite:////nowhere/at/all/x.db",
        "nonsense",
        "nosuchdialect+driver://host/db",
    ],
)
async def test_a_url_that_opens_no_database_is_unavailable(url: str) -> None:
    with pytest.raises(StoreUnavailable, match="ANSWERABLE_DATABASE_URL"):
        await ConversationStore.open(url)


async def test_a_database_that_answers_passes_its_check(store: ConversationStore) -> None:
    await store.check()
