from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.condense import MAX_QUESTIONS, asks_for_person, condense, split_questions
from app.types import Message, Role

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def said(*texts: str, role: Role = Role.CUSTOMER) -> tuple[Message, ...]:
    return tuple(Message(role, text, NOW) for text in texts)


@pytest.mark.parametrize(
    "text",
    [
        "I want to talk to a person",
        "Can I speak with someone, please?",
        "please transfer me to an agent",
        "Connect me with a human being",
        "is there a real person there",
        "AGENT",
        "human!",
        "operator?",
    ],
)
def test_a_wish_for_a_person_is_understood(text: str) -> None:
    assert asks_for_person(text)


@pytest.mark.parametrize(
    "text",
    [
        "How do I add a person to my household?",
        "Does the agent app need an account?",
        "What is a user agent?",
        "How many people can share a plan?",
        "Can I put the kettle in the dishwasher?",
        "How do I chat in the app?",
    ],
)
def test_a_question_about_people_is_not_a_wish_for_one(text: str) -> None:
    assert not asks_for_person(text)


@pytest.mark.parametrize("text", ["And in Ireland?", "why", "What about the copper one?"])
def test_a_follow_up_brings_the_question_it_leans_on(text: str) -> None:
    history = (
        *said("Older question?", "How long does delivery take?"),
        *said("A reply.", role=Role.ASSISTANT),
    )
    assert condense(text, history) == f"How long does delivery take? {text}"


def test_a_question_that_stands_alone_is_left_alone() -> None:
    text = "Which payment methods do you accept for orders?"
    assert condense(text, said("How long does delivery take?")) == text


@pytest.mark.parametrize("role", [Role.ASSISTANT, Role.AGENT])
def test_only_the_customers_own_words_are_taken(role: Role) -> None:
    assert condense("And then?", said("It takes five days.", role=role)) == "And then?"


@given(st.text())
def test_the_first_message_of_a_conversation_is_left_alone(text: str) -> None:
    assert condense(text, ()) == text


def test_two_questions_are_told_apart() -> None:
    text = "How long does delivery take to Leeds? What does the copper kettle cost?"
    assert [q.rstrip("?") for q in split_questions(text)] == [
        "How long does delivery take to Leeds",
        "What does the copper kettle cost",
    ]


def test_two_questions_joined_by_and_are_told_apart() -> None:
    text = "How long does delivery take to Leeds and what does the copper kettle cost?"
    assert len(split_questions(text)) == 2


@pytest.mark.parametrize(
    "text",
    [
        "How long does delivery take?",
        "Do you sell lids and handles and spouts for kettles?",
        "Hello! The kettle leaks. What should I do about that now?",
        "kettle",
        "???",
        "",
    ],
)
def test_one_question_stays_whole(text: str) -> None:
    assert split_questions(text) == (text,)


@given(st.text())
def test_there_is_always_something_to_search_for_and_never_too_much(text: str) -> None:
    assert 1 <= len(split_questions(text)) <= MAX_QUESTIONS


@pytest.mark.parametrize(
    "text",
    [
        "How long does delivery take to Leeds? Is it free? What does the copper kettle cost?",
        "How long is delivery? What does a kettle cost? Where is your shop? Who delivers here?",
    ],
)
def test_no_question_of_a_message_is_dropped(text: str) -> None:
    searched = " ".join(split_questions(text)).replace("?", "").split()
    assert searched == text.replace("?", "").split()
