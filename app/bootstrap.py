"""The one place where parts are made and put together."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from threadpoolctl import threadpool_limits

from app.confidence import open_calibration, shipped_calibration
from app.conversations import ConversationStore
from app.search import Finder
from app.support import SupportService
from ingestion.releases.ledger import Ledger
from ingestion.releases.published import PublishedIndex
from ingestion.releases.publishing import Publisher
from retrieval.batching import QuestionEncoder
from retrieval.embedders import open_embedder
from retrieval.encoding import ChunkEncoder
from retrieval.errors import BadInput
from retrieval.fusion import SHIPPED_WEIGHTS, open_weights
from retrieval.hybrid import Retriever
from retrieval.index import open_index
from retrieval.late import TokenCodec
from retrieval.lexical import Bm25Encoder
from retrieval.rerankers import FUSED_ORDER, open_reranker
from retrieval.spelling import Spelling

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from app.confidence import Calibration
    from app.settings import Settings
    from ingestion.engines import Engine
    from ingestion.progress import Meter
    from retrieval.embedders import Embedder
    from retrieval.fusion import FusionWeights
    from retrieval.index import ChunkIndex, ChunkReader
    from retrieval.rerankers import Reranker

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Library:
    """The documents' side: what both ingestion and the service need."""

    embedder: Embedder
    bm25: Bm25Encoder
    codec: TokenCodec
    index: ChunkIndex
    ledger: Ledger

    def publisher(
        self, settings: Settings, meter: Meter, engine: Engine | None = None
    ) -> Publisher:
        """What publishes releases of this library; see `Publisher`."""
        embedded = settings.resolved_index_url.startswith("edge:")
        return Publisher(
            index=self.index,
            ledger=self.ledger,
            encoder=ChunkEncoder(self.embedder, self.bm25, self.codec),
            meter=meter,
            folder=settings.home if embedded else None,
            engine=engine,
        )


@dataclass(frozen=True, slots=True)
class Search:
    """What turns a question into passages, whichever index they come from."""

    library: Library
    encoder: QuestionEncoder
    weights: FusionWeights = SHIPPED_WEIGHTS
    reranker: Reranker = FUSED_ORDER

    def retriever(self, index: ChunkReader) -> Retriever:
        """A retriever over an index that holds this library's chunks."""
        return Retriever(
            index=index,
            encoder=self.encoder,
            bm25=self.library.bm25,
            codec=self.library.codec,
            weights=self.weights,
            reranker=self.reranker,
        )


@dataclass(frozen=True, slots=True)
class Service:
    """Everything a serving process holds."""

    settings: Settings
    library: Library
    search: Search
    published: PublishedIndex
    store: ConversationStore
    retriever: Retriever
    support: SupportService


@asynccontextmanager
async def open_library(settings: Settings) -> AsyncIterator[Library]:
    """Load the model and open the index.

    Raises:
        IndexBusy: Another process has the embedded index open.
        IndexUnavailable: The index does not open.
        StoreUnavailable: The ledger of its releases does not open.
        BadInput: PyTorch cannot use the device that is set.
        ModelMismatch: The index was made with another model.
    """
    # A question's matrices are small: handing them to other threads costs more than it saves.
    threadpool_limits(limits=1, user_api="blas")
    _make(settings.home)
    embedder = await asyncio.to_thread(
        open_embedder, settings.embedder, settings.models_folder, settings.device
    )
    index = await open_index(settings.resolved_index_url, model=embedder.name, dims=embedder.dims)
    codec = TokenCodec.for_model(embedder.name, embedder.dims)
    try:
        ledger = await Ledger.open(settings.resolved_ledger, settings.index_name)
        try:
            yield Library(embedder, Bm25Encoder(), codec, index, ledger)
        finally:
            await ledger.close()
    finally:
        await index.close()


@asynccontextmanager
async def open_search(settings: Settings, library: Library) -> AsyncIterator[Search]:
    """Open the reranker, and begin to encode questions.

    Raises:
        BadInput: A setting names no reranker or no fusion weights.
    """
    weights = open_weights(settings.fusion)
    reranker = await asyncio.to_thread(
        open_reranker, settings.reranker, settings.models_folder, weights, device=settings.device
    )
    encoder = QuestionEncoder(library.embedder)
    try:
        yield Search(library, encoder, weights, reranker)
    finally:
        encoder.close()


@asynccontextmanager
async def open_service(settings: Settings) -> AsyncIterator[Service]:
    """Open the library, the reranker and the database, and put the service together.

    Raises:
        BadInput: A setting names no reranker, fusion weights, calibration or database.
        AnswerableError: A part does not open; see `open_library`.
    """
    async with open_library(settings) as library, open_search(settings, library) as search:
        if not settings.calibration:
            _mention_calibration(search.weights, search.reranker)
        store = await ConversationStore.open(settings.resolved_database)
        try:
            yield _assemble(settings, search, store)
        finally:
            await store.close()


def calibration_in_use(settings: Settings) -> Calibration:
    """The calibration that the settings name, or ours.

    Raises:
        BadInput: They name no usable one.
    """
    if settings.calibration:
        return open_calibration(Path(settings.calibration))
    return shipped_calibration()


def _make(home: Path) -> None:
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(
            f"The folder {home} cannot be made: {error.strerror}.",
            hint="Set ANSWERABLE_HOME to a folder that can be written.",
        ) from error


def _mention_calibration(weights: FusionWeights, reranker: Reranker) -> None:
    """Confidence is read off the scores: what else they are made of makes it another."""
    if weights != SHIPPED_WEIGHTS or reranker is not FUSED_ORDER:
        _log.info(
            "Passages are ranked by %s with %s fusion weights, and the confidence was calibrated "
            "for %s with %s ones: fit it again with `answerable eval calibrate`",
            reranker.name,
            weights.name,
            FUSED_ORDER.name,
            SHIPPED_WEIGHTS.name,
        )


def _assemble(settings: Settings, search: Search, store: ConversationStore) -> Service:
    library = search.library
    calibration = calibration_in_use(settings)
    published = PublishedIndex(library.index, library.ledger)
    retriever = search.retriever(published)
    support = SupportService(
        finder=Finder(retriever, calibration, Spelling(library.embedder.vocabulary())),
        published=published,
        store=store,
        threshold=settings.threshold,
        versions={
            "embedder": f"{library.embedder.name} ({library.embedder.backend})",
            "fusion": search.weights.name,
            "reranker": search.reranker.name,
            "reply": "extractive",
            "calibration": calibration.name,
        },
    )
    return Service(settings, library, search, published, store, retriever, support)
