from __future__ import annotations

import re
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.chunking import chunk_page
from ingestion.parsing import parse
from ingestion.sources.source import SourceFile
from retrieval.duplicates import say_the_same
from retrieval.types import Scope
from tests.library import chunk

if TYPE_CHECKING:
    from retrieval.embedders import Embedder
    from retrieval.types import Chunk

TROUBLESHOOTING = Path(__file__).parents[2] / "examples" / "help-centre" / "troubleshooting"
OLD, NEW = "reset-wren-valve-2021", "reset-wren-valve"
REFUND = (
    "Refunds are paid to the card you used, within 5 working days of the return. You will get an "
    "email from us when the money is on its way. The fee of £3.95 for the label is not paid back."
)


def same(one: str | Chunk, other: str | Chunk) -> bool:
    chunks = (chunk(each) if isinstance(each, str) else each for each in (one, other))
    return say_the_same(*chunks)


@pytest.mark.parametrize(
    "copy",
    [
        REFUND,
        REFUND.upper(),
        REFUND.replace(" You will", "\n\nYou will"),
        REFUND.replace("Refunds", "**Refunds**"),
        REFUND.replace("the money", "money"),
        REFUND.replace("You will get", "Then you will get"),
        f"{REFUND} Enjoy the rest of your day.",
    ],
)
def test_what_differs_in_dress_only_is_the_same(copy: str) -> None:
    assert same(REFUND, copy)


@pytest.mark.parametrize(
    ("words", "others"),
    [
        ("5 working", "3 working"),
        ("5 working days", "5 working hours"),
        ("5 working days", "5 days"),
        ("£3.95", "€3.95"),
        ("£3.95", "£395"),
        ("is not paid", "is paid"),
        ("You will get", "You will not get"),
        ("Refunds are", "Refunds are never"),
        ("card you used", "account you used"),
        ("email from us", "email from us, unless you asked for none,"),
        ("Refunds", "Since 2024 refunds"),
        ("Refunds", "Vouchers"),
    ],
)
def test_one_word_that_tells_parts_two_passages(words: str, others: str) -> None:
    assert words in REFUND
    assert not same(REFUND, REFUND.replace(words, others))


def test_figures_that_change_places_part_two_passages() -> None:
    text = "Hold the top button for 10 seconds and the lower button for 15 seconds, then let go."
    swapped = re.sub("10|15", lambda match: "15" if match[0] == "10" else "10", text)
    assert not same(text, swapped)


def test_a_passage_that_holds_another_and_much_more_is_not_the_same() -> None:
    assert not same(REFUND, f"{REFUND} A gift card is refilled, and a bank transfer takes longer.")


def test_passages_with_nothing_in_common_are_not_the_same() -> None:
    assert not same("Boil the kettle.", "The shop is closed.")


def test_a_copy_under_another_heading_is_the_same_but_not_under_another_version() -> None:
    def under(heading: str) -> Chunk:
        return chunk(REFUND, context=f"Help > {heading}")

    assert same(under("Refunds"), under("Money back"))
    assert not same(under("Refunds in 2024"), under("Refunds in 2026"))
    assert not same(under("Model WV1"), under("Model WV2"))


def test_the_page_of_an_older_model_is_not_a_copy(embedder: Embedder) -> None:
    def chunks(page: str, text: str) -> list[Chunk]:
        document = parse(SourceFile(page, text.encode(), datetime(2026, 1, 1, tzinfo=UTC)))
        return chunk_page(document, tokenizer=embedder, scope=Scope())

    old, new = ((TROUBLESHOOTING / f"{name}.md").read_text() for name in (OLD, NEW))
    copied = [
        pair for pair in product(chunks("new.md", new), chunks("copy.md", new)) if same(*pair)
    ]
    assert len(copied) == len(chunks("new.md", new))
    assert not any(same(*pair) for pair in product(chunks("old.md", old), chunks("new.md", new)))


words = st.sampled_from(["hold", "the", "button", "light", "valve", "until", "it", "blinks"])
numbers = st.integers(0, 10**4).map(str)
sentences = st.lists(words | numbers, min_size=1, max_size=60)


@given(sentences)
def test_every_passage_is_the_same_as_itself(spoken: list[str]) -> None:
    assert same(" ".join(spoken), " ".join(spoken))


@given(sentences, sentences, st.data())
def test_it_does_not_matter_which_of_two_is_named_first(
    spoken: list[str], others: list[str], data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(spoken)))
    for other in (others, [*spoken, *others], [*spoken[:at], *others[:2], *spoken[at:]]):
        one, another = " ".join(spoken), " ".join(other)
        assert same(one, another) == same(another, one)


@given(sentences, st.integers(0, 60), st.integers(0, 10**4), st.integers(1, 10**4))
def test_another_number_is_never_the_same(
    spoken: list[str], at: int, number: int, more: int
) -> None:
    one, another = ([*spoken[:at], str(n), *spoken[at:]] for n in (number, number + more))
    assert not same(" ".join(one), " ".join(another))


@given(sentences, st.integers(0, 60), st.sampled_from(["not", "no", "never", "only", "don't"]))
def test_an_exception_more_is_never_the_same(spoken: list[str], at: int, word: str) -> None:
    assert not same(" ".join(spoken), " ".join([*spoken[:at], word, *spoken[at:]]))
