from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.embedders import Encoding
from retrieval.hybrid import token_weights
from retrieval.late import CODE_MAX, CODE_SCALE, TokenCodec, TokenMatrix
from retrieval.models import BUNDLED_MODEL
from tests.library import chunk

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from retrieval.embedders import Embedder
    from retrieval.encoding import ChunkEncoder
    from retrieval.late import LateScore

PAIR = "The lid is made of copper. Penguins live near the south pole."


def rate(
    embedder: Embedder, codec: TokenCodec, question: str, *matrices: TokenMatrix
) -> list[LateScore]:
    encoding = embedder.question(question)
    return codec.score(encoding, token_weights(encoding.ids), matrices)


def plain(vectors: list[list[float]]) -> Encoding:
    """An encoding whose tokens are these vectors."""
    tokens = np.array(vectors, dtype=np.float32).reshape(len(vectors), -1)
    none = np.zeros((len(vectors), 2), dtype=np.int32)
    return Encoding(np.zeros(2, np.float32), tokens, none, none[:, 0])


def even(count: int) -> NDArray[np.float32]:
    return np.full(count, 1 / count, dtype=np.float32)


def matrix(vectors: list[list[float]], bounds: tuple[int, ...] = ()) -> TokenMatrix:
    codes = np.clip(np.array(vectors) * CODE_SCALE, -CODE_MAX, CODE_MAX).astype(np.int8)
    return TokenMatrix(codes.reshape(len(vectors), -1), bounds, len(vectors))


IDENTITY = TokenCodec(np.eye(4, dtype=np.float32))
HALF = [0.5, 0.5, 0.5, 0.5]
OTHER = [0.5, 0.5, -0.5, -0.5]


def test_a_token_is_matched_by_its_best_counterpart() -> None:
    [score] = IDENTITY.score(plain([HALF]), even(1), [matrix([OTHER, HALF])])
    assert score.passage == pytest.approx(1.0, abs=0.02)


def test_the_score_is_the_weighted_mean_of_the_matches() -> None:
    weights = np.array([0.75, 0.25], dtype=np.float32)
    [score] = IDENTITY.score(plain([HALF, OTHER]), weights, [matrix([HALF])])
    assert score.passage == pytest.approx(0.75, abs=0.02)
    assert score.matches == pytest.approx((1.0, 0.0), abs=0.02)


def test_each_unit_is_scored_by_its_own_tokens_and_context_by_none() -> None:
    stored = matrix([HALF, OTHER, HALF], bounds=(1, 2, 3))
    [score] = IDENTITY.score(plain([HALF]), even(1), [stored])
    assert score.units == pytest.approx((0.0, 1.0), abs=0.02)


def test_passages_are_scored_apart() -> None:
    scores = IDENTITY.score(plain([HALF]), even(1), [matrix([OTHER]), matrix([HALF])])
    assert [score.passage for score in scores] == pytest.approx([0.0, 1.0], abs=0.02)


def test_a_unit_without_tokens_matches_nothing() -> None:
    [score] = IDENTITY.score(plain([HALF]), even(1), [matrix([HALF], bounds=(0, 0, 1))])
    assert score.units == pytest.approx((0.0, 1.0), abs=0.02)


def test_a_passage_without_tokens_matches_nothing() -> None:
    empty = TokenMatrix(np.zeros((0, 4), np.int8), (0, 0), 2)
    scores = IDENTITY.score(plain([HALF]), even(1), [empty, matrix([HALF])])
    assert scores[0].passage == 0.0
    assert scores[0].units == (0.0,)
    assert scores[1].passage == pytest.approx(1.0, abs=0.02)


def test_a_question_without_tokens_matches_nothing() -> None:
    nothing = Encoding(
        np.zeros(4, np.float32),
        np.zeros((0, 4), np.float32),
        np.zeros((0, 2), np.int32),
        np.zeros(0, np.int32),
    )
    [score] = IDENTITY.score(nothing, np.zeros(0, np.float32), [matrix([HALF], bounds=(0, 1))])
    assert (score.passage, score.units) == (0.0, (0.0,))
    assert IDENTITY.score(nothing, np.zeros(0, np.float32), []) == []


def test_the_sentence_asked_about_scores_best(
    embedder: Embedder, codec: TokenCodec, chunk_encoder: ChunkEncoder
) -> None:
    [stored] = chunk_encoder.encode([chunk(PAIR, context="Things")])
    [of_lid] = rate(embedder, codec, "What is the lid made of?", stored.late)
    [of_birds] = rate(embedder, codec, "Where do penguins live?", stored.late)
    assert of_lid.units[0] > of_lid.units[1] + 0.2
    assert of_birds.units[1] > of_birds.units[0] + 0.2


def test_few_bits_and_fewer_dimensions_keep_the_cosines(
    embedder: Embedder, codec: TokenCodec, chunk_encoder: ChunkEncoder
) -> None:
    [stored] = chunk_encoder.encode([chunk("The lid is made of copper.")])
    question = embedder.question("What is the lid made of?")
    [exact] = embedder.passages(["The lid is made of copper."])
    [score] = codec.score(question, even(len(question.tokens)), [stored.late])
    full = (question.tokens @ exact.tokens.T).max(axis=1).mean()
    assert score.passage == pytest.approx(float(full), abs=0.12)


def test_punctuation_is_not_stored_but_counted(chunk_encoder: ChunkEncoder) -> None:
    bare, stopped = chunk_encoder.encode([chunk("Boil it", n=1), chunk("Boil, it!", n=2)])
    assert len(stopped.late.codes) == len(bare.late.codes) == 2
    assert stopped.late.length == bare.late.length + 2


def test_a_chunk_without_units_has_no_bounds(chunk_encoder: ChunkEncoder) -> None:
    [stored] = chunk_encoder.encode([replace(chunk("Boil it."), units=())])
    assert stored.late.bounds == ()


words = st.sampled_from(
    ["lid", "The kettle boils.", "- item", "...", "日本語。", "a|b", "1. one\n"]
)


@given(text=st.lists(words, min_size=1, max_size=120).map(" ".join))
@settings(max_examples=25, deadline=None)
def test_bounds_part_the_rows_between_the_units(chunk_encoder: ChunkEncoder, text: str) -> None:
    """Whatever the text, even one longer than the model reads."""
    [stored] = chunk_encoder.encode([chunk(text, context="Title > Heading")])
    bounds = stored.late.bounds
    assert len(bounds) == len(stored.chunk.units) + 1
    assert list(bounds) == sorted(bounds)
    assert bounds[-1] == len(stored.late.codes)
    assert bounds[0] > 0, "the context has rows of its own"


def test_every_model_has_a_codec_and_always_the_same() -> None:
    one, other = TokenCodec.for_model("some/model", 768), TokenCodec.for_model("some/model", 768)
    assert np.array_equal(one._basis, other._basis)
    assert one._basis.shape == (768, 128)
    assert TokenCodec.for_model("tiny", 64)._basis.shape == (64, 64)


@pytest.mark.parametrize("model", [BUNDLED_MODEL, "some/model"])
def test_a_basis_keeps_lengths(model: str) -> None:
    basis = TokenCodec.for_model(model, 384)._basis
    assert basis.T @ basis == pytest.approx(np.eye(basis.shape[1]), abs=1e-3)
