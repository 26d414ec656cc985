from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from retrieval.spelling import Spelling

if TYPE_CHECKING:
    from retrieval.embedders import Embedder


@pytest.fixture(scope="module")
def spelling(embedder: Embedder) -> Spelling:
    return Spelling(embedder.vocabulary())


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("where is my pasword", "where is my password"),
        ("how do i cancle my subscripton", "how do i cancel my subscription"),
        ("delivry adress wrong", "delivery address wrong"),
    ],
)
def test_common_slips_are_put_right(spelling: Spelling, typed: str, meant: str) -> None:
    assert spelling.correct(typed) == meant


@pytest.mark.parametrize(
    "text",
    [
        "How do I reset my password?",
        "error E11 on v2.3.1",
        "order #WF-20931",
        "Qwrtzpsdfgh",  # nothing is near
        "",
    ],
)
def test_what_is_right_short_or_far_from_everything_stays(spelling: Spelling, text: str) -> None:
    assert spelling.correct(text) == text


def test_the_commoner_of_two_equally_near_words_wins() -> None:
    assert Spelling(["plan", "plank"]).correct("planm") == "plan"
