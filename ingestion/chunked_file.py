"""One file of a source to its chunks: the same work here and on a cluster."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING

from ingestion.chunking import CHUNKER_VERSION, chunk_page
from ingestion.reading import READER_VERSION, read_documents
from ingestion.sources.source import Skipped

if TYPE_CHECKING:
    from langchain_core.documents import Document

    from ingestion.context import TokenCounter
    from ingestion.sources.rules import PathRules
    from ingestion.sources.source import SourceFile
    from retrieval.types import Chunk, Scope


@dataclass(frozen=True, slots=True)
class Placement:
    """Where what is read from a source belongs.

    Attributes:
        scope: Whose it is, and for whom, where no rule and no page says otherwise.
        rules: What holds for some of its pages.
        base_url: Where customers read the pages.
    """

    scope: Scope
    rules: PathRules
    base_url: str

    def of(self, page: str) -> Scope | None:
        """Where a page belongs; None when a rule leaves it out."""
        return self.rules.scope(page, self.scope)


@dataclass(frozen=True, slots=True)
class ChunkedFile:
    """What one file came to.

    Attributes:
        file: Its name in the source.
        fingerprint: See `fingerprint`.
        pages: The pages it was read into.
        chunks: Their chunks, page by page.
        skipped: What of it could not be used.
    """

    file: str
    fingerprint: str
    pages: tuple[str, ...]
    chunks: tuple[Chunk, ...]
    skipped: tuple[Skipped, ...]


@lru_cache
def manner(placement: Placement) -> str:
    """Digest of all that decides what becomes of a file but the file itself."""
    decided = (READER_VERSION, CHUNKER_VERSION, placement)
    return blake2b(repr(decided).encode(), digest_size=8).hexdigest()


def fingerprint(file: SourceFile, placement: Placement) -> str:
    """Digest of a file's bytes and address, after the manner it is read in."""
    data = blake2b(file.data, key=blake2b(file.url.encode()).digest(), digest_size=20)
    return f"{manner(placement)}-{data.hexdigest()}"


def chunk_file(file: SourceFile, placement: Placement, tokenizer: TokenCounter) -> ChunkedFile:
    """Read a file and cut its pages into chunks. What cannot be used of it is reported."""
    chunks: list[Chunk] = []
    pages: list[str] = []
    skipped: list[Skipped] = []
    for found in read_documents(file):
        if isinstance(found, Skipped):
            skipped.append(found)
        elif (scope := _scope(found, placement)) is not None:
            pages.append(found.metadata["page"])
            chunks += chunk_page(
                found, tokenizer=tokenizer, scope=scope, base_url=placement.base_url
            )
    return ChunkedFile(
        file=file.page,
        fingerprint=fingerprint(file, placement),
        pages=tuple(pages),
        chunks=tuple(chunks),
        skipped=tuple(skipped),
    )


def _scope(document: Document, placement: Placement) -> Scope | None:
    """Where a page belongs: the source says, its path may say otherwise, the page knows best."""
    scope = placement.of(document.metadata["page"])
    if scope is None:
        return None
    declared = {key: document.metadata[key] for key in ("audience", "locale", "product")}
    return replace(scope, **{key: value for key, value in declared.items() if value})
