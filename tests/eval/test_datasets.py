from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from eval.corpus import CorpusPassage, DatasetQuestion
from eval.datasets import load_set
from retrieval.errors import MalformedDataset
from tests.eval.sets import PASSAGES, QRELS, QUERIES, write_beir, write_lines

if TYPE_CHECKING:
    from pathlib import Path

CLAPNQ = "annotated_data/dev/clapnq_dev_{}.jsonl"
CSV_HEADER = "question,references,corpus_id"


def _clapnq(folder: Path, kind: str, *rows: dict[str, object]) -> None:
    write_lines(folder / CLAPNQ.format(kind), rows)


def _natural(name: str | int, text: str, answer: str | None) -> dict[str, object]:
    return {
        "id": name,
        "input": f"about {name}?",
        "passages": [{"title": "Tides", "text": text, "sentences": [text]}],
        "output": [{"answer": answer}],
    }


def _chroma(folder: Path, *lines: str) -> Path:
    write_lines(folder / "questions_df.csv", [CSV_HEADER, *lines])
    write_lines(folder / "corpora" / "speech.md", ["We cut fees. We built roads."])
    return folder


def _references(*found: tuple[int, str]) -> str:
    excerpts = [{"content": c, "start_index": s, "end_index": s + len(c)} for s, c in found]
    return '"' + json.dumps(excerpts).replace('"', '""') + '"'


def test_a_beir_folder_is_read_whole(tmp_path: Path) -> None:
    found = load_set(write_beir(tmp_path / "kettles"))

    assert found.name == "kettles"
    assert found.passages[0] == CorpusPassage(
        id="returns#0",
        title="Return policy",
        headings=("How long you have",),
        page="returns.md",
        text="You can return a kettle within 30 days of delivery. Keep the original box.",
    )
    assert found.questions[1] == DatasetQuestion(
        "q2", "and in Ireland?", ("How do I return a kettle?",), ""
    )
    assert found.questions[0].answer == "30 days"
    assert found.relevant == {"q1": {"returns#0": 1}, "q3": {"descaling#0": 2}}
    assert [question.id for question in found.answerable] == ["q1", "q3"]
    assert [question.id for question in found.unanswerable] == ["q2"]
    assert found.pages is None


@pytest.mark.parametrize(
    "qrels",
    [
        ("q1\treturns#0\t1",),
        ("q1 0 returns#0 1", "q3 0 descaling#1 0"),
        ("query-id\tcorpus-id\tscore\r", "q1\treturns#0\t1\r", "", "q3\tdescaling#1\t-1\r"),
    ],
)
def test_judgements_come_with_or_without_header_and_as_trec_has_them(
    tmp_path: Path, qrels: tuple[str, ...]
) -> None:
    assert load_set(write_beir(tmp_path, qrels=qrels)).relevant == {"q1": {"returns#0": 1}}


def test_judgements_may_lie_where_beir_puts_them(tmp_path: Path) -> None:
    write_beir(tmp_path, qrels=())
    write_lines(tmp_path / "qrels" / "test.tsv", QRELS)

    assert set(load_set(tmp_path).relevant) == {"q1", "q3"}


def test_ids_with_spaces_whole_numbers_and_a_byte_order_mark_are_read(tmp_path: Path) -> None:
    write_beir(
        tmp_path,
        passages=[{"_id": "a page#0", "text": "One\u2028paragraph"}],
        queries=['\ufeff{"_id": 7, "text": "what?"}'],
        qrels=["7\ta page#0\t1"],
    )

    assert load_set(tmp_path).relevant == {"7": {"a page#0": 1}}


def test_pages_beside_the_corpus_are_noticed(tmp_path: Path) -> None:
    write_beir(tmp_path)
    (tmp_path / "pages").mkdir()

    assert load_set(tmp_path).pages == tmp_path / "pages"


def test_a_beir_folder_one_level_down_is_found(tmp_path: Path) -> None:
    write_beir(tmp_path / "outer" / "pooled")

    assert load_set(tmp_path / "outer").name == "outer/pooled"


