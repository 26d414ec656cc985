"""Asks a set's questions of an index, in the product's way and by each part of it alone."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from app.condense import condense
from app.types import Message, Role
from retrieval.batching import QuestionEncoder
from retrieval.fusion import open_weights
from retrieval.hybrid import Retriever
from retrieval.rerankers import DenseLexicalReranker, open_reranker
from retrieval.types import Reader

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from app.bootstrap import Library
    from app.settings import Settings
    from eval.corpus import DatasetQuestion, RetrievalSet
    from eval.indexing import Indexed
    from ingestion.progress import Meter
    from retrieval.index import Candidate, ChunkReader, IndexQuery
    from retrieval.rerankers import Reranker
    from retrieval.types import Chunk, Passage

DENSE, LEXICAL, FUSED = "dense", "bm25", "fused"
KEPT = 5  # passages of each question that reports show


@dataclass(frozen=True, slots=True)
class Shown:
    """A passage that was found, as a report shows it."""

    passage: Passage
    right: bool


@dataclass(frozen=True, slots=True)
class RankedQuestion:
    """What was found for one question.

    Attributes:
        question: The question.
        asked: What was searched for: the question in the light of what came before.
        units: What was found and its score, best first, named as judgements name it.
        legs: The same without scores, for each leg alone and for their fusion, by name.
        best: The first few passages.
    """

    question: DatasetQuestion
    asked: str
    units: tuple[tuple[str, float], ...]
    legs: Mapping[str, tuple[str, ...]]
    best: tuple[Shown, ...]


class KeptIndex:
    """An index that remembers what the last search found."""

    def __init__(self, index: ChunkReader) -> None:
        self._index = index
        self.found: list[Candidate] = []

    async def search(self, query: IndexQuery) -> list[Candidate]:
        """See `ChunkReader.search`."""
        self.found = await self._index.search(query)
        return self.found

    async def read(self, ids: Sequence[str], reader: Reader) -> list[Chunk]:
        """See `ChunkReader.read`."""
        return await self._index.read(ids, reader)

    async def page(self, page: str, reader: Reader) -> list[Chunk]:
        """See `ChunkReader.page`."""
        return await self._index.page(page, reader)


class Searcher:
    """Searches as the service does, and says what each part would have found alone.

    Attributes:
        versions: What the parts are, by name.
    """

    def __init__(
        self,
        index: KeptIndex,
        retriever: Retriever,
        fusion: Reranker | None,
        versions: Mapping[str, str],
    ) -> None:
        """Put parts together.

        Args:
            index: Where `retriever` searches.
            retriever: The whole.
            fusion: Ranks without late interaction; None measures only the whole.
            versions: What the parts are, by name.
        """
        self._index = index
        self._retriever = retriever
        self._fusion = fusion
        self.versions = versions

    async def rank(
        self, question: DatasetQuestion, indexed: Indexed, relevant: Mapping[str, int]
    ) -> RankedQuestion:
        """Ask one question."""
        asked = standalone(question.text, question.earlier)
        found = (await self._retriever.retrieve(asked, Reader())).passages
        units = indexed.units([passage.chunk for passage in found], relevant)
        legs = await self._legs(asked, found)
        return RankedQuestion(
            question=question,
            asked=asked,
            units=tuple((unit, found[position].score) for unit, position in units.items()),
            legs={name: tuple(indexed.units(leg, relevant)) for name, leg in legs.items()},
            best=tuple(Shown(p, indexed.is_right(p.chunk, relevant)) for p in found[:KEPT]),
        )

    async def _legs(self, asked: str, found: Sequence[Passage]) -> dict[str, list[Chunk]]:
        if self._fusion is None:
            return {}
        candidates = self._index.found
        scored = [(c.lexical, c.chunk) for c in candidates if c.lexical is not None]
        fused = await self._fusion.rank(asked, found)
        return {
            # Candidates come by their cosine: those of the dense leg stand ahead of all others.
            DENSE: [candidate.chunk for candidate in candidates],
            LEXICAL: [chunk for _, chunk in sorted(scored, key=lambda pair: -pair[0])],
            FUSED: [passage.chunk for passage in fused.passages],
        }


@asynccontextmanager
async def open_searcher(
    library: Library, settings: Settings, *, legs: bool
) -> AsyncIterator[Searcher]:
    """A searcher over the library's index, put together as the service is.

    Raises:
        BadInput: A setting names no reranker or no fusion weights.
        ModelMismatch: The reranker's model is not there.
    """
    weights = open_weights(settings.fusion)
    reranker = await asyncio.to_thread(
        open_reranker,
        settings.reranker,
        settings.models_folder,
        weights,
        device=settings.device,
    )
    encoder = QuestionEncoder(library.embedder)
    index = KeptIndex(library.index)
    retriever = Retriever(
        index=index,
        encoder=encoder,
        bm25=library.bm25,
        codec=library.codec,
        weights=weights,
        reranker=reranker,
    )
    versions = {
        "embedder": f"{library.embedder.name} ({library.embedder.backend})",
        "fusion": weights.name,
        "reranker": reranker.name,
    }
    fusion = DenseLexicalReranker(weights) if legs else None
    try:
        yield Searcher(index, retriever, fusion, versions)
    finally:
        encoder.close()


async def ask_set(
    searcher: Searcher, found: RetrievalSet, indexed: Indexed, meter: Meter
) -> tuple[RankedQuestion, ...]:
    """Ask each question that has a relevant passage."""
    meter.start("Asking questions", len(found.answerable))
    rankings = []
    for question in found.answerable:
        rankings.append(await searcher.rank(question, indexed, found.relevant[question.id]))
        meter.advance()
    return tuple(rankings)


def standalone(text: str, earlier: Sequence[str]) -> str:
    """A question as the service searches for it, in the light of what the customer said before."""
    now = datetime.now(UTC)
    return condense(text, [Message(Role.CUSTOMER, said, now) for said in earlier])
