"""How search holds up as an index grows: its speed, in encodes of a question, and its exactness.

An embedded index is built at each size twice: for one tenant, and dealt to ten of whom one asks, so
that the filter has work to do. `eval.growth` says what it is filled with.
"""

from __future__ import annotations

import json
import random
import shutil
import tempfile
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

import numpy as np
from rich.table import Column, Table

from app.bootstrap import open_library
from eval.footprint import footprint, opened
from eval.growth import grow, number_of, tenant_of
from eval.scratch import scratch_settings
from eval.speed import Timing
from ingestion.chunking import chunk_page
from ingestion.engines import BATCH
from ingestion.parsing import parse
from ingestion.progress import open_meter
from ingestion.releases.candidate import RESERVE_BYTES
from ingestion.sources.files import FolderSource
from ingestion.sources.source import Skipped
from retrieval.batching import QuestionEncoder
from retrieval.encoding import ChunkEncoder
from retrieval.errors import BadInput, DiskFull, UnreadableDocument
from retrieval.hybrid import Retriever
from retrieval.index import IndexQuery
from retrieval.lexical import SparseVector
from retrieval.types import Reader, Scope

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager

    from numpy.typing import NDArray
    from rich.console import Console

    from app.bootstrap import Library
    from app.settings import Settings
    from eval.footprint import Memory
    from ingestion.progress import Meter
    from retrieval.index import ChunkIndex, EncodedChunk
    from retrieval.types import Chunk

TENANTS = (1, 10)
MOST_REAL = 3000  # passages encoded; a minute or so of work
LIMIT = 20  # candidates of each leg, as the service asks for them
MEGABYTE = 1e6
# A chunk takes half of this, and as much again while the engine rewrites it to build its graph.
PEAK_BYTES = 50_000
# Scores this close are one score: the engine adds up in another order than numpy does.
SAME_SCORE = 1e-5

ASKING = Reader(tenant_of(0, 1))
NO_WORDS = SparseVector((), ())


@dataclass(frozen=True, slots=True)
class ScaleTask:
    """What to measure.

    Attributes:
        documents: Folder of documents to take passages from.
        questions: What to ask.
        sizes: How many chunks each index holds.
    """

    documents: Path
    questions: tuple[str, ...]
    sizes: tuple[int, ...]

    def check(self) -> None:
        """Fail now rather than after minutes of work.

        Raises:
            BadInput: There is nothing to ask, or a size is none.
            DiskFull: The largest index would not fit.
        """
        if len(self.questions) < 2:  # noqa: PLR2004 - a percentile of one is none
            raise BadInput("Times are told of two questions or more.")
        if not self.sizes or min(self.sizes) < LIMIT:
            raise BadInput(f"An index needs {LIMIT} chunks or more.")
        folder = Path(tempfile.gettempdir())
        free = shutil.disk_usage(folder).free
        needed = RESERVE_BYTES + max(self.sizes) * PEAK_BYTES
        if free < needed:
            raise DiskFull(
                f"{folder} has {free / MEGABYTE:.0f} MB free; {max(self.sizes):,} chunks take up "
                f"to {needed / MEGABYTE:.0f} MB.",
                hint="Set TMPDIR to a folder with more room.",
            )


@dataclass(frozen=True, slots=True)
class Size:
    """What was measured of one index.

    Attributes:
        chunks: How many chunks it holds.
        tenants: How many tenants share them; the questions are one tenant's.
        recall: Share of the 20 nearest passages that the dense leg returned.
        encode: One encode of a question.
        search: Both legs, with what is stored of each candidate.
        retrieve: A question to ranked passages: encode, search, late interaction.
        build_seconds: Storing the chunks and building the graph.
        disk: Bytes of disk it takes.
        memory: What opening it and asking every question took in a process of its own; None where
            the system does not tell.
    """

    chunks: int
    tenants: int
    recall: float
    encode: Timing
    search: Timing
    retrieve: Timing
    build_seconds: float
    disk: int
    memory: Memory | None


