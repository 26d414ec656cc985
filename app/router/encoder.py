"""Texts to the vectors that a trained network gives them, on OpenVINO."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from tokenizers import Tokenizer

from retrieval.engines import Graph
from retrieval.padding import batches, padded, padding_mask
from retrieval.prepared import TOKENIZER

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray


class IntentEncoder:
    """A trained network's graph and tokenizer.

    Attributes:
        precision: What the graph computes in.
    """

    def __init__(self, folder: Path, longest: int, threads: int) -> None:
        """Load them.

        Args:
            folder: Where they are.
            longest: Tokens of a text that are read, start and end markers included.
            threads: How many to run on; 0 for one on each core.
        """
        self._graph = Graph(folder, threads)
        self._tokenizer = open_tokenizer(folder, longest)
        self.precision = self._graph.precision

    def vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors, of shape (texts, dims), in the order given."""
        rows = [tokens.ids for tokens in self._tokenizer.encode_batch(list(texts))]
        found: dict[int, NDArray[np.float32]] = {}
        for batch in batches([len(row) for row in rows]):
            ids = [rows[i] for i in batch]
            [vectors] = self._graph.run(padded(ids), padding_mask(ids))
            found.update(zip(batch, vectors, strict=True))
        return np.stack([found[i] for i in range(len(texts))])


def open_tokenizer(folder: Path, longest: int) -> Tokenizer:
    """The tokenizer in `folder`, which cuts what is longer than `longest` tokens and never pads."""
    tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
    tokenizer.no_padding()
    tokenizer.enable_truncation(longest)
    return tokenizer
