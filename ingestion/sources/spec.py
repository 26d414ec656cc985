"""The sources of a sources file, each with its name and its place."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from hashlib import blake2b
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from ingestion.chunked_file import Placement
from ingestion.sources.entries import FolderEntry, GitEntry, WebsiteEntry
from ingestion.sources.files import FolderSource
from ingestion.sources.git import GitSource, is_local
from ingestion.sources.rules import PathRule, PathRules
from ingestion.sources.sources_file import read_entries
from ingestion.sources.website import Bounds, Manners, WebsiteSource
from retrieval.errors import BadInput
from retrieval.types import Scope

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingestion.sources.entries import SourceEntry
    from ingestion.sources.source import Source

_PARTS_OF_A_SOURCE = ("base_url", "count", "read", "commit")


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """A source, and where what is read from it belongs.

    Attributes:
        name: Names it among its tenant's sources.
        source: Where the files come from.
        scope: Whose they are, and for whom; its `source` is the name.
        rules: What holds for some of its pages.
    """

    name: str
    source: Source
    scope: Scope
    rules: PathRules = field(default_factory=PathRules)

    @property
    def placement(self) -> Placement:
        """Where what is read from it belongs."""
        return Placement(self.scope, self.rules, self.source.base_url)


def load_sources(path: Path, *, state: Path) -> list[SourceSpec]:
    """Read a sources file; the sources themselves are not looked at yet.

    Args:
        path: The file. Paths in it are relative to where it is.
        state: The folder where checkouts and what is remembered of websites are kept.

    Raises:
        SourceNotFound: The file cannot be read.
        BadInput: It is not what it should be; the message names file, line and field.
    """
    specs = []
    for placed in read_entries(path):
        try:
            specs.append(_spec(placed.entry, path.parent, state))
        except BadInput as error:
            raise BadInput(f"{placed.where}: {error.message}", hint=error.hint) from error
    return specs


def _spec(entry: SourceEntry, here: Path, state: Path) -> SourceSpec:
    scope = Scope(entry.tenant, entry.audience, entry.locale, entry.name, entry.product)
    rules = PathRules(tuple(PathRule(**rule.model_dump()) for rule in entry.rules))
    return SourceSpec(entry.name, _source(entry, here, state), scope, rules)


def _source(entry: SourceEntry, here: Path, state: Path) -> Source:
    match entry.kind:
        case FolderEntry() as files:
            return FolderSource(_located(files.path, here), entry.base_url, files.max_bytes)
        case GitEntry() as repository:
            return _git(repository, entry.base_url, here, state)
        case WebsiteEntry() as website:
            return _website(website, state / f"{_file_name(entry)}.json")
        case reference:
            return _custom(reference, entry.options)


def _git(entry: GitEntry, base_url: str, here: Path, state: Path) -> GitSource:
    address = entry.address
    # One that begins with "-" is refused as it is, not hidden in a path.
    if is_local(address) and not address.startswith("-"):
        address = str(_located(address, here))
    return GitSource(
        address,
        checkouts=state / "checkouts",
        ref=entry.ref,
        folder=entry.folder,
        base_url=base_url,
        max_bytes=entry.max_bytes,
        timeout=entry.timeout,
    )


def _website(entry: WebsiteEntry, state: Path) -> WebsiteSource:
    bounds = Bounds(
        max_pages=entry.max_pages,
        max_depth=entry.max_depth,
        max_bytes=entry.max_bytes,
        max_seconds=entry.max_seconds,
        include=tuple(entry.include),
        exclude=tuple(entry.exclude),
    )
    manners = Manners(
        requests_per_second=entry.requests_per_second,
        timeout=entry.timeout,
        retries=entry.retries,
        backoff=entry.backoff,
        longest_wait=entry.longest_wait,
    )
    return WebsiteSource(entry.start, state, bounds=bounds, manners=manners)


def _custom(reference: str, options: Mapping[str, object]) -> Source:
    """A source of the operator's own, whose file is trusted as a command line is."""
    module, _, name = reference.partition(":")
    try:
        source: Source = getattr(import_module(module), name)(**options)
    except (ImportError, AttributeError) as error:
        raise BadInput(
            f"'{reference}' cannot be imported: {error}.",
            hint="Write module:name, and set PYTHONPATH to the folder that the module is in.",
        ) from error
    except TypeError as error:
        raise BadInput(
            f"'{reference}' does not take these options: {error}.",
            hint="The options are passed to it by name.",
        ) from error
    if lacking := [part for part in _PARTS_OF_A_SOURCE if not hasattr(source, part)]:
        raise BadInput(
            f"'{reference}' makes no source: it has no {', '.join(lacking)}.",
            hint="docs/sources.md shows what a source is.",
        )
    return source


def _located(path: str, here: Path) -> Path:
    return here / Path(path).expanduser()


def _file_name(entry: SourceEntry) -> str:
    slug = re.sub(r"\W+", "-", entry.name)[:60].strip("-")
    named = f"{entry.tenant}\n{entry.name}"
    return f"{slug}-{blake2b(named.encode(), digest_size=6).hexdigest()}"
