"""The one place where parts are made and put together."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from threadpoolctl import threadpool_limits

from app.confidence import shipped_calibration
from app.conversations import ConversationStore
from app.search import Finder
from app.support import SupportService
from ingestion.ingest import Ingestion
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
    from pathlib import Path

    from app.settings import Settings
    from ingestion.progress import Meter
    from retrieval.embedders import Embedder
    from retrieval.fusion import FusionWeights
    from retrieval.index import ChunkIndex
    from retrieval.rerankers import Reranker

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Library:
    """The documents' side: what both ingestion and the service need."""

    embedder: Embedder
    bm25: Bm25Encoder
    codec: TokenCodec
    index: ChunkIndex

    def ingestion(self, settings: Settings, meter: Meter) -> Ingestion:
        """An ingestion run into this library."""
        encoder = ChunkEncoder(self.embedder, self.bm25, self.codec)
        embedded = settings.resolved_index_url.startswith("edge:")
        return Ingestion(self.index, encoder, meter, settings.home if embedded else None)


@dataclass(frozen=True, slots=True)
class Service:
    """Everything a serving process holds."""

    settings: Settings
    library: Library
    store: ConversationStore
    retriever: Retriever
    support: SupportService


@asynccontextmanager
async def open_library(settings: Settings) -> AsyncIterator[Library]:
    """Load the model and open the index.

    Raises:
        IndexBusy: Another process has the embedded index open.
        IndexUnavailable: The index does not open.
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
        yield Library(embedder, Bm25Encoder(), codec, index)
    finally:
        await index.close()


@asynccontextmanager
async def open_service(settings: Settings) -> AsyncIterator[Service]:
    """Open the library, the reranker and the database, and put the service together.

    Raises:
        BadInput: A setting names no reranker, no fusion weights or no database.
        AnswerableError: A part does not open; see `open_library`.
    """
    weights = open_weights(settings.fusion)
    async with open_library(settings) as library:
        reranker = await asyncio.to_thread(
            open_reranker,
            settings.reranker,
            settings.models_folder,
            weights,
            device=settings.device,
        )
        _mention_calibration(weights, reranker)
        store = await ConversationStore.open(settings.resolved_database)
        encoder = QuestionEncoder(library.embedder)
        try:
            yield _assemble(settings, library, store, encoder, weights, reranker)
        finally:
            encoder.close()
            await store.close()


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


def _assemble(
    settings: Settings,
    library: Library,
    store: ConversationStore,
    encoder: QuestionEncoder,
    weights: FusionWeights = SHIPPED_WEIGHTS,
    reranker: Reranker = FUSED_ORDER,
) -> Service:
    calibration = shipped_calibration()
    retriever = Retriever(
        index=library.index,
        encoder=encoder,
        bm25=library.bm25,
        codec=library.codec,
        weights=weights,
        reranker=reranker,
    )
    finder = Finder(retriever, calibration, Spelling(library.embedder.vocabulary()))
    support = SupportService(
        finder=finder,
        store=store,
        threshold=settings.threshold,
        versions={
            "embedder": f"{library.embedder.name} ({library.embedder.backend})",
            "fusion": weights.name,
            "reranker": reranker.name,
            "reply": "extractive",
            "calibration": calibration.name,
        },
    )
    return Service(settings, library, store, retriever, support)