def test_of_several_sets_one_has_to_be_named(tmp_path: Path) -> None:
    write_beir(tmp_path / "one")
    write_beir(tmp_path / "two")

    with pytest.raises(MalformedDataset, match="holds 2 data sets: one, two"):
        load_set(tmp_path)


def test_a_folder_without_a_set_says_what_one_needs(tmp_path: Path) -> None:
    with pytest.raises(MalformedDataset, match=r"holds no data set.*corpus\.jsonl"):
        load_set(tmp_path)
    with pytest.raises(MalformedDataset, match="nowhere is no folder"):
        load_set(tmp_path / "nowhere")


@pytest.mark.parametrize("missing", ["corpus.jsonl", "queries.jsonl", "qrels.tsv"])
def test_a_missing_file_is_named(tmp_path: Path, missing: str) -> None:
    write_beir(tmp_path)
    (tmp_path / missing).unlink()

    with pytest.raises(MalformedDataset, match=missing):
        load_set(tmp_path)


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        ("{", "not JSON"),
        ('["x"]', "list, not an object"),
        ({"text": "no id"}, "'_id' is missing"),
        ({"_id": " ", "text": "blank id"}, "'_id' is missing"),
        ({"_id": True, "text": "no name"}, "'_id' is missing"),
        ({"_id": "new", "text": 3}, "'text' is int, not text"),
        ({"_id": "new", "text": " "}, "no text and no title"),
        ({"_id": "new", "text": "t", "headings": "one"}, "'headings' is str, not a list"),
        ({"_id": "new", "text": "t", "headings": [1]}, "'headings' is list, not a list of text"),
        (PASSAGES[0], r"'returns#0' stands at .*corpus\.jsonl:1 already"),
    ],
)
def test_a_malformed_passage_is_named_by_file_and_line(
    tmp_path: Path, bad: object, problem: str
) -> None:
    write_beir(tmp_path, passages=[*PASSAGES, "", bad])

    with pytest.raises(MalformedDataset, match=rf"corpus\.jsonl:5.*{problem}") as raised:
        load_set(tmp_path)
    assert raised.value.hint


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        ({"_id": "q9"}, "question 'q9' is empty"),
        (r'{"_id": "q9", "text": "half \ud83d"}', "half of a character"),
        ({"_id": "q9", "text": "  "}, "question 'q9' is empty"),
        ({"_id": "q9", "text": "t", "history": ["x"]}, "'history' is list, not a list of objects"),
        ({"_id": "q9", "text": "t", "history": [{}]}, "'history': 'speaker' is missing"),
        (QUERIES[0], r"'q1' stands at .*queries\.jsonl:1 already"),
    ],
)
def test_a_malformed_question_is_named_by_file_and_line(
    tmp_path: Path, bad: object, problem: str
) -> None:
    write_beir(tmp_path, queries=[*QUERIES, bad])

    with pytest.raises(MalformedDataset, match=rf"queries\.jsonl:4.*{problem}"):
        load_set(tmp_path)


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        ("q1\treturns#0", "2 fields"),
        ("q1\t0\t0\treturns#0\t1", "5 fields"),
        ("q1\tdescaling#0\tyes", "score 'yes' is no whole number"),
        ("q1\tdescaling#0\t1.5", "score '1.5' is no whole number"),
        ("q8\tdescaling#0\t1", "question 'q8' is not in queries"),
        ("q1\tnothing#0\t1", "passage 'nothing#0' is not in corpus"),
        ("q1\treturns#0\t2", r"'q1 returns#0' stands at .*qrels\.tsv:2 already"),
    ],
)
def test_a_malformed_judgement_is_named_by_file_and_line(
    tmp_path: Path, bad: str, problem: str
) -> None:
    write_beir(tmp_path, qrels=[*QRELS, bad])

    with pytest.raises(MalformedDataset, match=rf"qrels\.tsv:4.*{problem}"):
        load_set(tmp_path)


