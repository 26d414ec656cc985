from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner

import eval.peers.__main__ as command
from eval.peers.protocol import (
    Asked,
    Job,
    Passage,
    Question,
    Result,
    UnusableResult,
    read_job,
    read_result,
    write_job,
    write_result,
)
from eval.peers.report import MEGABYTE, as_json, remarks, report, table
from eval.peers.running import Failure, run_all
from eval.peers.sets import PeerSet, example_set, read_set
from eval.peers.setups import OURS, PEERS_PYTHON, Setup, all_setups, chosen
from eval.peers.worker import Peer, measure, peak_bytes
from retrieval.errors import BadInput
from retrieval.models import BUNDLED_MODEL, find_weights
from tests.eval.sets import write_beir

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

WEIGHTS = Path(find_weights(BUNDLED_MODEL))
PASSAGES = (
    Passage("a", "a.md", "Kettles", ("Descaling",), "Kettles > Descaling", "The light blinks."),
    Passage("b", "b.md", "", (), "", "Returns take 30 days.\nNo less."),
    Passage("c", "c.md", "Hours", (), "Hours", "Open from nine to five."),
)
QUESTIONS = (Question("q1", "Why does the light blink?"), Question("q2", "How long for returns?"))
RELEVANT = {"q1": {"a": 1}, "q2": {"b": 2}}
FOUND = PeerSet("kettles", PASSAGES, QUESTIONS, RELEVANT, ("A note.",))

GOOD = """
from eval.peers.worker import Peer, work

class Fixed(Peer):
    def __init__(self, job):
        self.ids = [passage.id for passage in job.passages]
    def ingest(self, passages):
        pass
    def ways(self):
        return {"as they come": lambda question: self.ids}

work({"good": Fixed}, ["typer"])
"""
SCRIPTS = {
    "good": GOOD,
    "raises": "print('loading'); raise RuntimeError('no luck')",
    "garbage": "import pathlib, sys; pathlib.Path(sys.argv[3]).write_text('{\"ways\": 3')",
    "silent": "",
    "hangs": "import time; time.sleep(60)",
}


