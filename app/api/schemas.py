"""What travels over HTTP, as documented on the OpenAPI page."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from app.types import Answer, HandoffReason, Role, ServedBy

PLAIN_NAME = r"^[^\x00-\x1f\x7f]+$"


class _Schema(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class ChatRequest(_Schema):
    """One message from a customer."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"question": "How long do I have to return a thermostat?"}]}
    )

    question: str = Field(description="The message, as typed. White space around it is dropped.")
    conversation_id: str | None = Field(
        default=None,
        max_length=40,
        description="The conversation to continue; leave out to begin a new one.",
    )
    locale: str | None = Field(
        default=None,
        min_length=1,
        max_length=35,
        pattern=PLAIN_NAME,
        description="Answer only from pages in this language, named as they were ingested.",
        examples=["en"],
    )
    product: str | None = Field(
        default=None,
        min_length=1,
        max_length=100,
        pattern=PLAIN_NAME,
        description="Answer only from pages about this product, or about none in particular.",
        examples=["Wren Valve"],
    )


class CitationOut(_Schema):
    """One quoted span and where it stands."""

    n: int = Field(description="The number that marks it in the reply: [n].")
    chunk_id: str = Field(description="Read the whole passage at /v1/passages/{chunk_id}.")
    page: str
    title: str
    headings: list[str] = Field(description="Headings above the passage, outermost first.")
    url: str = Field(description="Where to read it, with the section's fragment.")
    quote: str = Field(description="The words, verbatim.")
    start: int = Field(description="Offset of the quote in the page's text, in characters.")
    end: int


class HandoffOut(_Schema):
    """A conversation given to a person."""

    id: str = Field(description="Reference the customer can quote.")
    state: str = Field(description='"waiting" until a person takes it.')
    reason: HandoffReason
    message: str = Field(description="What the customer is told.")


class ChatResponse(_Schema):
    """A whole reply."""

    model_config = ConfigDict(
        from_attributes=True,
        json_schema_extra={
            "examples": [
                {
                    "conversation_id": "cnv_3f0c",
                    "trace_id": "ans_91ab",
                    "answer": "You can return any device within 30 days of delivery. [1]",
                    "citations": [
                        {
                            "n": 1,
                            "chunk_id": "5d2e0a54-6c36-5b0e-9b2f-0a4c1de0f7aa",
                            "page": "returns/return-policy.md",
                            "title": "Return policy",
                            "headings": ["How long you have"],
                            "url": "returns/return-policy.md#how-long-you-have",
                            "quote": "You can return any device within 30 days of delivery.",
                            "start": 120,
                            "end": 173,
                        }
                    ],
                    "confidence": 0.91,
                    "served_by": "passage",
                    "degraded": False,
                    "handoff": None,
                }
            ]
        },
    )

    conversation_id: str
    trace_id: str = Field(description="Why this answer: /v1/answers/{trace_id}/trace.")
    answer: str = Field(description="The reply, with [n] after each quoted span.")
    citations: list[CitationOut]
    confidence: float = Field(description="Probability that the reply answers the question.")
    served_by: ServedBy = Field(description="The rung of the ladder it came from.")
    degraded: bool = Field(description="True when a part was down and a lower rung answered.")
    handoff: HandoffOut | None = Field(description="Set when a person takes over.")

    @classmethod
    def of(cls, answer: Answer) -> Self:
        """The answer, as it travels."""
        return cls(
            conversation_id=answer.conversation_id,
            trace_id=answer.trace_id,
            answer=answer.text,
            citations=[CitationOut.model_validate(citation) for citation in answer.citations],
            confidence=answer.confidence,
            served_by=answer.served_by,
            degraded=answer.degraded,
            handoff=HandoffOut.model_validate(answer.handoff) if answer.handoff else None,
        )


class MessageOut(_Schema):
    """One turn of a conversation."""

    role: Role
    text: str
    at: datetime
    citations: list[CitationOut]
    served_by: ServedBy | None
    trace_id: str | None
    handoff: HandoffOut | None


class ConversationOut(_Schema):
    """A conversation, oldest message first."""

    conversation_id: str
    messages: list[MessageOut]


class PassageOut(_Schema):
    """A cited passage between its neighbours on the page."""

    chunk_id: str
    page: str
    title: str
    headings: list[str]
    url: str
    text: str
    before: str = Field(description="The passage ahead of it on the page, or empty.")
    after: str = Field(description="The passage behind it, or empty.")


class PageConfig(_Schema):
    """What the chat page shows before the first question."""

    name: str
    greeting: str
    suggestions: list[str]


class PartHealth(_Schema):
    """One part the service needs."""

    part: str
    ok: bool
    detail: str


class Readiness(_Schema):
    """Whether the service can answer."""

    ready: bool
    parts: list[PartHealth]


class ErrorBody(_Schema):
    """What went wrong and what to do."""

    code: str = Field(description="Stable name of the error.")
    message: str = Field(description="What was wrong, and where.")
    hint: str = Field(default="", description="What to do about it.")


class ErrorOut(_Schema):
    """Every error response has this shape."""

    error: ErrorBody
