"""Fills an index with what a retrieval set is about: its passages, or its raw pages."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING
from uuid import UUID

from eval.overlap import carried, words
from eval.scratch import publish_as_it_is
from ingestion.chunking import DEFAULT_BUDGET
from ingestion.context import breadcrumb
from ingestion.engines import BATCH
from ingestion.sources.files import FolderSource
from ingestion.sources.rules import PathRules
from ingestion.sources.spec import SourceSpec
from retrieval.encoding import ChunkEncoder
from retrieval.errors import BadInput, MalformedDataset
from retrieval.sentences import split_units
from retrieval.types import Chunk, Reader, Scope

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from app.bootstrap import Library
    from app.settings import Settings
    from eval.corpus import CorpusPassage, RetrievalSet
    from ingestion.progress import Meter

# What `ingestion.chunking` gives to what stands above a passage.
CONTEXT_TOKENS = DEFAULT_BUDGET // 3
RULE = (
    "A chunk is right when half of the words of the shorter one, it or the relevant passage, "
    "stand in five-word runs that both have."
)
SHORTEST_QUESTION = 3  # words; fewer stand on some page by chance


@dataclass(frozen=True, slots=True)
class Indexed:
    """What is in the index, and how it relates to the set's judgements.

    Attributes:
        chunks: How many chunks were indexed.
        names: The passage each chunk is; empty when chunks were cut from pages.
        carries: The passages each chunk cut from pages carries, when it carries any.
        shelf: The chunks of every page, in order; empty when the set's passages were indexed.
        notes: How the index came to be, for the reader of the figures.
        cautions: What keeps the figures from being taken at their word.
    """

    chunks: int
    names: Mapping[str, str]
    carries: Mapping[str, tuple[str, ...]]
    shelf: Mapping[str, tuple[Chunk, ...]]
    notes: tuple[str, ...]
    cautions: tuple[str, ...]

    def units(self, chunks: Sequence[Chunk], relevant: Mapping[str, int]) -> dict[str, int]:
        """What the chunks count as, in their order, and which of them each unit is from.

        A chunk of the set's own is the passage it is. A chunk cut from a page is every relevant
        passage that it carries and none before it did, so that a passage counts once; when there
        is none it stands for itself.
        """
        units: dict[str, int] = {}
        for position, chunk in enumerate(chunks):
            carries = (unit for unit in self.carries.get(chunk.id, ()) if unit in relevant)
            new = [unit for unit in carries if unit not in units]
            units.update(dict.fromkeys(new or [self.names.get(chunk.id, chunk.id)], position))
        return units

    def is_right(self, chunk: Chunk, relevant: Mapping[str, int]) -> bool:
        """Whether a chunk is, or carries, a relevant passage."""
        units = (self.names.get(chunk.id, ""), *self.carries.get(chunk.id, ()))
        return any(unit in relevant for unit in units)


async def index_passages(library: Library, found: RetrievalSet, meter: Meter) -> Indexed:
    """Index the set's passages, each as one chunk.

    Raises:
        BadInput: The set has only excerpts, which are too few to search.
    """
    if found.excerpts:
        raise BadInput(
            f"'{found.name}' has excerpts of pages, and no passages to search.",
            hint="Add --pages: it searches the pages.",
        )
    encoder = ChunkEncoder(library.embedder, library.bm25, library.codec)
    chunks = [_chunk(p, place, encoder) for place, p in enumerate(found.passages)]
    meter.start("Encoding passages", len(chunks))
    for start in range(0, len(chunks), BATCH):
        batch = chunks[start : start + BATCH]
        await library.index.upsert(encoder.encode(batch))
        meter.advance(len(batch))
    await library.index.flush()
    await publish_as_it_is(library)
    names = {c.id: p.id for c, p in zip(chunks, found.passages, strict=True)}
    return Indexed(len(chunks), names, {}, {}, (), _cut_off(library, chunks))


async def index_pages(
    library: Library, settings: Settings, found: RetrievalSet, meter: Meter
) -> Indexed:
    """Ingest the set's raw pages, and find its relevant passages among the chunks.

    Raises:
        MalformedDataset: There are no pages, or a relevant passage does not name its own.
    """
    gold = _gold(found)
    source = FolderSource(_pages(found))
    spec = SourceSpec(Scope().source, source, Scope(), PathRules())
    report = await library.publisher(settings, meter).run([spec])
    shelf = {
        page: tuple(await library.index.page(page, Reader())) for page in source.listing().pages
    }
    carries = carried(gold, shelf)
    notes = (
        f"{report.counts.read} pages were ingested; {len(report.skipped)} files were skipped.",
        RULE,
    )
    cautions = (*_lost(gold, carries), *_told(found, shelf))
    return Indexed(report.counts.encoded, {}, carries, shelf, notes, cautions)


def _chunk(passage: CorpusPassage, position: int, encoder: ChunkEncoder) -> Chunk:
    headings = tuple(h for h in passage.headings if h.casefold() != passage.title.casefold())
    digest = blake2b(passage.id.encode(), digest_size=16).digest()
    return Chunk(
        id=str(UUID(bytes=digest, version=5)),
        page=passage.page or passage.id,
        url=passage.page or passage.id,
        title=passage.title,
        headings=headings,
        text=passage.text,
        start=0,
        end=len(passage.text),
        position=position,
        units=split_units(passage.text),
        context=breadcrumb(passage.title, headings, encoder, CONTEXT_TOKENS),
        scope=Scope(),
    )


def _cut_off(library: Library, chunks: Sequence[Chunk]) -> tuple[str, ...]:
    embedder = library.embedder
    count = sum(embedder.count(chunk.text) > embedder.max_tokens for chunk in chunks)
    caution = (
        f"{count} of {len(chunks)} passages are longer than the {embedder.max_tokens} tokens "
        f"{embedder.name} reads: it does not see their ends. BM25 does."
    )
    return (caution,) if count else ()


def _pages(found: RetrievalSet) -> Path:
    if found.pages is None:
        raise MalformedDataset(
            f"'{found.name}' has no raw pages.",
            hint="Put them into a folder 'pages' beside corpus.jsonl, or leave out --pages.",
        )
    return found.pages


def _gold(found: RetrievalSet) -> list[CorpusPassage]:
    """The passages that are relevant to some question."""
    names = {name for relevant in found.relevant.values() for name in relevant}
    gold = [passage for passage in found.passages if passage.id in names]
    for passage in gold:
        if not passage.page:
            raise MalformedDataset(
                f"Passage '{passage.id}' does not say which page it is from.",
                hint="Give it a 'page', as a path under 'pages', or leave out --pages.",
            )
    return gold


def _lost(gold: Sequence[CorpusPassage], carries: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    present = {name for names in carries.values() for name in names}
    lost = sum(passage.id not in present for passage in gold)
    caution = (
        f"{lost} of {len(gold)} relevant passages are in no chunk of their page, as far as their "
        "words tell: they count as missed."
    )
    return (caution,) if lost else ()


def _told(found: RetrievalSet, shelf: Mapping[str, Sequence[Chunk]]) -> tuple[str, ...]:
    """A caution when questions stand on the pages, word for word."""
    said = "\n".join(
        f" {' '.join(words(part))} "
        for chunks in shelf.values()
        for chunk in chunks
        for part in (chunk.title, *chunk.headings, chunk.text)
    )
    asked = [words(question.text) for question in found.answerable]
    told = sum(len(q) >= SHORTEST_QUESTION and f" {' '.join(q)} " in said for q in asked)
    caution = (
        f"{told} of {len(asked)} questions stand on the pages word for word, as a heading or in "
        "the text: for those the figures are flattering."
    )
    return (caution,) if told else ()