class Counting(Peer):
    """Answers with the passages in the order given, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.ids: list[str] = []

    def ingest(self, passages: Sequence[Passage]) -> None:
        self.ids = [passage.id for passage in passages]

    def ways(self) -> Mapping[str, Callable[[str], Sequence[str]]]:
        return {"forward": self._forward, "backward": lambda _: self.ids[::-1]}

    def _forward(self, question: str) -> list[str]:
        self.asked.append(question)
        return self.ids


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(str(WEIGHTS), str(tmp_path / "home"), str(tmp_path), PASSAGES, QUESTIONS)


@pytest.fixture
def scripts(tmp_path: Path) -> dict[str, Setup]:
    setups = {}
    for name, text in SCRIPTS.items():
        path = tmp_path / f"{name}_peer.py"
        path.write_text(text)
        setups[name] = Setup(name, name.title(), "fake", (sys.executable, str(path)))
    return setups


def _result(seconds: float, *, best: bool, way: str = "only", scale: int = 1) -> Result:
    """A result that has the relevant passage first, or second."""
    orders = {"q1": ("a", "b"), "q2": ("b", "a")}
    found = {q: ids if best else ids[::-1] for q, ids in orders.items()}
    asked = Asked(found, (seconds, seconds))
    return Result({f"lib-{way}": "1.0"}, scale * 1.0, scale * 100 * MEGABYTE, {way: asked})


def _setup(name: str, library: str) -> Setup:
    return Setup(name, library, "parts", ("program",))


def _printed(found: object) -> str:
    console = Console(file=StringIO(), width=200)
    console.print(found)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_a_job_reads_back_as_it_was_written(job: Job, tmp_path: Path) -> None:
    write_job(tmp_path, job)

    assert read_job(tmp_path) == job


def test_context_stands_above_the_text_where_there_is_any() -> None:
    assert PASSAGES[0].full_text == "Kettles > Descaling\nThe light blinks."
    assert PASSAGES[1].full_text == PASSAGES[1].text


def test_a_result_reads_back_as_it_was_written(job: Job, tmp_path: Path) -> None:
    result = _result(0.5, best=True)
    write_result(tmp_path / "result.json", result)

    assert read_result(tmp_path / "result.json", job) == result


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"ways": {}}, "empty"),
        ({"peak_bytes": 0}, "empty"),
        ({"ingest_seconds": "soon"}, "cannot be read"),
        ({"versions": None}, "cannot be read"),
        ({"ways": {"w": {"found": {"q1": ["a"]}, "seconds": [1]}}}, "each question once"),
        ({"ways": {"w": {"found": {"q1": [], "q2": []}, "seconds": [1]}}}, "each question once"),
        ({"ways": {"w": {"found": {"q1": ["z"], "q2": []}, "seconds": [1, 1]}}}, "unknown"),
        ({"ways": {"w": {"found": {"q1": ["a", "a"], "q2": []}, "seconds": [1, 1]}}}, "repeated"),
    ],
)
def test_a_result_of_another_job_is_refused(
    job: Job, tmp_path: Path, change: dict[str, object], complaint: str
) -> None:
    path = tmp_path / "result.json"
    write_result(path, _result(0.5, best=True))
    path.write_text(json.dumps(json.loads(path.read_text()) | change))

    with pytest.raises(UnusableResult, match=complaint):
        read_result(path, job)


def test_every_way_is_asked_everything_twice_and_timed_once(job: Job) -> None:
    peer = Counting()

    result = measure(peer, job, {})

    texts = [question.text for question in QUESTIONS]
    assert peer.asked == texts + texts
    assert list(result.ways) == ["forward", "backward"]
    assert result.ways["backward"].found == {"q1": ("c", "b", "a"), "q2": ("c", "b", "a")}
    assert len(result.ways["forward"].seconds) == len(QUESTIONS)
    assert 0 < result.peak_bytes <= peak_bytes()


def test_memory_is_of_the_process_itself_and_not_of_the_one_that_started_it() -> None:
    held = bytearray(b"x") * (400 * MEGABYTE)
    code = "from eval.peers.worker import peak_bytes; print(peak_bytes())"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert len(held) < peak_bytes()
    assert int(said.stdout) < len(held) / 2


def test_a_failing_program_is_reported_and_the_others_still_run(
    job: Job, scripts: dict[str, Setup], tmp_path: Path
) -> None:
    absent = Setup("absent", "Absent", "fake", (str(tmp_path / "no-python"),))
    setups = [scripts["raises"], scripts["garbage"], scripts["silent"], absent, scripts["good"]]
    said: list[str] = []

    outcomes = run_all(setups, job, tmp_path, said.append)

    reasons = {n: o.reason for n, o in outcomes.items() if isinstance(o, Failure)}
    assert reasons["raises"] == "exit status 1: RuntimeError: no luck"
    assert reasons["garbage"].startswith("its result cannot be read")
    assert reasons["silent"] == "it ended without a result"
    assert reasons["absent"].endswith("cannot be started: No such file or directory")
    good = outcomes["good"]
    assert isinstance(good, Result)
    assert good.ways["as they come"].found == {"q1": ("a", "b", "c"), "q2": ("a", "b", "c")}
    assert "typer" in good.versions
    assert "[5/5] Good, fake: ingesting 3 passages" in said
    assert any(line.startswith("[1/5] Raises, fake: FAILED, exit status 1") for line in said)


def test_a_program_that_hangs_is_stopped(
    job: Job, scripts: dict[str, Setup], tmp_path: Path
) -> None:
    outcomes = run_all([scripts["hangs"]], job, tmp_path, lambda _: None, seconds=0.5)

    assert outcomes == {"hangs": Failure("stopped after 0.5 s", "")}


def test_figures_are_shown_as_multiples_of_ours() -> None:
    setups = [_setup(OURS, "Answerable"), _setup("slow", "Slow")]
    outcomes = {OURS: _result(0.010, best=True), "slow": _result(0.025, best=False, scale=4)}

    measured = report(FOUND, setups, outcomes)
    lines = _printed(table(measured)).splitlines()

    ours, slow = measured.rows
    assert ours.lead is None
    assert slow.lead is not None
    assert slow.lead.value == pytest.approx(ours.ndcg - slow.ndcg)
    assert slow.p == pytest.approx(0.5, abs=0.05)  # two questions: half of the signs are as far
    assert slow.p50 == pytest.approx(25)
    assert slow.p95 == pytest.approx(25)
    assert "25.0 (2.50x)" in lines[-1]
    assert "1 (0.25x)" in lines[-2]
    assert "400 (4.00x)" in lines[-2]


def test_the_best_way_of_each_library_is_marked() -> None:
    worse, better = _result(0.01, best=False, way="worse"), _result(0.01, best=True, way="better")
    both = replace(better, ways={**worse.ways, **better.ways})

    measured = report(FOUND, [_setup("a", "A"), _setup("b", "B")], {"a": both, "b": worse})
    lines = _printed(table(measured)).splitlines()

    assert [line.split()[:2] for line in lines if "*" in line] == [["*", "better"], ["*", "worse"]]


def test_what_is_missing_is_said() -> None:
    setups = [_setup(OURS, "Answerable"), _setup("peer", "Peer")]
    outcomes: dict[str, Result | Failure] = {
        OURS: Failure("no luck", ""),
        "peer": _result(0.01, best=True),
    }

    measured = report(FOUND, setups, outcomes)

    assert measured.ours is None
    assert measured.rows[0].p is None
    assert "x)" not in _printed(table(measured))
    said = remarks(measured)
    assert said[:2] == ["A note.", "answerable is missing: no luck."]
    assert "lib-only 1.0" in said[-1]
    assert json.loads(json.dumps(as_json(measured)))["failures"] == {OURS: "no luck"}


def test_a_set_keeps_its_passages_and_the_questions_they_answer(tmp_path: Path) -> None:
    found = read_set(write_beir(tmp_path / "kettles"), WEIGHTS)

    assert found.passages[0].full_text.startswith("Return policy > How long you have\nYou can")
    assert [question.id for question in found.questions] == ["q1", "q3"]
    assert found.relevant["q3"] == {"descaling#0": 2}
    assert found.notes == ("1 questions have no relevant passage: not asked.",)


def test_the_examples_are_a_set_in_which_gold_passages_are_found() -> None:
    found = example_set(WEIGHTS)

    passages = {passage.id: passage for passage in found.passages}
    assert len(passages) == len(found.passages) > 100
    assert len(found.questions) >= 100
    assert all(
        found.relevant[question.id].keys() <= passages.keys() and found.relevant[question.id]
        for question in found.questions
    )
    assert all(passage.full_text.startswith(passage.title) for passage in passages.values())


def test_set_ups_are_chosen_by_how_their_names_begin() -> None:
    setups = all_setups()

    names = [setup.name for setup in chosen(setups, ["haystack"])]

    assert names[0] == OURS
    assert len(names) > 1
    assert all(name.startswith("haystack") for name in names[1:])
    with pytest.raises(BadInput, match=r"begins with 'txt'.*langchain-ensemble"):
        chosen(setups, ["haystack", "txt"])


def test_the_command_shows_a_table_and_writes_figures(
    scripts: dict[str, Setup], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "all_setups", lambda: (scripts["good"], scripts["raises"]))
    figures = tmp_path / "figures.json"
    data = write_beir(tmp_path / "kettles")

    done = _command("--data", str(data), "--json", str(figures))

    assert done.exit_code == 0, done.output
    assert "kettles: 3 passages, 2 questions" in done.stdout
    assert "raises is missing: exit status 1: RuntimeError: no luck." in done.stdout
    written = json.loads(figures.read_text())
    assert [row["way"] for row in written["rows"]] == ["as they come"]
    assert written["rows"][0]["quality"]["recall_5"]["value"] == pytest.approx(1.0)


def test_the_command_says_what_is_wrong_with_a_set(tmp_path: Path) -> None:
    done = _command("--data", str(tmp_path))

    assert done.exit_code == 2
    assert "holds no data set" in " ".join(done.stderr.split())


def test_our_own_program_finds_the_right_passages(
    job: Job, models_folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "models").symlink_to(models_folder)

    outcome = _only(job, OURS, tmp_path)

    assert _first(outcome, "as shipped") == {"q1": "a", "q2": "b"}


@pytest.mark.skipif(not PEERS_PYTHON.exists(), reason="`make bench-peers` has not set them up")
@pytest.mark.parametrize("name", [s.name for s in all_setups() if s.name != OURS])
def test_every_framework_finds_the_right_passages(job: Job, name: str, tmp_path: Path) -> None:
    outcome = _only(job, name, tmp_path)

    assert isinstance(outcome, Result), outcome
    assert "vectors" in outcome.ways
    assert len(outcome.ways) > 1
    for way in outcome.ways:
        assert _first(outcome, way) == {"q1": "a", "q2": "b"}, way


def _only(job: Job, name: str, folder: Path) -> Result | Failure:
    [setup] = [setup for setup in all_setups() if setup.name == name]
    return run_all([setup], job, folder, lambda _: None)[name]


def _first(outcome: Result | Failure, way: str) -> dict[str, str]:
    assert isinstance(outcome, Result), outcome
    return {question: ids[0] for question, ids in outcome.ways[way].found.items()}


def _command(*arguments: str) -> typer.testing.Result:
    app = typer.Typer()
    app.command()(command.main)
    return CliRunner().invoke(app, arguments)
