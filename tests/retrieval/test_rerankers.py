from __future__ import annotations

import asyncio
import logging
import threading
from typing import TYPE_CHECKING

import pytest

from retrieval import rerankers
from retrieval.cross_encoders import PairScorer
from retrieval.errors import BadInput
from retrieval.fusion import FusionWeights
from retrieval.rerankers import (
    FUSED_ORDER,
    READ,
    CrossEncoderReranker,
    DenseLexicalReranker,
    open_reranker,
)
from retrieval.types import Passage, Signals
from tests.library import chunk, passage

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

QUESTION = "How long does it take?"


class Scorer(PairScorer):
    """Scores passages as it is told, by their text."""

    def __init__(self, scores: dict[str, float] | None = None) -> None:
        self.name = "told"
        self.backend = "fake"
        self.told = scores or {}
        self.asked: list[tuple[str, list[str]]] = []
        self.threads: set[str] = set()

    def scores(self, question: str, texts: Sequence[str]) -> list[float]:
        self.asked.append((question, list(texts)))
        self.threads.add(threading.current_thread().name)
        return [self.told.get(text, 0.5) for text in texts]


class Broken(Scorer):
    """Fails whenever it is asked."""

    def scores(self, question: str, texts: Sequence[str]) -> list[float]:
        del question, texts
        raise RuntimeError("out of memory")


def fused(count: int) -> list[Passage]:
    """Passages by fused score, best first, a tenth apart."""
    texts = [f"Passage {n}." for n in range(count)]
    return [passage(chunk(t, n=n + 1), 0.9 - n / 10) for n, t in enumerate(texts)]


def texts(found: Sequence[Passage]) -> list[str]:
    return [each.chunk.text for each in found]


async def test_by_default_the_fused_order_stands() -> None:
    found = fused(5)
    assert await FUSED_ORDER.rank(QUESTION, found) == rerankers.Ranking(tuple(found))


async def test_without_late_interaction_only_the_other_two_count() -> None:
    signals = [Signals(0.9, 0.1, 0.1), Signals(0.1, 0.6, 0.2), Signals(0.5, 0.5, 0.6)]
    found = [
        Passage(chunk(f"Passage {n}.", n=n), 1.0, each, (), (), tokens=2**n)
        for n, each in enumerate(signals, start=1)
    ]
    reranker = DenseLexicalReranker(FusionWeights(late=9, dense=0.4, lexical=0.2, length=9))
    ranking = await reranker.rank(QUESTION, found)
    assert texts(ranking.passages) == ["Passage 3.", "Passage 2.", "Passage 1."]
    assert [p.score for p in ranking.passages] == pytest.approx([0.32, 0.28, 0.06])
    assert [p.signals for p in ranking.passages] == [signals[2], signals[1], signals[0]]


async def test_a_cross_encoder_decides_the_order_and_the_score_only() -> None:
    found = fused(3)
    scorer = Scorer({"Passage 0.": 0.2, "Passage 1.": 0.1, "Passage 2.": 0.8})
    ranking = await CrossEncoderReranker(scorer).rank(QUESTION, found)
    assert [(p.chunk.text, p.score) for p in ranking.passages] == [
        ("Passage 2.", 0.8),
        ("Passage 0.", 0.2),
        ("Passage 1.", 0.1),
    ]
    assert ranking.note == ""
    best = ranking.passages[0]
    assert (best.signals, best.unit_scores) == (found[2].signals, found[2].unit_scores)


async def test_what_it_does_not_read_follows_in_order() -> None:
    found = fused(READ + 4)
    scorer = Scorer({text: n / 100 for n, text in enumerate(texts(found))})
    ranking = await CrossEncoderReranker(scorer).rank(QUESTION, found)
    [(question, read)] = scorer.asked
    assert (question, read) == (QUESTION, texts(found)[:READ])
    assert texts(ranking.passages) == [*reversed(read), *texts(found)[READ:]]
    scores = [p.score for p in ranking.passages]
    assert scores[READ - 1 :] == pytest.approx([0, -0.1, -0.2, -0.3, -0.4])


async def test_it_reads_the_headings_above_a_passage_too() -> None:
    scorer = Scorer()
    found = [passage(chunk("Five days.", context="Refunds > Cards"))]
    await CrossEncoderReranker(scorer).rank(QUESTION, found)
    assert scorer.asked[0][1] == ["Refunds > Cards\nFive days."]


async def test_equal_scores_keep_the_fused_order() -> None:
    found = fused(6)
    ranking = await CrossEncoderReranker(Scorer()).rank(QUESTION, found)
    assert texts(ranking.passages) == texts(found)


async def test_nothing_found_is_nothing_to_read() -> None:
    scorer = Scorer()
    assert (await CrossEncoderReranker(scorer).rank(QUESTION, [])).passages == ()
    assert scorer.asked == []


async def test_it_works_off_the_loop_one_question_at_a_time() -> None:
    scorer = Scorer()
    reranker = CrossEncoderReranker(scorer)
    await asyncio.gather(*(reranker.rank(f"{n}?", fused(3)) for n in range(20)))
    assert sorted(question for question, _ in scorer.asked) == sorted(f"{n}?" for n in range(20))
    assert len(scorer.threads) == 1
    assert threading.current_thread().name not in scorer.threads


async def test_where_it_fails_the_fused_order_stands_and_a_note_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    found = fused(3)
    with caplog.at_level(logging.WARNING):
        ranking = await CrossEncoderReranker(Broken()).rank(QUESTION, found)
    assert ranking.passages == tuple(found)
    assert ranking.note == "cross-encoder:told (fake) failed: out of memory"
    assert "ranked without it" in caplog.text


# By URL.


@pytest.mark.parametrize(("url", "name"), [("late:", "late"), ("none:", "none")])
def test_a_url_names_a_reranker(url: str, name: str, tmp_path: Path) -> None:
    assert open_reranker(url, tmp_path).name == name


@pytest.mark.parametrize(
    "url", ["", "late", "none", "late:fast", "none:x", "cross-encoder", "cross-encoder:", "cohere:"]
)
def test_a_url_of_no_reranker_is_bad_input(url: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"does not name a reranker.*late:, none: or cross-enc"):
        open_reranker(url, tmp_path)
