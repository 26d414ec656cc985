from __future__ import annotations

import asyncio
import json
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from rich.console import Console

from app.cache.likeness import SIGNALS
from app.cache.types import Matched
from app.cache.verifier import Verifier, open_pair_score, shipped_pair_score
from eval.cache import COSINE, VERIFIED, CacheTask, report_on
from eval.cache_fitting import FEWEST, fit
from eval.cache_replay import Logged, load_log, replay
from eval.cache_report import show, show_replay, to_json, to_page
from eval.hit_rates import NEVER, Curve, Rates, rates_at
from eval.pair_sets import Compared, Pair, compare, load_pairs
from eval.report import write_page
from ingestion.progress import LogMeter
from retrieval.errors import BadInput, MalformedDataset

if TYPE_CHECKING:
    from pathlib import Path

    from retrieval.embedders import Embedder

ON, OFF = "How do I turn dark mode on?", "How do I turn dark mode off?"
RESET, RESET_AGAIN = "How do I reset my password?", "How can I reset my password?"
PAIRS = (
    {"a": RESET, "b": RESET_AGAIN, "label": 1, "kind": "paraphrase"},
    {"a": ON, "b": OFF, "label": 0, "trap": "opposite"},
    {"a": "Where is my parcel?", "b": "Do penguins have knees?", "label": 0},
)


def write(path: Path, *rows: object) -> Path:
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return path


def made_up(same: bool, strength: float, contradiction: str = "") -> Compared:  # noqa: FBT001 - a pair's label
    pair = Pair(f"a {strength}", f"b {strength}", same)
    return Compared(pair, contradiction, dict.fromkeys(SIGNALS, strength))


def test_rates_say_what_was_served_and_what_was_wrong() -> None:
    scores = np.array([0.9, 0.8, 0.7, NEVER, 0.1])
    same = np.array([True, False, True, True, False])
    rates = rates_at(scores, same, 0.7)
    assert rates == Rates(right=2, wrong=1, missed=1, refused=1)
    intervals = rates.intervals()
    assert intervals["hit_rate"].value == pytest.approx(3 / 5)
    assert intervals["false_hit_rate"].value == pytest.approx(1 / 3)
    assert intervals["true_hit_recall"].value == pytest.approx(2 / 3)
    assert all(i.low <= i.value <= i.high for i in intervals.values())
    assert rates_at(scores, same, None) == Rates(0, 0, 3, 2)


def test_a_curve_takes_pairs_of_one_score_together() -> None:
    scores = np.array([0.9, 0.5, 0.5, 0.5, NEVER])
    curve = Curve.of(scores, np.array([True, True, False, True, True]))
    assert curve.thresholds.tolist() == [0.9, 0.5]
    assert curve.right.tolist() == [1, 3]
    assert curve.wrong.tolist() == [0, 1]
    assert curve.most_within(0.0) == 0.9
    assert curve.most_within(0.25) == 0.5
    assert Curve.of(np.array([0.9]), np.array([False])).most_within(0.1) is None


def test_a_budget_is_only_kept_to_surely_with_pairs_enough() -> None:
    few = Curve.of(np.linspace(1, 0.5, 100), np.ones(100, bool))
    many = Curve.of(np.linspace(1, 0.5, 1000), np.ones(1000, bool))
    assert few.surely_within(0.01) is None
    assert many.surely_within(0.01) == 0.5
    with_errors = np.ones(1000, bool)
    with_errors[500::10] = False
    curve = Curve.of(np.linspace(1, 0, 1000), with_errors)
    sure, best = curve.surely_within(0.02), curve.most_within(0.02)
    assert sure is not None
    assert best is not None
    assert sure > best


def test_pairs_are_read_with_their_kind(tmp_path: Path, embedder: Embedder) -> None:
    pairs = load_pairs(write(tmp_path / "pairs.jsonl", *PAIRS), embedder)
    assert pairs[0] == Pair(RESET, RESET_AGAIN, same=True, kind="paraphrase")
    assert [pair.kind for pair in pairs] == ["paraphrase", "opposite", ""]
    without = load_pairs(tmp_path / "pairs.jsonl", embedder, frozenset({OFF}))
    assert len(without) == 2


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ({"a": "x", "b": "y", "label": 2}, "pairs.jsonl:1: 'label'"),
        ({"a": "x", "b": "y"}, "'label'"),
        ({"a": "x", "label": 1}, "'b' is missing"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, embedder: Embedder, row: object, problem: str) -> None:
    with pytest.raises(MalformedDataset, match=problem):
        load_pairs(write(tmp_path / "pairs.jsonl", row), embedder)


def test_an_empty_file_is_refused(tmp_path: Path, embedder: Embedder) -> None:
    with pytest.raises(MalformedDataset, match="holds no pairs"):
        load_pairs(write(tmp_path / "pairs.jsonl"), embedder)


