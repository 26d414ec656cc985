from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from retrieval.spelling import Spelling

if TYPE_CHECKING:
    from collections.abc import Iterator

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


ABOUT = ("Fit the valve to the radiator.", "We deliver to Ireland.", "Your invoices are here.")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("the valv is loose", "the valve is loose"),  # "vale" is as near, and nobody's subject
        ("delivery to irland", "delivery to ireland"),
        ("my invoyces", "my invoices"),
        ("is the radiator hot", "is the radiator hot"),  # unknown to the embedder, known here
    ],
)
def test_words_of_the_subject_are_known_and_preferred(
    spelling: Spelling, typed: str, meant: str
) -> None:
    assert spelling.correct(typed, ABOUT) == meant


def test_a_text_of_known_words_is_not_compared_with_anything(spelling: Spelling) -> None:
    def untouched() -> Iterator[str]:
        raise AssertionError("nothing here is unknown")
        yield ""

    assert spelling.correct("where is my password", untouched()) == "where is my password"
