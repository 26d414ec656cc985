from __future__ import annotations

import numpy as np

from retrieval.padding import BATCH_TOKENS, SIMILAR, batches, padded, padding_mask


def test_batches_hold_every_text_once_and_stay_small() -> None:
    counts = [int(n) for n in np.random.default_rng(1).integers(2, 512, 300)]
    found = list(batches(counts))
    assert sorted(i for batch in found for i in batch) == list(range(300))
    assert all(max(counts[i] for i in b) * len(b) <= BATCH_TOKENS for b in found)
    assert all(min(counts[i] for i in b) >= SIMILAR * max(counts[i] for i in b) for b in found)


def test_a_text_larger_than_a_batch_goes_alone() -> None:
    assert list(batches([BATCH_TOKENS * 2, 5])) == [[0], [1]]


def test_nothing_makes_no_batch() -> None:
    assert list(batches([])) == []


def test_rows_are_filled_up_at_their_end() -> None:
    rows = [[5, 6, 7], [8]]
    assert padded(rows, 1).tolist() == [[5, 6, 7], [8, 1, 1]]
    assert padded(rows).tolist() == [[5, 6, 7], [8, 0, 0]]
    assert padding_mask(rows).tolist() == [[1, 1, 1], [1, 0, 0]]