@dataclass(frozen=True, slots=True)
class ScaleReport:
    """Figures of every index, and what they are of.

    Attributes:
        real: How many real passages they were filled from.
        questions: How many questions were asked.
        sizes: The figures.
    """

    real: int
    questions: int
    sizes: tuple[Size, ...]


async def measure(settings: Settings, task: ScaleTask, console: Console) -> ScaleReport:
    """Encode passages, and build and question an index of each size."""
    task.check()
    with tempfile.TemporaryDirectory() as folder:
        async with open_library(scratch_settings(settings, folder)) as library:
            with open_meter(console) as meter:
                bench = _Bench(library, _encoded(library, task.documents, meter), meter)
                sizes = [
                    await bench.measure(task.questions, chunks, tenants)
                    for chunks in task.sizes
                    for tenants in TENANTS
                ]
            return ScaleReport(len(bench.real), len(task.questions), tuple(sizes))


def to_json(report: ScaleReport) -> str:
    """The report's figures."""
    return json.dumps(asdict(report), indent=2)


def show(report: ScaleReport, console: Console) -> None:
    """Print the figures; times are in encodes of a question."""
    console.print(f"{report.questions} questions; {report.real} real passages, then mixtures")
    heads = (f"{size.chunks:,} chunks\n{_tenants(size)}" for size in report.sizes)
    table = Table("", *(Column(head, justify="right") for head in heads), box=None)
    for name, figure in FIGURES.items():
        table.add_row(name, *map(figure, report.sizes))
    console.print(table)


def _tenants(size: Size) -> str:
    return "1 tenant" if size.tenants == 1 else f"{size.tenants} tenants"


def _megabytes(count: int | None) -> str:
    return "-" if count is None else f"{count / MEGABYTE:,.0f}"


FIGURES: Mapping[str, Callable[[Size], str]] = {
    "encode one question, ms": lambda size: f"{size.encode.p50:.2f}",
    "search, encodes (p50)": lambda size: f"{size.search.p50 / size.encode.p50:.1f}",
    "search, encodes (p95)": lambda size: f"{size.search.p95 / size.encode.p50:.1f}",
    "retrieve, encodes (p50)": lambda size: f"{size.retrieve.p50 / size.encode.p50:.1f}",
    "retrieve, encodes (p95)": lambda size: f"{size.retrieve.p95 / size.encode.p50:.1f}",
    "recall@20": lambda size: f"{size.recall:.4f}",
    "disk, MB": lambda size: _megabytes(size.disk),
    "memory, MB": lambda size: _megabytes(size.memory.own if size.memory else None),
    "mapped files, MB": lambda size: _megabytes(size.memory.mapped if size.memory else None),
    "built in, s": lambda size: f"{size.build_seconds:.0f}",
}


def _encoded(library: Library, documents: Path, meter: Meter) -> list[EncodedChunk]:
    encoder = ChunkEncoder(library.embedder, library.bm25, library.codec)
    chunks = [chunk for page in _pages(documents, encoder) for chunk in page]
    if not chunks:
        raise BadInput(f"{documents} holds nothing to search.")
    taken = random.Random(0).sample(chunks, min(MOST_REAL, len(chunks)))  # noqa: S311 - no secret
    meter.start("Encoding passages", len(taken))
    encoded: list[EncodedChunk] = []
    for start in range(0, len(taken), BATCH):
        encoded += encoder.encode(taken[start : start + BATCH])
        meter.advance(len(encoded) - start)
    return encoded


def _pages(documents: Path, encoder: ChunkEncoder) -> Iterator[list[Chunk]]:
    for file in FolderSource(documents).read():
        if isinstance(file, Skipped):
            continue
        with suppress(UnreadableDocument):
            yield chunk_page(parse(file), tokenizer=encoder, scope=Scope())


