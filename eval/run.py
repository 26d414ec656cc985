"""Sets the service up over given documents, in a scratch folder, and measures it."""

from __future__ import annotations

import tempfile
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import numpy as np

from app.bootstrap import open_service
from app.ingesting import ingest_folders
from eval.answers import AnswerScores, ScoredReply, ask_all, score
from eval.calibration import Reliability, fit, reliability
from eval.golden import load_golden
from eval.report import draw_reliability
from eval.scratch import scratch_settings
from ingestion.progress import open_meter

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from rich.console import Console

    from app.bootstrap import Service
    from app.confidence import Calibration
    from app.settings import Settings


async def answer_golden(
    settings: Settings, documents: Path, golden: Path, console: Console, plot: Path | None
) -> tuple[AnswerScores, Reliability]:
    """Score replies to golden questions, with the confidence as it is shipped."""
    replies = await _replies(settings, documents, golden, console)
    measured = reliability(np.array([reply.confidence for reply in replies]), replies)
    if plot:
        draw_reliability(measured, plot, settings.threshold)
    return score(replies), measured


async def calibrate_on(
    settings: Settings, documents: Path, golden: Path, console: Console, plot: Path | None
) -> tuple[Calibration, Reliability]:
    """Fit the confidence; what is measured and drawn is of questions left out of each fit."""
    replies = await _replies(settings, documents, golden, console)
    single = [reply for reply in replies if len(reply.evidence) == 1]
    calibration, unseen = fit(single, name=f"{golden.name}, {len(single)} questions")
    measured = reliability(unseen, single)
    if plot:
        draw_reliability(measured, plot, settings.threshold)
    return calibration, measured


async def _replies(
    settings: Settings, documents: Path, golden: Path, console: Console
) -> list[ScoredReply]:
    questions = load_golden(golden)
    async with scratch_service(settings, documents, console) as service:
        with open_meter(console) as meter:
            return await ask_all(service, questions, meter)


@asynccontextmanager
async def scratch_service(
    settings: Settings, documents: Path, console: Console
) -> AsyncIterator[Service]:
    """The real service over `documents`, with storage that goes when it is done with."""
    with tempfile.TemporaryDirectory() as folder:
        scratch = scratch_settings(settings, folder)
        await ingest_folders(scratch, [documents], "default", "", console)
        async with open_service(scratch) as service:
            yield service
