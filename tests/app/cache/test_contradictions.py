from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from app.cache.contradictions import CHECKS, apart, contradiction
from app.cache.wording import normalised, read_wording

if TYPE_CHECKING:
    from tests.app.cache.asking import Ask

TOLD_APART = {
    "stories": [("It began " + "and went on " * 20, "It began " + "and went on " * 21)],
    "numbers": [
        ("How do I update to iOS 16?", "How do I update to iOS 17?"),
        ("Can I pay in two instalments?", "Can I pay in 3 instalments?"),
        ("Are you open on Monday?", "Are you open on Tuesday?"),
        ("What changed in 2.10?", "What changed in 2.1?"),
    ],
    "negation": [
        ("Why can I log in?", "Why can't I log in?"),
        ("How do I pay with a card?", "How do I pay without a card?"),
    ],
    "negated": [("Pages print with images but no text", "Pages print with text but no images")],
    "opposites": [
        ("How do I turn dark mode on?", "How do I turn dark mode off?"),
        ("How do I read your reviews?", "How do I read my reviews?"),
        ("Is the shop open this Friday?", "Is the shop open next Friday?"),
    ],
    "restrictions": [("How do I delete a post?", "How do I delete another post?")],
    "names": [("How do I connect Slack?", "How do I connect Teams?")],
    "words": [
        ("How do I upgrade my plan?", "How do I downgrade my plan?"),
        ("How do I subscribe?", "How do I unsubscribe?"),
        ("Can I pay monthly?", "Can I pay yearly?"),
        ("Can I return a copper kettle?", "Can I return a travel kettle?"),
        ("How do I delete my account?", "How do I delete my account history?"),
        ("Where can I see my card?", "Where can I get my card?"),
    ],
    "kinds": [("When do I get a refund?", "Why do I get a refund?")],
    "obligation": [("Do I have to verify my e-mail?", "How do I verify my e-mail?")],
    "consequence": [("What happens if I return it?", "Can I return it?")],
    "direction": [
        ("How do I move it from Berlin to Paris?", "How do I move it from Paris to Berlin?"),
        ("How do I convert PDF to Word?", "How do I convert Word to PDF?"),
    ],
    "who does what": [
        ("Can a member invite a guest?", "Can a guest invite a member?"),
        ("I called the driver", "The driver called me"),
    ],
}
NOT_TOLD_APART = [
    ("How do I reset my password?", "How can I reset my password?"),
    ("How do I reset my password?", "Could you please tell me how to reset my password? Thanks"),
    ("Why isn't my card working?", "Why is my card not working?"),
    ("What colour is it?", "What color is it?"),
    ("Where's my recipt?", "Where's my receipt?"),
    ("Can I pay in two instalments?", "Can I pay in 2 instalments?"),
    ("Do you take Visa or Mastercard?", "Do you take Mastercard or Visa?"),
    ("Cancel my order", "I want to cancel my order"),
    ("Can I bring my dogs?", "can i bring my dog"),
]


def test_every_check_is_shown_at_work() -> None:
    assert TOLD_APART.keys() == CHECKS.keys()


@pytest.mark.parametrize(
    ("check", "one", "other"),
    [(check, *pair) for check, pairs in TOLD_APART.items() for pair in pairs],
)
def test_different_questions_are_told_apart(ask: Ask, check: str, one: str, other: str) -> None:
    first, second = read_wording(ask(one)), read_wording(ask(other))
    assert CHECKS[check](first, second)
    assert CHECKS[check](second, first)
    assert contradiction(first, second)


@pytest.mark.parametrize(("one", "other"), NOT_TOLD_APART)
def test_the_same_question_in_other_words_is_not(ask: Ask, one: str, other: str) -> None:
    assert contradiction(read_wording(ask(one)), read_wording(ask(other))) == ""


def test_a_slip_of_the_keyboard_is_no_other_word(ask: Ask) -> None:
    left, right = apart(
        read_wording(ask("How do I chnage my subscribtion?")),
        read_wording(ask("How do I change my subscription?")),
    )
    assert (left, right) == ([], [])


def test_two_words_that_exist_are_no_slip(ask: Ask) -> None:
    left, right = apart(
        read_wording(ask("Change the angle")), read_wording(ask("Change the angel"))
    )
    assert ([word.text for word in left], [word.text for word in right]) == (["angle"], ["angel"])


@pytest.mark.parametrize(
    "text", ["!" * 2000, "please, " * 250, "hi " * 700, "no " * 700, "?! " * 700]
)
def test_no_text_takes_long(ask: Ask, text: str) -> None:
    one, other = ask(text), ask(text + "How do I reset it?")
    started = time.perf_counter()
    contradiction(read_wording(one), read_wording(other))
    normalised(text)
    assert time.perf_counter() - started < 0.1
