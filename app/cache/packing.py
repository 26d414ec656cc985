"""An entry as bytes: a line of JSON, then arrays, then the answer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

from app.cache.types import Entry
from app.cache.wording import Asked
from retrieval.embedders import Encoding

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from app.cache.types import Partition

FORM = 1  # stands in every key: entries of another form are never read
_STEPS = 127.0


def pack(entry: Entry) -> bytes:
    """Write an entry down; token vectors lose a hundredth of their precision."""
    encoding = entry.asked.encoding
    tokens, dims = encoding.tokens.shape
    steps = np.abs(encoding.tokens).max(axis=1, initial=1e-9, keepdims=True) / _STEPS
    header = {
        "partition": entry.partition.name,
        "question": entry.asked.text,
        "chunks": entry.chunks,
        "confidence": entry.confidence,
        "tokens": tokens,
        "dims": dims,
    }
    return b"".join(
        (
            json.dumps(header).encode() + b"\n",
            encoding.sentence.astype("<f4").tobytes(),
            steps.astype("<f4").tobytes(),
            encoding.offsets.astype("<i4").tobytes(),
            encoding.ids.astype("<i4").tobytes(),
            np.rint(encoding.tokens / steps).astype(np.int8).tobytes(),
            entry.answer,
        )
    )


def unpack(packed: bytes, partition: Partition) -> Entry | None:
    """The entry that `pack` wrote; None when it is another partition's."""
    line, _, rest = packed.partition(b"\n")
    header = json.loads(line)
    if header["partition"] != partition.name:
        return None
    tokens, dims = header["tokens"], header["dims"]
    floats = np.frombuffer(rest, "<f4", dims + tokens)
    numbers = np.frombuffer(rest, "<i4", 3 * tokens, floats.nbytes)
    codes = np.frombuffer(rest, np.int8, tokens * dims, floats.nbytes + numbers.nbytes)
    steps = floats[dims:].reshape(tokens, 1)
    encoding = Encoding(
        sentence=floats[:dims],
        tokens=_unit(codes.reshape(tokens, dims) * steps),
        offsets=numbers[: 2 * tokens].reshape(tokens, 2),
        ids=numbers[2 * tokens :],
    )
    return Entry(
        partition=partition,
        asked=Asked(header["question"], encoding),
        answer=rest[floats.nbytes + numbers.nbytes + codes.nbytes :],
        chunks=tuple(header["chunks"]),
        confidence=header["confidence"],
    )


def chunks_of(packed: bytes) -> frozenset[str]:
    """The chunks that support an entry, without reading the rest of it."""
    return frozenset(json.loads(packed.partition(b"\n")[0])["chunks"])


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(norms, 1e-9), dtype=np.float32)
