"""What is searched and asked: a set's passages, or the example help centre as we cut it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tokenizers import Tokenizer

from eval.answers import carries_gold
from eval.corpus import DatasetQuestion
from eval.datasets import load_set
from eval.indexing import CONTEXT_TOKENS
from eval.peers.protocol import Passage, Question
from eval.searching import standalone
from ingestion.chunking import chunk_page
from ingestion.context import breadcrumb
from ingestion.golden import load_golden
from ingestion.parsing import parse
from ingestion.sources.files import FolderSource
from ingestion.sources.source import SourceFile
from retrieval.errors import BadInput
from retrieval.types import Scope

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from eval.corpus import CorpusPassage
    from ingestion.context import TokenCounter
    from ingestion.golden import GoldenQuestion
    from retrieval.types import Chunk

EXAMPLES = Path(__file__).parents[2] / "examples"


@dataclass(frozen=True, slots=True)
class PeerSet:
    """Passages, questions that at least one of them answers, and which.

    Attributes:
        name: What reports call it.
        passages: What is searched.
        questions: What is asked, follow-ups in the light of what came before.
        relevant: By question id, the grade of each relevant passage by its id.
        notes: What the reader of the figures should know about it.
    """

    name: str
    passages: tuple[Passage, ...]
    questions: tuple[Question, ...]
    relevant: Mapping[str, Mapping[str, int]]
    notes: tuple[str, ...]


def read_set(folder: Path, weights: Path) -> PeerSet:
    """A set in a folder of its own.

    Args:
        folder: Where it is.
        weights: Folder of the embedding model, whose tokens decide how long a heading may be.

    Raises:
        MalformedDataset: The set is not what it should be.
        BadInput: It has only excerpts, which are too few to search.
    """
    found = load_set(folder)
    if found.excerpts:
        raise BadInput(
            f"'{found.name}' has excerpts of pages, and no passages to search.",
            hint="Give a set in BEIR's form.",
        )
    tokenizer = _Words(weights)
    return PeerSet(
        name=found.name,
        passages=tuple(_from_set(passage, tokenizer) for passage in found.passages),
        questions=tuple(_asked(question) for question in found.answerable),
        relevant={question.id: found.relevant[question.id] for question in found.answerable},
        notes=_left_out(len(found.unanswerable)),
    )


def example_set(weights: Path) -> PeerSet:
    """The example help centre, cut by our own ingestion, and its golden questions."""
    tokenizer = _Words(weights)
    files = FolderSource(EXAMPLES / "help-centre").read()
    chunks = [
        chunk
        for file in files
        if isinstance(file, SourceFile)
        for chunk in chunk_page(parse(file), tokenizer=tokenizer, scope=Scope())
    ]
    golden = load_golden(EXAMPLES / "golden.jsonl")
    relevant = {question.id: _carrying(chunks, question) for question in golden}
    asked = [question for question in golden if relevant[question.id]]
    return PeerSet(
        name="examples/help-centre",
        passages=tuple(map(_from_chunk, chunks)),
        questions=tuple(_asked(_as_in_sets(question)) for question in asked),
        relevant={question.id: relevant[question.id] for question in asked},
        notes=(*_left_out(len(golden) - len(asked)), "The passages were cut by our ingestion."),
    )


class _Words:
    """Counts tokens as the embedder does, without loading it."""

    def __init__(self, weights: Path) -> None:
        self._tokenizer = Tokenizer.from_file(str(weights / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()

    def count(self, text: str) -> int:
        """See `TokenCounter.count`."""
        return len(self._tokenizer.encode(text))


def _from_set(passage: CorpusPassage, tokenizer: TokenCounter) -> Passage:
    headings = tuple(h for h in passage.headings if h.casefold() != passage.title.casefold())
    return Passage(
        id=passage.id,
        page=passage.page,
        title=passage.title,
        headings=headings,
        context=breadcrumb(passage.title, headings, tokenizer, CONTEXT_TOKENS),
        text=passage.text,
    )


def _from_chunk(chunk: Chunk) -> Passage:
    return Passage(
        id=chunk.id,
        page=chunk.page,
        title=chunk.title,
        headings=chunk.headings,
        context=chunk.context,
        text=chunk.text,
    )


def _carrying(chunks: Sequence[Chunk], question: GoldenQuestion) -> dict[str, int]:
    return {chunk.id: 1 for chunk in chunks if carries_gold(chunk, question)}


def _as_in_sets(question: GoldenQuestion) -> DatasetQuestion:
    return DatasetQuestion(question.id, question.question, question.earlier, question.answer)


def _asked(question: DatasetQuestion) -> Question:
    return Question(question.id, standalone(question.text, question.earlier))


def _left_out(count: int) -> tuple[str, ...]:
    return (f"{count} questions have no relevant passage: not asked.",) if count else ()
