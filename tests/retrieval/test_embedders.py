from __future__ import annotations

import importlib.resources
import logging
import os
import shutil
import subprocess
import sys
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer

from retrieval import embedders, models
from retrieval.embedders import _open_prepared, open_embedder
from retrieval.errors import AnswerableError, BadInput, ModelMismatch
from retrieval.models import (
    BUNDLED_MODEL,
    ModelProfile,
    PreparedModel,
    _folder_name,
    find_weights,
    prepare_model,
)
from tests.library import LIGHT, NOWHERE, RETURNS

if TYPE_CHECKING:
    from pathlib import Path

    from retrieval.embedders import Embedder

PROFILE = ModelProfile(dims=384, max_tokens=256, question_prompt="", passage_prompt="")
TEXTS = (RETURNS, LIGHT, NOWHERE, "kettle", "Refunds are paid within five working days.")


def test_a_question_is_one_vector_and_one_for_each_token(embedder: Embedder) -> None:
    encoding = embedder.question("Boil the kettle")
    assert encoding.sentence.shape == (embedder.dims,)
    assert encoding.tokens.shape == (3, embedder.dims)
    assert encoding.offsets.tolist() == [[0, 4], [5, 8], [9, 15]]
    assert np.linalg.norm(encoding.sentence) == pytest.approx(1.0, abs=1e-4)
    assert np.linalg.norm(encoding.tokens, axis=1) == pytest.approx(1.0, abs=1e-4)


def test_like_questions_are_near_and_others_far(embedder: Embedder) -> None:
    one, same, other = (
        embedder.question(text).sentence
        for text in (RETURNS, "What is the deadline for sending a kettle back?", NOWHERE)
    )
    assert one @ same > one @ other + 0.3


def test_vectors_are_those_of_the_published_model(embedder: Embedder) -> None:
    published = SentenceTransformer(find_weights(BUNDLED_MODEL), device="cpu")
    exact = published.encode(list(TEXTS), normalize_embeddings=True)
    for encoded in (embedder.questions(TEXTS), embedder.passages(TEXTS)):
        for vector, encoding in zip(exact, encoded, strict=True):
            assert float(vector @ encoding.sentence) > 0.9995


def test_a_question_is_the_same_whoever_else_asks(embedder: Embedder) -> None:
    alone = [embedder.question(text) for text in TEXTS]
    for one, other in zip(alone, embedder.questions(TEXTS), strict=True):
        assert float(one.sentence @ other.sentence) > 0.9999
        assert float((one.tokens * other.tokens).sum(axis=1).min()) > 0.999
        assert np.array_equal(one.ids, other.ids)


def test_passages_come_back_in_the_order_given(embedder: Embedder) -> None:
    texts = [TEXTS[n % 5] * (1 + n % 7) for n in range(20)]
    together = embedder.passages(texts)
    for text, encoding in zip(texts, together, strict=True):
        [alone] = embedder.passages([text])
        assert float(alone.sentence @ encoding.sentence) > 0.999


def test_a_text_too_long_is_read_as_far_as_the_model_goes(embedder: Embedder) -> None:
    text = "kettle " * 5_000
    for encoding in (embedder.question(text), embedder.passages([text, "short"])[0]):
        assert len(encoding.tokens) == embedder.max_tokens - 2
        assert len(encoding.offsets) == len(encoding.ids) == len(encoding.tokens)
    assert embedder.count(text) == 5_002


@pytest.mark.parametrize("text", ["", " ", "\u200b", "🫖", "\0", "e\u0301\u0301\u0301"])
def test_a_text_of_next_to_nothing_is_still_a_vector(embedder: Embedder, text: str) -> None:
    encoding = embedder.question(text)
    assert np.isfinite(encoding.sentence).all()
    assert encoding.offsets.shape == (len(encoding.tokens), 2)


def test_nothing_to_encode_is_no_trouble(embedder: Embedder) -> None:
    assert embedder.passages([]) == []


def test_a_prompt_is_read_by_the_model_and_seen_by_nobody_else(
    embedder: Embedder, models_folder: Path
) -> None:
    prepared = prepare_model(BUNDLED_MODEL, models_folder)
    profile = replace(prepared.profile, question_prompt="query: ")
    prompted = _open_prepared("prompted", replace(prepared, profile=profile))
    plain, with_prompt = embedder.question(RETURNS), prompted.question(RETURNS)
    assert np.array_equal(plain.offsets, with_prompt.offsets)
    assert np.array_equal(plain.ids, with_prompt.ids)
    assert len(with_prompt.tokens) == len(plain.tokens)
    expected = embedder.question(f"query: {RETURNS}").sentence
    assert float(expected @ with_prompt.sentence) > 0.9999


def test_nothing_is_reported_to_anybody_and_pytorch_stays_out(
    models_folder: Path, tmp_path: Path
) -> None:
    source = """
import sys, pathlib, retrieval.embedders as embedders
embedder = embedders.open_embedder(sys.argv[1], pathlib.Path(sys.argv[2]))
embedder.question("a kettle")
embedder.passages(["a kettle", "another"])
print(*sys.modules)
"""
    outcome = subprocess.run(
        [sys.executable, "-c", source, BUNDLED_MODEL, models_folder],
        env={**os.environ, "HOME": str(tmp_path)},
        check=False,
        capture_output=True,
        text=True,
    )
    assert outcome.returncode == 0, outcome.stderr
    assert list(tmp_path.iterdir()) == []
    modules = set(outcome.stdout.split())
    assert "openvino" in modules
    assert not modules & {"torch", "sentence_transformers", "transformers"}