def test_pairs_are_made_of_intents(tmp_path: Path, embedder: Embedder) -> None:
    said = [(RESET, "reset"), (RESET_AGAIN, "reset"), ("Where is my parcel?", "track")]
    lines = "\n".join(f"{text},{intent}" for text, intent in [*said, ("Track my parcel", "track")])
    for name in ("train.csv", "test.csv"):
        (tmp_path / name).write_text(f"text,category\n{lines}\n")
    (tmp_path / "categories.json").write_text("[]")
    pairs = load_pairs(tmp_path, embedder)
    assert {RESET, RESET_AGAIN} in [{pair.a, pair.b} for pair in pairs if pair.same]
    intents = dict([*said, ("Track my parcel", "track")])
    assert all((intents[p.a] == intents[p.b]) == p.same for p in pairs)
    assert len({frozenset((p.a, p.b)) for p in pairs}) == len(pairs)


def test_the_verifier_is_measured_beside_the_cosine(tmp_path: Path, embedder: Embedder) -> None:
    pairs = load_pairs(write(tmp_path / "pairs.jsonl", *PAIRS), embedder)
    task = CacheTask((tmp_path / "pairs.jsonl",))
    pair_score = replace(shipped_pair_score(), threshold=0.0)
    report = report_on(task, compare(pairs, embedder, LogMeter()), pair_score, None)
    assert report.told_apart["opposites"] == (0, 1)
    assert report.verified.rates.right == 1
    assert report.within[0.02][VERIFIED].rates.right == 1
    assert report.within[0.02][COSINE].rates.right == 1
    figures = json.loads(to_json(report))
    assert set(figures) >= {"hit_rate", "false_hit_rate", "true_hit_recall", "cosine", "gain"}
    assert figures["true_hit_recall"] == 1.0
    assert figures["intervals"]["true_hit_recall"][1] == 1.0
    console = Console(record=True, width=200)
    show(report, console)
    assert "3 pairs, 1 of them repeats" in console.export_text()
    write_page(to_page(report), tmp_path / "report.html")
    assert "What is right of what is served" in (tmp_path / "report.html").read_text()


def test_a_fit_finds_what_tells_and_keeps_to_its_budget() -> None:
    noise = np.random.default_rng(0)
    compared = [
        made_up(same, float(noise.normal(0.7 if same else 0.3, 0.1)))
        for same in [True] * 900 + [False] * 300
    ]
    compared += [made_up(same=True, strength=0.9, contradiction="numbers")] * 50
    fitting = fit(compared, "mine", 0.02)
    assert fitting.rates.false_hit_rate <= 0.02
    assert fitting.rates.right > 600
    assert fitting.rates.missed >= 50
    assert fitting.pair_score.budget == 0.02
    sure = fitting.pair_score.of(dict.fromkeys(SIGNALS, 0.9))
    assert sure > fitting.pair_score.threshold > fitting.pair_score.of(dict.fromkeys(SIGNALS, 0.2))


def test_too_few_pairs_are_refused_with_their_number() -> None:
    compared = [made_up(same=True, strength=0.5 + n / 1000) for n in range(100)]
    compared += [made_up(same=False, strength=0.1 + n / 1000) for n in range(FEWEST - 1)]
    with pytest.raises(BadInput, match=f"Only {FEWEST - 1} pairs"):
        fit(compared, "mine", 0.01)


def test_a_budget_that_cannot_be_kept_is_refused() -> None:
    noise = np.random.default_rng(0)
    compared = [made_up(bool(n % 2), float(noise.normal())) for n in range(400)]
    with pytest.raises(BadInput, match="No threshold is sure"):
        fit(compared, "mine", 0.01)


def test_a_fit_can_be_used(tmp_path: Path) -> None:
    noise = np.random.default_rng(0)
    compared = [
        made_up(same, float(noise.normal(0.7 if same else 0.3, 0.05)))
        for same in [True] * 600 + [False] * 300
    ]
    fitting = fit(compared, "mine", 0.02)
    (tmp_path / "score.json").write_text(json.dumps(asdict(fitting.pair_score)))
    assert open_pair_score(tmp_path / "score.json") == fitting.pair_score


def test_a_log_is_replayed_in_its_order(tmp_path: Path, embedder: Embedder) -> None:
    said = ((RESET, "reset"), (RESET_AGAIN, "reset"), (ON, "on"), (RESET, "sell"), (OFF, "off"))
    log = [Logged(question, meaning) for question, meaning in said]
    path = write(tmp_path / "log.jsonl", *(asdict(one) for one in log))
    assert load_log(path) == log
    verifier = Verifier(replace(shipped_pair_score(), threshold=0.0))
    played = asyncio.run(replay(log, verifier, embedder, LogMeter()))
    assert played.matched == {Matched.SEMANTIC: 1, Matched.EXACT: 1}
    assert (played.wrong.count, played.wrong.total) == (1, 2)
    assert played.wrongly == ((log[3], log[0]),)
    console = Console(record=True, width=200)
    show_replay(played, console)
    assert "2 of 5 questions" in console.export_text()
