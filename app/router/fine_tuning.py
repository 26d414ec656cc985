"""Trains the network, epoch by epoch."""

from __future__ import annotations

import logging
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from app.router.checkpoints import Checkpoint, Epoch, read_checkpoint
from retrieval.padding import padded, padding_mask
from retrieval.private_openvino import openvino

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from app.router.network import IntentNetwork
    from app.router.recipe import Recipe
    from ingestion.progress import Meter

DIRECTIONS_RATE = 1e-3  # directions start rougher than the encoder does, and there are few of them
WEIGHT_DECAY = 0.01
WARM_UP = 0.1  # share of the steps over which the learning rate rises
LARGEST_GRADIENT = 1.0
POOL = 50  # batches that are sorted by length together, so that little of each is padding
MEASURED_TOGETHER = 128  # texts in a pass that learns nothing

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Example:
    """An utterance as the network sees it.

    Attributes:
        tokens: Ids of its tokens.
        intent: Number of its intent.
    """

    tokens: Sequence[int]
    intent: int


class FineTuning:
    """One training, which goes on after the last epoch that was over when it was killed."""

    def __init__(
        self, network: IntentNetwork, recipe: Recipe, *, checkpoint: Path, made_of: str
    ) -> None:
        """`made_of` tells this training's data and recipe from any other's."""
        self._network = network
        self._recipe = recipe
        self._place = checkpoint
        self._made_of = made_of
        self._bf16 = _computes_bf16()
        # The words' own vectors stay: most of them never occur, and would drift from those that do.
        network.encoder.get_input_embeddings().requires_grad_(requires_grad=False)

    def run(
        self, learn: Sequence[Example], held_out: Sequence[Example], meter: Meter
    ) -> tuple[Epoch, ...]:
        """Train, and leave the network as it was after its best epoch.

        Returns:
            Every epoch, in order.
        """
        optimizer = self._optimizer()
        state = read_checkpoint(self._place, self._made_of)
        state = state or self._beginning(learn, optimizer, meter)
        self._network.load_state_dict(state.network)
        optimizer.load_state_dict(dict(state.optimizer))
        while not self._is_over(state.epochs):
            self._learn(learn, len(state.epochs), optimizer, meter)
            epoch = self._measured(held_out, len(state.epochs) + 1, meter)
            state = self._after(state, epoch, optimizer)
            state.write(self._place)
        self._network.load_state_dict(state.best)
        return state.epochs

    def _is_over(self, epochs: Sequence[Epoch]) -> bool:
        if not epochs:
            return False
        waited = len(epochs) - best_of(epochs).number
        return len(epochs) >= self._recipe.epochs or waited >= self._recipe.patience

    def _beginning(
        self, learn: Sequence[Example], optimizer: torch.optim.Optimizer, meter: Meter
    ) -> Checkpoint:
        self._point(learn, meter)
        network = self._network.state_dict()
        return Checkpoint(self._made_of, (), network, optimizer.state_dict(), network)

    def _after(
        self, before: Checkpoint, epoch: Epoch, optimizer: torch.optim.Optimizer
    ) -> Checkpoint:
        found = 100 * epoch.accuracy
        _log.info("epoch %d: %.1f%% found, loss %.3f", epoch.number, found, epoch.loss)
        network, best = self._network.state_dict(), before.best
        if not before.epochs or epoch.is_better_than(best_of(before.epochs)):
            best = {name: tensor.clone() for name, tensor in network.items()}
        epochs = (*before.epochs, epoch)
        return Checkpoint(self._made_of, epochs, network, optimizer.state_dict(), best)

    def _point(self, learn: Sequence[Example], meter: Meter) -> None:
        meter.start("reading the utterances", len(learn))
        ordered = _by_length(learn)
        intents = torch.tensor([example.intent for example in ordered])
        self._network.point_at(self._vectors(ordered, meter), intents)

    def _learn(
        self, learn: Sequence[Example], done: int, optimizer: torch.optim.Optimizer, meter: Meter
    ) -> None:
        recipe = self._recipe
        torch.manual_seed(recipe.seed + done)  # an epoch is the same whether or not it comes first
        batches = _batches(learn, recipe.batch, recipe.seed + done)
        meter.start(f"epoch {done + 1} of {recipe.epochs}", len(learn))
        self._network.train()
        for i, batch in enumerate(batches):
            self._set_rates(optimizer, (done + i / len(batches)) / recipe.epochs)
            optimizer.zero_grad()
            self._loss(batch).backward()  # type: ignore[no-untyped-call] # PyTorch's own
            nn.utils.clip_grad_norm_(self._network.parameters(), LARGEST_GRADIENT)
            optimizer.step()
            meter.advance(len(batch))

    def _loss(self, batch: Sequence[Example]) -> torch.Tensor:
        twice = [*batch, *batch]
        with self._autocast():
            vectors = self._network(*_inputs(twice))
        logits = self._network.logits(vectors)
        wanted = torch.tensor([example.intent for example in twice])
        loss = cross_entropy(logits, wanted, label_smoothing=self._recipe.smoothing)
        return loss + self._recipe.consistency * _difference(*logits.chunk(2))

    @torch.no_grad()
    def _measured(self, held_out: Sequence[Example], number: int, meter: Meter) -> Epoch:
        meter.start(f"measuring epoch {number}", len(held_out))
        ordered = _by_length(held_out)
        logits = self._network.logits(self._vectors(ordered, meter))
        wanted = torch.tensor([example.intent for example in ordered])
        found = (logits.argmax(dim=1) == wanted).float().mean()
        return Epoch(number, float(found), float(cross_entropy(logits, wanted)))

    @torch.no_grad()
    def _vectors(self, examples: Sequence[Example], meter: Meter) -> torch.Tensor:
        """The vectors of examples, in the order given; sort them by length to save padding."""
        self._network.eval()
        found = []
        for i in range(0, len(examples), MEASURED_TOGETHER):
            batch = examples[i : i + MEASURED_TOGETHER]
            with self._autocast():
                found.append(self._network(*_inputs(batch)).float())
            meter.advance(len(batch))
        return torch.cat(found)

    def _autocast(self) -> torch.autocast:
        return torch.autocast("cpu", torch.bfloat16, enabled=self._bf16)

    def _optimizer(self) -> torch.optim.AdamW:
        directions = self._network.directions
        encoder = [p for p in self._network.encoder.parameters() if p.requires_grad]
        groups = (
            ([p for p in encoder if p.ndim > 1], self._recipe.rate, WEIGHT_DECAY),
            ([p for p in encoder if p.ndim == 1], self._recipe.rate, 0.0),
            ([directions], DIRECTIONS_RATE, WEIGHT_DECAY),
        )
        return torch.optim.AdamW(
            [
                {"params": parameters, "lr": 0.0, "highest": rate, "weight_decay": decay}
                for parameters, rate, decay in groups
            ],
            fused=True,
        )

    @staticmethod
    def _set_rates(optimizer: torch.optim.Optimizer, progress: float) -> None:
        """Rise, then fall in a straight line to nothing at the last epoch's end."""
        share = min(progress / WARM_UP, (1 - progress) / (1 - WARM_UP))
        for group in optimizer.param_groups:
            group["lr"] = share * group["highest"]


