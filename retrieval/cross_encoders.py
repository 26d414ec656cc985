"""A question and a passage to one score: cross-encoders, opened the fastest way there is here."""

from __future__ import annotations

import logging
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from retrieval.engines import expect_torch_device
from retrieval.errors import AnswerableError, ModelMismatch
from retrieval.models import spelt_out
from retrieval.pairs import OpenVinoPairs, PairProfile, TorchPairs
from retrieval.prepared import folder_name, prepare, state_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sentence_transformers import CrossEncoder

    from retrieval.pairs import PairEngine

RECIPE = "openvino, a score for each pair"
# Rounding to bfloat16 moves a score by a few thousandths. More than this is another tokenization
# or another model.
LARGEST_ERROR = 0.05

_QUESTION = "How long do refunds take?"
_PROBES = (
    "Refunds are paid back to the card you used within 5 working days of the return.",
    "Hold the button for ten seconds until the light turns amber, then release it.",
    "A refund",
)

_log = logging.getLogger(__name__)


class PairScorer:
    """A sentence-transformers cross-encoder.

    Attributes:
        name: The model as named in the settings.
        backend: What runs it, and on what; for traces.
    """

    def __init__(self, name: str, backend: str, engine: PairEngine) -> None:
        self.name = name
        self.backend = backend
        self._engine = engine

    def scores(self, question: str, texts: Sequence[str]) -> list[float]:
        """How well each text answers the question, in [0, 1], in the order given.

        Raises:
            ValueError: The model gives something that is no number.
        """
        scores = self._engine.run(question, texts)
        if not np.isfinite(scores).all():
            raise ValueError("it gave a score that is no number")
        return [float(score) for score in scores]


def open_cross_encoder(model: str, cache: Path, device: str = "cpu") -> PairScorer:
    """Load `model`, preparing it in `cache` on first use.

    Falls back to PyTorch, and says so in the log, where OpenVINO cannot run the model.

    Args:
        model: A sentence-transformers cross-encoder, by hub name or folder.
        cache: Where prepared models are kept.
        device: "cpu", or a PyTorch device such as "cuda".

    Raises:
        BadInput: PyTorch cannot use the device.
        ModelMismatch: It is not there, does not load, or gives more than one score.
    """
    try:
        return _open(spelt_out(model), cache, device)
    except AnswerableError:
        raise
    except Exception as error:  # the libraries raise nothing narrower
        raise _unusable(model, str(error).strip().partition("\n")[0]) from error


def _unusable(model: str, problem: str) -> ModelMismatch:
    return ModelMismatch(
        f"'{model}' cannot be used as a cross-encoder: {problem.rstrip('.')}.",
        hint="Set ANSWERABLE_RERANKER to cross-encoder: and a sentence-transformers "
        "cross-encoder's folder or hub name, or to late:.",
    )


def _open(model: str, cache: Path, device: str) -> PairScorer:
    if device != "cpu":
        return _open_torch(model, device)
    try:
        return _open_prepared(model, cache)
    except (ImportError, NotImplementedError, RuntimeError, ValueError):
        _log.warning("OpenVINO cannot run %s here; using PyTorch", model, exc_info=True)
        return _open_torch(model, device)


def _open_prepared(model: str, cache: Path) -> PairScorer:
    folder = cache / folder_name(model, RECIPE, state_of(model))
    prepared = prepare(folder, partial(_convert, model))
    engine = OpenVinoPairs(prepared.folder, PairProfile(**prepared.facts))
    return PairScorer(model, f"openvino, {engine.precision}", engine)


def _open_torch(model: str, device: str) -> PairScorer:
    expect_torch_device(device)
    engine = TorchPairs(_load(model, device))
    return PairScorer(model, f"torch, {engine.device}", engine)


def _load(model: str, device: str) -> CrossEncoder:
    from sentence_transformers import CrossEncoder  # noqa: PLC0415 - seconds to import
    from torch.nn import Sigmoid  # noqa: PLC0415

    loaded: CrossEncoder = CrossEncoder(model, device=device, activation_fn=Sigmoid())
    if loaded.num_labels != 1:
        raise _unusable(model, f"it gives {loaded.num_labels} scores for a pair instead of one")
    return loaded


def _convert(model: str, folder: Path) -> dict[str, object]:
    """Write the graph and the tokenizer of `model` into `folder`; returns its profile.

    Raises:
        RuntimeError: OpenVINO cannot express the model, or not so that its scores stay the same.
    """
    from retrieval.conversion import write_cross_encoder  # noqa: PLC0415 - imports PyTorch

    loaded = _load(model, "cpu")
    write_cross_encoder(loaded, folder)
    profile = PairProfile.of(loaded)
    exact = TorchPairs(loaded).run(_QUESTION, _PROBES)
    error = float(np.abs(OpenVinoPairs(folder, profile).run(_QUESTION, _PROBES) - exact).max())
    if not error <= LARGEST_ERROR:  # not so either where it is no number
        raise RuntimeError(f"its scores differ by up to {error:.2f} from those of PyTorch")
    return asdict(profile)
