from __future__ import annotations

import numpy as np
import pytest

from eval.tuning import FEWEST, Judged, _grid, tune
from retrieval.errors import BadInput
from retrieval.fusion import SHIPPED_WEIGHTS, SignalArrays

CANDIDATES = 20


def judged(seed: int, *, telling: str | None) -> Judged:
    """Candidates of which one signal, if any, tells the right one."""
    noise = np.random.default_rng(seed)
    signals = {name: noise.uniform(0.3, 0.7, CANDIDATES) for name in ("late", "dense", "lexical")}
    right = np.zeros(CANDIDATES, bool)
    right[noise.integers(CANDIDATES)] = True
    if telling:
        signals[telling][right] = 0.71
    return Judged(SignalArrays(**signals, tokens=np.full(CANDIDATES, 100.0)), right)


def test_a_signal_that_tells_gets_the_weight() -> None:
    tuning = tune([judged(seed, telling="lexical") for seed in range(80)], "mine")
    assert tuning.adopted
    assert tuning.weights.lexical > SHIPPED_WEIGHTS.lexical + 0.2
    assert tuning.weights.name == "mine"
    assert tuning.gain.value > 0.1


def test_where_nothing_is_to_be_learnt_the_shipped_weights_stay() -> None:
    tuning = tune([judged(seed, telling=None) for seed in range(80)], "mine")
    assert not tuning.adopted
    assert tuning.weights == SHIPPED_WEIGHTS


def test_too_few_questions_are_refused_with_their_number() -> None:
    missed = Judged(judged(0, telling=None).signals, np.zeros(CANDIDATES, bool))
    found = [judged(seed, telling="late") for seed in range(FEWEST - 1)]
    with pytest.raises(BadInput, match=f"{FEWEST - 1} of {FEWEST + 4} questions"):
        tune([*found, *[missed] * 5], "mine")


def test_the_grid_keeps_the_scale_that_confidence_is_read_off() -> None:
    total = SHIPPED_WEIGHTS.late + SHIPPED_WEIGHTS.dense + SHIPPED_WEIGHTS.lexical
    mixes = list(_grid("mine"))
    assert len(mixes) > 1000
    for mix in mixes:
        assert mix.late + mix.dense + mix.lexical == pytest.approx(total, abs=1e-3)
        assert min(mix.late, mix.dense, mix.lexical, mix.length) >= 0