def _difference(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """The mean symmetric Kullback-Leibler divergence of what two rows of logits say, halved."""
    p, q = one.log_softmax(dim=1), other.log_softmax(dim=1)
    return ((p.exp() - q.exp()) * (p - q)).sum(dim=1).mean() / 4


def best_of(epochs: Sequence[Epoch]) -> Epoch:
    """The first of those that no other is better than."""
    best = epochs[0]
    for epoch in epochs:
        if epoch.is_better_than(best):
            best = epoch
    return best


def _by_length(examples: Sequence[Example]) -> list[Example]:
    return sorted(examples, key=lambda example: len(example.tokens))


def _batches(examples: Sequence[Example], size: int, seed: int) -> list[list[Example]]:
    """All examples, dealt anew: by chance, but with others of about their length."""
    draw = random.Random(seed)  # noqa: S311 - nothing secret hangs on it
    dealt = draw.sample(examples, len(examples))
    batches: list[list[Example]] = []
    for start in range(0, len(dealt), POOL * size):
        pool = _by_length(dealt[start : start + POOL * size])
        batches += [pool[i : i + size] for i in range(0, len(pool), size)]
    draw.shuffle(batches)
    return batches


def _inputs(batch: Sequence[Example]) -> tuple[torch.Tensor, torch.Tensor]:
    rows = [example.tokens for example in batch]
    return torch.from_numpy(padded(rows)), torch.from_numpy(padding_mask(rows))


def _computes_bf16() -> bool:
    """Whether the CPU has instructions for bfloat16, in which training takes half the time."""
    return "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
