"""Sets the service up in a scratch folder, asks it golden questions and measures the replies."""

from __future__ import annotations

import re
import tempfile
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from app.bootstrap import calibration_in_use, open_service
from app.confidence import shipped_calibration
from app.ingesting import ingest_folders
from eval.answers import ask_all, carries_gold, score
from eval.calibration import reliability, risk_coverage
from eval.datasets import load_set
from eval.fitting import Sample, fit_own, fit_pooled
from eval.golden import golden_from
from eval.indexing import index_pages, index_passages
from eval.judge import judge_replies, summarise
from eval.scratch import scratch_settings
from eval.taken_out import with_unanswerable
from eval.tuning import judge_candidates, tune
from ingestion.golden import load_golden, read_pages
from ingestion.progress import open_meter
from retrieval.errors import BadInput, MalformedDataset

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from rich.console import Console

    from app.bootstrap import Service
    from app.settings import Settings
    from eval.answers import AnswerScores, IsRight, ScoredReply
    from eval.calibration import Reliability, RiskCoverage
    from eval.corpus import RetrievalSet
    from eval.fitting import Fitting
    from eval.judge import Judge, Judged, NoVerdict, Verdict
    from eval.tuning import Tuning
    from ingestion.golden import GoldenQuestion
    from retrieval.types import Chunk


@dataclass(frozen=True, slots=True)
class AnswerTask:
    """What to measure: golden questions over documents, or a data set.

    Attributes:
        golden: Golden questions; with `documents`.
        documents: The documents they are about.
        data: Folder of a data set, instead of the two.
        pages: Search the set's raw pages, cut by our own ingestion, instead of its passages.
        judge: A model that is asked about each reply; None for none.
    """

    golden: Path | None = None
    documents: Path | None = None
    data: Path | None = None
    pages: bool = False
    judge: Judge | None = None


@dataclass(frozen=True, slots=True)
class AnswerReport:
    """What was measured.

    Attributes:
        task: What was asked for.
        name: What was asked of what.
        threshold: The confidence below which a person answers.
        replies: Each question and what became of it.
        scores: What went right.
        reliability: Whether the confidence can be taken at its word.
        curve: What other thresholds would have answered.
        said: What the judge said, by question id; empty without one.
        judged: The judge's figures; None without one.
        cautions: What keeps the figures from being taken at their word.
    """

    task: AnswerTask
    name: str
    threshold: float
    replies: tuple[ScoredReply, ...]
    scores: AnswerScores
    reliability: Reliability
    curve: RiskCoverage
    said: Mapping[str, Verdict | NoVerdict]
    judged: Judged | None
    cautions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Asking:
    """A service that is ready, and what to ask of it."""

    name: str
    service: Service
    questions: tuple[GoldenQuestion, ...]
    is_right: IsRight
    cautions: tuple[str, ...]


async def measure_answers(settings: Settings, task: AnswerTask, console: Console) -> AnswerReport:
    """Score replies, with the confidence as it is shipped.

    Raises:
        BadInput: The task names neither golden questions with documents nor a data set, or both.
        MalformedDataset: A data file is not what it should be.
    """
    async with open_asking(settings, task, console) as asking:
        with open_meter(console) as meter:
            replies = await ask_all(asking.service, asking.questions, meter, asking.is_right)
            answered = [reply for reply in replies if not reply.handed_over]
            said = await judge_replies(task.judge, answered, meter) if task.judge else ()
    confidences = np.array([reply.confidence for reply in replies])
    return AnswerReport(
        task=task,
        name=asking.name,
        threshold=settings.threshold,
        replies=tuple(replies),
        scores=score(replies),
        reliability=reliability(confidences, replies),
        curve=risk_coverage(confidences, replies),
        said={reply.golden.id: what for reply, what in zip(answered, said, strict=bool(said))},
        judged=summarise(task.judge, answered, said) if task.judge else None,
        cautions=asking.cautions,
    )


