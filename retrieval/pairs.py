"""What runs cross-encoders: OpenVINO on a CPU, PyTorch on a GPU."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Protocol

import numpy as np
from tokenizers import Tokenizer

from retrieval.engines import Graph, half_the_cores
from retrieval.models import LONGEST
from retrieval.padding import batches, padded, padding_mask
from retrieval.prepared import TOKENIZER

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from sentence_transformers import CrossEncoder
    from tokenizers import Encoding as Tokens

BATCH = 8  # pairs in one forward pass of PyTorch: bounds its memory, whatever their length
# Some models set no limit; no question and passage come near this one.
MOST_TOKENS = 8192


@dataclass(frozen=True, slots=True)
class PairProfile:
    """What there is to know of a cross-encoder before running it.

    Attributes:
        max_tokens: Longest pair it reads, markers included.
        padding: The token id that stands for none.
        types: Whether it is told which tokens are the question's and which the passage's.
    """

    max_tokens: int
    padding: int
    types: bool

    @classmethod
    def of(cls, model: CrossEncoder) -> PairProfile:
        """Read it off a loaded model."""
        from retrieval.conversion import takes_types  # noqa: PLC0415 - imports PyTorch

        return cls(
            max_tokens=min(int(model.max_seq_length or LONGEST), MOST_TOKENS),
            padding=int(model.tokenizer.pad_token_id or 0),
            types=takes_types(model),
        )


class PairEngine(Protocol):
    """Runs a cross-encoder."""

    def run(self, question: str, texts: Sequence[str]) -> NDArray[np.floating]:
        """A score in [0, 1] for the question and each text, in the order given."""


class OpenVinoPairs:
    """A prepared cross-encoder on the CPU; half of the cores stay free for the search.

    Of a pair that is too long, the passage loses its end.
    """

    def __init__(self, folder: Path, profile: PairProfile) -> None:
        self._graph = Graph(folder, half_the_cores())
        self.precision = self._graph.precision
        self._profile = profile
        self._tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(profile.max_tokens, strategy="only_second")

    def run(self, question: str, texts: Sequence[str]) -> NDArray[np.floating]:
        """See `PairEngine.run`."""
        question = self._shortened(question)
        pairs = self._tokenizer.encode_batch([(question, text) for text in texts])
        scores = np.zeros(len(texts), np.float32)
        for batch in batches([len(pair) for pair in pairs]):
            [scores[batch]] = self._graph.run(*self._inputs([pairs[i] for i in batch]))
        return scores

    def _inputs(self, pairs: Sequence[Tokens]) -> list[NDArray[np.int64]]:
        ids = [pair.ids for pair in pairs]
        inputs = [padded(ids, self._profile.padding), padding_mask(ids)]
        if self._profile.types:
            inputs.append(padded([pair.type_ids for pair in pairs]))
        return inputs

    def _shortened(self, question: str) -> str:
        """The question, without what would leave a passage less than half of the room."""
        most = self._profile.max_tokens // 2
        # As the second text: only that may be too long for the tokenizer.
        tokens = self._tokenizer.encode("", question, add_special_tokens=False)
        return question if len(tokens) <= most else question[: tokens.offsets[most - 1][1]]


class TorchPairs:
    """A cross-encoder as sentence-transformers runs it."""

    def __init__(self, model: CrossEncoder) -> None:
        self.device = model.device.type
        self._model = model
        self._lock = Lock()  # its tokenizer serves one thread at a time

    def run(self, question: str, texts: Sequence[str]) -> NDArray[np.floating]:
        """See `PairEngine.run`."""
        with self._lock:
            scores = self._model.predict(
                [(question, text) for text in texts], batch_size=BATCH, show_progress_bar=False
            )
        return np.asarray(scores)
