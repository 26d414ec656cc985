"""A base so small that it trains in a second, and something for it to learn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from transformers import AutoTokenizer, BertConfig, BertModel

from app.router.recipe import Recipe
from app.router.utterances import Division, Utterance, divide
from retrieval.models import BUNDLED_MODEL, find_weights

if TYPE_CHECKING:
    from pathlib import Path

WORDS = {
    "order": ("parcel", "delivery", "courier", "tracking"),
    "refund": ("money", "refund", "repay", "chargeback"),
    "login": ("password", "login", "locked", "username"),
    "out_of_scope": ("football", "weather", "poem", "planet"),
}
FRAMES = (
    "where is my {}",
    "tell me about the {} please",
    "i have trouble with a {}",
    "{}",
    "what about {} today",
    "is the {} all right",
    "no {} again",
    "my {} and i",
    "the {} you promised",
    "can someone look at {}",
)


def said(*intents: str) -> list[Utterance]:
    return [
        Utterance(frame.format(word), intent)
        for intent in intents
        for word in WORDS[intent]
        for frame in FRAMES
    ]


@pytest.fixture(scope="session")
def small_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT of two thin layers, with weights drawn by chance and a real tokenizer."""
    folder = tmp_path_factory.mktemp("base")
    torch.manual_seed(0)
    config = BertConfig(  # type: ignore[no-untyped-call]
        hidden_size=64, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64
    )
    BertModel(config).save_pretrained(folder)  # type: ignore[no-untyped-call]
    words = AutoTokenizer.from_pretrained(  # type: ignore[no-untyped-call]
        find_weights(BUNDLED_MODEL)
    )
    words.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def small_recipe(small_base: Path) -> Recipe:
    return Recipe(base=str(small_base), epochs=3, held_out=0.2)


@pytest.fixture(scope="session")
def real_recipe() -> Recipe:
    """From the real base, which knows words already."""
    return Recipe(epochs=2, batch=16, held_out=0.2)


@pytest.fixture(scope="session")
def small_division() -> Division:
    return divide(said(*WORDS), share=0.2, seed=0)
