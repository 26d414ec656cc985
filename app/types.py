"""The values of one request: what is asked, what is answered, and why."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from retrieval.errors import BadInput

if TYPE_CHECKING:
    from datetime import datetime

    from retrieval.types import Reader


class Role(StrEnum):
    """Who wrote a message."""

    CUSTOMER = "customer"
    ASSISTANT = "assistant"
    AGENT = "agent"


class ServedBy(StrEnum):
    """The rung of the ladder that a reply came from."""

    PASSAGE = "passage"
    PERSON = "person"
    TEMPLATE = "template"


class HandoffReason(StrEnum):
    """Why a person takes over."""

    NOT_IN_DOCUMENTS = "not_in_documents"
    ASKED_FOR_PERSON = "asked_for_person"
    SEARCH_UNAVAILABLE = "search_unavailable"


@dataclass(frozen=True, slots=True)
class Question:
    """What a customer sent.

    Attributes:
        text: The message, stripped of surrounding white space.
        reader: What the customer may see.
        conversation_id: The conversation it belongs to; None begins a new one.
    """

    text: str
    reader: Reader
    conversation_id: str | None = None

    @classmethod
    def checked(
        cls, text: str, limit: int, *, reader: Reader, conversation_id: str | None = None
    ) -> Question:
        """A question that can be answered.

        Raises:
            BadInput: The text is empty, or longer than `limit` characters.
        """
        stripped = _well_formed(text).strip()
        if not stripped:
            raise BadInput("The question is empty.", hint="Write what you would like to know.")
        if len(stripped) > limit:
            raise BadInput(
                f"The question has {len(stripped):,} characters; the limit is {limit:,}.",
                hint="Shorten it to what you would like to know.",
            )
        return cls(stripped, reader, conversation_id)


def _well_formed(text: str) -> str:
    """Without half characters and NULs: JSON carries them, tokenizers and databases do not."""
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return whole.replace("\x00", "")


@dataclass(frozen=True, slots=True)
class Citation:
    """One quoted span and where it stands.

    Attributes:
        n: The number that marks it in the reply, from 1.
        chunk_id: The passage it is from.
        page: That passage's page, as its source names it.
        title: The page's title.
        headings: Headings above the passage, outermost first.
        url: Where to read it.
        quote: The words, verbatim.
        start: Offset of the quote in the page's text, in characters.
        end: One past its last character.
    """

    n: int
    chunk_id: str
    page: str
    title: str
    headings: tuple[str, ...]
    url: str
    quote: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Handoff:
    """A conversation given to a person.

    Attributes:
        id: Reference the customer can quote.
        reason: Why.
        message: What the customer is told.
        state: "waiting" until a person takes it.
    """

    id: str
    reason: HandoffReason
    message: str
    state: str = "waiting"


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole reply.

    Attributes:
        trace_id: Names the answer; its trace is kept under this id.
        conversation_id: The conversation it belongs to.
        text: The reply, with `[n]` after each quoted span.
        citations: What the markers point to, by number.
        confidence: Calibrated probability that the reply answers the question, in [0, 1].
        served_by: The rung it came from.
        degraded: True when a part was down and a lower rung than usual answered.
        handoff: Set when a person takes over.
    """

    trace_id: str
    conversation_id: str
    text: str
    citations: tuple[Citation, ...]
    confidence: float
    served_by: ServedBy
    degraded: bool
    handoff: Handoff | None


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of a request and what it cost, in milliseconds."""

    name: str
    ms: float


@dataclass(frozen=True, slots=True)
class CandidateTrace:
    """One passage that was considered.

    Attributes:
        chunk_id: The passage.
        page: Its page.
        headings: Headings above it.
        scores: Each signal by name, and "score", what the passages were ranked by.
        used: Whether the reply quotes it.
        cut: Why it was not offered to the reply; empty when it was.
    """

    chunk_id: str
    page: str
    headings: tuple[str, ...]
    scores: dict[str, float]
    used: bool
    cut: str


@dataclass(frozen=True, slots=True)
class Trace:
    """Everything that explains one answer.

    Attributes:
        id: The answer's id.
        conversation_id: The conversation it belongs to.
        asked: The question as searched, after a follow-up was made standalone.
        searches: The single questions that were searched for.
        candidates: The passages considered, best first.
        evidence: The signals behind the confidence, by name, for each search.
        confidence: The calibrated result, in [0, 1].
        threshold: The confidence below which a person answers.
        served_by: The rung that answered.
        stages: Steps in order, with milliseconds.
        versions: What produced the answer: embedder, reply maker, calibration.
        failures: What was down, and in which stage.
    """

    id: str
    conversation_id: str
    asked: str
    searches: tuple[str, ...]
    candidates: tuple[CandidateTrace, ...]
    evidence: tuple[dict[str, float], ...]
    confidence: float
    threshold: float
    served_by: ServedBy
    stages: tuple[Stage, ...]
    versions: dict[str, str]
    failures: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation, as stored."""

    role: Role
    text: str
    at: datetime
    citations: tuple[Citation, ...] = ()
    served_by: ServedBy | None = None
    trace_id: str | None = None
    handoff: Handoff | None = None


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation and its messages, oldest first."""

    id: str
    messages: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class Started:
    """First event of a reply: the ids it will be known by."""

    conversation_id: str
    trace_id: str


@dataclass(frozen=True, slots=True)
class Said:
    """A further piece of the reply's text, already checked."""

    text: str


@dataclass(frozen=True, slots=True)
class Cited:
    """What a marker in the text points to."""

    citation: Citation


@dataclass(frozen=True, slots=True)
class HandedOver:
    """A person takes over."""

    handoff: Handoff


@dataclass(frozen=True, slots=True)
class Finished:
    """Last event: the reply as a whole, stored."""

    answer: Answer


Event = Started | Said | Cited | HandedOver | Finished
