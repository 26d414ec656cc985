from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from eval.golden import MalformedDataset, load_golden, load_texts, normalised

if TYPE_CHECKING:
    from pathlib import Path

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
    fields = LINE | {"answerable": False, "page": None, "passage": None, "answer": None}

    [question] = load_golden(_file(tmp_path, json.dumps(fields)))

    assert not question.answerable
    assert question.answer == ""


@pytest.mark.parametrize(
    "bad", ["{", json.dumps({"id": "g2"}), json.dumps(["g2"]), json.dumps(LINE | {"history": 3})]
)
def test_a_malformed_line_is_named_by_file_and_number(tmp_path: Path, bad: str) -> None:
    path = _file(tmp_path, json.dumps(LINE), "", bad)

    with pytest.raises(MalformedDataset, match=rf"{path}:3"):
        load_golden(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(MalformedDataset, match=r"nowhere\.jsonl does not exist"):
        load_golden(tmp_path / "nowhere.jsonl")


def test_texts_are_read_from_golden_and_from_beir_files(tmp_path: Path) -> None:
    path = _file(tmp_path, json.dumps({"question": "one"}), json.dumps({"_id": "2", "text": "two"}))

    assert load_texts(path) == ("one", "two")


def test_a_line_without_a_question_is_named(tmp_path: Path) -> None:
    with pytest.raises(MalformedDataset, match=":2"):
        load_texts(_file(tmp_path, '{"text": "one"}', '{"answer": "two"}'))


def test_layout_does_not_decide_whether_texts_say_the_same() -> None:
    assert normalised("| Ireland | €6.95 |") == normalised("Ireland — €6.95.")
    assert normalised("within 60 days") != normalised("within 30 days")
