"""Real parts for the tests: one embedder for the whole run, a small index for each test."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from app.api.server import create_app
from app.conversations import ConversationStore
from app.settings import Settings
from app.support import SupportService
from retrieval.batching import QuestionEncoder
from retrieval.edge import EdgeIndex
from retrieval.embedders import open_embedder
from retrieval.encoding import ChunkEncoder
from retrieval.hybrid import Retriever
from retrieval.late import TokenCodec
from retrieval.lexical import Bm25Encoder
from retrieval.models import BUNDLED_MODEL
from tests.library import PAGES, SURE, ingest, write_pages

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from fastapi import FastAPI

    from app.confidence import Calibration
    from retrieval.embedders import Embedder
    from retrieval.index import ChunkReader

    MakeSupport = Callable[..., SupportService]

REPO = Path(__file__).parent.parent
MODELS = Path(os.environ.get("ANSWERABLE_TEST_MODELS", REPO / "var" / "test-models")).resolve()
PREPARE = "import sys, pathlib, retrieval.models as m; m.open_graphs(m.BUNDLED_MODEL, pathlib.Path(sys.argv[1]))"  # noqa: E501


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the developer's own shell sets must not reach the tests."""
    for name in [name for name in os.environ if name.startswith("ANSWERABLE_")]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def models_folder() -> Path:
    """Prepared graphs, built on the first run only.

    In a process of its own: the exporter warns, and warnings are errors here.
    """
    if not list(MODELS.glob("*/graphs.json")):
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
        index = EdgeIndex.open(folder, model=embedder.name, dims=embedder.dims)
        await ingest(pages, index, chunk_encoder)
        await index.flush()
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
    index = EdgeIndex.open(shelf, model=embedder.name, dims=embedder.dims)
    yield index
    await index.close()


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
def make_support(
    index: EdgeIndex, store: ConversationStore, encoder: QuestionEncoder, codec: TokenCodec
) -> MakeSupport:
    """A service of real parts; a test names those it wants otherwise."""

    def make(
        calibration: Calibration = SURE,
        index: ChunkReader = index,
        store: ConversationStore = store,
    ) -> SupportService:
        return SupportService(
            retriever=Retriever(index=index, encoder=encoder, bm25=Bm25Encoder(), codec=codec),
            store=store,
            calibration=calibration,
            threshold=0.7,
            versions={"calibration": calibration.name},
        )

    return make


@pytest.fixture
def sure(monkeypatch: pytest.MonkeyPatch) -> Callable[[Calibration], None]:
    """Set how sure the served application is of its answers."""
    return lambda calibration: monkeypatch.setattr(
        "app.bootstrap.shipped_calibration", lambda: calibration
    )


@pytest.fixture
async def app(
    settings: Settings,
    embedder: Embedder,
    sure: Callable[[Calibration], None],
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[FastAPI]:
    """The application, started; only the model is the one already loaded."""
    monkeypatch.setattr("app.bootstrap.open_embedder", lambda *_: embedder)
    sure(SURE)
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client