async def calibrate_on(
    settings: Settings, golden: Path, documents: Path, data: Sequence[Path], console: Console
) -> Fitting:
    """Fit the confidence to golden questions, and to data sets along with them.

    Raises:
        BadInput: There are too few right or wrong replies.
        MalformedDataset: A data file is not what it should be.
    """
    sets = [with_unanswerable(load_set(folder)) for folder in data]
    opened = [
        _over_documents(settings, golden, documents, console),
        *(_over_set(settings, found, console) for found in sets),
    ]
    samples = [await _sample(asking, console) for asking in opened]
    return fit_pooled(samples) if data else fit_own(samples[0], shipped_calibration())


async def _sample(opened: AbstractAsyncContextManager[Asking], console: Console) -> Sample:
    """The questions that were searched for once: of the others no one search was right."""
    async with opened as asking:
        with open_meter(console) as meter:
            replies = await ask_all(asking.service, asking.questions, meter, asking.is_right)
    return Sample(asking.name, tuple(reply for reply in replies if len(reply.evidence) == 1))


async def tune_fusion(settings: Settings, task: AnswerTask, console: Console) -> Tuning:
    """Fit the fusion weights on questions whose passages are known.

    Raises:
        BadInput: As for `measure_answers`; or there are too few questions.
    """
    async with open_asking(settings, task, console) as asking:
        with open_meter(console) as meter:
            judged = await judge_candidates(asking, meter)
    return tune(judged, asking.name)


def open_asking(
    settings: Settings, task: AnswerTask, console: Console
) -> AbstractAsyncContextManager[Asking]:
    """Ready the service over what the task names.

    Raises:
        BadInput: It names neither golden questions with documents nor a data set, or both.
    """
    if task.golden and task.documents and not task.data:
        return _over_documents(settings, task.golden, task.documents, console)
    if task.data and not task.golden and not task.documents:
        return _over_set(settings, load_set(task.data), console, pages=task.pages)
    raise BadInput(
        "What to ask of what is not clear.",
        hint="Give --golden and --documents, or --data alone.",
    )


@asynccontextmanager
async def _over_documents(
    settings: Settings, golden: Path, documents: Path, console: Console
) -> AsyncIterator[Asking]:
    """The service over ingested documents; the questions are checked before minutes of work."""
    questions = load_golden(golden, read_pages(documents))
    name = f"{golden.name} over {documents.name}"
    with tempfile.TemporaryDirectory() as folder:
        scratch = scratch_settings(settings, folder)
        await ingest_folders(scratch, [documents], console)
        async with open_service(scratch) as service:
            seen = tuple(_seen_before(name, settings))
            yield Asking(name, service, questions, carries_gold, seen)


@asynccontextmanager
async def _over_set(
    settings: Settings, found: RetrievalSet, console: Console, *, pages: bool = False
) -> AsyncIterator[Asking]:
    """The service over a data set's passages, or over its raw pages."""
    if not found.questions:
        raise MalformedDataset(
            f"'{found.name}' holds no question.", hint="Add some to queries.jsonl."
        )
    with tempfile.TemporaryDirectory() as folder:
        scratch = scratch_settings(settings, folder)
        async with open_service(scratch) as service:
            with open_meter(console) as meter:
                if pages:
                    indexed = await index_pages(service.library, scratch, found, meter)
                else:
                    indexed = await index_passages(service.library, found, meter)

            def is_right(chunk: Chunk, golden: GoldenQuestion) -> bool:
                return indexed.is_right(chunk, found.relevant.get(golden.id, {}))

            cautions = (*indexed.cautions, *_seen_before(found.name, settings))
            yield Asking(found.name, service, golden_from(found), is_right, cautions)


def _seen_before(name: str, settings: Settings) -> Iterator[str]:
    fitted = calibration_in_use(settings).name
    if name in re.split(r", |: |; then ", fitted):
        yield (
            f"The confidence was fitted on a set of this name ({fitted}), so its figures flatter "
            "it: 'answerable eval calibrate' gives those of questions left out of each fit."
        )
