"""Reading and encoding as stages of Ray Data, on an existing Ray cluster or on this machine.

The stages do what `ingestion.engines.LocalEngine` does; only where it is done differs.
"""

from __future__ import annotations

import logging
import os
import pickle
from dataclasses import dataclass
from functools import cached_property
from operator import itemgetter
from typing import TYPE_CHECKING, TypeVar

import ray
import ray.data

from ingestion.engines import LocalEngine
from retrieval.embedders import open_embedder
from retrieval.encoding import ChunkEncoder
from retrieval.late import TokenCodec
from retrieval.lexical import Bm25Encoder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import Any

    from ingestion.chunked_file import ChunkedFile, Placement
    from ingestion.sources.source import SourceFile
    from retrieval.index import EncodedChunk
    from retrieval.types import Chunk

Given = TypeVar("Given")
FILES_IN_A_TASK = 16
PASSAGES_IN_A_TASK = 128
# Tasks that are handed over together for each worker: so many that starting the workers, some
# seconds each time, does not count, and so few that this process can hold what comes back.
TASKS_TOGETHER = 32


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a worker makes the encoder that this process has.

    Attributes:
        model: The embedder's name.
        folder: Where prepared models are kept, on each machine.
        device: What it runs on.
    """

    model: str
    folder: Path
    device: str


class _Stage:
    """A worker's process: it loads the model once, for all its tasks."""

    def __init__(self, recipe: Recipe, *stage: Any) -> None:  # noqa: ANN401 - what `work` takes
        self._recipe = recipe
        self._stage = stage

    @cached_property
    def engine(self) -> LocalEngine:
        embedder = open_embedder(self._recipe.model, self._recipe.folder, self._recipe.device)
        codec = TokenCodec.for_model(embedder.name, embedder.dims)
        return LocalEngine(ChunkEncoder(embedder, Bm25Encoder(), codec))

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[Any]]:
        done = self.work([pickle.loads(item) for item in batch["item"]])  # noqa: S301 - our own
        return {"place": list(batch["place"]), "item": [pickle.dumps(item) for item in done]}

    def work(self, items: list[Any]) -> list[Any]:
        raise NotImplementedError


class _Reading(_Stage):
    def work(self, items: list[SourceFile]) -> list[ChunkedFile]:
        return self.engine.chunk(items, *self._stage)


class _Encoding(_Stage):
    def work(self, items: list[Chunk]) -> list[EncodedChunk]:
        return self.engine.encode(items)


class RayEngine:
    """The workers of a Ray cluster.

    Args:
        address: The cluster's; "auto" for the one this machine belongs to, "local" to start one.
        recipe: How its workers make their encoders.
    """

    def __init__(self, address: str, recipe: Recipe) -> None:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it reports its use otherwise
        ray.init(
            address=address,
            ignore_reinit_error=True,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
        for name in ("ray", "ray.data"):
            logging.getLogger(name).setLevel(logging.ERROR)
        self._recipe = recipe
        self._workers = max(1, int(ray.cluster_resources().get("CPU", 1)))
        self.files_at_once = FILES_IN_A_TASK * TASKS_TOGETHER * self._workers
        self.passages_at_once = PASSAGES_IN_A_TASK * TASKS_TOGETHER * self._workers

    def close(self) -> None:
        """Leave the cluster; one that was started for this ends."""
        ray.shutdown()

    def chunk(self, files: Sequence[SourceFile], placement: Placement) -> list[ChunkedFile]:
        """See `Engine.chunk`."""
        return self._run(_Reading, files, FILES_IN_A_TASK, placement)

    def encode(self, chunks: Sequence[Chunk]) -> list[EncodedChunk]:
        """See `Engine.encode`."""
        return self._run(_Encoding, chunks, PASSAGES_IN_A_TASK)

    def _run(
        self, stage: type[_Stage], items: Sequence[Given], batch_size: int, *arguments: object
    ) -> list[Any]:
        if not items:
            return []
        rows = [{"place": place, "item": pickle.dumps(item)} for place, item in enumerate(items)]
        workers = min(self._workers, -(-len(rows) // batch_size))
        done = ray.data.from_items(rows).map_batches(
            stage,
            fn_constructor_args=(self._recipe, *arguments),
            batch_size=batch_size,
            compute=ray.data.ActorPoolStrategy(size=workers),
        )
        in_order = sorted(done.iter_rows(), key=itemgetter("place"))
        return [pickle.loads(row["item"]) for row in in_order]  # noqa: S301 - our own stage's
