"""Texts of any length to forward passes of one shape."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

BATCH_TOKENS = 4096  # tokens in one forward pass: large enough to fill two cores, small in memory
# A text shorter than this share of the longest waits for the next pass: computing its padding
# costs more than a pass does.
SIMILAR = 0.5


def batches(counts: Sequence[int]) -> Iterator[list[int]]:
    """Group texts of similar length, so that little of a forward pass is padding.

    Args:
        counts: Tokens in each text.

    Yields:
        Positions of the texts that go together.
    """
    batch: list[int] = []
    for i in sorted(range(len(counts)), key=lambda i: counts[i], reverse=True):
        full = batch and counts[batch[0]] * (len(batch) + 1) > BATCH_TOKENS
        if full or (batch and counts[i] < SIMILAR * counts[batch[0]]):
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch


def padded(rows: Sequence[Sequence[int]], padding: int = 0) -> NDArray[np.int64]:
    """Rows of any length as one array, filled up with `padding`."""
    array = np.full((len(rows), max(map(len, rows))), padding, np.int64)
    for i, row in enumerate(rows):
        array[i, : len(row)] = row
    return array


def padding_mask(rows: Sequence[Sequence[int]]) -> NDArray[np.int64]:
    """1 where `padded` has an entry of a row, 0 where it filled up."""
    return padded([[1] * len(row) for row in rows])
