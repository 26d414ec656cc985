"""DistilBERT with the weights of a BERT, of which it is an exact copy.

DistilBERT leaves out what a sentence alone does not need: the pooler, and the table that tells a
first text from a second. The row that every token of a first text gets is added to the position
table instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from transformers import AutoConfig, AutoModel, AutoTokenizer, DistilBertConfig, DistilBertModel

from retrieval.errors import ModelMismatch
from retrieval.models import BUNDLED_MODEL, find_weights, spelt_out

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import BertConfig, BertModel

# What the parts of a layer are called in BERT and in DistilBERT. The order matters: a later name
# is part of an earlier one.
_NAMES = (
    ("encoder.layer", "transformer.layer"),
    ("attention.self.query", "attention.q_lin"),
    ("attention.self.key", "attention.k_lin"),
    ("attention.self.value", "attention.v_lin"),
    ("attention.output.dense", "attention.out_lin"),
    ("attention.output.LayerNorm", "sa_layer_norm"),
    ("intermediate.dense", "ffn.lin1"),
    ("output.dense", "ffn.lin2"),
    ("output.LayerNorm", "output_layer_norm"),
)
# What BERT may have otherwise, and DistilBERT may not.
_FIXED = {"layer_norm_eps": 1e-12, "position_embedding_type": "absolute", "is_decoder": False}
_POSITIONS = "embeddings.position_embeddings.weight"
_TYPES = "embeddings.token_type_embeddings.weight"


def load_base(model: str) -> tuple[DistilBertModel, Tokenizer]:
    """A DistilBERT to train further, and its tokenizer.

    Args:
        model: The bundled model, or a BERT's or a DistilBERT's folder or hub name.

    Raises:
        ModelMismatch: It is not there, or is neither.
    """
    try:
        place = find_weights(model) if model == BUNDLED_MODEL else spelt_out(model)
        kind = AutoConfig.from_pretrained(place).model_type
        if kind not in {"bert", "distilbert"}:
            raise _unusable(model, f"it is of the kind '{kind}'")
        loaded = AutoModel.from_pretrained(place)
        tokenizer = AutoTokenizer.from_pretrained(place)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        problem = str(error).strip().partition("\n")[0].rstrip(".")
        raise _unusable(model, problem) from error
    if not tokenizer.is_fast:
        raise _unusable(model, "its tokenizer is not one of the fast kind")
    distilled = loaded if kind == "distilbert" else distilbert_from_bert(loaded)
    return distilled, tokenizer.backend_tokenizer


def distilbert_from_bert(bert: BertModel) -> DistilBertModel:
    """A DistilBERT that computes what `bert` computes of single texts.

    Raises:
        ModelMismatch: DistilBERT has no way to express it.
    """
    for name, value in _FIXED.items():
        if getattr(bert.config, name, value) != value:
            raise _unusable(str(bert.config.name_or_path), f"its {name} is not {value}")
    weights = bert.state_dict()
    first_text = weights[_TYPES][0]
    renamed = {
        _distilbert_name(name): tensor
        for name, tensor in weights.items()
        if name != _TYPES and not name.startswith("pooler.")
    }
    renamed[_POSITIONS] = renamed[_POSITIONS] + first_text
    distilled = DistilBertModel(_distilbert_config(bert.config))
    distilled.load_state_dict(renamed)
    return distilled


def _distilbert_config(bert: BertConfig) -> DistilBertConfig:
    return DistilBertConfig(  # type: ignore[no-untyped-call] # transformers' own
        vocab_size=bert.vocab_size,
        max_position_embeddings=bert.max_position_embeddings,
        n_layers=bert.num_hidden_layers,
        n_heads=bert.num_attention_heads,
        dim=bert.hidden_size,
        hidden_dim=bert.intermediate_size,
        dropout=bert.hidden_dropout_prob,
        attention_dropout=bert.attention_probs_dropout_prob,
        activation=bert.hidden_act,
        pad_token_id=bert.pad_token_id,
    )


def _distilbert_name(name: str) -> str:
    for theirs, ours in _NAMES:
        name = name.replace(theirs, ours)
    return name


def _unusable(model: str, problem: str) -> ModelMismatch:
    return ModelMismatch(
        f"'{model}' cannot be trained further: {problem}.",
        hint=f"Name {BUNDLED_MODEL}, or the folder or hub name of a BERT or a DistilBERT.",
    )
