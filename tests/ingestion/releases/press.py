"""All that publishing takes, in one hand, and pages to publish."""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import TYPE_CHECKING

from ingestion.progress import LogMeter
from ingestion.releases.published import PublishedIndex
from ingestion.releases.publishing import DEFAULT_OPTIONS, Publisher
from ingestion.sources.files import FolderSource
from ingestion.sources.rules import PathRules
from ingestion.sources.spec import SourceSpec
from retrieval.encoding import ChunkEncoder
from retrieval.errors import IndexUnavailable
from retrieval.index import VersionQuery
from retrieval.types import Reader
from tests.library import SCOPE, encoded, unit_vector

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ingestion.releases.gate import Gate
    from ingestion.releases.ledger import Ledger
    from ingestion.releases.publishing import RunOptions, RunReport
    from ingestion.sources.source import SkipReason
    from retrieval.index import ChunkIndex, EncodedChunk
    from retrieval.types import Chunk, Scope

PUBLIC = Reader()
NO_RULES = PathRules()
GOOD = {"good.md": "# Good\n\nThe lid of the kettle is made of copper.\n"}


def sections(*words: str) -> str:
    """A page with one chunk for each word."""
    parts = (
        f"## About {word}\n\n" + f"The {word} is looked after with care. " * 22 for word in words
    )
    return "# Manual\n\n" + "\n\n".join(parts) + "\n"


def reasons(report: RunReport) -> dict[str, SkipReason]:
    return {skipped.page: skipped.reason for skipped in report.skipped}


class MadeUpEncoder(ChunkEncoder):
    """Vectors that cost nothing: the same for the same content, and for no other."""

    def __init__(self, dims: int = 32) -> None:
        self._dims = dims

    def count(self, text: str) -> int:
        return len(text.split()) + 2

    def encode(self, chunks: Sequence[Chunk]) -> list[EncodedChunk]:
        return [encoded(chunk, unit_vector(_seed(chunk.content), self._dims)) for chunk in chunks]


class NotingEncoder(ChunkEncoder):
    """Notes the passages that go through another encoder, which may fail on one of them."""

    def __init__(self, encoder: ChunkEncoder) -> None:
        self._real = encoder
        self.encoded: list[str] = []
        self.fails_on = ""

    def count(self, text: str) -> int:
        return self._real.count(text)

    def encode(self, chunks: Sequence[Chunk]) -> list[EncodedChunk]:
        if self.fails_on and any(self.fails_on in chunk.text for chunk in chunks):
            raise IndexUnavailable("The encoder failed half-way.")
        self.encoded += [chunk.text for chunk in chunks]
        return self._real.encode(chunks)


@dataclass(frozen=True, slots=True)
class Press:
    """Publishes folders, and looks at what readers see.

    Attributes:
        index: Where chunks are stored.
        ledger: Where releases are noted.
        encoder: Makes vectors, and notes for which passages.
        disk: The folder whose free space a run watches; None for none.
    """

    index: ChunkIndex
    ledger: Ledger
    encoder: NotingEncoder
    disk: Path | None = None

    async def publish(
        self,
        folder: Path,
        *,
        scope: Scope = SCOPE,
        base_url: str = "",
        rules: PathRules = NO_RULES,
        gate: Gate | None = None,
        options: RunOptions = DEFAULT_OPTIONS,
    ) -> RunReport:
        """Publish what a folder holds."""
        source = FolderSource(folder, base_url=base_url)
        spec = SourceSpec(scope.source, source, scope, rules)
        return await self.run([spec], gate=gate, options=options)

    async def run(
        self,
        specs: Sequence[SourceSpec],
        *,
        gate: Gate | None = None,
        options: RunOptions = DEFAULT_OPTIONS,
    ) -> RunReport:
        """Publish what some sources hold."""
        publisher = Publisher(
            index=self.index,
            ledger=self.ledger,
            encoder=self.encoder,
            meter=LogMeter(),
            folder=self.disk,
        )
        return await publisher.run(specs, gate=gate, options=options)

    async def page(self, page: str, reader: Reader = PUBLIC) -> list[Chunk]:
        """The passages of a page, as a reader sees it who comes now."""
        return await PublishedIndex(self.index, self.ledger).page(page, reader)

    async def says(self, page: str, reader: Reader = PUBLIC) -> str:
        """What a page says to a reader who comes now; empty when they do not see it."""
        return " ".join(chunk.text for chunk in await self.page(page, reader))

    async def shown(self, release: int | None = None, tenant: str = "default") -> dict[str, str]:
        """What every page says in a release, the current one unless told."""
        if release is None:
            release = (await self.ledger.head(tenant)).current
        shown = await self.index.versions(VersionQuery(tenant, release))
        reader = replace(PUBLIC, tenant=tenant, audiences=("public", "staff"), release=release)
        return {page: await self.says(page, reader) for page in sorted({v.page for v in shown})}


def folder_spec(folder: Path, name: str, rules: PathRules = NO_RULES) -> SourceSpec:
    """A folder as one of several sources."""
    return SourceSpec(name, FolderSource(folder), replace(SCOPE, source=name), rules)


def _seed(content: str) -> int:
    return int.from_bytes(blake2b(content.encode(), digest_size=4).digest())
