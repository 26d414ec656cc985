"""The state of a training after each epoch, so that one that was killed goes on from there."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Epoch:
    """How well the network does after an epoch, on utterances it does not learn from.

    Attributes:
        number: The first is 1.
        accuracy: Share of the utterances whose intent it finds.
        loss: Mean cross-entropy, in nats.
    """

    number: int
    accuracy: float
    loss: float

    def is_better_than(self, other: Epoch) -> bool:
        """Whether more is found, or as much with more certainty."""
        return (self.accuracy, -self.loss) > (other.accuracy, -other.loss)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """All that a training needs to go on.

    Attributes:
        made_of: What tells this training from one with other data or another recipe.
        epochs: Those that are over.
        network: The network's state.
        optimizer: The optimizer's.
        best: The network's state after the best epoch.
    """

    made_of: str
    epochs: tuple[Epoch, ...]
    network: Mapping[str, Any]
    optimizer: Mapping[str, Any]
    best: Mapping[str, Any]

    def write(self, path: Path) -> None:
        """Write it whole, or not at all."""
        fields = {name: getattr(self, name) for name in self.__slots__}
        fields["epochs"] = [asdict(epoch) for epoch in self.epochs]
        scratch = path.with_suffix(".part")
        torch.save(fields, scratch)
        scratch.replace(path)


def read_checkpoint(path: Path, made_of: str) -> Checkpoint | None:
    """The checkpoint at `path`; None when there is none, or it is another training's."""
    if not path.exists():
        return None
    fields = torch.load(path, weights_only=True)
    if fields["made_of"] != made_of:
        _log.info("%s is of a training with other data or another recipe; starting anew", path)
        return None
    epochs = tuple(Epoch(**epoch) for epoch in fields.pop("epochs"))
    _log.info("Going on after epoch %d of the training that was broken off", len(epochs))
    return Checkpoint(epochs=epochs, **fields)
