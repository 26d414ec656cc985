"""Looks at every part and says what is wrong and how to mend it."""

from __future__ import annotations

import os
import platform
import shutil
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING

from app.bootstrap import calibration_in_use, open_library
from app.conversations import ConversationStore
from ingestion.releases.candidate import RESERVE_BYTES
from retrieval.errors import AnswerableError

if TYPE_CHECKING:
    from app.settings import Settings

PACKAGES = ("torch", "sentence-transformers", "openvino", "qdrant-edge-py", "fastapi")


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found out about one part.

    Attributes:
        part: What was looked at.
        ok: Whether it works.
        detail: What it is, or what is wrong with it.
        mend: What to do about it; empty when nothing needs doing.
    """

    part: str
    ok: bool
    detail: str
    mend: str = ""


async def examine(settings: Settings) -> list[Finding]:
    """Look at every part; one that is broken does not keep the others from being looked at."""
    return [
        _machine(),
        *_packages(),
        _disk(settings),
        *await _library(settings),
        await _database(settings),
        Finding("calibration", ok=True, detail=calibration_in_use(settings).name),
    ]


def _machine() -> Finding:
    detail = f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores"
    return Finding("machine", ok=True, detail=detail)


def _packages() -> list[Finding]:
    return [Finding(name, ok=True, detail=metadata.version(name)) for name in PACKAGES]


def _disk(settings: Settings) -> Finding:
    try:
        settings.home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        mend = "Set ANSWERABLE_HOME to a folder that can be written."
        return Finding("disk", ok=False, detail=f"{settings.home}: {error.strerror}", mend=mend)
    free = shutil.disk_usage(settings.home).free
    enough = free > RESERVE_BYTES
    mend = "" if enough else f"Free at least {RESERVE_BYTES / 2**20:.0f} MB: ingestion refuses."
    return Finding("disk", enough, f"{free / 2**30:.1f} GB free in {settings.home}", mend)


async def _library(settings: Settings) -> list[Finding]:
    try:
        async with open_library(settings) as library:
            count = await library.index.count()
            embedder = library.embedder
            return [_embedder(embedder.name, embedder.backend), _index(settings, count)]
    except AnswerableError as error:
        return [Finding("index", ok=False, detail=error.message, mend=error.hint)]


def _embedder(name: str, backend: str) -> Finding:
    mend = ""
    if backend == "torch, cpu":
        mend = "OpenVINO cannot run this model here, so everything takes several times longer."
    return Finding("embedder", ok=True, detail=f"{name}, {backend}", mend=mend)


def _index(settings: Settings, count: int) -> Finding:
    mend = "" if count else "Nothing to answer from yet: run `answerable ingest FOLDER`."
    detail = f"{settings.resolved_index_url}, {count} passages"
    return Finding("index", ok=True, detail=detail, mend=mend)


async def _database(settings: Settings) -> Finding:
    try:
        store = await ConversationStore.open(settings.resolved_database)
        await store.close()
    except AnswerableError as error:
        return Finding("database", ok=False, detail=error.message, mend=error.hint)
    return Finding("database", ok=True, detail=settings.resolved_database.split("@")[-1])
