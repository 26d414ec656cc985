"""How a chunk is written into a point of Qdrant, embedded or on a server alike."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from retrieval.index import Candidate, Stored
from retrieval.late import INT8_MAX, TokenMatrix
from retrieval.types import Chunk, Scope, Unit, UnitKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from retrieval.index import EncodedChunk

DENSE = "dense"
LEXICAL = "bm25"
# How many neighbours the graph search keeps in view. At 100,000 chunks the engine's own choice
# misses 2% of the nearest twenty, this one .3%, at the same speed (`answerable eval scale`).
SEARCH_WIDTH = 256
TENANT = "tenant"  # indexed as such, which keeps each tenant's points together
FILTERED_FIELDS = (TENANT, "audience", "locale", "source", "product", "page")

_KINDS = tuple(UnitKind)
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class FoundPoint(Protocol):
    """A scored point, as the embedded engine and the client library both return it."""

    @property
    def id(self) -> object:
        """The chunk's id."""

    @property
    def score(self) -> float:
        """The leg's score."""

    @property
    def payload(self) -> Mapping[str, Any] | None:
        """What `to_payload` wrote."""


def to_payload(encoded: EncodedChunk) -> dict[str, Any]:
    """Everything about a chunk but the two vectors the engine searches."""
    chunk = encoded.chunk
    return {
        "tenant": chunk.scope.tenant,
        "audience": chunk.scope.audience,
        "locale": chunk.scope.locale,
        "source": chunk.scope.source,
        "product": chunk.scope.product,
        "page": chunk.page,
        "text": chunk.text,
        "context": chunk.context,
        **place_payload(chunk),
        "tokens": base64.b64encode(encoded.late.codes.tobytes()).decode(),
        "token_dims": int(encoded.late.codes.shape[1]),
        "token_count": encoded.late.length,
        "bounds": list(encoded.late.bounds),
        # Kept rounded beside the searched vector: a chunk that only BM25 found still gets its
        # cosine without a second query.
        "dense": base64.b64encode(_rounded(encoded.dense).tobytes()).decode(),
    }


def place_payload(chunk: Chunk) -> dict[str, Any]:
    """Where a chunk stands on its page: all that can change while its text does not."""
    return {
        "url": chunk.url,
        "title": chunk.title,
        "headings": list(chunk.headings),
        "start": chunk.start,
        "end": chunk.end,
        "position": chunk.position,
        "units": [n for unit in chunk.units for n in _flat(unit)],
        "place": chunk.place,
    }


def to_stored(payload: Mapping[str, Any]) -> Stored:
    """What planning a run needs to know of a stored chunk."""
    return Stored(page=payload["page"], place=payload["place"])


def to_chunk(point_id: object, payload: Mapping[str, Any]) -> Chunk:
    """The chunk written by `to_payload`."""
    return Chunk(
        id=str(point_id),
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


def _scope(payload: Mapping[str, Any]) -> Scope:
    return Scope(
        tenant=payload["tenant"],
        audience=payload["audience"],
        locale=payload["locale"],
        source=payload["source"],
        product=payload.get("product", ""),  # points stored before there were products lack it
    )


def to_late(payload: Mapping[str, Any]) -> TokenMatrix:
    """The token vectors written by `to_payload`."""
    codes = np.frombuffer(base64.b64decode(payload["tokens"]), dtype=np.int8)
    return TokenMatrix(
        codes=codes.reshape(-1, payload["token_dims"]),
        bounds=tuple(payload["bounds"]),
        length=payload["token_count"],
    )


def to_cosine(payload: Mapping[str, Any], question: NDArray[np.float32]) -> float:
    """Cosine of the stored sentence vector to the question's."""
    codes = np.frombuffer(base64.b64decode(payload["dense"]), dtype=np.int8).astype(np.float32)
    return float(codes @ question / np.linalg.norm(codes))


def only_ids(names: Sequence[str]) -> list[str]:
    """Those names that can be a chunk's id; the engine refuses a request with any other."""
    return [name for name in names if _UUID.fullmatch(name)]


def merge_legs(
    dense: Sequence[FoundPoint], lexical: Sequence[FoundPoint], question: NDArray[np.float32]
) -> list[Candidate]:
    """Candidates of both legs, best cosine first.

    Args:
        dense: What the sentence vector found, scored by cosine.
        lexical: What BM25 found.
        question: The question's unit vector, for chunks that only BM25 found.
    """
    cosines = {str(point.id): point.score for point in dense}
    bm25 = {str(point.id): point.score for point in lexical}
    payloads = {str(point.id): point.payload or {} for point in (*dense, *lexical)}
    candidates = [
        Candidate(
            chunk=to_chunk(i, payload),
            late=to_late(payload),
            dense=cosines[i] if i in cosines else to_cosine(payload, question),
            lexical=bm25.get(i),
        )
        for i, payload in payloads.items()
    ]
    return sorted(candidates, key=lambda candidate: -candidate.dense)


def _rounded(vector: NDArray[np.float32]) -> NDArray[np.int8]:
    scaled: NDArray[np.float32] = vector / np.abs(vector).max() * INT8_MAX
    return np.rint(scaled).astype(np.int8)


def _flat(unit: Unit) -> tuple[int, int, int]:
    return unit.start, unit.end, _KINDS.index(unit.kind)


def _units(flat: list[int]) -> tuple[Unit, ...]:
    triples = zip(flat[::3], flat[1::3], flat[2::3], strict=True)
    return tuple(Unit(start, end, _KINDS[kind]) for start, end, kind in triples)
