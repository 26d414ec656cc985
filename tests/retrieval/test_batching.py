from __future__ import annotations

import asyncio
import threading
from functools import wraps
from typing import TYPE_CHECKING, ParamSpec

import numpy as np
import pytest

from retrieval.batching import MAX_BATCH, QuestionEncoder
from retrieval.embedders import Encoding
from tests.library import LIGHT, NOWHERE, RETURNS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    from retrieval.embedders import Embedder

P = ParamSpec("P")


class GatedEmbedder:
    """Encodes when it is let, notes each pass, and fails on the word "poison"."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.started = threading.Event()
        self.passes: list[list[str]] = []

    def questions(self, texts: Sequence[str]) -> list[Encoding]:
        self.passes.append(list(texts))
        self.started.set()
        assert self.gate.wait(10)
        if "poison" in texts:
            raise RuntimeError("poisoned")
        return [_numbered(text) for text in texts]


def _numbered(text: str) -> Encoding:
    vector = np.array([len(text)], dtype=np.float32)
    return Encoding(vector, vector.reshape(1, 1), np.zeros((1, 2), np.int32), np.zeros(1, np.int32))


def timely(test: Callable[P, Awaitable[None]]) -> Callable[P, Awaitable[None]]:
    """A lost waiter must fail its test, not hang the run."""

    @wraps(test)
    async def limited(*arguments: P.args, **named: P.kwargs) -> None:
        async with asyncio.timeout(15):
            await test(*arguments, **named)

    return limited


@pytest.fixture
def gated() -> GatedEmbedder:
    return GatedEmbedder()


@pytest.fixture
def queue(gated: GatedEmbedder) -> Iterator[QuestionEncoder]:
    encoder = QuestionEncoder(gated)  # type: ignore[arg-type] # it needs nothing else of one
    yield encoder
    gated.gate.set()
    encoder.close()


async def begun(gated: GatedEmbedder) -> None:
    await asyncio.to_thread(gated.started.wait, 10)


@timely
async def test_questions_asked_together_are_encoded_as_alone(
    encoder: QuestionEncoder, embedder: Embedder
) -> None:
    texts = [RETURNS, LIGHT, NOWHERE, "kettle"] * 6
    together = await asyncio.gather(*(encoder.encode(text) for text in texts))
    for text, encoding in zip(texts, together, strict=True):
        alone = embedder.question(text)
        assert float(alone.sentence @ encoding.sentence) > 0.999
        assert encoding.tokens.shape == alone.tokens.shape
        assert np.array_equal(encoding.offsets, alone.offsets)


@timely
async def test_each_waiter_gets_its_own_vector(
    gated: GatedEmbedder, queue: QuestionEncoder
) -> None:
    gated.gate.set()
    texts = ["a" * n for n in range(1, 60)]
    encodings = await asyncio.gather(*(queue.encode(text) for text in texts))
    assert [int(encoding.sentence[0]) for encoding in encodings] == list(range(1, 60))


@timely
async def test_a_lone_question_does_not_wait_for_company(
    gated: GatedEmbedder, queue: QuestionEncoder
) -> None:
    gated.gate.set()
    await queue.encode("alone")
    await queue.encode("again")
    assert gated.passes == [["alone"], ["again"]]


@timely
async def test_what_queues_up_behind_a_pass_goes_together_and_never_too_many(
    gated: GatedEmbedder, queue: QuestionEncoder
) -> None:
    first = asyncio.create_task(queue.encode("first"))
    await begun(gated)
    rest = [asyncio.create_task(queue.encode(str(n))) for n in range(MAX_BATCH + 3)]
    await asyncio.sleep(0)
    gated.gate.set()
    await asyncio.gather(first, *rest)
    assert [len(texts) for texts in gated.passes] == [1, MAX_BATCH, 3]


@timely
async def test_a_failure_reaches_those_of_its_pass_and_nobody_else(
    gated: GatedEmbedder, queue: QuestionEncoder
) -> None:
    first = asyncio.create_task(queue.encode("first"))
    await begun(gated)
    doomed = [asyncio.create_task(queue.encode(text)) for text in ("poison", "beside it")]
    await asyncio.sleep(0)
    gated.gate.set()
    results = await asyncio.gather(first, *doomed, return_exceptions=True)
    assert [type(result) for result in results] == [Encoding, RuntimeError, RuntimeError]
    assert int((await queue.encode("after")).sentence[0]) == len("after")


@timely
async def test_a_waiter_who_leaves_disturbs_nobody(
    gated: GatedEmbedder, queue: QuestionEncoder
) -> None:
    first = asyncio.create_task(queue.encode("first"))
    await begun(gated)
    leaving, staying = (asyncio.create_task(queue.encode(t)) for t in ("leaving", "stay"))
    await asyncio.sleep(0)
    leaving.cancel()
    gated.gate.set()
    assert int((await staying).sentence[0]) == len("stay")
    assert int((await first).sentence[0]) == len("first")
    assert leaving.cancelled() or leaving.cancelling()


@timely
async def test_a_waiter_who_leaves_during_the_pass_disturbs_nobody(
    gated: GatedEmbedder, queue: QuestionEncoder
) -> None:
    leaving = asyncio.create_task(queue.encode("leaving"))
    await begun(gated)
    leaving.cancel()
    gated.gate.set()
    assert int((await queue.encode("after")).sentence[0]) == len("after")
    with pytest.raises(asyncio.CancelledError):
        await leaving
