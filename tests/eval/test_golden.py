from __future__ import annotations

import json
from pathlib import Path

import pytest

from eval.datasets import load_set
from eval.golden import golden_from, load_texts
from ingestion.golden import load_golden, normalised, read_pages, says
from retrieval.errors import MalformedDataset
from tests.eval.sets import write_beir
from tests.library import PAGES, write_pages

EXAMPLES = Path(__file__).parents[2] / "examples"
LINE = {
    "id": "g1",
    "question": "and in Ireland?",
    "kind": "follow-up",
    "history": [
        {"role": "customer", "text": "what is delivery in the UK"},
        {"role": "assistant", "text": "£3.95"},
    ],
    "answerable": True,
    "page": "shipping.md",
    "passage": "Ireland | Standard | €6.95",
    "answer": "€6.95",
    "also": [{"page": "faq.md", "passage": "€6.95 to Ireland"}],
}
NOT_ANSWERABLE = LINE | {
    "answerable": False,
    "page": None,
    "passage": None,
    "answer": None,
    "also": [],
}


def _file(folder: Path, *lines: str) -> Path:
    path = folder / "golden.jsonl"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_a_question_keeps_what_the_customer_said_before_and_every_right_passage(
    tmp_path: Path,
) -> None:
    [question] = load_golden(_file(tmp_path, json.dumps(LINE)))

    assert question.earlier == ("what is delivery in the UK",)
    assert [passage.page for passage in question.passages] == ["shipping.md", "faq.md"]
    assert question.answerable


def test_an_unanswerable_question_has_no_passages(tmp_path: Path) -> None:
    [question] = load_golden(_file(tmp_path, json.dumps(NOT_ANSWERABLE)))

    assert not question.answerable
    assert question.answer == ""


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ("{", "this is not JSON"),
        ('["g2"]', "this is list, not an object"),
        ('{"question": "?"}', "'answerable' is missing"),
        (LINE | {"id": ""}, "'id' is missing or empty"),
        (LINE | {"id": "g2", "question": " "}, "'question' is missing or empty"),
        (LINE | {"id": "g2", "kind": None}, "'kind' is missing or empty"),
        (LINE | {"id": "g2", "history": 3}, "'history' is int, not a list"),
        (LINE | {"id": "g2", "history": ["hello"]}, "'history' is list, not a list of objects"),
        (LINE | {"id": "g2", "history": [{"text": "?"}]}, "'history': 'role' is missing"),
        (LINE | {"id": "g2", "answerable": "yes"}, "'answerable' is missing or neither"),
        (LINE | {"id": "g2", "page": None}, "answerable, but 'page' or 'passage' is empty"),
        (LINE | {"id": "g2", "passage": "|"}, "answerable, but 'page' or 'passage' is empty"),
        (LINE | {"id": "g2", "also": [{}]}, "'also': the question is answerable, but"),
        (LINE | {"id": "g2", "answer": "€9"}, "the answer '€9' does not stand in the passage"),
        (NOT_ANSWERABLE | {"id": "g2", "passage": "€6"}, "not answerable, and yet it has"),
        (LINE, r"'g1' stands at .*golden\.jsonl:1 already"),
    ],
)
def test_a_malformed_line_is_named_by_file_and_number(
    tmp_path: Path, bad: str | dict[str, object], why: str
) -> None:
    line = bad if isinstance(bad, str) else json.dumps(bad)
    path = _file(tmp_path, json.dumps(LINE), "", line)

    with pytest.raises(MalformedDataset, match=rf"{path}:3.*{why}") as error:
        load_golden(path)

    assert error.value.hint


def test_a_file_without_questions_is_named(tmp_path: Path) -> None:
    with pytest.raises(MalformedDataset, match=r"golden\.jsonl holds no question"):
        load_golden(_file(tmp_path, ""))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(MalformedDataset, match=r"nowhere\.jsonl cannot be read: No such file"):
        load_golden(tmp_path / "nowhere.jsonl")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"page": "gone.md"}, "the page 'gone.md' is not among the documents"),
        ({"passage": "within 60 days"}, "'within 60 days' does not stand on 'returns.md'"),
    ],
)
def test_a_gold_passage_has_to_stand_on_its_page(
    tmp_path: Path, changes: dict[str, str], why: str
) -> None:
    good = {"page": "returns.md", "passage": "within 30 days", "answer": "", "also": []}
    first, second = LINE | good, LINE | good | {"id": "g2"} | changes
    path = _file(tmp_path, json.dumps(first), json.dumps(second))
    pages = read_pages(write_pages(tmp_path / "pages", PAGES))

    with pytest.raises(MalformedDataset, match=rf"{path}:2: {why}"):
        load_golden(path, pages)


def test_the_example_questions_fit_the_example_documents() -> None:
    pages = read_pages(EXAMPLES / "help-centre")

    assert len(load_golden(EXAMPLES / "golden.jsonl", pages)) >= 80


def test_a_sets_questions_without_a_relevant_passage_are_unanswerable(tmp_path: Path) -> None:
    days, ireland, light = golden_from(load_set(write_beir(tmp_path)))

    assert days.answerable
    assert days.passages[0].page == "returns.md"
    assert days.answer == "30 days"
    assert not ireland.answerable
    assert ireland.kind == "unanswerable"
    assert ireland.earlier == ("How do I return a kettle?",)
    assert light.answer == ""


def test_an_answer_in_other_words_than_the_passages_is_not_looked_for(tmp_path: Path) -> None:
    queries = [{"_id": "q1", "text": "How long?", "answer": "About a month."}]
    folder = write_beir(tmp_path, queries=queries, qrels=["q1\treturns#0\t1"])

    [question] = golden_from(load_set(folder))

    assert question.answer == ""


def test_texts_are_read_from_golden_and_from_beir_files(tmp_path: Path) -> None:
    path = _file(tmp_path, json.dumps({"question": "one"}), json.dumps({"_id": "2", "text": "two"}))

    assert load_texts(path) == ("one", "two")


def test_a_line_without_a_question_is_named(tmp_path: Path) -> None:
    with pytest.raises(MalformedDataset, match=":2"):
        load_texts(_file(tmp_path, '{"text": "one"}', '{"answer": "two"}'))


def test_layout_does_not_decide_whether_texts_say_the_same() -> None:
    assert normalised("| Ireland | €6.95 |") == normalised("Ireland — €6.95.")
    assert normalised("within 60 days") != normalised("within 30 days")


def test_a_part_of_a_word_or_number_does_not_say_it() -> None:
    assert says("Keep it for 130 days.", "130 Days")
    assert not says("Keep it for 130 days.", "30 days")
