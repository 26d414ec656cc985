"""Text to vectors: one sentence vector, and one vector for each token.

Passages and questions pass through the same model. The sentence vector finds candidates;
the token vectors rank them and pick the sentences to quote (`retrieval.late`).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from tokenizers import Tokenizer

from retrieval.engines import (
    OpenVinoEngine,
    TorchEngine,
    expect_torch_device,
    question_threads,
)
from retrieval.models import ModelProfile, find_weights, prepare_model
from retrieval.padding import batches, padded, padding_mask
from retrieval.prepared import TOKENIZER

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from tokenizers import Encoding as Tokens

    from retrieval.engines import Engine
    from retrieval.models import PreparedModel

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
    """An embedding model.

    Attributes:
        name: The model as named in the settings.
        backend: What runs it, for `answerable doctor`.
        dims: Length of every vector.
        max_tokens: Longest text the model reads, start and end markers included.
    """

    def __init__(
        self,
        name: str,
        backend: str,
        *,
        profile: ModelProfile,
        tokenizer: Tokenizer,
        questions: Engine,
        passages: Callable[[], Engine],
    ) -> None:
        """`passages` is called when the first passage comes: a server may never see one."""
        self.name = name
        self.backend = backend
        self.dims = profile.dims
        self.max_tokens = profile.max_tokens
        self._profile = profile
        self._tokenizer = tokenizer
        self._questions = questions
        self._passages = cache(passages)

    def question(self, text: str) -> Encoding:
        """Encode one question."""
        return self.questions([text])[0]

    def questions(self, texts: Sequence[str]) -> list[Encoding]:
        """Encode questions that arrived together, in the order given."""
        return self._encode(self._questions, self._profile.question_prompt, texts)

    def passages(self, texts: Sequence[str]) -> list[Encoding]:
        """Encode passages, in the order given."""
        return self._encode(self._passages(), self._profile.passage_prompt, texts)

    def count(self, text: str) -> int:
        """Tokens in `text`, start and end markers included."""
        return len(self._tokenizer.encode(text))

    def vocabulary(self) -> list[str]:
        """The words the model knows whole, in the order of its vocabulary."""
        ranked = sorted(self._tokenizer.get_vocab().items(), key=lambda entry: entry[1])
        return [word for word, _ in ranked if word.isalpha()]

    def _encode(self, engine: Engine, prompt: str, texts: Sequence[str]) -> list[Encoding]:
        tokens = self._tokenizer.encode_batch([prompt + text for text in texts])
        lengths = [min(len(one), self.max_tokens) for one in tokens]
        encodings: dict[int, Encoding] = {}
        for batch in batches(lengths):
            ids = [tokens[i].ids[: lengths[i]] for i in batch]
            vectors = engine.run(padded(ids), padding_mask(ids))
            for i, sentence, rows in zip(batch, *vectors, strict=True):
                encodings[i] = _encoding(tokens[i], lengths[i], len(prompt), sentence, rows)
        return [encodings[i] for i in range(len(texts))]


def open_embedder(model: str, folder: Path, device: str = "cpu") -> Embedder:
    """Load `model`, preparing it in `folder` on first use.

    Falls back to PyTorch, and says so in the log, where OpenVINO cannot run the model.

    Args:
        model: A sentence-transformers model, by hub name or folder.
        folder: Where prepared models are kept.
        device: "cpu", or a PyTorch device such as "cuda".

    Raises:
        BadInput: PyTorch cannot use the device.
        ModelMismatch: The weights are not there, or not the published ones.
    """
    if device != "cpu":
        return _open_torch(model, device)
    try:
        return _open_prepared(model, prepare_model(model, folder))
    except (ImportError, NotImplementedError, RuntimeError, ValueError):
        _log.warning("OpenVINO cannot run %s here; using PyTorch", model, exc_info=True)
        return _open_torch(model, device)


def _open_prepared(model: str, prepared: PreparedModel) -> Embedder:
    questions = OpenVinoEngine(prepared.folder, question_threads())
    return Embedder(
        model,
        f"openvino, {questions.precision}",
        profile=prepared.profile,
        tokenizer=_whole(Tokenizer.from_file(str(prepared.folder / TOKENIZER))),
        questions=questions,
        passages=lambda: OpenVinoEngine(prepared.folder, threads=0),
    )


def _open_torch(model: str, device: str) -> Embedder:
    expect_torch_device(device)
    from sentence_transformers import SentenceTransformer  # noqa: PLC0415 - seconds to import

    loaded = SentenceTransformer(find_weights(model), device=device)
    engine = TorchEngine(loaded)
    # A copy: the model's own is shared with whoever else uses it.
    tokenizer = Tokenizer.from_str(loaded.tokenizer.backend_tokenizer.to_str())
    return Embedder(
        model,
        f"torch, {engine.device}",
        profile=ModelProfile.of(loaded),
        tokenizer=_whole(tokenizer),
        questions=engine,
        passages=lambda: engine,
    )


def _whole(tokenizer: Tokenizer) -> Tokenizer:
    """The tokenizer, neither padding nor cutting: both are done here, where lengths are known."""
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def _encoding(
    tokens: Tokens,
    length: int,
    prompt: int,
    sentence: NDArray[np.float32],
    rows: NDArray[np.float32],
) -> Encoding:
    """One text's vectors, without the markers around it and the prompt ahead of it."""
    offsets = np.array(tokens.offsets[:length], dtype=np.int32).reshape(-1, 2)
    inner = slice(1 + int(np.searchsorted(offsets[1 : length - 1, 0], prompt)), length - 1)
    return Encoding(
        sentence=_unit(sentence),
        tokens=_unit(rows[inner]),
        offsets=offsets[inner] - prompt,
        ids=np.array(tokens.ids[inner], dtype=np.int32),
    )


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    norms = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(norms, 1e-12), dtype=np.float32)
