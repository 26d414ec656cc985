"""Pairs of questions that ask the same or do not: read from files, or made of intents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from app.cache.contradictions import contradiction
from app.cache.likeness import likeness
from app.cache.wording import Asked, read_wording
from app.router.utterances import OUT_OF_SCOPE
from eval.intent_sets import load_intent_set
from ingestion.rows import read_rows
from retrieval.errors import MalformedDataset

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from app.router.utterances import Utterance
    from ingestion.progress import Meter
    from ingestion.rows import Row
    from retrieval.embedders import Embedder

BATCH = 256
MOST = 8000  # utterances of one set that pairs are made of
SEED = 0


@dataclass(frozen=True, slots=True)
class Pair:
    """Two questions.

    Attributes:
        a: The one.
        b: The other.
        same: Whether the answer to one answers the other.
        kind: Of what kind the pair is, for counting; empty when nobody said.
    """

    a: str
    b: str
    same: bool
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Compared:
    """A pair, and what the verifier goes by.

    Attributes:
        pair: The pair.
        contradiction: What tells the two apart for certain; empty when nothing does.
        signals: How alike they are; see `app.cache.likeness`.
    """

    pair: Pair
    contradiction: str
    signals: Mapping[str, float]


def load_pairs(path: Path, embedder: Embedder, without: frozenset[str] = frozenset()) -> list[Pair]:
    """The pairs in a file of JSON lines `a`, `b`, `label`, or made of a folder's intents.

    Args:
        path: The file, or the folder of a set of utterances with their intents.
        embedder: Finds the closest utterances.
        without: Questions that no pair may hold.

    Raises:
        MalformedDataset: It is neither; the message names file and line.
    """
    if path.is_dir():
        learn = load_intent_set(path, whole=False).learn
        return _made_of([u for u in learn if u.text not in without], embedder)
    pairs = [_pair(row) for row in read_rows(path)]
    if not pairs:
        raise MalformedDataset(f"{path} holds no pairs.", hint="Give one JSON object a line.")
    return [pair for pair in pairs if pair.a not in without and pair.b not in without]


def compare(pairs: Sequence[Pair], embedder: Embedder, meter: Meter) -> list[Compared]:
    """Encode the questions and take each pair's measure."""
    texts = sorted({text for pair in pairs for text in (pair.a, pair.b)})
    meter.start("Encoding questions", len(texts))
    wordings = {}
    for first in range(0, len(texts), BATCH):
        some = texts[first : first + BATCH]
        for text, encoding in zip(some, embedder.questions(some), strict=True):
            wordings[text] = read_wording(Asked(text, encoding))
        meter.advance(len(some))
    meter.start("Comparing pairs", len(pairs))
    compared = []
    for pair in pairs:
        a, b = wordings[pair.a], wordings[pair.b]
        compared.append(Compared(pair, contradiction(a, b), likeness(a, b)))
        meter.advance()
    return compared


def _pair(row: Row) -> Pair:
    label = row.fields.get("label")
    if label not in {0, 1}:
        raise MalformedDataset(
            f"{row.where}: 'label' is neither 0 nor 1.",
            hint="1 says that the answer to one question answers the other, 0 that it does not.",
        )
    kind = row.text("kind") or row.text("trap")
    return Pair(row.name("a"), row.name("b"), label == 1, kind)


def _made_of(utterances: Sequence[Utterance], embedder: Embedder) -> list[Pair]:
    """Each utterance with the closest of its intent, and with the closest of any other."""
    known = {u.text: u.intent for u in utterances if u.intent != OUT_OF_SCOPE}
    texts = _some(list(known))
    intents = np.array([known[text] for text in texts])
    batches = (texts[first : first + BATCH] for first in range(0, len(texts), BATCH))
    vectors = np.stack([e.sentence for batch in batches for e in embedder.questions(batch)])
    pairs = []
    for i, text in enumerate(texts):
        similar = vectors @ vectors[i]
        similar[i] = -1.0
        alike = intents == intents[i]
        same, other = np.where(alike, similar, -1.0), np.where(alike, -1.0, similar)
        pairs.append(Pair(text, texts[int(same.argmax())], same=True))
        pairs.append(Pair(text, texts[int(other.argmax())], same=False))
    return _once(pairs)


def _some(texts: list[str]) -> list[str]:
    kept = np.random.default_rng(SEED).permutation(len(texts))[:MOST]
    return [texts[i] for i in sorted(kept)]


def _once(pairs: Iterable[Pair]) -> list[Pair]:
    """Each pair once, whichever of the two questions stands first."""
    return list({frozenset((pair.a, pair.b)): pair for pair in pairs}.values())
