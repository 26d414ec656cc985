from __future__ import annotations

import json
import math
from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner

from app.confidence import SIGNALS, open_calibration, shipped_calibration
from eval.answers import score
from eval.answers_report import cautions, figures, show, show_fitting, to_json, to_page
from eval.calibration import reliability, risk_coverage
from eval.cli import cli
from eval.fitting import Sample, fit_pooled
from eval.judge import NOT_JSON, Judge, NoVerdict, Verdict, summarise
from eval.run import AnswerReport, AnswerTask, calibrate_on, measure_answers
from retrieval.errors import BadInput
from tests.eval.judge_server import judge_server
from tests.eval.replies import ANSWERED, UNANSWERED, reply
from tests.eval.sets import QUERIES, write_beir, write_lines
from tests.library import LIGHT, NOWHERE, PAGES, RETURNS, write_pages

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from app.settings import Settings
    from eval.answers import ScoredReply
    from retrieval.embedders import Embedder

CONSOLE = Console(stderr=True)
JUDGE = Judge("http://host/v1/chat/completions", "small", "sk-secret")
REPLIES = (
    reply(ANSWERED, confidence=0.9, passage_right=True, answer_given=True),
    reply(ANSWERED, confidence=0.75),
    reply(ANSWERED, confidence=0.2, handed_over=True),
    reply(ANSWERED, confidence=0.6, handed_over=True, passage_right=True),
    reply(UNANSWERED, confidence=0.8),
    reply(UNANSWERED, confidence=0.1, handed_over=True),
)
GOLDEN = (
    {
        "id": "g1",
        "question": LIGHT,
        "kind": "plain",
        "answerable": True,
        "page": "descaling.md",
        "passage": "The descaling light blinks when limescale has built up inside the kettle.",
        "answer": "limescale",
    },
    {"id": "g2", "question": NOWHERE, "kind": "out-of-scope", "answerable": False},
    {
        "id": "g3",
        "question": RETURNS,
        "kind": "plain",
        "answerable": True,
        "page": "returns.md",
        "passage": "within 30 days of delivery",
        "answer": "30 days",
    },
)


@pytest.fixture(autouse=True)
def _few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eval.calibration.RESAMPLES", 100)


def _report(
    replies: Sequence[ScoredReply], said: Sequence[Verdict | NoVerdict] = ()
) -> AnswerReport:
    confidences = np.array([reply.confidence for reply in replies])
    answered = [reply for reply in replies if not reply.handed_over]
    return AnswerReport(
        task=AnswerTask(judge=JUDGE if said else None),
        name="golden.jsonl over pages",
        threshold=0.7,
        replies=tuple(replies),
        scores=score(replies),
        reliability=reliability(confidences, replies),
        curve=risk_coverage(confidences, replies),
        said={r.golden.id: verdict for r, verdict in zip(answered, said, strict=False)},
        judged=summarise(JUDGE, answered, said) if said else None,
        cautions=(),
    )


