from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from app.confidence import SIGNALS, Calibration
from eval.fitting import FEWEST_FOR_WEIGHTS, Sample, fit_own, fit_pooled
from retrieval.errors import BadInput
from tests.eval.replies import ANSWERED, UNANSWERED, reply

if TYPE_CHECKING:
    from eval.answers import ScoredReply

TELLING = {"unit": 4.0, "score_lift": 0.0, "weakest": 2.0, "length": 0.0}
MISLEADING = {"unit": 0.0, "score_lift": 2.0, "weakest": 0.0, "length": 4.0}


@pytest.fixture(autouse=True)
def _few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eval.calibration.RESAMPLES", 100)


def _sample(
    name: str,
    count: int,
    *,
    shift: float = 0.0,
    weights: dict[str, float] = TELLING,
    seed: int = 1,
) -> Sample:
    """Replies that are right with the probability `weights` and `shift` give them."""
    draws = np.random.default_rng(seed)
    replies = []
    for _ in range(count):
        signals = {signal: float(draws.normal()) for signal in SIGNALS}
        chance = Calibration("truth", shift, weights).confidence(signals)
        replies.append(_reply(signals, right=bool(draws.uniform() < chance)))
    return Sample(name, tuple(replies))


def _reply(signals: dict[str, float], *, right: bool) -> ScoredReply:
    return reply(ANSWERED if right else UNANSWERED, passage_right=right, signals=signals)


def _loss(calibration: Calibration, sample: Sample) -> float:
    """Mean log loss of a calibration."""
    confidences = [calibration.confidence(reply.evidence[0]) for reply in sample.replies]
    likely = [c if r else 1 - c for c, r in zip(confidences, sample.right, strict=True)]
    return float(-np.log(likely).mean())


def test_pooled_weights_are_those_that_all_sets_share() -> None:
    samples = [_sample("ours", 400), _sample("theirs", 400, shift=-2, seed=2)]

    weights = fit_pooled(samples).calibration.weights

    assert weights["unit"] > weights["weakest"] > 1
    assert abs(weights["length"]) < 0.3
    assert abs(weights["score_lift"]) < 0.3


def test_the_intercept_is_the_first_set_s_however_answerable_the_others_are() -> None:
    ours, theirs = _sample("ours", 400, shift=1), _sample("theirs", 400, shift=-3, seed=2)

    assert fit_pooled([ours, theirs]).calibration.intercept == pytest.approx(1, abs=0.5)
    assert fit_pooled([theirs, ours]).calibration.intercept == pytest.approx(-3, abs=0.8)


def test_a_set_of_few_questions_counts_as_much_as_one_of_many() -> None:
    few = _sample("few", 100, weights=MISLEADING)
    many = _sample("many", 800, seed=2)

    weights = fit_pooled([few, many]).calibration.weights

    assert weights["length"] == pytest.approx(weights["unit"], rel=0.4)


def test_the_first_set_counts_as_much_as_the_others_together() -> None:
    others = [_sample(name, 200, weights=MISLEADING, seed=n) for n, name in enumerate("abc")]

    weights = fit_pooled([_sample("ours", 200), *others]).calibration.weights

    assert weights["unit"] == pytest.approx(weights["length"], rel=0.4)


def test_a_set_unlike_the_others_shows_when_it_is_left_out() -> None:
    alike = [_sample("ours", 200), _sample("theirs", 200, seed=2)]

    fitting = fit_pooled([*alike, _sample("odd", 200, weights=MISLEADING, seed=3)])

    ours, _, odd = fitting.sets
    assert ours.left_out is not None
    assert odd.left_out is not None
    assert odd.seen is not None
    assert ours.left_out.value > 0.7
    assert odd.left_out.value < 0.6 < odd.seen.value


def test_what_a_fit_is_worth_is_measured_on_questions_it_did_not_see() -> None:
    noise = dict.fromkeys(SIGNALS, 0.0)
    fitting = fit_own(_sample("noise", 120, weights=noise), Calibration("ours", 0.0, TELLING))

    [figures] = fitting.sets
    assert figures.seen is not None
    assert figures.unseen.auroc_answerable is not None
    assert figures.unseen.auroc_answerable.value < 0.6
    assert figures.questions == 120
    assert figures.left_out is None


def test_another_share_of_answerable_questions_shows_in_the_intercept_as_written() -> None:
    samples = [_sample("ours", 300, shift=1.5), _sample("theirs", 300, shift=-3, seed=2)]

    theirs = fit_pooled(samples).sets[1]

    assert theirs.unseen.ece < 0.1 < theirs.ece_written


def test_few_questions_only_set_the_shipped_weights_right() -> None:
    shipped = Calibration("ours", 0.0, TELLING)
    few = _sample("theirs", FEWEST_FOR_WEIGHTS - 1, shift=-2)

    fitting = fit_own(few, shipped)

    slope = fitting.calibration.weights["unit"] / TELLING["unit"]
    assert fitting.calibration.weights["weakest"] / TELLING["weakest"] == pytest.approx(
        slope, abs=0.01
    )
    assert 0.5 < slope < 1.5
    assert fitting.calibration.intercept == pytest.approx(-2, abs=1)
    assert _loss(fitting.calibration, few) < _loss(shipped, few)
    assert "shipped weights stay" in fitting.why
    assert f"take {FEWEST_FOR_WEIGHTS} questions, these are {len(few.replies)}" in fitting.why
    assert fitting.calibration.name == "ours; then theirs: 99 questions"


def test_shipped_weights_that_hold_are_kept_on_many_questions_too() -> None:
    fitting = fit_own(_sample("theirs", 150), Calibration("ours", -1.0, TELLING))

    assert "shipped weights stay" in fitting.why
    assert "log loss" in fitting.why


def test_shipped_weights_that_do_not_hold_make_way_for_the_set_s_own() -> None:
    fitting = fit_own(_sample("theirs", 300), Calibration("ours", -1.0, MISLEADING))

    assert fitting.why.startswith("Weights of the set's own were fitted")
    assert fitting.calibration.weights["unit"] > 1.5
    assert fitting.calibration.name == "theirs: 300 questions"


def test_too_few_replies_to_fit_on_are_said_to_be() -> None:
    signals = dict.fromkeys(SIGNALS, 0.5)
    replies = tuple(_reply(signals, right=i < 30) for i in range(39))

    with pytest.raises(BadInput, match="theirs: 30 of 39 replies are right; a fit needs 10 right"):
        fit_own(Sample("theirs", replies), Calibration("ours", 0.0, TELLING))
    with pytest.raises(BadInput, match="theirs: 30 of 39"):
        fit_pooled([_sample("ours", 100), Sample("theirs", replies)])


def test_a_signal_that_never_changes_gets_no_weight() -> None:
    replies = [
        _reply({**r.evidence[0], "length": 1.0}, right=r.passage_right)
        for r in _sample("ours", 200).replies
    ]

    fitted = fit_own(Sample("ours", tuple(replies)), Calibration("ours", 0.0, MISLEADING))

    assert fitted.calibration.weights["length"] == 0
