"""Cross-encoders, on a tiny one with random weights: nothing can be fetched here."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
import torch
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.trainers import WordPieceTrainer
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    BertTokenizerFast,
    DistilBertConfig,
    DistilBertForSequenceClassification,
    DistilBertTokenizerFast,
)

from retrieval import cross_encoders
from retrieval.cross_encoders import PairScorer, open_cross_encoder
from retrieval.errors import BadInput, ModelMismatch
from retrieval.hybrid import Retriever
from retrieval.lexical import Bm25Encoder
from retrieval.pairs import TorchPairs
from retrieval.rerankers import CrossEncoderReranker, open_reranker
from retrieval.types import Reader
from tests.library import LIGHT, NOWHERE, PAGES, RETURNS

if TYPE_CHECKING:
    from pathlib import Path

    from retrieval.batching import QuestionEncoder
    from retrieval.edge import EdgeIndex
    from retrieval.late import TokenCodec

LONGEST = 64
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
TEXTS = [
    "You can return a kettle within 30 days of delivery.",
    "The descaling light blinks when limescale has built up inside the kettle.",
    "Staff may give a goodwill voucher.",
    "kettle " * 500,
    "",
    "🫖",
]


def write_tokenizer(folder: Path) -> int:
    """Train a vocabulary on the test pages; says how many entries it has."""
    tokenizer = Tokenizer(WordPiece(unk_token=SPECIAL[1]))
    tokenizer.normalizer = BertNormalizer()
    tokenizer.pre_tokenizer = BertPreTokenizer()
    trainer = WordPieceTrainer(vocab_size=400, special_tokens=SPECIAL, show_progress=False)
    tokenizer.train_from_iterator(PAGES.values(), trainer)
    entries = sorted(tokenizer.get_vocab(), key=tokenizer.token_to_id)
    (folder / "vocab.txt").write_text("\n".join(entries) + "\n")
    whole = BertTokenizerFast(  # type: ignore[no-untyped-call] # nor is the next, in transformers
        str(folder / "vocab.txt"), model_max_length=LONGEST
    )
    whole.save_pretrained(folder)
    return len(entries)


def write_model(folder: Path, *, labels: int = 1, seed: int = 0) -> Path:
    """A cross-encoder of two thin layers, with random weights.

    With these scores spread by a tenth or two; much larger ones would make it chaotic.
    """
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(seed)
    config = BertConfig(  # type: ignore[no-untyped-call]
        vocab_size=write_tokenizer(folder),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=LONGEST,
        num_labels=labels,
        initializer_range=0.2,
    )
    BertForSequenceClassification(config).save_pretrained(folder)  # type: ignore[no-untyped-call]
    return folder


def write_typeless(folder: Path) -> Path:
    """A cross-encoder that is not told which tokens are whose."""
    folder.mkdir(parents=True)
    torch.manual_seed(0)
    config = DistilBertConfig(  # type: ignore[no-untyped-call]
        vocab_size=write_tokenizer(folder),
        dim=32,
        n_layers=2,
        n_heads=2,
        hidden_dim=64,
        max_position_embeddings=LONGEST,
        num_labels=1,
        initializer_range=0.2,
    )
    DistilBertForSequenceClassification(config).save_pretrained(folder)
    tokenizer = DistilBertTokenizerFast(  # type: ignore[no-untyped-call]
        str(folder / "vocab.txt"), model_max_length=LONGEST
    )
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory, model: Path) -> Path:
    """A cache in which the model is prepared already."""
    cache = tmp_path_factory.mktemp("cache")
    open_cross_encoder(str(model), cache)
    return cache


@pytest.fixture
def conversions(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Each conversion there is."""
    done: list[str] = []
    convert = cross_encoders._convert

    def count(model: str, folder: Path) -> dict[str, object]:
        done.append(model)
        return convert(model, folder)

    monkeypatch.setattr(cross_encoders, "_convert", count)
    return done


@pytest.fixture
def scorer(model: Path, prepared: Path) -> PairScorer:
    return open_cross_encoder(str(model), prepared)


def exact(model: Path) -> TorchPairs:
    return TorchPairs(cross_encoders._load(str(model), "cpu"))


def test_on_a_cpu_openvino_scores_as_pytorch_does(model: Path, scorer: PairScorer) -> None:
    assert scorer.name == str(model)
    assert scorer.backend in {"openvino, bf16", "openvino, f32"}
    published = exact(model)
    for question in (RETURNS, LIGHT, NOWHERE):
        scores = scorer.scores(question, TEXTS)
        assert all(0 <= score <= 1 for score in scores)
        assert scores == pytest.approx(published.run(question, TEXTS).tolist(), abs=0.01)


def test_a_model_that_is_told_nothing_of_types_is_run_without_them(tmp_path: Path) -> None:
    model = write_typeless(tmp_path / "typeless")
    scorer = open_cross_encoder(str(model), tmp_path)
    assert scorer.backend.startswith("openvino")
    expected = exact(model).run(RETURNS, TEXTS).tolist()
    assert scorer.scores(RETURNS, TEXTS) == pytest.approx(expected, abs=0.01)


