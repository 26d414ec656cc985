"""Reading back: conversations, why an answer was given, and the passages it cites."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from app.api.errors import NotFound
from app.api.schemas import ConversationOut, ErrorOut, MessageOut, PassageOut
from app.api.state import ServiceOf
from app.types import Trace
from retrieval.types import Reader

ERRORS: dict[int | str, dict[str, Any]] = {
    404: {"model": ErrorOut, "description": "There is none of this id for whoever asks."},
    422: {"model": ErrorOut, "description": "The request is malformed."},
    503: {"model": ErrorOut, "description": "The database or the index does not answer."},
}

router = APIRouter(prefix="/v1", tags=["records"], responses=ERRORS)


@router.get("/conversations/{conversation_id}")
async def conversation(conversation_id: str, service: ServiceOf) -> ConversationOut:
    """A conversation, oldest message first."""
    found = await service.store.conversation(conversation_id, Reader().tenant)
    if found is None:
        raise NotFound(f"There is no conversation '{conversation_id}'.")
    messages = [MessageOut.model_validate(message) for message in found.messages]
    return ConversationOut(conversation_id=found.id, messages=messages)


@router.get("/answers/{trace_id}/trace")
async def trace(trace_id: str, service: ServiceOf) -> Trace:
    """Everything that explains one answer: searches, candidates, scores, milliseconds."""
    found = await service.store.trace(trace_id, Reader().tenant)
    if found is None:
        raise NotFound(f"There is no answer '{trace_id}'.")
    return found


@router.get("/passages/{chunk_id}")
async def passage(chunk_id: str, service: ServiceOf) -> PassageOut:
    """A cited passage, between its neighbours on the page."""
    reader = await service.published.pinned(Reader())
    found = await service.published.read([chunk_id], reader)
    if not found:
        raise NotFound(
            f"There is no passage '{chunk_id}'.",
            hint="The page may have changed since it was cited; ask again.",
        )
    chunk = found[0]
    page = await service.published.page(chunk.page, reader)
    neighbours = {other.position: other.text for other in page if other.scope == chunk.scope}
    return PassageOut(
        chunk_id=chunk.id,
        page=chunk.page,
        title=chunk.title,
        headings=list(chunk.headings),
        url=chunk.url,
        text=chunk.text,
        before=neighbours.get(chunk.position - 1, ""),
        after=neighbours.get(chunk.position + 1, ""),
    )
