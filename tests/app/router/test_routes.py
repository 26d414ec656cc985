from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from app.router.intent import Intent
from app.router.routes import SHIPPED_TABLE, Destination, Reason, load_table
from retrieval.errors import BadInput, MalformedDataset

if TYPE_CHECKING:
    from pathlib import Path

SURE = Intent("order_status", 0.97, 0.2, "shipping_delivery", 0.01)


def sure_of(name: str) -> Intent:
    return replace(SURE, name=name)


TABLE = load_table()


@pytest.mark.parametrize(
    ("name", "to"),
    [
        ("order_status", Destination.KNOWLEDGE),
        ("opening_hours_contact", Destination.FAQ),
        ("talk_to_person", Destination.ESCALATE),
        ("small_talk", Destination.SMALL_TALK),
        ("out_of_scope", Destination.REFUSE),
    ],
)
def test_an_intent_that_is_sure_goes_where_the_table_says(name: str, to: Destination) -> None:
    route = TABLE.route(sure_of(name))
    assert (route.to, route.reason, route.intent) == (to, Reason.BY_TABLE, name)


@pytest.mark.parametrize("name", ["talk_to_person", "small_talk", "out_of_scope", "refund_request"])
def test_an_intent_below_its_threshold_goes_to_the_documents(name: str) -> None:
    unsure = replace(sure_of(name), probability=TABLE.rules[name].threshold - 0.001)
    route = TABLE.route(unsure)
    assert (route.to, route.reason) == (Destination.KNOWLEDGE, Reason.NOT_SURE)


def test_an_intent_at_its_threshold_is_believed() -> None:
    threshold = TABLE.rules["talk_to_person"].threshold
    at_it = replace(sure_of("talk_to_person"), probability=threshold)
    assert TABLE.route(at_it).to is Destination.ESCALATE


def test_an_intent_that_is_not_listed_goes_to_the_documents() -> None:
    route = TABLE.route(sure_of("book_a_flight"))
    assert (route.to, route.reason) == (Destination.KNOWLEDGE, Reason.NOT_LISTED)


@pytest.mark.parametrize("name", ["talk_to_person", "small_talk", "opening_hours_contact"])
def test_a_foreign_question_goes_to_the_documents_however_sure_its_intent(name: str) -> None:
    route = TABLE.route(replace(sure_of(name), out_of_scope=TABLE.foreign_from))
    assert (route.to, route.reason) == (Destination.KNOWLEDGE, Reason.FOREIGN)


@pytest.mark.parametrize(
    "name", ["refund_dispute", "delete_account", "security_incident", "privacy_data_request"]
)
def test_sensitive_topics_are_marked_even_when_unsure_foreign_or_second(name: str) -> None:
    for intent in (
        sure_of(name),
        replace(sure_of(name), probability=0.31),
        replace(sure_of(name), out_of_scope=0.99),
        replace(SURE, probability=0.6, runner_up=name, runner_up_probability=0.3),
    ):
        assert TABLE.route(intent).sensitive


def test_other_topics_are_not_marked() -> None:
    unlikely = replace(SURE, runner_up="delete_account", runner_up_probability=0.1)
    assert not TABLE.route(SURE).sensitive
    assert not TABLE.route(unlikely).sensitive


def test_a_misspelt_intent_in_the_table_is_told_once_the_model_is_known() -> None:
    names = [name for name in TABLE.rules if name != "talk_to_person"]
    with pytest.raises(BadInput, match="'talk_to_person', which the model never gives"):
        TABLE.expect_intents(names)
    TABLE.expect_intents(list(TABLE.rules))


HEAD = "foreign_from: 0.95\nsensitive_from: 0.3\n"


@pytest.mark.parametrize(
    ("content", "line", "problem"),
    [
        (HEAD + "intents:\n  a: {to: nowhere}\n", 4, "intents.a.to"),
        (HEAD + "intents:\n  a: {to: faq}\n  b: {threshold: 0.5}\n", 5, "intents.b.to"),
        (HEAD + "intents:\n  a:\n    to: faq\n    threshold: 2\n", 6, "less than or equal to 1"),
        (HEAD + "intents:\n  a: {to: faq, treshold: 0.5}\n", 4, "there is no such field"),
        (HEAD + "intents:\n  a: {to: faq, sensitive: maybe}\n", 4, "intents.a.sensitive"),
        (HEAD + "intents:\n  a: {to: faq}\n  a: {to: refuse}\n", 5, "'a' is written twice"),
        (HEAD + "intents: {}\n", 3, "intents"),
        (HEAD + "intents:\n  a: {to: faq\n", 5, "expected"),
        ("sensitive_from: 0.3\nintents:\n  a: {to: faq}\n", 1, "foreign_from"),
        ("", 1, "foreign_from"),
        ("- a\n", 1, "the file"),
    ],
)
def test_a_malformed_table_is_refused_with_its_line(
    tmp_path: Path, content: str, line: int, problem: str
) -> None:
    path = tmp_path / "intents.yaml"
    path.write_text(content)
    with pytest.raises(BadInput) as refused:
        load_table(path)
    assert refused.value.message.startswith(f"{path}:{line}: ")
    assert problem in refused.value.message
    assert refused.value.hint


def test_a_table_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MalformedDataset, match="cannot be read"):
        load_table(tmp_path / "intents.yaml")


def test_every_rule_of_the_shipped_table_stands_on_a_line_of_its_own() -> None:
    text = SHIPPED_TABLE.read_text()
    assert all(f"\n  {name}: " in text for name in TABLE.rules)