def test_a_passage_scores_the_same_whatever_else_was_found(scorer: PairScorer) -> None:
    texts = [TEXTS[n % len(TEXTS)] * (1 + n % 3) for n in range(40)]
    together = scorer.scores(RETURNS, texts)
    alone = [scorer.scores(RETURNS, [text])[0] for text in texts]
    assert together == pytest.approx(alone, abs=0.002)


def test_nothing_to_score_is_no_trouble(scorer: PairScorer) -> None:
    assert scorer.scores(RETURNS, []) == []


def test_of_a_pair_too_long_the_passage_loses_its_end(scorer: PairScorer) -> None:
    beginning = "kettle " * LONGEST
    [one, other] = scorer.scores(RETURNS, [beginning + TEXTS[0], beginning + TEXTS[1]])
    assert one == other


def test_a_question_too_long_leaves_the_passages_half(scorer: PairScorer) -> None:
    question = f"{RETURNS} " * 50
    scores = scorer.scores(question, TEXTS)
    assert len(set(scores)) == len(TEXTS), "they were not read"
    assert scorer.scores(question + NOWHERE, TEXTS) == scores


def test_threads_get_their_own_scores(scorer: PairScorer) -> None:
    questions = [RETURNS, LIGHT, NOWHERE] * 4
    expected = {question: scorer.scores(question, TEXTS) for question in questions}
    found: dict[int, list[float]] = {}

    def ask(n: int) -> None:
        found[n] = scorer.scores(questions[n], TEXTS)

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(len(questions))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert [found[n] for n in range(len(questions))] == [expected[q] for q in questions]


def test_once_prepared_it_runs_without_pytorch(model: Path, prepared: Path) -> None:
    source = """
import sys, pathlib, retrieval.rerankers as rerankers
reranker = rerankers.open_reranker(f"cross-encoder:{sys.argv[1]}", pathlib.Path(sys.argv[2]))
reranker._scorer.scores("Which kettle?", ["This one.", "That one."])
print(*sys.modules)
"""
    outcome = subprocess.run(
        [sys.executable, "-c", source, model, prepared],
        env=os.environ,
        check=False,
        capture_output=True,
        text=True,
    )
    assert outcome.returncode == 0, outcome.stderr
    modules = set(outcome.stdout.split())
    assert "openvino" in modules
    assert not modules & {"torch", "sentence_transformers", "transformers"}


# Where OpenVINO does not do.


def falls_back(model: Path, cache: Path, caplog: pytest.LogCaptureFixture) -> str:
    """Open a model that PyTorch has to run; returns what was logged."""
    with caplog.at_level(logging.WARNING):
        scorer = open_cross_encoder(str(model), cache)
    assert scorer.backend == "torch, cpu"
    assert "using PyTorch" in caplog.text
    assert len(set(scorer.scores(RETURNS, TEXTS))) == len(TEXTS)
    return caplog.text


