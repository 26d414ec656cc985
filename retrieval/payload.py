"""How a chunk is written into a point of Qdrant, embedded or on a server alike.

A point is one version of a chunk: it says from which release on the chunk stands like this, and
from which on it no longer does.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, Protocol, cast
from uuid import UUID, uuid5

import numpy as np

from retrieval.index import NEWEST, OPEN, Candidate, EncodedChunk, Version
from retrieval.late import CODE_MAX, TokenMatrix
from retrieval.lexical import SparseVector
from retrieval.types import Chunk, Scope, Unit, UnitKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from retrieval.types import Reader

DENSE = "dense"
LEXICAL = "bm25"
# How many neighbours the graph search keeps in view. At 100,000 chunks the engine's own choice
# misses 2% of the nearest twenty, this one .3%, at the same speed (`answerable eval scale`).
SEARCH_WIDTH = 256
TENANT = "tenant"  # indexed as such, which keeps each tenant's points together
FILTERED_FIELDS = (TENANT, "audience", "locale", "source", "product", "page", "id", "content")
COUNTED_FIELDS = ("since", "until")
VERSION_FIELDS = ["id", "page", "place", "since", "until"]
CONTENT_FIELDS = ["content", "tokens", "token_dims", "token_count", "bounds"]

_KINDS = tuple(UnitKind)
_VERSIONS = UUID("9d5b51a4-6b0f-4d8e-9f0d-6a3a3f1d2c11")  # the namespace of their ids
# Token codes are written as printable ASCII: a byte each, and read back without decoding.
_SPACE = ord(" ")
_INT8_MAX = 127


class FoundPoint(Protocol):
    """A scored point, as the embedded engine and the client library both return it."""

    @property
    def id(self) -> object:
        """The version's id."""

    @property
    def score(self) -> float:
        """The leg's score."""


class StoredPoint(Protocol):
    """A point read with its vectors, as both return it."""

    @property
    def payload(self) -> Mapping[str, Any] | None:
        """What `to_payload` wrote."""

    @property
    def vector(self) -> object:
        """The vectors the engine searches, by name."""


def version_id(chunk: Chunk, release: int) -> str:
    """The id of a chunk as it stands from a release on."""
    return str(uuid5(_VERSIONS, f"{chunk.id} {release}"))


def read_at(reader: Reader) -> int:
    """The release a reader reads."""
    return NEWEST if reader.release is None else reader.release


def to_payload(encoded: EncodedChunk, release: int) -> dict[str, Any]:
    """Everything about a chunk but the two vectors the engine searches."""
    chunk = encoded.chunk
    return {
        "id": chunk.id,
        "content": chunk.content,
        "since": release,
        "until": OPEN,
        "tenant": chunk.scope.tenant,
        "audience": chunk.scope.audience,
        "locale": chunk.scope.locale,
        "source": chunk.scope.source,
        "product": chunk.scope.product,
        "page": chunk.page,
        "text": chunk.text,
        "context": chunk.context,
        "url": chunk.url,
        "title": chunk.title,
        "headings": list(chunk.headings),
        "start": chunk.start,
        "end": chunk.end,
        "position": chunk.position,
        "units": [n for unit in chunk.units for n in _flat(unit)],
        "place": chunk.place,
        "tokens": _written(encoded.late.codes),
        "token_dims": int(encoded.late.codes.shape[1]),
        "token_count": encoded.late.length,
        "bounds": list(encoded.late.bounds),
        # Kept rounded beside the searched vector: a chunk that only BM25 found still gets its
        # cosine without a second query.
        "dense": base64.b64encode(_rounded(encoded.dense).tobytes()).decode(),
    }


def to_version(point_id: object, payload: Mapping[str, Any]) -> Version:
    """The version written by `to_payload`, of which only `VERSION_FIELDS` are needed."""
    return Version(
        id=str(point_id),
        chunk=payload["id"],
        page=payload["page"],
        place=payload["place"],
        since=payload["since"],
        until=payload["until"],
    )


def to_chunk(payload: Mapping[str, Any]) -> Chunk:
    """The chunk written by `to_payload`."""
    return Chunk(
        id=payload["id"],
        page=payload["page"],
        url=payload["url"],
        title=payload["title"],
        headings=tuple(payload["headings"]),
        text=payload["text"],
        start=payload["start"],
        end=payload["end"],
        position=payload["position"],
        units=_units(payload["units"]),
        context=payload["context"],
        scope=_scope(payload),
    )


def to_late(payload: Mapping[str, Any]) -> TokenMatrix:
    """The token vectors written by `to_payload`."""
    written = np.frombuffer(payload["tokens"].encode("ascii"), dtype=np.int8)
    codes = written - np.int8(_SPACE + CODE_MAX)
    return TokenMatrix(
        codes=codes.reshape(-1, payload["token_dims"]),
        bounds=tuple(payload["bounds"]),
        length=payload["token_count"],
    )


def to_cosine(payload: Mapping[str, Any], question: NDArray[np.float32]) -> float:
    """Cosine of the stored sentence vector to the question's."""
    codes = np.frombuffer(base64.b64decode(payload["dense"]), dtype=np.int8).astype(np.float32)
    return float(codes @ question / np.linalg.norm(codes))


def reencoded(chunk: Chunk, stored: StoredPoint) -> EncodedChunk:
    """A chunk with the vectors that were stored with the same content."""
    vectors: Mapping[str, Any] = cast("Mapping[str, Any]", stored.vector)
    terms = vectors[LEXICAL]
    return EncodedChunk(
        chunk=chunk,
        dense=np.array(vectors[DENSE], dtype=np.float32),
        lexical=SparseVector(tuple(terms.indices), tuple(terms.values)),
        late=to_late(stored.payload or {}),
    )


def merge_legs(
    dense: Sequence[FoundPoint],
    lexical: Sequence[FoundPoint],
    payloads: Mapping[str, Mapping[str, Any]],
    question: NDArray[np.float32],
) -> list[Candidate]:
    """Candidates of both legs, best cosine first.

    Args:
        dense: What the sentence vector found, scored by cosine.
        lexical: What BM25 found.
        payloads: What was stored with each of them, by id.
        question: The question's unit vector, for chunks that only BM25 found.
    """
    cosines = {str(point.id): point.score for point in dense}
    bm25 = {str(point.id): point.score for point in lexical}
    candidates = [
        Candidate(
            chunk=to_chunk(payload),
            late=to_late(payload),
            dense=cosines[i] if i in cosines else to_cosine(payload, question),
            lexical=bm25.get(i),
        )
        for i, payload in payloads.items()
    ]
    return sorted(candidates, key=lambda candidate: -candidate.dense)


def _scope(payload: Mapping[str, Any]) -> Scope:
    return Scope(
        tenant=payload["tenant"],
        audience=payload["audience"],
        locale=payload["locale"],
        source=payload["source"],
        product=payload["product"],
    )


def _written(codes: NDArray[np.int8]) -> str:
    return (codes + np.int8(_SPACE + CODE_MAX)).tobytes().decode("ascii")


def _rounded(vector: NDArray[np.float32]) -> NDArray[np.int8]:
    scaled: NDArray[np.float32] = vector / np.abs(vector).max() * _INT8_MAX
    return np.rint(scaled).astype(np.int8)


def _flat(unit: Unit) -> tuple[int, int, int]:
    return unit.start, unit.end, _KINDS.index(unit.kind)


def _units(flat: list[int]) -> tuple[Unit, ...]:
    triples = zip(flat[::3], flat[1::3], flat[2::3], strict=True)
    return tuple(Unit(start, end, _KINDS[kind]) for start, end, kind in triples)
