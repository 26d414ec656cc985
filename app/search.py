"""From a standalone question to what can be said about it, and how surely."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.condense import phrasings
from app.confidence import evidence
from app.types import CandidateTrace
from guardrails.citations import Quotation, check_quotations
from llm.extractive import extract
from retrieval.budget import within_budget

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from app.confidence import Calibration
    from llm.extractive import Quote
    from retrieval.budget import Budget
    from retrieval.hybrid import Retriever
    from retrieval.spelling import Spelling
    from retrieval.types import Passage, Reader, Retrieval


@dataclass(frozen=True, slots=True)
class Finding:
    """What one search led to.

    Attributes:
        asked: The question searched for.
        budget: The passages found, those a reply may use apart from the rest.
        quotes: What answers it best.
        signals: The evidence behind the confidence, by name.
        confidence: Calibrated probability that the quotes answer it, in [0, 1].
        failure: What broke down in the search without stopping it; empty as a rule.
    """

    asked: str
    budget: Budget
    quotes: tuple[Quote, ...]
    signals: Mapping[str, float]
    confidence: float
    failure: str = ""

    def candidates(self) -> tuple[CandidateTrace, ...]:
        """Every passage considered, for the trace."""
        quoted = {quote.passage.chunk.id for quote in self.quotes}
        kept = (_traced(p, used=p.chunk.id in quoted, cut="") for p in self.budget.kept)
        cut = (_traced(c.passage, used=False, cut=c.why) for c in self.budget.cut)
        return (*kept, *cut)


@dataclass(frozen=True, slots=True)
class Finder:
    """Searches for questions, chooses quotes and weighs the evidence."""

    retriever: Retriever
    calibration: Calibration
    spelling: Spelling

    async def find(self, question: str, reader: Reader) -> Finding:
        """Search in each way there is to put the question; keep what is surest.

        Raises:
            IndexUnavailable: The index does not answer.
        """
        found = await self._retrieve(phrasings(question), reader)
        about = [passage.chunk.embedded_text for passage in found[0].passages]
        corrected = self.spelling.correct(question, about)
        if corrected != question:
            found += await self._retrieve((corrected,), reader)
        findings = [_weighed(retrieval, self.calibration) for retrieval in found]
        return max(findings, key=lambda finding: finding.confidence)

    async def _retrieve(self, ways: Sequence[str], reader: Reader) -> list[Retrieval]:
        return await asyncio.gather(*(self.retriever.retrieve(way, reader) for way in ways))


def _weighed(retrieval: Retrieval, calibration: Calibration) -> Finding:
    """Choose quotes, check them against their passages and weigh the evidence."""
    budget = within_budget(retrieval.passages)
    quotes = extract(retrieval.question, budget.kept)
    verdict = check_quotations(
        Quotation(quote.passage.chunk, quote.text, quote.start) for quote in quotes
    )
    if not verdict.ok:
        quotes = ()
    signals = evidence(retrieval)
    confidence = calibration.confidence(signals) if quotes else 0.0
    return Finding(retrieval.question, budget, quotes, signals, confidence, failure=retrieval.note)


def _traced(passage: Passage, *, used: bool, cut: str) -> CandidateTrace:
    signals = passage.signals
    scores = {
        "score": passage.score,
        "late": signals.late,
        "dense": signals.dense,
        "lexical": signals.lexical,
    }
    return CandidateTrace(
        chunk_id=passage.chunk.id,
        page=passage.chunk.page,
        headings=passage.chunk.headings,
        scores={name: round(value, 4) for name, value in scores.items()},
        used=used,
        cut=cut,
    )
