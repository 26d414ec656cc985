"""Text to vectors: one sentence vector, and one vector for each token.

Passages and questions pass through the same model. The sentence vector finds candidates;
the token vectors rank them and pick the sentences to quote (`retrieval.late`).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from retrieval.models import find_weights, load_graph, open_graphs

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from sentence_transformers import SentenceTransformer

BATCH_TOKENS = 4096  # tokens in one forward pass: large enough to fill two cores, small in memory

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Encoding:
    """What the model made of one text.

    Attributes:
        sentence: Unit vector of the whole text, float32 of shape (dims,).
        tokens: Unit vector of each token, float32 of shape (tokens, dims), markers left out.
        offsets: First and one-past-last character of each token, int32 of shape (tokens, 2).
        ids: Each token's vocabulary id, int32 of shape (tokens,).
    """

    sentence: NDArray[np.float32]
    tokens: NDArray[np.float32]
    offsets: NDArray[np.int32]
    ids: NDArray[np.int32]


class Embedder:
    """A sentence-transformers model on CPU: ONNX where it can be, PyTorch where not.

    Attributes:
        name: The model as named in the settings.
        backend: What runs it, for `answerable doctor`: "onnx-int8", "onnx" or "torch".
        dims: Length of every vector.
        max_tokens: Longest text the model reads, start and end markers included.
    """

    def __init__(
        self,
        name: str,
        backend: str,
        questions: SentenceTransformer,
        passages: SentenceTransformer,
    ) -> None:
        self.name = name
        self.backend = backend
        self._questions = questions
        self._passages = passages
        self._tokenizer = questions.tokenizer.backend_tokenizer.from_str(
            questions.tokenizer.backend_tokenizer.to_str()
        )
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self.dims = int(questions.get_embedding_dimension() or 0)
        self.max_tokens = int(questions.max_seq_length or 512)

    def question(self, text: str) -> Encoding:
        """Encode one question on the fast path."""
        return self.questions([text])[0]

    def questions(self, texts: Sequence[str]) -> list[Encoding]:
        """Encode questions that arrived together."""
        if self.backend == "onnx-int8":
            # Its scales are taken over the whole batch: a question's vector would depend on who
            # else is asking.
            return [self._encode(self._questions, [text])[0] for text in texts]
        return self._encode(self._questions, texts)

    def passages(self, texts: Sequence[str]) -> list[Encoding]:
        """Encode passages at full precision, in the order given."""
        counts = [self.count(text) for text in texts]
        encodings: dict[int, Encoding] = {}
        for batch in _batches(counts):
            encoded = self._encode(self._passages, [texts[i] for i in batch])
            encodings.update(zip(batch, encoded, strict=True))
        return [encodings[i] for i in range(len(texts))]

    def count(self, text: str) -> int:
        """Tokens in `text`, start and end markers included."""
        return len(self._tokenizer.encode(text))

    def vocabulary(self) -> list[str]:
        """The words the model knows whole, in the order of its vocabulary."""
        ranked = sorted(self._tokenizer.get_vocab().items(), key=lambda entry: entry[1])
        return [word for word, _ in ranked if word.isalpha()]

    def _encode(self, model: SentenceTransformer, texts: Sequence[str]) -> list[Encoding]:
        import torch  # noqa: PLC0415 - seconds to import; the command line's --help must not pay

        with torch.inference_mode():
            features = model(model.preprocess(list(texts)))
        sentences = _unit(features["sentence_embedding"].numpy())
        tokens = features["token_embeddings"].numpy()
        return [self._one(text, sentences[i], tokens[i]) for i, text in enumerate(texts)]

    def _one(
        self, text: str, sentence: NDArray[np.float32], tokens: NDArray[np.float32]
    ) -> Encoding:
        encoded = self._tokenizer.encode(text)
        length = min(len(encoded), self.max_tokens)
        inner = slice(1, length - 1)  # between the start and end markers
        return Encoding(
            sentence=sentence,
            tokens=_unit(tokens[inner]),
            offsets=np.array(encoded.offsets[inner], dtype=np.int32).reshape(-1, 2),
            ids=np.array(encoded.ids[inner], dtype=np.int32),
        )


def open_embedder(model: str, cache: Path) -> Embedder:
    """Load `model`, preparing its ONNX graphs under `cache` on first use.

    Falls back to PyTorch, and says so in the log, where ONNX cannot run the model.
    """
    try:
        graphs = open_graphs(model, cache)
        full = load_graph(graphs.folder, graphs.full)
        if not graphs.int8:
            return Embedder(model, "onnx", questions=full, passages=full)
        # A question is no faster on two cores, and threads that wait for the next one by
        # spinning slow the search down fourfold.
        fast = load_graph(graphs.folder, graphs.int8, threads=1)
        return Embedder(model, "onnx-int8", questions=fast, passages=full)
    except (ImportError, NotImplementedError, RuntimeError, ValueError):
        _log.warning("ONNX cannot run %s here; using PyTorch", model, exc_info=True)
        return _open_torch(model)


def _open_torch(model: str) -> Embedder:
    from sentence_transformers import SentenceTransformer  # noqa: PLC0415

    loaded = SentenceTransformer(find_weights(model), device="cpu")
    return Embedder(model, "torch", questions=loaded, passages=loaded)


def _batches(counts: Sequence[int]) -> Iterator[list[int]]:
    """Group texts of similar length, so that little of a forward pass is padding."""
    batch: list[int] = []
    for i in sorted(range(len(counts)), key=lambda i: counts[i], reverse=True):
        if batch and counts[batch[0]] * (len(batch) + 1) > BATCH_TOKENS:
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    norms = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(norms, 1e-12), dtype=np.float32)
