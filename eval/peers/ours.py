"""Our own retrieval, put together as the service does it."""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import AsyncExitStack
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from app.bootstrap import open_service
from app.settings import Settings
from eval.peers.worker import Peer, work
from eval.scratch import publish_as_it_is, scratch_settings
from ingestion.engines import BATCH
from retrieval.encoding import ChunkEncoder
from retrieval.sentences import split_units
from retrieval.types import Chunk, Reader, Scope

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from eval.peers.protocol import Job, Passage
    from eval.peers.worker import Ask


class Answerable(Peer):
    """The service's own retriever over an embedded index, with the settings as shipped."""

    def __init__(self, job: Job) -> None:
        self._runner = asyncio.Runner()
        self._stack = AsyncExitStack()
        folder = self._stack.enter_context(tempfile.TemporaryDirectory())
        shipped = Settings(_env_file=None, home=Path(job.home))  # type: ignore[call-arg] # pydantic-settings takes it
        service = open_service(scratch_settings(shipped, folder))
        self._service = self._runner.run(self._stack.enter_async_context(service))
        self._service.library.embedder.passages(["warm"])
        self._names: dict[str, str] = {}

    def ingest(self, passages: Sequence[Passage]) -> None:
        """See `Peer.ingest`."""
        self._runner.run(self._ingest(passages))

    def ways(self) -> Mapping[str, Ask]:
        """See `Peer.ways`."""
        return {"as shipped": lambda question: self._runner.run(self._ask(question))}

    def close(self) -> None:
        """See `Peer.close`."""
        self._runner.run(self._stack.aclose())
        self._runner.close()

    async def _ingest(self, passages: Sequence[Passage]) -> None:
        library = self._service.library
        encoder = ChunkEncoder(library.embedder, library.bm25, library.codec)
        chunks = [_chunk(passage, position) for position, passage in enumerate(passages)]
        for start in range(0, len(chunks), BATCH):
            await library.index.upsert(encoder.encode(chunks[start : start + BATCH]))
        await library.index.flush()
        await publish_as_it_is(library)
        self._names = {c.id: passage.id for c, passage in zip(chunks, passages, strict=True)}

    async def _ask(self, question: str) -> list[str]:
        found = await self._service.retriever.retrieve(question, Reader())
        return [self._names[passage.chunk.id] for passage in found.passages]


def _chunk(passage: Passage, position: int) -> Chunk:
    digest = blake2b(passage.id.encode(), digest_size=16).digest()
    return Chunk(
        id=str(UUID(bytes=digest, version=5)),
        page=passage.page or passage.id,
        url=passage.page or passage.id,
        title=passage.title,
        headings=passage.headings,
        text=passage.text,
        start=0,
        end=len(passage.text),
        position=position,
        units=split_units(passage.text),
        context=passage.context,
        scope=Scope(),
    )


if __name__ == "__main__":
    work({"answerable": Answerable}, ("qdrant-edge-py", "openvino", "torch"))