@pytest.fixture
def home(settings: Settings, embedder: Embedder, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings under which the model is the one already loaded."""
    monkeypatch.setattr("app.bootstrap.open_embedder", lambda *_: embedder)
    return settings


@pytest.fixture
def task(tmp_path: Path) -> AnswerTask:
    write_lines(tmp_path / "golden.jsonl", GOLDEN)
    documents = write_pages(tmp_path / "pages", PAGES)
    return AnswerTask(golden=tmp_path / "golden.jsonl", documents=documents)


def test_every_figure_is_a_number_with_its_interval_around_it() -> None:
    by_name = {figure.name: figure for figure in figures(_report(REPLIES))}

    assert by_name["Answerable, answered without a person"].note == "2 of 4"
    assert by_name["Answered, the gold passage cited"].value == 0.5
    assert by_name["Unanswerable, handed to a person"].value == 0.5
    assert {"ECE", "AURC", "Coverage at 5% risk", "plain", "out-of-scope"} <= by_name.keys()
    for figure in by_name.values():
        assert math.isfinite(figure.value)
        if figure.low is not None and figure.high is not None:
            assert figure.low <= figure.value <= figure.high


def test_confident_and_wrong_comes_before_handed_over_for_nothing() -> None:
    worst = to_page(_report(REPLIES)).worst

    assert [(question.verdict, question.figure) for question in worst] == [
        ("answered, but nothing answers", 0.8),
        ("answered wrongly", 0.75),
        ("right, but handed over", 0.6),
        ("not found, handed over", 0.2),
    ]
    assert worst[0].reply
    assert not worst[2].reply


def test_a_set_without_unanswerable_questions_has_no_figure_for_them() -> None:
    report = _report(REPLIES[:1])

    names = {figure.name for figure in figures(report)}
    said = "\n".join(cautions(report))
    assert not {name for name in names if "Unanswerable" in name or "AUROC" in name}
    assert "No question is unanswerable" in said
    assert "There are only 1 questions" in said
    assert "all right or all wrong" in said


def test_a_judge_that_says_nothing_readable_has_no_figure_and_a_caution() -> None:
    report = _report(REPLIES, [NoVerdict(NOT_JSON)] * 3)

    judged = {f.name: f.value for f in figures(report) if f.group == "The judge, small"}
    assert judged == {"Verdicts that could be read": 0}
    assert f"None of the judge's 3 verdicts could be read ({NOT_JSON}: 3)." in cautions(report)


def test_verdicts_that_could_not_be_read_are_counted_apart() -> None:
    yes = Verdict(grounded=True, answers=True, why="")
    report = _report(REPLIES, [yes, yes, NoVerdict("HTTP 500")])

    judged = {f.name: f.note for f in figures(report) if f.group == "The judge, small"}
    assert judged["Answers the question"] == "2 of 2"
    assert judged["Agrees with: the gold passage is cited"] == "1 of 2"
    assert any("1 of the judge's 3 verdicts could not be read" in c for c in cautions(report))


def test_json_is_strict_and_without_the_key() -> None:
    written = to_json(_report(REPLIES, [NoVerdict(NOT_JSON)] * 3))
    fields = json.loads(written, parse_constant=pytest.fail)

    assert fields["judge"]["unread"] == {NOT_JSON: 3}
    assert len(fields["questions"]) == len(REPLIES)
    assert "secret" not in written
    assert "secret" not in to_page(_report(REPLIES, [NoVerdict(NOT_JSON)] * 3)).command


def test_the_terminal_shows_figures_and_cautions(capsys: pytest.CaptureFixture[str]) -> None:
    show(_report(REPLIES), Console(width=160))

    shown = capsys.readouterr().out
    assert "Answered, the gold passage cited" in shown
    assert "Caution: There are only 6 questions" in shown


async def test_golden_questions_are_asked_of_the_documents(
    home: Settings, task: AnswerTask
) -> None:
    report = await measure_answers(home, task, CONSOLE)

    outcomes = {reply.golden.id: reply for reply in report.replies}
    assert report.name == "golden.jsonl over pages"
    assert outcomes["g1"].passage_right
    assert outcomes["g3"].passage_right
    assert outcomes["g2"].handed_over


async def test_a_data_set_is_asked_whole_and_judged(home: Settings, tmp_path: Path) -> None:
    queries = [*QUERIES, {"_id": "q4", "text": NOWHERE}]
    data = write_beir(tmp_path / "kettles", queries=queries)
    sure = home.model_copy(update={"threshold": 0.0})
    with judge_server() as server:
        judge = Judge.at(server.url, "small", "")
        report = await measure_answers(sure, AnswerTask(data=data, judge=judge), CONSOLE)

    outcomes = {reply.golden.id: reply for reply in report.replies}
    assert set(outcomes) == {"q1", "q2", "q3", "q4"}
    assert outcomes["q1"].passage_right
    assert outcomes["q3"].passage_right
    assert not outcomes["q4"].passage_right
    assert report.scores.answered.total == 2
    assert report.scores.handed_over.total == 2
    assert report.judged is not None
    assert report.judged.read.count == report.judged.read.total > 0


async def test_a_fit_needs_more_questions_than_these(
    home: Settings, task: AnswerTask, tmp_path: Path
) -> None:
    assert task.documents
    assert task.golden
    data = write_beir(tmp_path / "kettles")
    for more in ([], [data]):
        with pytest.raises(BadInput, match=r"golden\.jsonl over pages: .* a fit needs 10"):
            await calibrate_on(home, task.golden, task.documents, more, CONSOLE)


async def test_figures_of_questions_the_confidence_was_fitted_on_come_with_a_caution(
    home: Settings, task: AnswerTask, tmp_path: Path
) -> None:
    mine = {
        **asdict(shipped_calibration()),
        "name": "golden.jsonl over pages, kettles: 9 questions",
    }
    (tmp_path / "mine.json").write_text(json.dumps(mine))
    fitted = home.model_copy(update={"calibration": str(tmp_path / "mine.json")})
    data = AnswerTask(data=write_beir(tmp_path / "kettles"))

    for asked in (task, data):
        report = await measure_answers(fitted, asked, CONSOLE)
        assert any("was fitted on a set of this name" in caution for caution in report.cautions)
    report = await measure_answers(home, task, CONSOLE)
    assert not any("was fitted on" in caution for caution in report.cautions)


def test_a_fit_is_shown_with_why_and_with_what_each_set_left_out_gives(
    capsys: pytest.CaptureFixture[str],
) -> None:
    signals = dict.fromkeys(SIGNALS, 0.5)
    replies = tuple(
        reply(golden, passage_right=golden is ANSWERED, signals={**signals, "unit": unit})
        for golden, start in ((ANSWERED, 0.4), (UNANSWERED, 0.2))
        for unit in np.linspace(start, start + 0.4, 20).tolist()
    )

    show_fitting(
        fit_pooled([Sample("ours", replies), Sample("theirs", replies)]), Console(width=200)
    )

    shown = capsys.readouterr().out
    assert "Weights were fitted to 2 sets" in shown
    assert "ours, on questions left out of each fit" in shown
    assert "set left out" in shown
    assert "theirs" in shown


@pytest.mark.parametrize("options", [[], ["--golden", "g"], ["--data", "d", "--golden", "g"]])
def test_what_to_ask_of_what_has_to_be_clear(options: list[str]) -> None:
    with pytest.raises(BadInput, match="Give --golden and --documents, or --data alone"):
        CliRunner().invoke(cli, ["answers", *options], catch_exceptions=False)


def test_the_command_writes_what_it_is_asked_for(
    home: Settings, task: AnswerTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eval.cli.Settings", lambda: home)
    figures_file, page_file, plot = (tmp_path / name for name in ("a.json", "a.html", "a.png"))
    given = {
        "--golden": task.golden,
        "--documents": task.documents,
        "--json": figures_file,
        "--html": page_file,
        "--plot": plot,
    }
    options = [str(part) for pair in given.items() for part in pair]

    ran = CliRunner().invoke(cli, ["answers", *options], catch_exceptions=False)

    assert ran.exit_code == 0
    assert json.loads(figures_file.read_text())["scores"]["handed_over"]["count"] == 1
    assert "Answers: golden.jsonl over pages" in page_file.read_text()
    assert plot.read_bytes().startswith(b"\x89PNG")


@pytest.fixture
def many(task: AnswerTask) -> AnswerTask:
    """Golden questions enough to leave a tenth out of each fit."""
    answerable, _, returns = GOLDEN
    ways = ("", "Please: ", "Hello, ", "Hi! ", "One thing. ", "Quickly, ")
    asked = [
        {**golden, "id": f"{golden['id']}-{n}", "question": f"{way}{golden['question']}"}
        for golden in (answerable, returns)
        for n, way in enumerate(ways)
    ]
    sought = [f"Who won the world cup in {year}?" for year in range(1958, 2006, 4)]
    unasked = [
        {"id": f"u{n}", "question": text, "kind": "out-of-scope", "answerable": False}
        for n, text in enumerate(sought)
    ]
    assert task.golden
    write_lines(task.golden, [*asked, *unasked])
    return task


def test_a_calibration_is_written_that_the_service_can_use(
    home: Settings, many: AnswerTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eval.cli.Settings", lambda: home)
    out, plot = tmp_path / "mine.json", tmp_path / "mine.png"
    options = ["--golden", many.golden, "--documents", many.documents, "--out", out, "--plot", plot]

    ran = CliRunner().invoke(cli, ["calibrate", *map(str, options)], catch_exceptions=False)

    assert ran.exit_code == 0
    assert "The shipped weights stay" in ran.stdout
    assert open_calibration(out).name.endswith("; then golden.jsonl over pages: 24 questions")
    assert plot.read_bytes().startswith(b"\x89PNG")


async def test_a_data_set_without_unanswerable_questions_can_be_fitted_to(
    home: Settings, many: AnswerTask, tmp_path: Path
) -> None:
    assert many.golden
    assert many.documents
    facts = [(f"Part {n}", f"The {n}th part weighs {n} grams.") for n in range(30)]
    data = write_beir(
        tmp_path / "parts",
        passages=[{"_id": f"p{n}", "title": t, "text": text} for n, (t, text) in enumerate(facts)],
        queries=[{"_id": f"q{n}", "text": f"What does the {n}th part weigh?"} for n in range(30)],
        qrels=[f"q{n}\tp{n}\t1" for n in range(30)],
    )

    fitting = await calibrate_on(home, many.golden, many.documents, [data], CONSOLE)

    assert [figures.name for figures in fitting.sets] == [
        "golden.jsonl over pages",
        "parts without half of its answers",
    ]
    assert all(figures.left_out for figures in fitting.sets)
