"""Real parts for the tests: one embedder for the whole run, a small index for each test."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import httpx
import pytest

from app.api.server import create_app
from app.bootstrap import Library, Search, _assemble
from app.conversations import ConversationStore
from app.settings import Settings
from retrieval.batching import QuestionEncoder
from retrieval.edge import EdgeIndex
from retrieval.embedders import open_embedder
from retrieval.encoding import ChunkEncoder
from retrieval.index import place_of
from retrieval.late import TokenCodec
from retrieval.lexical import Bm25Encoder
from retrieval.models import BUNDLED_MODEL, _folder_name
from retrieval.prepared import MANIFEST
from tests.library import PAGES, SURE, ingest, open_ledger, write_pages

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from fastapi import FastAPI

    from app.confidence import Calibration
    from app.support import SupportService
    from ingestion.releases.ledger import Ledger
    from retrieval.embedders import Embedder
    from retrieval.index import ChunkIndex

    class MakeSupport(Protocol):
        def __call__(
            self,
            calibration: Calibration = ...,
            index: ChunkIndex = ...,
            store: ConversationStore = ...,
        ) -> SupportService: ...


REPO = Path(__file__).parent.parent
MODELS = Path(os.environ.get("ANSWERABLE_TEST_MODELS", REPO / "var" / "test-models")).resolve()
PREPARE = """
import pathlib, sys, retrieval.models as models
models.prepare_model(models.BUNDLED_MODEL, pathlib.Path(sys.argv[1]))
"""


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the developer's own shell sets must not reach the tests."""
    for name in [name for name in os.environ if name.startswith("ANSWERABLE_")]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def models_folder() -> Path:
    """The prepared model, converted on the first run only.

    In a process of its own: the converter warns, and warnings are errors here.
    """
    if not (MODELS / _folder_name(BUNDLED_MODEL) / MANIFEST).exists():
        subprocess.run([sys.executable, "-c", PREPARE, str(MODELS)], check=True, cwd=REPO)
    return MODELS


@pytest.fixture(scope="session")
def embedder(models_folder: Path) -> Embedder:
    return open_embedder(BUNDLED_MODEL, models_folder)


@pytest.fixture(scope="session")
def codec(embedder: Embedder) -> TokenCodec:
    return TokenCodec.for_model(embedder.name, embedder.dims)


@pytest.fixture(scope="session")
def chunk_encoder(embedder: Embedder, codec: TokenCodec) -> ChunkEncoder:
    return ChunkEncoder(embedder, Bm25Encoder(), codec)


@pytest.fixture
def encoder(embedder: Embedder) -> Iterator[QuestionEncoder]:
    encoder = QuestionEncoder(embedder)
    yield encoder
    encoder.close()


@pytest.fixture(scope="session")
def shelf(
    tmp_path_factory: pytest.TempPathFactory, embedder: Embedder, chunk_encoder: ChunkEncoder
) -> Path:
    """The folder of an index that holds `PAGES`: tests open it one at a time and only read."""
    folder = tmp_path_factory.mktemp("shelf")
    pages = write_pages(tmp_path_factory.mktemp("pages"), PAGES)

    async def fill() -> None:
        index = EdgeIndex.open(
            folder / place_of(embedder.name), model=embedder.name, dims=embedder.dims
        )
        ledger = await open_ledger(folder)
        await ingest(pages, index, chunk_encoder, ledger)
        await ledger.close()
        await index.close()

    asyncio.run(fill())
    return folder


@pytest.fixture
def settings(tmp_path: Path, shelf: Path) -> Settings:
    """Settings of a service whose index holds `PAGES`."""
    return Settings(_env_file=None, home=tmp_path / "home", index_url=f"edge:{shelf}")  # type: ignore[call-arg] # pydantic-settings takes it


@pytest.fixture
async def index(shelf: Path, embedder: Embedder) -> AsyncIterator[EdgeIndex]:
    """An index that holds `PAGES`, to read."""
    index = EdgeIndex.open(shelf / place_of(embedder.name), model=embedder.name, dims=embedder.dims)
    yield index
    await index.close()


@pytest.fixture
async def ledger(shelf: Path) -> AsyncIterator[Ledger]:
    """The ledger of the index that holds `PAGES`."""
    ledger = await open_ledger(shelf)
    yield ledger
    await ledger.close()


@pytest.fixture
async def own_ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    """An empty ledger, to write to."""
    ledger = await open_ledger(tmp_path)
    yield ledger
    await ledger.close()


@pytest.fixture
async def own_index(tmp_path: Path, embedder: Embedder) -> AsyncIterator[EdgeIndex]:
    """An empty index, to write to."""
    index = EdgeIndex.open(tmp_path / "own", model=embedder.name, dims=embedder.dims)
    yield index
    await index.close()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[ConversationStore]:
    store = await ConversationStore.open(f"sqlite+aiosqlite:///{tmp_path / 'answerable.db'}")
    yield store
    await store.close()


@pytest.fixture
async def settled() -> AsyncIterator[None]:
    """Wait for the threads of databases that did not open: they report to this loop once more."""
    yield
    for thread in threading.enumerate():
        if "_connection_worker_thread" in thread.name:
            await asyncio.to_thread(thread.join, 5)


@pytest.fixture
def calibration() -> Calibration:
    """How sure the application is; a test says otherwise by parametrising it."""
    return SURE


@pytest.fixture
def make_support(  # noqa: PLR0913, PLR0917 - fixtures
    settings: Settings,
    embedder: Embedder,
    codec: TokenCodec,
    index: EdgeIndex,
    ledger: Ledger,
    store: ConversationStore,
    encoder: QuestionEncoder,
    monkeypatch: pytest.MonkeyPatch,
) -> MakeSupport:
    """Puts together a service of real parts; a test names those it wants otherwise."""

    def make(
        calibration: Calibration = SURE,
        index: ChunkIndex = index,
        store: ConversationStore = store,
    ) -> SupportService:
        monkeypatch.setattr("app.bootstrap.shipped_calibration", lambda: calibration)
        library = Library(embedder, Bm25Encoder(), codec, index, ledger)
        return _assemble(settings, Search(library, encoder), store).support

    return make


@pytest.fixture
async def app(
    settings: Settings,
    embedder: Embedder,
    calibration: Calibration,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[FastAPI]:
    """The application, started; only the model is the one already loaded."""
    monkeypatch.setattr("app.bootstrap.open_embedder", lambda *_: embedder)
    monkeypatch.setattr("app.bootstrap.shipped_calibration", lambda: calibration)
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client
