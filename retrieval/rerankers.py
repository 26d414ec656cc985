"""What decides the order of passages once their signals are known."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from retrieval.errors import BadInput
from retrieval.fusion import SHIPPED_WEIGHTS, SignalArrays, fuse

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from retrieval.cross_encoders import PairScorer
    from retrieval.fusion import FusionWeights
    from retrieval.types import Passage

DEFAULT_RERANKER = "late:"
# How many of the fused order a cross-encoder reads: each costs a forward pass of its own.
READ = 20

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ranking:
    """Passages in their final order.

    Attributes:
        passages: The passages, best first; `Passage.score` is what they are ranked by.
        note: What went wrong without stopping it, for the trace; empty as a rule.
    """

    passages: tuple[Passage, ...]
    note: str = ""


class Reranker(Protocol):
    """Has the last word on the order; signals, matches and unit scores stay as they are."""

    @property
    def name(self) -> str:
        """What it is, for traces."""

    async def rank(self, question: str, passages: Sequence[Passage]) -> Ranking:
        """Rank passages that come by their fused score, best first."""


class LateReranker:
    """`late:`, the fused score as it is: late interaction is part of it."""

    name = "late"

    async def rank(self, question: str, passages: Sequence[Passage]) -> Ranking:
        """See `Reranker.rank`."""
        del question
        return Ranking(tuple(passages))


class DenseLexicalReranker:
    """`none:`, sentence vectors and BM25 alone, to compare with."""

    name = "none"

    def __init__(self, weights: FusionWeights) -> None:
        # The length is taken off for the sake of MaxSim, so it goes with it.
        self._weights = replace(weights, late=0.0, length=0.0)

    async def rank(self, question: str, passages: Sequence[Passage]) -> Ranking:
        """See `Reranker.rank`."""
        del question
        scores = fuse(SignalArrays.of(passages), self._weights)
        return Ranking(_scored(passages, scores.tolist()))


class CrossEncoderReranker:
    """`cross-encoder:MODEL`, a model that reads the question and each passage together.

    It scores the best `READ` passages; the others follow in their order, as far behind the
    lowest of those as their fused score was. Where it fails, the fused order stands.
    """

    def __init__(self, scorer: PairScorer) -> None:
        self.name = f"cross-encoder:{scorer.name} ({scorer.backend})"
        self._scorer = scorer
        # One question at a time: a second would only make both slower.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="rerank")

    async def rank(self, question: str, passages: Sequence[Passage]) -> Ranking:
        """See `Reranker.rank`."""
        if not passages:
            return Ranking(())
        texts = [passage.chunk.embedded_text for passage in passages[:READ]]
        loop = asyncio.get_running_loop()
        try:
            read = await loop.run_in_executor(self._thread, self._scorer.scores, question, texts)
        except Exception as error:  # noqa: BLE001 - a customer's question outweighs its order
            _log.warning("%s failed; ranked without it", self.name, exc_info=True)
            return Ranking(tuple(passages), note=f"{self.name} failed: {error}")
        return Ranking(_scored(passages, [*read, *_behind(passages, min(read))]))


FUSED_ORDER = LateReranker()


def open_reranker(
    url: str, cache: Path, weights: FusionWeights = SHIPPED_WEIGHTS, device: str = "cpu"
) -> Reranker:
    """Open the reranker a URL names.

    Args:
        url: `late:`, `none:`, or `cross-encoder:` and a model's name or folder.
        cache: Where prepared models are kept.
        weights: What the fused score is made with.
        device: What a cross-encoder runs on: "cpu", or a PyTorch device such as "cuda".

    Raises:
        BadInput: The URL names none, or PyTorch cannot use the device.
        ModelMismatch: The model is not there, or is no cross-encoder.
    """
    kind, colon, model = url.partition(":")
    if kind == "cross-encoder" and model:
        from retrieval.cross_encoders import open_cross_encoder  # noqa: PLC0415 - --help skips it

        return CrossEncoderReranker(open_cross_encoder(model, cache, device))
    if colon and not model and kind == "late":
        return FUSED_ORDER
    if colon and not model and kind == "none":
        return DenseLexicalReranker(weights)
    raise BadInput(
        f"'{url}' does not name a reranker.",
        hint="Set ANSWERABLE_RERANKER to late:, none: or cross-encoder:MODEL.",
    )


def _behind(passages: Sequence[Passage], lowest: float) -> list[float]:
    """Scores of the passages that were not read: below `lowest`, as far apart as they were."""
    last = passages[min(READ, len(passages)) - 1].score
    return [lowest - (last - passage.score) for passage in passages[READ:]]


def _scored(passages: Sequence[Passage], scores: Sequence[float]) -> tuple[Passage, ...]:
    """The passages with new scores, best first; equals keep their order."""
    pairs = zip(passages, scores, strict=True)
    scored = [replace(passage, score=score) for passage, score in pairs]
    return tuple(sorted(scored, key=lambda passage: -passage.score))
