from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from rich.console import Console
from typer.testing import CliRunner

from app.settings import Settings
from eval.cli import cli
from eval.report import write_page
from eval.retrieval import RetrievalReport, Task, measure
from eval.retrieval_report import to_json, to_page
from retrieval.errors import BadInput, MalformedDataset
from tests.eval.sets import PASSAGES, QRELS, QUERIES, write_beir, write_lines
from tests.library import PAGES, write_pages

if TYPE_CHECKING:
    from retrieval.embedders import Embedder

COMMAND = Path(sys.executable).with_name("answerable")
MEASURES = ["ndcg_10", "recall_5", "recall_10", "mrr_10"]


@pytest.fixture(autouse=True)
def _one_embedder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, embedder: Embedder) -> None:
    """Only the model is the one already loaded."""
    monkeypatch.setattr("app.bootstrap.open_embedder", lambda *_: embedder)
    monkeypatch.setenv("ANSWERABLE_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def kettles(tmp_path: Path) -> Path:
    return write_beir(tmp_path / "kettles")


async def _measured(task: Task) -> RetrievalReport:
    return await measure(Settings(), task, Console(stderr=True))


def _run(*arguments: str | Path) -> str:
    result = CliRunner().invoke(
        cli, ["retrieval", *map(str, arguments)], catch_exceptions=False, env={"COLUMNS": "200"}
    )
    assert result.exit_code == 0
    return result.output


async def test_the_right_passages_of_a_small_set_come_first(kettles: Path) -> None:
    report = await _measured(Task(kettles))

    figures = json.loads(to_json(report))
    assert {name: figures[name]["value"] for name in MEASURES} == dict.fromkeys(MEASURES, 1.0)
    assert set(figures["ndcg_10"]) == {"value", "low", "high"}
    assert (figures["questions"], figures["passages"]) == (2, 3)
    assert [ranked.units[0][0] for ranked in report.rankings] == ["returns#0", "descaling#0"]
    assert [ranked.best[0].right for ranked in report.rankings] == [True, True]


async def test_a_passage_is_indexed_as_ingestion_would(kettles: Path) -> None:
    report = await _measured(Task(kettles))

    chunk = report.rankings[0].best[0].passage.chunk
    assert chunk.context == "Return policy > How long you have"
    assert chunk.text == PASSAGES[0]["text"]
    assert [chunk.quote(unit) for unit in chunk.units][1] == "Keep the original box."


async def test_a_follow_up_is_asked_with_what_it_leans_on(kettles: Path) -> None:
    write_lines(kettles / "qrels.tsv", [*QRELS, "q2\treturns#0\t1"])

    report = await _measured(Task(kettles))

    asked = {ranked.question.id: ranked.asked for ranked in report.rankings}
    assert asked["q2"] == "How do I return a kettle? and in Ireland?"
    assert asked["q1"] == QUERIES[0]["text"]
    assert any("Questions with earlier turns: 1." in note for note in report.notes)


async def test_questions_without_a_passage_are_not_asked_and_counted(kettles: Path) -> None:
    report = await _measured(Task(kettles))

    assert "Questions without a relevant passage, not asked: 1." in report.notes


async def test_passages_longer_than_the_embedder_reads_are_counted(kettles: Path) -> None:
    long = {"_id": "long", "text": "kettle " * 300}
    write_lines(kettles / "corpus.jsonl", [*PASSAGES, long])

    report = await _measured(Task(kettles))

    [caution] = report.cautions
    assert caution.startswith("1 of 4 passages are longer than the 256 tokens")


async def test_each_part_of_the_search_is_measured_alone(kettles: Path) -> None:
    report = await _measured(Task(kettles, legs=True))

    figures = json.loads(to_json(report))
    assert list(figures["legs"]) == ["dense", "bm25", "fused"]
    assert all(list(leg) == MEASURES for leg in figures["legs"].values())
    assert figures["gains"]["whole"]["better_leg"] in {"dense", "bm25"}
    assert not figures["gains"]["fused"]["below"]
    # BM25 finds only what shares a word with the question; sentence vectors find everything.
    assert [len(ranked.legs["dense"]) for ranked in report.rankings] == [3, 3]
    assert all(len(ranked.legs["bm25"]) <= 3 for ranked in report.rankings)


async def test_pages_are_cut_by_our_own_ingestion_and_gold_is_found_on_them(kettles: Path) -> None:
    write_pages(kettles / "pages", PAGES)

    report = await _measured(Task(kettles, pages=True))

    assert report.scores.by_measure["recall_5"].tolist() == [1.0, 1.0]
    visible = sum(map(len, report.indexed.shelf.values()))
    assert report.indexed.chunks == visible + 1  # customers do not see staff.md
    right = report.rankings[0].best[0]
    assert right.right
    assert right.passage.chunk.page == "returns.md"
    assert not report.cautions


async def test_a_passage_in_two_chunks_counts_once(kettles: Path) -> None:
    text = " ".join(f"To descale the kettle, pour cup number {n} of vinegar in." for n in range(60))
    write_lines(kettles / "corpus.jsonl", [{"_id": "all", "page": "a.md", "text": text}])
    write_lines(kettles / "qrels.tsv", ["q3\tall\t1"])
    write_pages(kettles / "pages", {"a.md": f"# Descaling\n\n{text}\n"})

    report = await _measured(Task(kettles, pages=True))

    [ranked] = report.rankings
    assert len(ranked.units) == report.indexed.chunks > 1
    assert [unit for unit, _ in ranked.units].count("all") == 1
    assert all(shown.right for shown in ranked.best)
    assert all(values == [1.0] for values in report.scores.by_measure.values())


async def test_gold_that_is_not_on_its_page_is_missed_and_counted(kettles: Path) -> None:
    write_pages(kettles / "pages", {**PAGES, "returns.md": "# Returns\n\nSee elsewhere.\n"})

    report = await _measured(Task(kettles, pages=True))

    assert report.scores.ndcg.tolist() == [0.0, 1.0]
    [caution] = report.cautions
    assert caution.startswith("1 of 2 relevant passages are in no chunk of their page")


async def test_questions_that_stand_on_the_pages_are_counted(kettles: Path) -> None:
    told = {"lights.md": "# Lights\n\n## Why does the *descaling light* blink?\n\nLimescale.\n"}
    write_pages(kettles / "pages", {**PAGES, **told})

    report = await _measured(Task(kettles, pages=True))

    [caution] = report.cautions
    assert caution.startswith("1 of 2 questions stand on the pages word for word")


async def test_pages_have_to_be_there_and_passages_have_to_name_them(kettles: Path) -> None:
    with pytest.raises(MalformedDataset, match="'kettles' has no raw pages"):
        await _measured(Task(kettles, pages=True))

    write_pages(kettles / "pages", PAGES)
    write_lines(kettles / "corpus.jsonl", [{"_id": p["_id"], "text": p["text"]} for p in PASSAGES])
    with pytest.raises(MalformedDataset, match="'returns#0' does not say which page it is from"):
        await _measured(Task(kettles, pages=True))


async def test_excerpts_are_sought_on_their_pages_word_by_word(tmp_path: Path) -> None:
    excerpt = "You can return a kettle within 30 days of delivery."
    references = json.dumps([{"content": excerpt, "start_index": 37}]).replace('"', '""')
    row = f'How long can I return a kettle?,"{references}",returns'
    write_lines(tmp_path / "set" / "questions_df.csv", ["question,references,corpus_id", row])
    write_pages(tmp_path / "set" / "corpora", PAGES)

    report = await _measured(Task(tmp_path / "set", pages=True))

    assert report.spans is not None
    assert report.spans.recall.value == 1.0
    assert 0 < report.spans.precision.value < 1
    assert json.loads(to_json(report))["spans"]["recall"]["value"] == 1.0
    with pytest.raises(BadInput, match="has excerpts of pages, and no passages to search"):
        await _measured(Task(tmp_path / "set"))


def test_the_command_prints_figures_and_writes_what_it_is_asked_for(
    kettles: Path, tmp_path: Path
) -> None:
    figures, page, run = (tmp_path / "out" / name for name in ("f.json", "f.html", "f.run"))

    printed = _run("--data", kettles, "--legs", "--json", figures, "--html", page, "--run", run)

    assert "kettles: 2 questions over 3 passages" in printed
    assert "nDCG@10" in printed
    assert "BM25 alone" in printed
    assert json.loads(figures.read_text())["mrr_10"]["value"] == 1.0
    assert "Retrieval on kettles" in page.read_text()
    assert run.read_text().startswith("q1 Q0 returns#0 1 ")


def test_a_run_is_compared_with_another(kettles: Path, tmp_path: Path) -> None:
    run, figures = tmp_path / "before.run", tmp_path / "f.json"
    write_lines(run, ["q1 Q0 descaling#1 1 0.9 x", "q1 Q0 returns#0 2 0.8 x"])

    printed = _run("--data", kettles, "--compare", run, "--json", figures)

    assert "p = " in printed
    assert "2 questions differ" in printed
    assert "has nothing for: 1." in printed
    changes = json.loads(figures.read_text())["comparison"]["changes"]
    assert [(c["id"], c["before"], c["after"]) for c in changes] == [
        ("q3", 0.0, 1.0),
        ("q1", pytest.approx(0.631, abs=0.001), 1.0),
    ]


def test_a_run_compared_with_itself_does_not_differ(kettles: Path, tmp_path: Path) -> None:
    run = tmp_path / "same.run"
    _run("--data", kettles, "--run", run)

    assert "p = 1.0000" in _run("--data", kettles, "--compare", run)


async def test_the_page_shows_the_questions_that_went_wrong(kettles: Path, tmp_path: Path) -> None:
    write_lines(kettles / "qrels.tsv", ["q1\tdescaling#1\t1", "q3\tdescaling#0\t1"])

    page = to_page(await _measured(Task(kettles, legs=True)))
    write_page(page, tmp_path / "report.html")

    [worst] = page.worst
    assert worst.question == QUERIES[0]["text"]
    assert worst.expected == (PASSAGES[2]["text"],)
    assert [found.right for found in worst.found].count(True) == 1
    assert worst.found[0].place == "returns.md > How long you have"
    assert worst.verdict.startswith("first expected passage at rank ")
    assert [figure.name for figure in page.figures[:4]] == [
        "nDCG@10",
        "recall@5",
        "recall@10",
        "MRR@10",
    ]
    assert str(kettles) in page.command


def test_a_file_that_cannot_be_written_is_named_before_the_work(
    kettles: Path, tmp_path: Path
) -> None:
    (tmp_path / "folder").mkdir()

    with pytest.raises(BadInput, match="folder cannot be written: Is a directory"):
        _run("--data", kettles, "--json", tmp_path / "folder")


def test_a_malformed_set_ends_the_command_with_one_sentence(kettles: Path) -> None:
    write_lines(kettles / "queries.jsonl", [*QUERIES, "{"])

    finished = subprocess.run(
        [COMMAND, "eval", "retrieval", "--data", kettles],
        capture_output=True,
        text=True,
        check=False,
    )

    assert finished.returncode == 1
    assert f"{kettles / 'queries.jsonl'}:4: this is not JSON" in finished.stderr
    assert "Traceback" not in finished.stderr
