"""How long things take, as ratios to the floor: one encode of the question.

Times of one machine say little about another; ratios measured in one run do.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median, quantiles
from typing import TYPE_CHECKING

import httpx

from app.bootstrap import open_service
from app.ingesting import ingest_folders
from eval.scratch import scratch_settings
from retrieval.errors import Unavailable
from retrieval.types import Reader

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence
    from pathlib import Path

    from rich.console import Console

    from app.bootstrap import Service
    from app.settings import Settings
    from ingestion.releases.publishing import RunReport

START_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Timing:
    """What one thing took, in milliseconds, over all questions."""

    name: str
    p50: float
    p95: float

    @classmethod
    def of(cls, name: str, seconds: Sequence[float]) -> Timing:
        """Summarise measured times."""
        return cls(name, median(seconds) * 1000, quantiles(seconds, n=20)[18] * 1000)


@dataclass(frozen=True, slots=True)
class SpeedReport:
    """Timings of one run, the floor first, and the ingestion that came before.

    Attributes:
        passages: How many passages were searched.
        questions: How many questions were timed.
        timings: One encode, retrieval with rerank, and the whole of `/v1/chat`.
        ingestion: What ingesting the documents took.
    """

    passages: int
    questions: int
    timings: tuple[Timing, ...]
    ingestion: RunReport

    @property
    def encoder_share(self) -> float:
        """How much of ingestion was spent in the encoder, in [0, 1]."""
        return self.ingestion.encoder_seconds / self.ingestion.seconds

    def ratio(self, timing: Timing) -> float:
        """A timing's median in encodes of one question."""
        return timing.p50 / self.timings[0].p50


async def measure(
    settings: Settings, documents: Path, questions: Sequence[str], console: Console
) -> SpeedReport:
    """Ingest `documents` into a scratch folder and time each question three ways."""
    with tempfile.TemporaryDirectory() as folder:
        scratch = scratch_settings(settings, folder)
        report = await ingest_folders(scratch, [documents], console)
        async with open_service(scratch) as service:
            inside = await _inside(service, questions)
        with _server(scratch) as url:
            chat = await _through_http(url, questions)
        return SpeedReport(report.counts.encoded, len(questions), (*inside, chat), report)


async def _inside(service: Service, questions: Sequence[str]) -> tuple[Timing, Timing]:
    reader = Reader()

    async def encode(question: str) -> object:
        return service.library.embedder.question(question)

    async def retrieve(question: str) -> object:
        return await service.retriever.retrieve(question, reader)

    return (
        Timing.of("encode one question", await _timed(encode, questions)),
        Timing.of("retrieve and rerank", await _timed(retrieve, questions)),
    )


async def _through_http(url: str, questions: Sequence[str]) -> Timing:
    async with httpx.AsyncClient(base_url=url, timeout=30) as client:

        async def chat(question: str) -> object:
            return (await client.post("/v1/chat", json={"question": question})).raise_for_status()

        return Timing.of("POST /v1/chat, no LLM", await _timed(chat, questions))


async def _timed(act: Callable[[str], Awaitable[object]], questions: Sequence[str]) -> list[float]:
    # A first pass, not counted: a server that has run for a while has its index in memory.
    for question in questions:
        await act(question)
    seconds = []
    for question in questions:
        started = time.perf_counter()
        await act(question)
        seconds.append(time.perf_counter() - started)
    return seconds


@contextmanager
def _server(settings: Settings) -> Iterator[str]:
    """`answerable serve` in a process of its own, as a customer's request meets it."""
    environment = {
        **os.environ,
        "ANSWERABLE_INDEX_URL": settings.index_url,
        "ANSWERABLE_DATABASE_URL": settings.database_url,
        "ANSWERABLE_HOME": str(settings.home),
    }
    port = _free_port()
    command = [sys.executable, "-m", "app", "serve", "--port", str(port)]
    with subprocess.Popen(command, env=environment) as process:  # noqa: S603 - our own program
        try:
            _await_ready(f"http://127.0.0.1:{port}")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await_ready(url: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{url}/readyz", timeout=2).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise Unavailable(f"The server at {url} was not ready within {START_SECONDS} s.")
