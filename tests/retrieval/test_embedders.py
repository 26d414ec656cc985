from __future__ import annotations

import importlib.resources
import json
import logging
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest

from retrieval import embedders, models
from retrieval.embedders import BATCH_TOKENS, _batches, open_embedder
from retrieval.errors import AnswerableError, ModelMismatch
from retrieval.models import BUNDLED_MODEL, Graphs, _folder_name, find_weights, open_graphs
from tests.library import LIGHT, NOWHERE, RETURNS

if TYPE_CHECKING:
    from pathlib import Path

    from retrieval.embedders import Embedder

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


def test_eight_bits_are_close_to_full_precision(embedder: Embedder) -> None:
    full = embedder.passages(TEXTS)
    fast = embedder.questions(TEXTS)
    for exact, rounded in zip(full, fast, strict=True):
        assert float(exact.sentence @ rounded.sentence) > 0.95
        assert np.array_equal(exact.ids, rounded.ids)


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


def test_batches_hold_every_text_once_and_stay_small() -> None:
    counts = [int(n) for n in np.random.default_rng(1).integers(2, 512, 300)]
    batches = list(_batches(counts))
    assert sorted(i for batch in batches for i in batch) == list(range(300))
    assert all(max(counts[i] for i in b) * len(b) <= BATCH_TOKENS for b in batches)


def test_a_text_larger_than_a_batch_goes_alone() -> None:
    assert list(_batches([BATCH_TOKENS * 2, 5])) == [[0], [1]]


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


@pytest.fixture
def cache(tmp_path: Path, models_folder: Path) -> Path:
    """A prepared cache that a test may damage."""
    name = _folder_name(BUNDLED_MODEL)
    shutil.copytree(models_folder / name, tmp_path / "cache" / name)
    return tmp_path / "cache"


@pytest.fixture
def builds(models_folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Each build there is; it takes the prepared graphs instead of ten seconds."""
    done: list[str] = []

    def export(model: str, folder: Path) -> Graphs:
        done.append(model)
        prepared = models_folder / _folder_name(BUNDLED_MODEL)
        shutil.copytree(prepared, folder)
        fields = json.loads((folder / "graphs.json").read_text())
        (folder / "graphs.json").unlink()
        return Graphs(folder=folder, **fields)

    monkeypatch.setattr(models, "_export", export)
    return done


def test_prepared_graphs_are_not_built_again(cache: Path, builds: list[str]) -> None:
    open_graphs(BUNDLED_MODEL, cache)
    assert builds == []


def test_the_first_use_builds_the_second_does_not(tmp_path: Path, builds: list[str]) -> None:
    for _ in range(2):
        graphs = open_graphs(BUNDLED_MODEL, tmp_path / "new")
    assert builds == [BUNDLED_MODEL]
    assert (graphs.folder / graphs.full).exists()


@pytest.mark.parametrize("damaged", ["onnx/model.onnx", "graphs.json"])
@pytest.mark.parametrize("content", [b"", b"{", b"\0" * 1000])
def test_a_damaged_file_is_built_again(
    cache: Path, builds: list[str], damaged: str, content: bytes
) -> None:
    folder = cache / _folder_name(BUNDLED_MODEL)
    (folder / damaged).write_bytes(content)
    graphs = open_graphs(BUNDLED_MODEL, cache)
    assert builds == [BUNDLED_MODEL]
    assert graphs.digests == {n: models.sha256(folder / n) for n in graphs.digests}


def test_a_missing_file_is_built_again(
    cache: Path, builds: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    (cache / _folder_name(BUNDLED_MODEL) / "onnx" / "model.onnx").unlink()
    open_graphs(BUNDLED_MODEL, cache)
    assert builds == [BUNDLED_MODEL]
    assert "missing or damaged" in caplog.text


def test_a_build_that_breaks_off_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_off(_model: str, folder: Path) -> Graphs:
        folder.mkdir()
        (folder / "half").write_text("a graph")
        raise OSError("no space left on device")

    monkeypatch.setattr(models, "_export", break_off)
    with pytest.raises(OSError, match="no space"):
        open_graphs(BUNDLED_MODEL, tmp_path)
    assert [path.suffix for path in tmp_path.iterdir()] == [".lock"]


def test_where_onnx_cannot_run_pytorch_does_and_says_so(
    embedder: Embedder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def refuse(*_: object) -> Graphs:
        raise RuntimeError("illegal instruction")

    monkeypatch.setattr(embedders, "open_graphs", refuse)
    with caplog.at_level(logging.WARNING):
        fallback = open_embedder(BUNDLED_MODEL, tmp_path)
    assert fallback.backend == "torch"
    assert "using PyTorch" in caplog.text
    [exact] = embedder.passages([RETURNS])
    assert float(fallback.question(RETURNS).sentence @ exact.sentence) > 0.999


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