@pytest.mark.parametrize("qrels", [QRELS[:1], ("q1\treturns#0\t0",)])
def test_judgements_that_name_nothing_relevant_are_refused(
    tmp_path: Path, qrels: tuple[str, ...]
) -> None:
    with pytest.raises(MalformedDataset, match="no relevant passage for any question"):
        load_set(write_beir(tmp_path, qrels=qrels))


def test_a_file_that_is_not_utf_8_is_named_with_the_line(tmp_path: Path) -> None:
    write_beir(tmp_path)
    (tmp_path / "queries.jsonl").write_bytes(b'{"_id": "q1"}\n{"_id": "\xff"}\n')

    with pytest.raises(MalformedDataset, match=r"queries\.jsonl:2: this is not UTF-8"):
        load_set(tmp_path)


def test_clapnq_pools_all_passages_and_leaves_its_unanswerable_questions_without(
    tmp_path: Path,
) -> None:
    _clapnq(tmp_path, "answerable", _natural("1", "The moon pulls.", "the moon"))
    _clapnq(
        tmp_path,
        "unanswerable",
        _natural(2, "The sea is salt.", None),
        _natural(3, "The moon pulls.", None),
    )

    found = load_set(tmp_path)

    assert [passage.text for passage in found.passages] == ["The moon pulls.", "The sea is salt."]
    assert found.passages[0].title == "Tides"
    assert [(q.id, q.text, q.answer) for q in found.answerable] == [("1", "about 1?", "the moon")]
    assert [question.id for question in found.unanswerable] == ["2", "3"]
    assert found.relevant == {"1": {found.passages[0].id: 1}}


def test_half_of_clapnq_is_not_enough(tmp_path: Path) -> None:
    _clapnq(tmp_path, "answerable", _natural("1", "The moon pulls.", "the moon"))

    with pytest.raises(MalformedDataset, match=r"clapnq_dev_unanswerable\.jsonl cannot be read"):
        load_set(tmp_path)


def test_a_clapnq_question_without_a_passage_is_named(tmp_path: Path) -> None:
    _clapnq(tmp_path, "answerable", {"id": "1", "input": "why?", "passages": []})
    _clapnq(tmp_path, "unanswerable", _natural(2, "The sea is salt.", None))

    with pytest.raises(MalformedDataset, match=r"answerable\.jsonl:1: the question has no passage"):
        load_set(tmp_path)


def test_chromas_excerpts_become_passages_of_their_pages(tmp_path: Path) -> None:
    both = _references((0, "We cut fees."), (13, "We built roads."))
    found = load_set(_chroma(tmp_path, f"What was done?,{both},speech"))

    assert found.excerpts
    assert found.pages == tmp_path / "corpora"
    assert [(p.id, p.page, p.text) for p in found.passages] == [
        ("speech:0", "speech.md", "We cut fees."),
        ("speech:13", "speech.md", "We built roads."),
    ]
    assert found.relevant == {"q0000": {"speech:0": 1, "speech:13": 1}}


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("Why?,nothing,speech", "'references' is not JSON"),
        ("Why?,[],speech", "the question has no excerpt"),
        (f",{_references((0, 'We cut fees.'))},speech", "'question' is missing"),
        (f"Why?,{_references((0, 'We cut fees.'))}", "'corpus_id' is missing"),
        ('Why?,"[{""content"": ""We""}]",speech', "'references': 'start_index' is missing"),
    ],
)
def test_a_malformed_chroma_line_is_named_by_file_and_line(
    tmp_path: Path, line: str, problem: str
) -> None:
    good = f"What was done?,{_references((0, 'We cut fees.'))},speech"

    with pytest.raises(MalformedDataset, match=rf"questions_df\.csv:3.*{problem}"):
        load_set(_chroma(tmp_path, good, line))


def test_a_nul_in_chromas_table_is_named(tmp_path: Path) -> None:
    found = _chroma(tmp_path, f"What was done?,{'x' * 200_000},speech")

    with pytest.raises(MalformedDataset, match=r"questions_df\.csv:\d+: this is not CSV"):
        load_set(found)
    shutil.rmtree(found / "corpora")
