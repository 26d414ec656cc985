from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from transformers import AutoModel, BertConfig, BertModel, GPT2Config, GPT2Model

from app.router.distilbert import distilbert_from_bert, load_base
from retrieval.errors import ModelMismatch
from retrieval.models import BUNDLED_MODEL, find_weights
from retrieval.padding import padded, padding_mask

if TYPE_CHECKING:
    from pathlib import Path

TEXTS = (
    "Where is my parcel?",
    "no",
    "I was charged twice for the yearly plan, and support has not answered for two weeks now.",
)


def test_the_bundled_model_computes_the_same_as_a_distilbert() -> None:
    bert = AutoModel.from_pretrained(find_weights(BUNDLED_MODEL)).eval()
    distilled, tokenizer = load_base(BUNDLED_MODEL)
    distilled.eval()  # type: ignore[no-untyped-call]
    tokenizer.no_padding()
    rows = [row.ids for row in tokenizer.encode_batch(list(TEXTS))]
    ids, mask = torch.from_numpy(padded(rows)), torch.from_numpy(padding_mask(rows))
    with torch.inference_mode():
        theirs = bert(ids, mask).last_hidden_state
        ours = distilled(ids, mask).last_hidden_state
    assert distilled.config.model_type == "distilbert"
    assert ((theirs - ours).abs().amax(dim=-1) * mask).max() <= 2e-5


def test_any_bert_is_copied_exactly() -> None:
    torch.manual_seed(1)
    config = BertConfig(  # type: ignore[no-untyped-call]
        vocab_size=99,
        hidden_size=24,
        num_hidden_layers=3,
        num_attention_heads=3,
        intermediate_size=20,
        max_position_embeddings=30,
        hidden_act="relu",
    )
    bert = BertModel(config).eval()  # type: ignore[no-untyped-call]
    copy = distilbert_from_bert(bert).eval()  # type: ignore[no-untyped-call]
    ids = torch.randint(1, 99, (2, 30))
    with torch.inference_mode():
        theirs, ours = (model(ids).last_hidden_state for model in (bert, copy))
    assert (theirs - ours).abs().max() <= 2e-5


def test_a_bert_that_has_no_exact_copy_is_refused() -> None:
    config = BertConfig(  # type: ignore[no-untyped-call]
        vocab_size=99,
        hidden_size=24,
        num_hidden_layers=1,
        num_attention_heads=3,
        layer_norm_eps=0.1,
    )
    with pytest.raises(ModelMismatch, match="layer_norm_eps"):
        distilbert_from_bert(BertModel(config))  # type: ignore[no-untyped-call]


def test_a_model_of_another_kind_is_refused(tmp_path: Path) -> None:
    small = GPT2Config(  # type: ignore[no-untyped-call]
        vocab_size=9, n_embd=8, n_layer=1, n_head=1
    )
    GPT2Model(small).save_pretrained(tmp_path)  # type: ignore[no-untyped-call]
    with pytest.raises(ModelMismatch, match="of the kind 'gpt2'"):
        load_base(str(tmp_path))


@pytest.mark.parametrize("name", ["./no-such-folder", "/no/such/folder"])
def test_a_folder_that_is_not_there_is_refused(name: str) -> None:
    with pytest.raises(ModelMismatch, match="cannot be trained further: there is no such folder"):
        load_base(name)
