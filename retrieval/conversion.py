"""From PyTorch models to OpenVINO graphs, with their tokenizers beside them."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

from retrieval.prepared import GRAPH, TOKENIZER
from retrieval.private_openvino import openvino

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sentence_transformers import CrossEncoder, SentenceTransformer

# OpenVINO's own errors have no base of their own.
_INEXPRESSIBLE = (
    openvino.frontend.GeneralFailure,
    openvino.frontend.InitializationFailure,
    openvino.frontend.NotImplementedFailure,
    openvino.frontend.OpConversionFailure,
    openvino.frontend.OpValidationFailure,
)


class _BothVectors(torch.nn.Module):
    """All of a sentence-transformers model, with the outputs that retrieval needs."""

    def __init__(self, model: SentenceTransformer) -> None:
        super().__init__()
        self.model = model

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        features = self.model({"input_ids": input_ids, "attention_mask": attention_mask})
        return features["sentence_embedding"], features["token_embeddings"]


class _PairScore(torch.nn.Module):
    """All of a cross-encoder, with a score in [0, 1] for each pair.

    The sigmoid is part of the graph, which computes it in full precision: after rounding to
    bfloat16 all good passages would score alike.
    """

    def __init__(self, model: CrossEncoder) -> None:
        super().__init__()
        self.model = model

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        token_type_ids: torch.Tensor | None = None,
    ) -> torch.Tensor:
        features = {"input_ids": input_ids, "attention_mask": attention_mask}
        if token_type_ids is not None:
            features["token_type_ids"] = token_type_ids
        return torch.sigmoid(self.model(features)["scores"].squeeze(-1))


def write_embedder(model: SentenceTransformer, folder: Path) -> None:
    """Write the graph of `model`, from token ids to sentence and token vectors, and its tokenizer.

    Raises:
        RuntimeError: OpenVINO cannot express the model.
    """
    write_graph(_BothVectors(model.eval()), example_input(), folder)
    model.tokenizer.backend_tokenizer.save(str(folder / TOKENIZER))


def write_cross_encoder(model: CrossEncoder, folder: Path) -> None:
    """Write the graph of `model`, from token ids to a score for each pair, and its tokenizer.

    Raises:
        NotImplementedError: Its tokenizer is one that only transformers can run.
        RuntimeError: OpenVINO cannot express the model.
    """
    if not model.tokenizer.is_fast:
        raise NotImplementedError("its tokenizer is not one of the fast kind")
    example = example_input()
    if takes_types(model):
        types = torch.zeros_like(example["input_ids"])
        types[:, 3:] = 1
        example["token_type_ids"] = types
    write_graph(_PairScore(model.eval()), example, folder)
    model.tokenizer.backend_tokenizer.save(str(folder / TOKENIZER))


def takes_types(model: CrossEncoder) -> bool:
    """Whether it is told which tokens are the question's and which the passage's."""
    return "token_type_ids" in model.tokenizer.model_input_names


def example_input() -> dict[str, torch.Tensor]:
    """A batch to trace a graph with: two texts of some tokens."""
    ids = torch.ones((2, 8), dtype=torch.int64)
    mask = torch.ones_like(ids)
    mask[1, 5:] = 0  # padding, or the conversion would take the mask to be constant
    return {"input_ids": ids, "attention_mask": mask}


def write_graph(module: torch.nn.Module, example: dict[str, torch.Tensor], folder: Path) -> None:
    """Convert at full precision; what a graph runs at is decided on loading."""
    try:
        with _root_logger_kept():
            graph = openvino.convert_model(module, example_input=example)
    except _INEXPRESSIBLE as error:
        raise RuntimeError(str(error)) from error
    openvino.save_model(graph, folder / GRAPH, compress_to_fp16=False)


@contextmanager
def _root_logger_kept() -> Iterator[None]:
    """OpenVINO makes the root logger drop warnings, and undoes it only if a conversion succeeds."""
    root = logging.getLogger()
    level, filters, handlers = root.level, [*root.filters], [*root.handlers]
    transformers = logging.getLogger("transformers")
    said = transformers.level
    transformers.setLevel(logging.ERROR)  # it warns of settings that only training reads
    try:
        yield
    finally:
        transformers.setLevel(said)
        root.setLevel(level)
        root.filters, root.handlers = filters, handlers
