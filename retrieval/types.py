"""The values that travel between ingestion, retrieval and the service."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b


@dataclass(frozen=True, slots=True)
class Scope:
    """Where a chunk belongs.

    Attributes:
        tenant: Whose it is; no other tenant ever sees it.
        audience: Who of that tenant's customers may see it.
        locale: Its language.
        source: The source it was read from, by name; each is brought up to date on its own.
        product: What it is about; empty when it holds for every product.
    """

    tenant: str = "default"
    audience: str = "public"
    locale: str = "en"
    source: str = "documents"
    product: str = ""


@dataclass(frozen=True, slots=True)
class Reader:
    """Who is asking. Every read of an index is filtered by one.

    Attributes:
        tenant: The only tenant whose chunks are visible.
        audiences: Chunks published for any of these are visible.
        locale: When set, only chunks in this language are visible.
        product: When set, only chunks about this product, or about every one, are visible.
        release: Which release of the tenant's knowledge is read; None for the newest that the
            index being asked knows of.
    """

    tenant: str = "default"
    audiences: tuple[str, ...] = ("public",)
    locale: str | None = None
    product: str | None = None
    release: int | None = None

    def may_see(self, scope: Scope) -> bool:
        """Whether a chunk published for `scope` is visible to this reader."""
        return (
            scope.tenant == self.tenant
            and scope.audience in self.audiences
            and self.locale in {None, scope.locale}
            and (self.product is None or scope.product in {"", self.product})
        )


class UnitKind(StrEnum):
    """What a quotable unit is; decides how a reply presents it."""

    SENTENCE = "sentence"
    ITEM = "item"
    ROW = "row"
    CODE = "code"
    HEADING = "heading"


@dataclass(frozen=True, slots=True)
class Unit:
    """The smallest piece of a chunk that a reply may quote.

    Attributes:
        start: First character, as an offset into `Chunk.text`.
        end: One past the last character.
        kind: A sentence, a list item, a table row, a code block or a heading.
    """

    start: int
    end: int
    kind: UnitKind


@dataclass(frozen=True, slots=True)
class Chunk:
    """A passage of one page: the unit of retrieval and of citation.

    Attributes:
        id: UUID derived from scope, page, position-independent content and its occurrence.
        page: The page's path or URL within its source.
        url: Where a customer can read the page, with the section's fragment.
        title: The page's title.
        headings: Headings above the chunk, outermost first, without the title.
        text: The passage, a verbatim slice of the page's text.
        start: Offset of `text` in the page's text, in characters.
        end: One past its last character.
        position: Ordinal of the chunk on its page, from 0.
        units: What may be quoted, in order, not overlapping.
        context: What stands above `text`: title, headings, a split table's header.
        scope: Who may see it.
    """

    id: str
    page: str
    url: str
    title: str
    headings: tuple[str, ...]
    text: str
    start: int
    end: int
    position: int
    units: tuple[Unit, ...]
    context: str
    scope: Scope

    @property
    def embedded_text(self) -> str:
        """All that is searched: context, a line break, then the passage."""
        return f"{self.context}\n{self.text}" if self.context else self.text

    @property
    def content(self) -> str:
        """Digest of all that its vectors are made of: the same content is encoded once."""
        made_of = (self.context, self.text, self.units)
        return blake2b(repr(made_of).encode(), digest_size=16).hexdigest()

    @property
    def place(self) -> str:
        """Digest of where the chunk stands: what may change while its id does not."""
        where = (self.url, self.title, self.headings, self.start, self.end, self.position)
        return blake2b(repr((where, self.units)).encode(), digest_size=8).hexdigest()

    def quote(self, unit: Unit) -> str:
        """The unit's text, verbatim."""
        return self.text[unit.start : unit.end]


@dataclass(frozen=True, slots=True)
class Signals:
    """What speaks for a passage, each on the scale of a cosine.

    Attributes:
        late: Weighted MaxSim of the question's tokens.
        dense: Cosine of the sentence vectors.
        lexical: BM25, relative to the best candidate's; below 1.
    """

    late: float
    dense: float
    lexical: float


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk found for a question.

    Attributes:
        chunk: The chunk.
        score: What passages are ranked by; higher is better.
        signals: What it is made of.
        unit_scores: MaxSim of the question with each of `chunk.units`, in their order.
        matches: Best cosine of each question token among the passage's, in their order.
        tokens: How long it is to the embedder, context included.
    """

    chunk: Chunk
    score: float
    signals: Signals
    unit_scores: tuple[float, ...]
    matches: tuple[float, ...]
    tokens: int


@dataclass(frozen=True, slots=True)
class Retrieval:
    """What was found for a question.

    Attributes:
        question: The question, as searched.
        tokens: Its tokens, as written.
        passages: What was found, best first.
        note: What went wrong on the way without stopping it, for the trace; empty as a rule.
    """

    question: str
    tokens: tuple[str, ...]
    passages: tuple[Passage, ...]
    note: str = ""
