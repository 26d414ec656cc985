"""Retrieval and embeddings for LangChain: parts that fit into anyone's chain.

LangChain calls from wherever it likes: with no event loop, under one that is running, from many
threads at once. Our parts are asynchronous and belong to the loop they were opened on. So they
are opened on a loop in a thread of its own (`LoopThread`), and every call goes there: nobody who
waits for a reply can be the one that the reply waits for.
"""

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from types import TracebackType
from typing import Self, TypeVar

from langchain_core.callbacks import (
    AsyncCallbackManagerForRetrieverRun,
    CallbackManagerForRetrieverRun,
)
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.retrievers import BaseRetriever
from pydantic import ConfigDict, Field

from retrieval.budget import within_budget
from retrieval.embedders import Embedder
from retrieval.errors import BadInput
from retrieval.expansion import Excerpt, Expander
from retrieval.hybrid import Retriever
from retrieval.types import Passage, Reader

T = TypeVar("T")


class LoopThread:
    """An event loop in a thread of its own, to open parts on; a context manager."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="answerable-loop", daemon=True)
        self._parts = AsyncExitStack()

    def __enter__(self) -> Self:
        self._thread.start()
        self._started.wait()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close what was opened, last first, and end the thread."""
        loop = self._running()
        try:
            self.run(self._parts.aclose())
        finally:
            self._loop = None
            loop.call_soon_threadsafe(loop.stop)
            self._thread.join()

    def open(self, parts: AbstractAsyncContextManager[T]) -> T:
        """Open parts on this loop; they are closed with it."""
        return self.run(self._parts.enter_async_context(parts))

    def run(self, work: Coroutine[object, object, T]) -> T:
        """Do something on this loop and wait for it, in a thread other than the loop's.

        Raises:
            BadInput: It would wait for itself, or the loop is not running.
        """
        if threading.current_thread() is self._thread:
            work.close()
            raise BadInput(
                "A blocking call on the loop's own thread would wait for itself.",
                hint="Await `ainvoke` there instead of calling `invoke`.",
            )
        future = self.submit(work)
        try:
            return future.result()
        except BaseException:
            future.cancel()  # whoever was interrupted wants no reply any more
            raise

    def submit(self, work: Coroutine[object, object, T]) -> Future[T]:
        """Begin something on this loop, from any thread.

        Raises:
            BadInput: The loop is not running.
        """
        try:
            return asyncio.run_coroutine_threadsafe(work, self._running())
        except BaseException:
            work.close()
            raise

    def _running(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            raise BadInput("The loop is not running.", hint="Use it inside its `with` block.")
        return self._loop

    def _serve(self) -> None:
        try:
            with asyncio.Runner() as runner:  # which cancels what is left when the loop stops
                self._loop = runner.get_loop()
                self._started.set()
                self._loop.run_forever()
        finally:
            self._started.set()  # nobody waits for a loop that could not be made


class AnswerableRetriever(BaseRetriever):
    """Passages for a question, as LangChain documents.

    Who asks is fixed when it is made and cannot be changed: make one for each tenant.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, frozen=True, extra="forbid")

    retriever: Retriever = Field(description="What searches; opened on `loop`.")
    reader: Reader = Field(description="Who asks: nothing they may not see is ever returned.")
    loop: LoopThread = Field(description="The loop that `retriever` was opened on.")
    limit: int = Field(default=5, ge=1, description="Most passages used.")
    expander: Expander | None = Field(
        default=None,
        description="When set, passages come with what stands around them, ready for a prompt: "
        "one document for each stretch of a page, nothing twice.",
    )

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun
    ) -> list[Document]:
        del run_manager
        return self.loop.run(self._documents(query))

    async def _aget_relevant_documents(
        self, query: str, *, run_manager: AsyncCallbackManagerForRetrieverRun
    ) -> list[Document]:
        del run_manager
        return await asyncio.wrap_future(self.loop.submit(self._documents(query)))

    async def _documents(self, query: str) -> list[Document]:
        found = (await self.retriever.retrieve(query, self.reader)).passages[: self.limit]
        if self.expander is None:
            return [_document(passage) for passage in found]
        kept = within_budget(found).kept
        best = {passage.chunk.id: passage for passage in kept}
        excerpts = await self.expander.expand(kept, self.reader)
        return [_expanded(excerpt, best[excerpt.primary[0].id]) for excerpt in excerpts]


class AnswerableEmbeddings(Embeddings):
    """Sentence vectors of our embedder, one forward pass at a time whoever calls."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="embed")

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """A unit vector for each passage."""
        return self._thread.submit(self._passages, texts).result()

    def embed_query(self, text: str) -> list[float]:
        """A unit vector for a question."""
        return self._thread.submit(self._question, text).result()

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        """A unit vector for each passage, without blocking the loop."""
        return await asyncio.wrap_future(self._thread.submit(self._passages, texts))

    async def aembed_query(self, text: str) -> list[float]:
        """A unit vector for a question, without blocking the loop."""
        return await asyncio.wrap_future(self._thread.submit(self._question, text))

    def _passages(self, texts: list[str]) -> list[list[float]]:
        return [encoding.sentence.tolist() for encoding in self._embedder.passages(texts)]

    def _question(self, text: str) -> list[float]:
        vector: list[float] = self._embedder.question(text).sentence.tolist()
        return vector


def _document(passage: Passage) -> Document:
    chunk, signals = passage.chunk, passage.signals
    return Document(
        id=chunk.id,
        page_content=chunk.text,
        metadata={
            "chunk_id": chunk.id,
            "page": chunk.page,
            "url": chunk.url,
            "title": chunk.title,
            "headings": list(chunk.headings),
            "score": passage.score,
            "signals": {
                "late": signals.late,
                "dense": signals.dense,
                "lexical": signals.lexical,
            },
            "start": chunk.start,
            "end": chunk.end,
        },
    )


def _expanded(excerpt: Excerpt, best: Passage) -> Document:
    """The best passage's document, with the text of the whole excerpt."""
    document = _document(best)
    document.page_content = excerpt.text
    span = {"start": excerpt.chunks[0].start, "end": excerpt.chunks[-1].end}
    document.metadata |= {"headings": list(excerpt.headings), **span}
    return document
