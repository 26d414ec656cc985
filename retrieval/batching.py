"""Questions that arrive while one is being encoded are encoded together, next."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from retrieval.embedders import Embedder, Encoding

MAX_BATCH = 16


class QuestionEncoder:
    """Encodes questions off the event loop, one forward pass at a time.

    Nobody waits for a batch to fill: a lone question is encoded at once, and under load each
    pass takes whatever has queued up behind the last one.
    """

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._waiting: list[tuple[str, asyncio.Future[Encoding]]] = []
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="encode")
        self._running: asyncio.Task[None] | None = None

    async def encode(self, text: str) -> Encoding:
        """Encode one question."""
        future: asyncio.Future[Encoding] = asyncio.get_running_loop().create_future()
        self._waiting.append((text, future))
        if self._running is None:
            self._running = asyncio.create_task(self._drain())
        return await future

    def close(self) -> None:
        """Stop the encoding thread."""
        self._thread.shutdown(wait=True)

    async def _drain(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:MAX_BATCH], self._waiting[MAX_BATCH:]
                await self._encode(batch)
        finally:
            self._running = None

    async def _encode(self, batch: list[tuple[str, asyncio.Future[Encoding]]]) -> None:
        texts = [text for text, _ in batch]
        loop = asyncio.get_running_loop()
        try:
            encodings = await loop.run_in_executor(self._thread, self._embedder.questions, texts)
        except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to those who wait
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
            return
        for (_, future), encoding in zip(batch, encodings, strict=True):
            if not future.done():
                future.set_result(encoding)
