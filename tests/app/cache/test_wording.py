from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from app.cache.wording import normalised, read_wording

if TYPE_CHECKING:
    from tests.app.cache.asking import Ask


@pytest.mark.parametrize(
    "asked",
    [
        "How do I reset it?",
        "how do i reset it",
        "  HOW do I\n reset it ?! ",
        "Hi there, how do I reset it? Thanks!",
        "Hello, how do I reset it, please?",
        "Good morning! How do I reset it? Many thanks",
    ],
)
def test_manners_make_no_other_question(asked: str) -> None:
    assert normalised(asked) == "how do i reset it"


@pytest.mark.parametrize(
    "asked",
    ["How do I reset it twice?", "How don't I reset it?", "How do I reset it: C++?", "Reset it"],
)
def test_everything_else_does(asked: str) -> None:
    assert normalised(asked) != normalised("How do I reset it?")


@pytest.mark.parametrize("asked", ["Hello!", "Thanks", "???", "Please."])
def test_a_question_of_manners_alone_is_left_alone(asked: str) -> None:
    assert normalised(asked)


def test_words_know_what_they_are(ask: Ask) -> None:
    wording = read_wording(ask("Hi! Can you tell me how Wrenfield charges iOS 16.2 users twice?"))
    words = {word.text: word for word in wording.words}
    assert wording.spoken == ("how", "wrenfield", "charges", "ios", "16.2", "users", "twice")
    assert {w for w in words if words[w].named} == {"wrenfield", "ios", "16.2"}
    assert {w for w in words if not words[w].content} == {"how"}
    assert words["wrenfield"].weight > words["users"].weight
    assert words["twice"].stem == "2x"


def test_every_word_has_its_tokens(ask: Ask) -> None:
    asked = ask("Why isn't the Überkettle™ descaling?")
    for word in read_wording(asked).words:
        first, last = word.tokens[0], word.tokens[-1]
        start, end = asked.encoding.offsets[first, 0], asked.encoding.offsets[last, 1]
        assert asked.text[start:end].lower() == word.text


@pytest.mark.parametrize("text", ["", "?", "İstanbul'da İade?", "☕☕☕"])
def test_any_text_can_be_taken_apart(ask: Ask, text: str) -> None:
    assert read_wording(ask(text)).asked.text == text
