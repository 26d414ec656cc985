"""Measures the cache's verifier on labelled pairs, beside a plain threshold on the cosine."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from app.cache.verifier import Verifier, open_pair_score, shipped_pair_score
from eval.cache_fitting import fit
from eval.cache_replay import load_log, replay
from eval.hit_rates import NEVER, Curve, rates_at
from eval.pair_sets import compare, load_pairs
from ingestion.progress import open_meter
from retrieval.embedders import open_embedder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from rich.console import Console

    from app.cache.verifier import PairScore
    from app.settings import Settings
    from eval.cache_fitting import CacheFitting
    from eval.cache_replay import Replay
    from eval.hit_rates import Rates
    from eval.pair_sets import Compared

    Floats = NDArray[np.float64]

VERIFIED, COSINE = "verified", "cosine"
RISKS = (0.01, 0.02, 0.05)


@dataclass(frozen=True, slots=True)
class CacheTask:
    """What to measure.

    Attributes:
        pairs: Files of pairs, or folders of utterances with intents; measured together.
        chosen_on: Pairs to choose both thresholds on; empty for the verifier's own.
        budget: The share of false hits they are chosen for.
        score: A pair score to measure; None for the one that comes with the service.
    """

    pairs: tuple[Path, ...]
    chosen_on: tuple[Path, ...] = ()
    budget: float = 0.02
    score: Path | None = None


@dataclass(frozen=True, slots=True)
class Operated:
    """One way of deciding, at one threshold.

    Attributes:
        threshold: The least score that is served; None when nothing is.
        rates: What became of the pairs.
    """

    threshold: float | None
    rates: Rates


@dataclass(frozen=True, slots=True)
class CacheReport:
    """What was measured.

    Attributes:
        task: What was asked for.
        pair_score: The verifier's.
        verified: The verifier at its threshold.
        cosine: The best plain threshold on the cosine, on these very pairs, that has no larger
            share of false hits than the verifier.
        chosen: The cosine's threshold, if one was chosen on other pairs for the same budget.
        within: For each of `RISKS`, the most that the verifier and the cosine can serve rightly
            within it, each at the best threshold on these very pairs.
        curves: What every threshold serves, of both.
        told_apart: For each check, pairs of the same and of other meaning that it told apart.
        compared: The pairs.
        scores: The verifier's score of each; `NEVER` where a check told them apart.
    """

    task: CacheTask
    pair_score: PairScore
    verified: Operated
    cosine: Operated
    chosen: Operated | None
    within: Mapping[float, Mapping[str, Operated]]
    curves: Mapping[str, Curve]
    told_apart: Mapping[str, tuple[int, int]]
    compared: tuple[Compared, ...]
    scores: Floats

    @property
    def gain(self) -> float:
        """True hits of the verifier for each of the cosine's at the same share of false hits."""
        return self.verified.rates.right / max(1, self.cosine.rates.right)


def measure(settings: Settings, task: CacheTask, console: Console) -> CacheReport:
    """Compare pairs as the cache does.

    Raises:
        BadInput: The pair score cannot be used.
        MalformedDataset: A file holds no pairs; the message names file and line.
    """
    pair_score = open_pair_score(task.score) if task.score else shipped_pair_score()
    compared = _compared(settings, task.pairs, console)
    chosen = None
    if task.chosen_on:
        asked = frozenset(text for one in compared for text in (one.pair.a, one.pair.b))
        other = _compared(settings, task.chosen_on, console, asked)
        cosines, same = cosines_of(other), sames_of(other)
        chosen = Curve.of(cosines, same).most_within(task.budget)
        threshold = Curve.of(scores_of(other, pair_score), same).surely_within(task.budget)
        pair_score = replace(
            pair_score, threshold=2.0 if threshold is None else threshold, budget=task.budget
        )
    return report_on(task, compared, pair_score, chosen)


def report_on(
    task: CacheTask, compared: Sequence[Compared], pair_score: PairScore, chosen: float | None
) -> CacheReport:
    """The figures of pairs already compared."""
    same, cosines, scores = (
        sames_of(compared),
        cosines_of(compared),
        scores_of(compared, pair_score),
    )
    curves = {VERIFIED: Curve.of(scores, same), COSINE: Curve.of(cosines, same)}
    verified = rates_at(scores, same, pair_score.threshold)
    beside = curves[COSINE].most_within(verified.false_hit_rate)
    by_name = {VERIFIED: scores, COSINE: cosines}
    return CacheReport(
        task=task,
        pair_score=pair_score,
        verified=Operated(pair_score.threshold, verified),
        cosine=Operated(beside, rates_at(cosines, same, beside)),
        chosen=Operated(chosen, rates_at(cosines, same, chosen)) if task.chosen_on else None,
        within={
            risk: {
                name: Operated(best, rates_at(by_name[name], same, best))
                for name, curve in curves.items()
                for best in [curve.most_within(risk)]
            }
            for risk in RISKS
        },
        curves=curves,
        told_apart=_told_apart(compared),
        compared=tuple(compared),
        scores=scores,
    )


async def measure_log(
    settings: Settings, log: Path, score: Path | None, console: Console
) -> Replay:
    """Replay a log of questions.

    Raises:
        BadInput: The pair score cannot be used.
        MalformedDataset: The log holds a line without a question.
    """
    verifier = Verifier(open_pair_score(score) if score else shipped_pair_score())
    logged = load_log(log)
    embedder = open_embedder(settings.embedder, settings.models_folder, settings.device)
    with open_meter(console) as meter:
        return await replay(logged, verifier, embedder, meter)


def calibrate(
    settings: Settings,
    pairs: Sequence[Path],
    without: Sequence[Path],
    budget: float,
    console: Console,
) -> CacheFitting:
    """Fit the pair score to pairs, those with a question of `without` left out.

    Raises:
        BadInput: There are too few pairs.
        MalformedDataset: A file holds no pairs; the message names file and line.
    """
    embedder = open_embedder(settings.embedder, settings.models_folder, settings.device)
    left_out = [pair for path in without for pair in load_pairs(path, embedder)]
    asked = frozenset(text for pair in left_out for text in (pair.a, pair.b))
    compared = _compared(settings, pairs, console, asked)
    names = ", ".join(path.name for path in pairs)
    return fit(compared, f"{names} ({len(compared)} pairs)", budget)


def scores_of(compared: Sequence[Compared], pair_score: PairScore) -> Floats:
    """The verifier's score of each pair; `NEVER` where a check told the two apart."""
    scores = (NEVER if one.contradiction else pair_score.of(one.signals) for one in compared)
    return np.array(list(scores))


def cosines_of(compared: Sequence[Compared]) -> Floats:
    """The cosine of each pair."""
    return np.array([one.signals["cosine"] for one in compared])


def sames_of(compared: Sequence[Compared]) -> NDArray[np.bool_]:
    """Whether each pair asks the same."""
    return np.array([one.pair.same for one in compared])


def _compared(
    settings: Settings,
    paths: Sequence[Path],
    console: Console,
    without: frozenset[str] = frozenset(),
) -> list[Compared]:
    embedder = open_embedder(settings.embedder, settings.models_folder, settings.device)
    pairs = [pair for path in paths for pair in load_pairs(path, embedder, without)]
    with open_meter(console) as meter:
        return compare(pairs, embedder, meter)


def _told_apart(compared: Sequence[Compared]) -> dict[str, tuple[int, int]]:
    found: dict[str, list[bool]] = {}
    for one in compared:
        if one.contradiction:
            found.setdefault(one.contradiction, []).append(one.pair.same)
    return {name: (sum(same), len(same) - sum(same)) for name, same in sorted(found.items())}
