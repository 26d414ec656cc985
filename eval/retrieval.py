"""Measures retrieval on a set of questions with known passages, from an empty index on."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.bootstrap import open_library
from eval.compare import Comparison, compare
from eval.datasets import load_set
from eval.indexing import index_pages, index_passages
from eval.metrics import Interval, Scores, bootstrap, score
from eval.runs import read_run
from eval.scratch import scratch_settings
from eval.searching import DENSE, FUSED, LEXICAL, RankedQuestion, ask_set, open_searcher
from eval.spans import SpanScores, score_spans
from ingestion.progress import open_meter

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from rich.console import Console

    from app.settings import Settings
    from eval.corpus import RetrievalSet
    from eval.indexing import Indexed


@dataclass(frozen=True, slots=True)
class Task:
    """What to measure.

    Attributes:
        data: Folder of the set.
        pages: Search the set's raw pages, cut by our own ingestion, instead of its passages.
        legs: Measure each part of the search alone too.
        baseline: A run to compare with; None for none.
    """

    data: Path
    pages: bool = False
    legs: bool = False
    baseline: Path | None = None


@dataclass(frozen=True, slots=True)
class Gain:
    """What a way of ranking has over the better of the two legs.

    Attributes:
        better_leg: The better leg's name.
        difference: Mean difference in nDCG@10, with its interval.
    """

    better_leg: str
    difference: Interval

    @property
    def below(self) -> bool:
        """Whether the leg alone is better, by more than chance would have it."""
        return self.difference.high < 0


@dataclass(frozen=True, slots=True)
class RetrievalReport:
    """What was measured.

    Attributes:
        task: What was asked for.
        found: The set.
        indexed: What was searched.
        versions: What searched it: embedder, fusion weights and reranker, by name.
        rankings: What was found for each question that has a relevant passage.
        scores: How good that is.
        legs: How good each part is alone, by name; empty unless asked for.
        gains: What the fusion and the whole have over the better leg, by name; likewise.
        spans: Recall and precision by words; None when the set has no excerpts.
        comparison: Against the baseline; None when there is none.
        notes: How the questions were asked.
        cautions: What keeps the figures from being taken at their word.
    """

    task: Task
    found: RetrievalSet
    indexed: Indexed
    versions: Mapping[str, str]
    rankings: tuple[RankedQuestion, ...]
    scores: Scores
    legs: Mapping[str, Scores]
    gains: Mapping[str, Gain]
    spans: SpanScores | None
    comparison: Comparison | None
    notes: tuple[str, ...]
    cautions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Search:
    indexed: Indexed
    rankings: tuple[RankedQuestion, ...]
    versions: Mapping[str, str]


async def measure(settings: Settings, task: Task, console: Console) -> RetrievalReport:
    """Index a set in a scratch folder and ask its questions.

    Raises:
        MalformedDataset: The set or the baseline is not what it should be.
    """
    found = load_set(task.data)
    baseline = _baseline(task, found)
    search = await _search(settings, task, found, console)
    indexed, rankings = search.indexed, search.rankings
    scores = _scored(rankings, found)
    legs = _legs(rankings, found) if task.legs else {}
    return RetrievalReport(
        task=task,
        found=found,
        indexed=indexed,
        versions=search.versions,
        rankings=rankings,
        scores=scores,
        legs=legs,
        gains=_gains(scores, legs) if legs else {},
        spans=score_spans(rankings, found, indexed.shelf) if found.excerpts else None,
        comparison=_compared(found, baseline, scores) if baseline else None,
        notes=(*indexed.notes, *_notes(found, rankings)),
        cautions=(*indexed.cautions, *_absent(task, found, baseline)),
    )


async def _search(settings: Settings, task: Task, found: RetrievalSet, console: Console) -> _Search:
    with tempfile.TemporaryDirectory() as folder, open_meter(console) as meter:
        scratch = scratch_settings(settings, folder)
        async with (
            open_library(scratch) as library,
            open_searcher(library, scratch, legs=task.legs) as searcher,
        ):
            if task.pages:
                indexed = await index_pages(library, scratch, found, meter)
            else:
                indexed = await index_passages(library, found, meter)
            rankings = await ask_set(searcher, found, indexed, meter)
            return _Search(indexed, rankings, searcher.versions)


def _baseline(task: Task, found: RetrievalSet) -> dict[str, list[str]] | None:
    if task.baseline is None:
        return None
    questions = [question.id for question in found.questions]
    passages = None if task.pages else [passage.id for passage in found.passages]
    return read_run(task.baseline, questions, passages)


def _scored(rankings: Sequence[RankedQuestion], found: RetrievalSet) -> Scores:
    units = {r.question.id: [unit for unit, _ in r.units] for r in rankings}
    return score(units, found.relevant)


def _legs(rankings: Sequence[RankedQuestion], found: RetrievalSet) -> dict[str, Scores]:
    return {
        name: score({r.question.id: r.legs[name] for r in rankings}, found.relevant)
        for name in (DENSE, LEXICAL, FUSED)
    }


def _gains(whole: Scores, legs: Mapping[str, Scores]) -> dict[str, Gain]:
    better = max((DENSE, LEXICAL), key=lambda name: legs[name].ndcg.mean())
    ways = {FUSED: legs[FUSED], "whole": whole}
    return {
        name: Gain(better, bootstrap(scores.ndcg - legs[better].ndcg))
        for name, scores in ways.items()
    }


def _compared(
    found: RetrievalSet, baseline: Mapping[str, Sequence[str]], scores: Scores
) -> Comparison:
    before = {q.id: baseline.get(q.id, ()) for q in found.answerable}
    return compare(found.answerable, score(before, found.relevant).ndcg, scores.ndcg)


def _notes(found: RetrievalSet, rankings: Sequence[RankedQuestion]) -> tuple[str, ...]:
    notes = []
    if found.unanswerable:
        notes.append(f"Questions without a relevant passage, not asked: {len(found.unanswerable)}.")
    follow_ups = [ranking for ranking in rankings if ranking.question.earlier]
    if follow_ups:
        leaning = sum(ranking.asked != ranking.question.text for ranking in follow_ups)
        notes.append(
            f"Questions with earlier turns: {len(follow_ups)}. They were asked as the service "
            f"does, with the customer's last question ahead of the {leaning} that lean on it."
        )
    return tuple(notes)


def _absent(
    task: Task, found: RetrievalSet, baseline: Mapping[str, object] | None
) -> tuple[str, ...]:
    absent = sum(q.id not in baseline for q in found.answerable) if baseline else 0
    if not absent:
        return ()
    return (f"Questions that {task.baseline} has nothing for: {absent}. They count as missed.",)
