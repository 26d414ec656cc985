"""What can be done to an index, and how the process that has it open does it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path  # noqa: TC003 - pydantic reads the annotations
from typing import TYPE_CHECKING, Protocol

from app.bootstrap import open_search
from ingestion.golden import load_golden
from ingestion.releases.gate import DEFAULT_TOLERANCE, Gate
from ingestion.releases.publishing import DEFAULT_OPTIONS, RunOptions
from ingestion.releases.upkeep import difference, vacuum
from ingestion.sources.files import FolderSource
from ingestion.sources.spec import SourceSpec, load_sources
from ingestion.sources.withdrawn import WithdrawnSource
from retrieval.errors import BadInput
from retrieval.types import Scope

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from app.bootstrap import Library
    from app.settings import Settings
    from ingestion.engines import Engine
    from ingestion.progress import Meter
    from ingestion.ray_engine import RayEngine
    from ingestion.releases.publishing import RunReport
    from ingestion.releases.upkeep import PageDifference

EVERYBODY = Scope()
LOCAL = "local"


@dataclass(frozen=True, slots=True)
class IngestRequest:
    """What to read, and how.

    Attributes:
        folders: Folders or files to read; each is a source, named by its path.
        sources: A file that describes sources; None for none.
        base_url: Where customers read the pages of the folders.
        scope: Whose the folders' documents are, and for whom, where a page does not say.
        remove: Names of sources of which nothing is to be shown any more.
        golden: A file of golden questions that the candidate has to answer; None for none.
        tolerance: The greatest share of them that may be lost, in [0, 1].
        options: How to go about it.
        engine: Where the work is done: "local", or "ray" or "ray:ADDRESS" for a cluster.
    """

    folders: tuple[Path, ...] = ()
    sources: Path | None = None
    base_url: str = ""
    scope: Scope = EVERYBODY
    remove: tuple[str, ...] = ()
    golden: Path | None = None
    tolerance: float = DEFAULT_TOLERANCE
    options: RunOptions = DEFAULT_OPTIONS
    engine: str = LOCAL


class Knowledge(Protocol):
    """What can be done to an index that some process has open."""

    @property
    def index_name(self) -> str:
        """Which index it is; see `Settings.index_name`."""

    async def ingest(self, request: IngestRequest, meter: Meter) -> list[RunReport]:
        """Publish what the sources hold now, one release for each tenant.

        Raises:
            AnswerableError: Nothing was published for a tenant; those before it stay published.
        """

    async def vacuum(self, tenant: str, keep: int) -> int:
        """Remove what only releases before the last `keep` show; returns how many versions."""

    async def difference(self, tenant: str, first: int, second: int) -> list[PageDifference]:
        """What changed from one release to another, page by page."""


class OwnKnowledge(Knowledge):
    """An index that this process has open."""

    def __init__(self, settings: Settings, library: Library) -> None:
        self._settings = settings
        self._library = library

    @property
    def index_name(self) -> str:
        """See `Knowledge.index_name`."""
        return self._settings.index_name

    async def ingest(self, request: IngestRequest, meter: Meter) -> list[RunReport]:
        """See `Knowledge.ingest`."""
        specs = await asyncio.to_thread(specs_of, self._settings, request)
        specs += [await self._withdrawn(name, request.scope) for name in request.remove]
        _expect_one_tenant(specs, request)
        async with self._gate(request) as gate, self._engine(request.engine) as engine:
            publisher = self._library.publisher(self._settings, meter, engine)
            return [
                await publisher.run(tuple(of_tenant), gate=gate, options=request.options)
                for _, of_tenant in groupby(sorted(specs, key=_tenant), key=_tenant)
            ]

    async def vacuum(self, tenant: str, keep: int) -> int:
        """See `Knowledge.vacuum`."""
        return await vacuum(self._library.index, self._library.ledger, tenant, keep=keep)

    async def difference(self, tenant: str, first: int, second: int) -> list[PageDifference]:
        """See `Knowledge.difference`."""
        library = self._library
        return await difference(library.index, library.ledger, tenant, first, second)

    async def _withdrawn(self, name: str, scope: Scope) -> SourceSpec:
        known = await self._library.ledger.sources(scope.tenant)
        if name not in known:
            raise BadInput(
                f"Tenant '{scope.tenant}' has no source '{name}'.",
                hint=f"It has: {', '.join(known) or 'none'}.",
            )
        return SourceSpec(name, WithdrawnSource(), replace(scope, source=name))

    @asynccontextmanager
    async def _gate(self, request: IngestRequest) -> AsyncIterator[Gate | None]:
        if request.golden is None:
            yield None
            return
        questions = load_golden(request.golden)
        async with open_search(self._settings, self._library) as search:
            yield Gate(search.retriever(self._library.index), questions, request.tolerance)

    @asynccontextmanager
    async def _engine(self, engine: str) -> AsyncIterator[Engine | None]:
        if engine == LOCAL:
            yield None
            return
        opened = await asyncio.to_thread(_open_ray, self._settings, engine)
        try:
            yield opened
        finally:
            opened.close()


def _open_ray(settings: Settings, engine: str) -> RayEngine:
    kind, _, address = engine.partition(":")
    if kind != "ray":
        raise BadInput(
            f"'{engine}' is no engine.", hint="Write local, ray, or ray:ADDRESS of a cluster."
        )
    try:
        from ingestion.ray_engine import RayEngine, Recipe  # noqa: PLC0415 - it is an extra
    except ImportError as error:
        raise BadInput(
            "Ray is not installed.", hint="Install it: pip install 'answerable[ray]'."
        ) from error
    recipe = Recipe(settings.embedder, settings.models_folder.resolve(), settings.device)
    return RayEngine(address or "auto", recipe)


def specs_of(settings: Settings, request: IngestRequest) -> list[SourceSpec]:
    """The sources a request names; a folder that is not there fails before any is read.

    Raises:
        SourceNotFound: A folder or the sources file is not there.
        BadInput: Nothing is named, or the sources file is not what it should be.
    """
    specs = [_folder(path, request) for path in request.folders]
    for spec in specs:
        spec.source.count()
    if request.sources is not None:
        specs += load_sources(request.sources, state=settings.home / "sources")
    if not specs and not request.remove:
        raise BadInput(
            "There is nothing to ingest.", hint="Name a folder, or a file with --sources."
        )
    return specs


def _folder(path: Path, request: IngestRequest) -> SourceSpec:
    name = str(path.resolve())
    source = FolderSource(path, base_url=request.base_url)
    return SourceSpec(name, source, replace(request.scope, source=name))


def _expect_one_tenant(specs: Sequence[SourceSpec], request: IngestRequest) -> None:
    tenants = {_tenant(spec) for spec in specs}
    if request.golden is not None and len(tenants) > 1:
        raise BadInput(
            f"Golden questions are about one tenant, and the sources are of {len(tenants)}.",
            hint="Keep a file of sources for each tenant.",
        )


def _tenant(spec: SourceSpec) -> str:
    return spec.scope.tenant
