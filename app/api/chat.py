"""`POST /v1/chat`: one JSON object, or the same reply as server-sent events."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Header
from fastapi.responses import StreamingResponse
from fastapi.sse import format_sse_event

from app.api.errors import error_body
from app.api.schemas import ChatRequest, ChatResponse, CitationOut, ErrorOut, HandoffOut
from app.api.state import ServiceOf
from app.types import Cited, Event, Finished, HandedOver, Question, Said, Started
from retrieval.errors import AnswerableError
from retrieval.types import Reader

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from pydantic import BaseModel

    from app.support import SupportService

EVENT_STREAM = "text/event-stream"

router = APIRouter(prefix="/v1", tags=["chat"])
_log = logging.getLogger(__name__)


@router.post(
    "/chat",
    response_model=ChatResponse,
    responses={
        200: {
            "description": "The reply; as events when the `Accept` header asks for them: `meta`, "
            "`token`, `citation`, `handoff`, `error`, `done`.",
            "content": {
                EVENT_STREAM: {
                    "schema": {"type": "string"},
                    "example": 'event: token\ndata: {"text":"Within 60 days. [1]"}\n\n',
                }
            },
        },
        422: {"model": ErrorOut, "description": "The question is empty, too long or malformed."},
    },
)
async def chat(
    body: ChatRequest,
    service: ServiceOf,
    accept: Annotated[str, Header(description="`text/event-stream` to stream.")] = "",
) -> ChatResponse | StreamingResponse:
    """Ask a question; the answer quotes the documents, or a person takes over."""
    question = Question.checked(
        body.question,
        service.settings.max_question_chars,
        # Tenant and audience are never the request's to choose.
        reader=Reader(locale=body.locale, product=body.product),
        conversation_id=body.conversation_id,
    )
    if EVENT_STREAM in accept:
        events = _events(service.support, question)
        return StreamingResponse(
            events, media_type=EVENT_STREAM, headers={"Cache-Control": "no-store"}
        )
    return ChatResponse.of(await service.support.answer(question))


async def _events(support: SupportService, question: Question) -> AsyncIterator[bytes]:
    """The reply as events. Once they have begun, an error can only be one of them."""
    try:
        async for event in support.stream(question):
            yield _wire(event)
    except Exception as error:  # noqa: BLE001 - the status is sent; only an event can say it
        _log.exception("A reply broke off")
        known = (
            error
            if isinstance(error, AnswerableError)
            else AnswerableError(
                "The reply broke off on our side.", hint="Send the question again."
            )
        )
        yield _frame("error", error_body(known))


def _wire(event: Event) -> bytes:
    match event:
        case Started(conversation_id, trace_id):
            ids = {"conversation_id": conversation_id, "trace_id": trace_id}
            return format_sse_event(event="meta", data_str=json.dumps(ids))
        case Said(text):
            return format_sse_event(event="token", data_str=json.dumps({"text": text}))
        case Cited(citation):
            return _frame("citation", CitationOut.model_validate(citation))
        case HandedOver(handoff):
            return _frame("handoff", HandoffOut.model_validate(handoff))
        case Finished(answer):
            return _frame("done", ChatResponse.of(answer))


def _frame(name: str, body: BaseModel) -> bytes:
    return format_sse_event(event=name, data_str=body.model_dump_json())