# Weights and graphs on disk.


def test_the_bundled_weights_are_the_published_ones() -> None:
    assert find_weights(BUNDLED_MODEL).endswith("model")


def test_other_models_are_taken_as_named() -> None:
    assert find_weights("intfloat/e5-small-v2") == "intfloat/e5-small-v2"


def test_weights_that_were_tampered_with_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model.safetensors").write_bytes(b"other weights")
    monkeypatch.setattr(importlib.resources, "files", lambda _: tmp_path)
    with pytest.raises(ModelMismatch, match=r"not the published .*Reinstall"):
        find_weights(BUNDLED_MODEL)


def test_a_folder_below_home_is_spelt_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    assert find_weights("~/mine") == str(tmp_path / "mine")


@pytest.mark.parametrize("name", ["/nowhere/at/all", "./nowhere", "~/no-such-model"])
def test_a_folder_that_is_not_there_is_named(name: str) -> None:
    with pytest.raises(ModelMismatch, match=f"no model folder {name}") as caught:
        find_weights(name)
    assert "ANSWERABLE_EMBEDDER" in caught.value.hint


@pytest.fixture
def builds(models_folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Each conversion there is; it takes the prepared model instead of ten seconds."""
    done: list[str] = []

    def convert(model: str, folder: Path) -> dict[str, object]:
        done.append(model)
        prepared = models_folder / _folder_name(BUNDLED_MODEL)
        for name in ("model.xml", "model.bin", "tokenizer.json"):
            shutil.copy(prepared / name, folder)
        return asdict(PROFILE)

    monkeypatch.setattr(models, "_convert", convert)
    return done


def test_the_first_use_converts_the_second_does_not(tmp_path: Path, builds: list[str]) -> None:
    for _ in range(2):
        prepared = prepare_model(BUNDLED_MODEL, tmp_path / "new")
        assert prepared.profile == PROFILE
        assert {"model.xml", "model.bin", "tokenizer.json"} < set(prepared.digests)
    assert builds == [BUNDLED_MODEL]


def test_what_this_run_prepared_is_not_converted_again(
    models_folder: Path, builds: list[str]
) -> None:
    prepare_model(BUNDLED_MODEL, models_folder)
    assert builds == []


@pytest.mark.parametrize("damaged", ["model.bin", "tokenizer.json"])
def test_a_damaged_model_is_converted_again(
    tmp_path: Path, builds: list[str], damaged: str
) -> None:
    folder = prepare_model(BUNDLED_MODEL, tmp_path).folder
    (folder / damaged).write_bytes(b"{")
    prepare_model(BUNDLED_MODEL, tmp_path)
    assert builds == [BUNDLED_MODEL] * 2


def test_other_weights_in_the_same_folder_are_not_taken_for_these(
    tmp_path: Path, builds: list[str]
) -> None:
    weights = tmp_path / "mine"
    weights.mkdir()
    (weights / "model.safetensors").write_bytes(b"weights")
    before = prepare_model(str(weights), tmp_path / "cache")
    (weights / "model.safetensors").write_bytes(b"other weights")
    after = prepare_model(str(weights), tmp_path / "cache")
    assert builds == [str(weights)] * 2
    assert before.folder != after.folder


def test_the_bundled_model_goes_by_its_published_digest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = _folder_name(BUNDLED_MODEL)
    monkeypatch.setattr(models, "BUNDLED_SHA256", "0" * 64)
    assert _folder_name(BUNDLED_MODEL) != before


def test_where_openvino_cannot_run_pytorch_does_and_says_so(
    embedder: Embedder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def refuse(*_: object) -> PreparedModel:
        raise RuntimeError("illegal instruction")

    monkeypatch.setattr(embedders, "prepare_model", refuse)
    with caplog.at_level(logging.WARNING):
        fallback = open_embedder(BUNDLED_MODEL, tmp_path)
    assert fallback.backend == "torch, cpu"
    assert "using PyTorch" in caplog.text
    [exact] = embedder.passages([RETURNS])
    assert float(fallback.question(RETURNS).sentence @ exact.sentence) > 0.999


@pytest.mark.parametrize("device", ["nonsense", "cuda:99", "meta", ""])
def test_a_device_that_pytorch_cannot_use_is_named(device: str, tmp_path: Path) -> None:
    with pytest.raises(
        BadInput, match=f"PyTorch cannot use the device '{device}' here: "
    ) as caught:
        open_embedder(BUNDLED_MODEL, tmp_path, device)
    assert "ANSWERABLE_DEVICE" in caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_weights_that_do_not_match_are_not_worked_around(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "BUNDLED_SHA256", "0" * 64)
    with pytest.raises(ModelMismatch):
        open_embedder(BUNDLED_MODEL, tmp_path)


def test_a_model_that_is_not_there_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(AnswerableError, match="no-such-model"):
        open_embedder(str(tmp_path / "no-such-model"), tmp_path)