@dataclass(frozen=True, slots=True)
class _Bench:
    """Builds indexes of real passages and mixtures, and asks them questions."""

    library: Library
    real: Sequence[EncodedChunk]
    meter: Meter

    async def measure(self, questions: Sequence[str], chunks: int, tenants: int) -> Size:
        with tempfile.TemporaryDirectory() as folder:
            started = time.perf_counter()
            vectors = await self._build(folder, chunks, tenants)
            seconds = time.perf_counter() - started
            async with self._open(folder) as index:
                recall = await self._recall(index, questions, vectors, tenants)
                encode, search, retrieve = await self._times(index, questions)
            disk = _disk(Path(folder))
            queries = [self._query(question, words=True) for question in questions]
            embedder = self.library.embedder
            memory = await footprint(folder, embedder.name, embedder.dims, queries)
        return Size(chunks, tenants, recall, encode, search, retrieve, seconds, disk, memory)

    def _open(self, folder: str) -> AbstractAsyncContextManager[ChunkIndex]:
        return opened(folder, self.library.embedder.name, self.library.embedder.dims)

    async def _build(self, folder: str, chunks: int, tenants: int) -> NDArray[np.float32]:
        """Fill an index.

        Returns:
            The sentence vectors of the asking tenant's chunks, in order.
        """
        self.meter.start(f"Storing {chunks} chunks of {tenants} tenants", chunks)
        made = grow(self.real, chunks, tenants)
        mine: list[NDArray[np.float32]] = []
        async with self._open(folder) as index:
            for start in range(0, chunks, BATCH):
                batch = list(islice(made, BATCH))
                await index.upsert(batch)
                mine += [c.dense for n, c in enumerate(batch, start) if n % tenants == 0]
                self.meter.advance(len(batch))
            await index.flush()
        return np.stack(mine)

    def _query(self, question: str, *, words: bool) -> IndexQuery:
        return IndexQuery(
            dense=self.library.embedder.question(question).sentence,
            lexical=self.library.bm25.question(question) if words else NO_WORDS,
            reader=ASKING,
            limit=LIMIT,
        )

    async def _recall(
        self,
        index: ChunkIndex,
        questions: Sequence[str],
        vectors: NDArray[np.float32],
        tenants: int,
    ) -> float:
        shares = []
        for question in questions:
            query = self._query(question, words=False)
            rows = [number_of(c.chunk.id) // tenants for c in await index.search(query)]
            shares.append(recall(vectors @ query.dense, rows))
        return fmean(shares)

    async def _times(
        self, index: ChunkIndex, questions: Sequence[str]
    ) -> tuple[Timing, Timing, Timing]:
        """Time encoding, search and retrieval, in turn, so that a busy machine slows all three."""
        embedder, codec = self.library.embedder, self.library.codec
        encoder = QuestionEncoder(embedder)
        retriever = Retriever(index=index, encoder=encoder, bm25=self.library.bm25, codec=codec)
        seconds: list[tuple[float, float, float]] = []
        # The first pass is not counted: a server that has run for a while has its index in memory.
        for question in (*questions, *questions):
            query = self._query(question, words=True)
            started = time.perf_counter()
            embedder.question(question)
            encoded = time.perf_counter()
            await index.search(query)
            searched = time.perf_counter()
            await retriever.retrieve(question, ASKING)
            ended = time.perf_counter()
            seconds.append((encoded - started, searched - encoded, ended - searched))
        encoder.close()
        encode, search, retrieve = zip(*seconds[len(questions) :], strict=True)
        return (
            Timing.of("encode one question", encode),
            Timing.of("search", search),
            Timing.of("retrieve", retrieve),
        )


def recall(scores: NDArray[np.float32], rows: Sequence[int]) -> float:
    """Share of the nearest vectors that a search returned.

    Args:
        scores: The question's cosine to every vector.
        rows: The vectors returned. One as near as the last of the nearest is as good as that.
    """
    wanted = min(LIMIT, len(scores))
    last = np.partition(scores, -wanted)[-wanted]
    return float(np.sum(scores[list(rows)] >= last - SAME_SCORE)) / wanted


def _disk(folder: Path) -> int:
    files = (path.stat() for path in folder.rglob("*") if path.is_file())
    return sum(file.st_blocks * 512 for file in files)
