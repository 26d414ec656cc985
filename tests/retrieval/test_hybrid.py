from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from retrieval.errors import IndexUnavailable
from retrieval.hybrid import Retriever, token_weights
from retrieval.lexical import Bm25Encoder
from retrieval.types import Reader
from tests.fakes import IndexDown
from tests.library import LIGHT, RETURNS

if TYPE_CHECKING:
    from retrieval.batching import QuestionEncoder
    from retrieval.edge import EdgeIndex
    from retrieval.late import TokenCodec
    from retrieval.types import Passage

PUBLIC = Reader()
VOUCHER = "Who may give a goodwill voucher of twenty pounds?"


@pytest.fixture
def retriever(index: EdgeIndex, encoder: QuestionEncoder, codec: TokenCodec) -> Retriever:
    return Retriever(index=index, encoder=encoder, bm25=Bm25Encoder(), codec=codec)


async def search(
    retriever: Retriever, question: str, reader: Reader = PUBLIC
) -> tuple[Passage, ...]:
    return (await retriever.retrieve(question, reader)).passages


@pytest.mark.parametrize(
    ("question", "page"),
    [
        (RETURNS, "returns.md"),
        (LIGHT, "descaling.md"),
        ("How many years is the travel kettle covered?", "warranty.html"),
        ("What do I send in the authorization header?", "api.md"),
        ("When is the shop in Leeds open?", "hours.txt"),
        ("limescale", "descaling.md"),
        ("refund to my card", "returns.md"),
    ],
)
async def test_the_page_that_answers_comes_first(
    retriever: Retriever, question: str, page: str
) -> None:
    assert (await search(retriever, question))[0].chunk.page == page


async def test_passages_come_best_first_each_once(retriever: Retriever) -> None:
    found = await search(retriever, RETURNS)
    scores = [passage.score for passage in found]
    assert scores == sorted(scores, reverse=True)
    assert len({passage.chunk.id for passage in found}) == len(found)


async def test_each_signal_is_on_the_scale_of_a_cosine(retriever: Retriever) -> None:
    found = await search(retriever, RETURNS)
    for passage in found:
        assert -1.01 <= passage.signals.dense <= 1.01
        assert -1.01 <= passage.signals.late <= 1.01
        assert 0 <= passage.signals.lexical <= 1
    assert found[0].signals.lexical > 0


async def test_every_unit_of_a_passage_is_scored(retriever: Retriever) -> None:
    for passage in await search(retriever, LIGHT):
        assert len(passage.unit_scores) == len(passage.chunk.units)


async def test_the_public_never_finds_what_is_for_staff(retriever: Retriever) -> None:
    found = await search(retriever, VOUCHER)
    assert found
    assert all(passage.chunk.page != "staff.md" for passage in found)


async def test_staff_find_what_is_for_them(retriever: Retriever) -> None:
    found = await search(retriever, VOUCHER, Reader(audiences=("public", "staff")))
    assert found[0].chunk.page == "staff.md"


async def test_another_tenant_finds_nothing(retriever: Retriever) -> None:
    assert await search(retriever, RETURNS, Reader("acme")) == ()


@pytest.mark.parametrize("question", ["?", "the of and", "zzxqj", "\u200b", "🫖" * 50, "a " * 900])
async def test_a_question_that_says_nothing_breaks_nothing(
    retriever: Retriever, question: str
) -> None:
    found = await search(retriever, question)
    assert all(np.isfinite(passage.score) for passage in found)


async def test_an_index_that_is_down_is_said_to_be(
    encoder: QuestionEncoder, codec: TokenCodec
) -> None:
    lost = Retriever(index=IndexDown(), encoder=encoder, bm25=Bm25Encoder(), codec=codec)
    with pytest.raises(IndexUnavailable):
        await search(lost, RETURNS)


def test_token_weights_add_up_and_rare_tokens_weigh_more() -> None:
    weights = token_weights(np.array([1_037, 2_000, 29_000], dtype=np.int32))
    assert weights.sum() == pytest.approx(1.0)
    assert weights[0] < weights[1] < weights[2]


def test_no_tokens_have_no_weights() -> None:
    assert len(token_weights(np.zeros(0, dtype=np.int32))) == 0
