"""The network that is trained: DistilBERT, its token vectors' mean, and a direction per intent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn.functional import normalize

if TYPE_CHECKING:
    from transformers import DistilBertModel

# Cosines are stretched by this before the softmax, or no intent could ever be certain.
SCALE = 20.0
DROPOUT = 0.1


class IntentNetwork(nn.Module):
    """Places texts on a sphere, those of one intent around its direction.

    The mean of the token vectors is what the sentence encoders we start from were trained to give;
    and because vectors and directions are of one length, a text far from all of them can be told.
    """

    def __init__(self, encoder: DistilBertModel, intents: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.directions = nn.Parameter(torch.randn(intents, encoder.config.dim))
        self._dropout = nn.Dropout(DROPOUT)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Unit vectors of texts, of shape (texts, dims)."""
        tokens = self.encoder(input_ids, attention_mask).last_hidden_state
        present = attention_mask.unsqueeze(-1).to(tokens.dtype)
        return normalize((tokens * present).sum(dim=1) / present.sum(dim=1), dim=-1)

    def logits(self, vectors: torch.Tensor) -> torch.Tensor:
        """For each text and intent, how well they agree; of shape (texts, intents)."""
        dropped: torch.Tensor = self._dropout(vectors.float())
        return SCALE * dropped @ normalize(self.directions, dim=-1).T

    @torch.no_grad()
    def point_at(self, vectors: torch.Tensor, intents: torch.Tensor) -> None:
        """Begin with each direction at the mean of the vectors of its intent."""
        sums = torch.zeros_like(self.directions).index_add_(0, intents, vectors)
        self.directions.copy_(normalize(sums, dim=-1))
