from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import yaml

from ingestion.golden import GoldenQuestion, load_golden, normalised
from ingestion.parsing import parse
from ingestion.sources.files import FolderSource
from ingestion.sources.source import SourceFile

EXAMPLES = Path(__file__).parent.parent / "examples"
GOLDEN = load_golden(EXAMPLES / "golden.jsonl")


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    """The readable text of every page, as ingestion reads it."""
    files = FolderSource(EXAMPLES / "help-centre").read()
    parsed = {file.page: parse(file) for file in files if isinstance(file, SourceFile)}
    return {page: normalised(document.page_content) for page, document in parsed.items()}


def test_every_page_can_be_read(pages: dict[str, str]) -> None:
    assert len(pages) == sum(path.is_file() for path in (EXAMPLES / "help-centre").rglob("*"))
    assert len(pages) >= 40


@pytest.mark.parametrize("golden", [g for g in GOLDEN if g.answerable], ids=lambda g: g.id)
def test_a_gold_passage_stands_on_its_page_and_holds_the_answer(
    golden: GoldenQuestion, pages: dict[str, str]
) -> None:
    for passage in golden.passages:
        assert normalised(passage.text) in pages[passage.page]
    assert normalised(golden.answer) in normalised(golden.passages[0].text)


def test_there_are_enough_questions_of_either_sort() -> None:
    sorts = Counter(question.answerable for question in GOLDEN)

    assert len({question.id for question in GOLDEN}) == len(GOLDEN) >= 80
    assert sorts[False] >= 25


def test_every_approved_answer_names_a_page_that_exists(pages: dict[str, str]) -> None:
    entries = yaml.safe_load((EXAMPLES / "faq.yaml").read_text())

    assert entries
    for entry in entries:
        assert entry["source"].split("#")[0] in pages
        assert entry["answer"]