def test_where_openvino_cannot_run_pytorch_does_and_says_so(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> None:
        raise RuntimeError("illegal instruction")

    monkeypatch.setattr(cross_encoders, "prepare", refuse)
    assert "illegal instruction" in falls_back(model, tmp_path, caplog)


def test_a_graph_with_other_scores_is_not_used(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(cross_encoders, "LARGEST_ERROR", -1.0)
    assert "its scores differ by up to" in falls_back(model, tmp_path, caplog)
    assert [path.suffix for path in tmp_path.iterdir()] == [".lock"]


def test_a_tokenizer_of_the_slow_kind_is_left_to_pytorch(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(BertTokenizerFast, "is_fast", False)
    assert "not one of the fast kind" in falls_back(model, tmp_path, caplog)


def test_on_another_device_pytorch_runs_and_nothing_is_prepared(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(_: str, device: str) -> SimpleNamespace:
        return SimpleNamespace(device=torch.device(device))

    monkeypatch.setattr(cross_encoders, "expect_torch_device", lambda _: None)
    monkeypatch.setattr(cross_encoders, "_load", load)
    opened = open_reranker(f"cross-encoder:{model}", tmp_path, device="cuda:1")
    assert opened.name == f"cross-encoder:{model} (torch, cuda)"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("device", ["nonsense", "cuda:99", "meta", ""])
def test_a_device_that_pytorch_cannot_use_is_named(
    model: Path, tmp_path: Path, device: str
) -> None:
    with pytest.raises(
        BadInput, match=f"PyTorch cannot use the device '{device}' here: "
    ) as caught:
        open_reranker(f"cross-encoder:{model}", tmp_path, device=device)
    assert "ANSWERABLE_DEVICE" in caught.value.hint


# What is kept on disk; see test_prepared.py for the rest.


def test_what_is_prepared_is_not_prepared_again(
    model: Path, prepared: Path, conversions: list[str]
) -> None:
    open_cross_encoder(str(model), prepared)
    assert conversions == []


@pytest.mark.parametrize(
    "damaged", ["manifest.json", "facts.json", "tokenizer.json", "model.xml", "model.bin"]
)
def test_a_damaged_file_is_made_again(
    model: Path, prepared: Path, tmp_path: Path, conversions: list[str], damaged: str
) -> None:
    cache = tmp_path / "cache"
    shutil.copytree(prepared, cache)
    [file] = cache.glob(f"tiny-*/{damaged}")
    file.write_bytes(b"{")
    assert open_cross_encoder(str(model), cache).backend.startswith("openvino")
    assert conversions == [str(model)]


def test_other_weights_in_the_same_folder_are_not_taken_for_these(
    model: Path, prepared: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "tiny"
    shutil.copytree(model, folder)
    before = open_cross_encoder(str(folder), prepared).scores(RETURNS, TEXTS)
    write_model(folder, seed=1)
    assert open_cross_encoder(str(folder), prepared).scores(RETURNS, TEXTS) != before


def test_a_conversion_that_breaks_off_leaves_nothing_behind(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_off(_model: str, folder: Path) -> dict[str, object]:
        (folder / "half").write_text("a graph")
        raise OSError("no space left on device")

    monkeypatch.setattr(cross_encoders, "_convert", break_off)
    with pytest.raises(ModelMismatch, match="no space left"):
        open_cross_encoder(str(model), tmp_path)
    assert [path.suffix for path in tmp_path.iterdir()] == [".lock"]


# What cannot be used.


def refused(model: object, cache: Path) -> str:
    with pytest.raises(ModelMismatch) as caught:
        open_reranker(f"cross-encoder:{model}", cache)
    assert f"'{model}' cannot be used as a cross-encoder: " in caught.value.message
    assert "ANSWERABLE_RERANKER" in caught.value.hint
    return caught.value.message


@pytest.mark.parametrize("name", ["/nowhere/at/all", "./nowhere", "~/no-such-model"])
def test_a_folder_that_is_not_there_is_named(name: str, tmp_path: Path) -> None:
    assert "there is no such folder" in refused(name, tmp_path)


def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    refused(tmp_path / "empty", tmp_path)


def test_a_hub_model_that_cannot_be_fetched_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_connection(model: str, _device: str) -> None:
        raise OSError(f"We couldn't connect to the hub to load {model}.\nCheck your connection.")

    monkeypatch.setattr(cross_encoders, "_load", no_connection)
    assert "couldn't connect" in refused("nobody/no-such-model", tmp_path)


def test_a_classifier_is_no_cross_encoder(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "classifier", labels=3)
    assert "it gives 3 scores for a pair instead of one" in refused(folder, tmp_path)


# In retrieval.


@pytest.fixture
def reranker(model: Path, prepared: Path) -> CrossEncoderReranker:
    opened = open_reranker(f"cross-encoder:{model}", prepared)
    assert isinstance(opened, CrossEncoderReranker)
    return opened


@pytest.fixture
def retriever(index: EdgeIndex, encoder: QuestionEncoder, codec: TokenCodec) -> Retriever:
    return Retriever(index=index, encoder=encoder, bm25=Bm25Encoder(), codec=codec)


async def test_passages_are_ranked_by_its_scores_and_quoted_by_late_ones(
    retriever: Retriever, reranker: CrossEncoderReranker
) -> None:
    fused = (await retriever.retrieve(RETURNS, Reader())).passages
    retriever._reranker = reranker
    ranked = (await retriever.retrieve(RETURNS, Reader())).passages
    texts = [passage.chunk.embedded_text for passage in fused]
    wanted = dict(zip(texts, reranker._scorer.scores(RETURNS, texts), strict=True))
    found = {passage.chunk.embedded_text: passage.score for passage in ranked}
    assert found == pytest.approx(wanted, abs=1e-6)
    assert list(found.values()) == sorted(found.values(), reverse=True)
    before = {passage.chunk.id: passage for passage in fused}
    for passage in ranked:
        assert passage.unit_scores == before[passage.chunk.id].unit_scores
        assert passage.signals == before[passage.chunk.id].signals


async def test_where_it_fails_a_question_is_ranked_without_it(
    retriever: Retriever, model: Path
) -> None:
    broken = cross_encoders._load(str(model), "cpu")
    with torch.no_grad():
        next(broken.parameters()).fill_(float("nan"))
    plain = await retriever.retrieve(RETURNS, Reader())
    retriever._reranker = CrossEncoderReranker(PairScorer("tiny", "torch, cpu", TorchPairs(broken)))
    ranked = await retriever.retrieve(RETURNS, Reader())
    assert ranked.passages == plain.passages
    assert ranked.note == (
        "cross-encoder:tiny (torch, cpu) failed: it gave a score that is no number"
    )
