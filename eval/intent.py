"""How often is the intent found, are questions about something else told, and how fast?"""

from __future__ import annotations

import json
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from rich.table import Table
from sklearn.metrics import roc_auc_score

from app.router.intent import IntentClassifier
from app.router.routes import Destination, load_table
from app.router.support_model import open_support_classifier
from app.router.training import train
from app.router.utterances import OUT_OF_SCOPE, Division, divide
from eval.intent_baseline import WordCounts
from eval.intent_sets import HANDOFF, SEED, load_intent_set
from eval.shares import Share
from eval.speed import Timing
from ingestion.progress import open_meter
from retrieval.engines import question_threads
from retrieval.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from app.router.intent import Intent
    from app.router.recipe import Recipe
    from app.router.utterances import Utterance
    from app.settings import Settings
    from eval.intent_sets import IntentSet

TIMED = 500  # predictions

OURS = "DistilBERT"
SUPPORT = "support"  # names the model that comes with the service


class Predictor(Protocol):
    """Tells intents apart."""

    @property
    def names(self) -> tuple[str, ...]:
        """The intents it knows."""

    def classify_all(self, texts: Sequence[str]) -> list[Intent]:
        """What each text wants, in the order given."""


@dataclass(frozen=True, slots=True)
class IntentTask:
    """What to measure.

    Attributes:
        data: Sets of utterances.
        recipe: How to train.
        model: The folder of a trained model, "support" for ours, or empty to train one on each set.
        keep: Folder to leave trained models in, and to go on in when killed; None to leave none.
    """

    data: tuple[Path, ...]
    recipe: Recipe
    model: str = ""
    keep: Path | None = None


@dataclass(frozen=True, slots=True)
class IntentFigures:
    """What one model made of one set.

    Attributes:
        data: The set.
        model: Which model.
        accuracy: Utterances in scope whose intent is found.
        kept: Those that are not taken for something else as well.
        false_alarms: Utterances in scope that are taken for something else.
        told: Utterances out of scope that are.
        auroc: How well the two are ranked; None where the set has none out of scope.
        handed_over: Utterances that ask for a person and get one; None where nothing says so.
        handed_over_in_vain: Others that get one.
        latency: One prediction on the threads that the service uses.
    """

    data: str
    model: str
    accuracy: Share
    kept: Share
    false_alarms: Share
    told: Share
    auroc: float | None
    handed_over: Share
    handed_over_in_vain: Share
    latency: Timing


def measure(settings: Settings, task: IntentTask, console: Console) -> list[IntentFigures]:
    """Measure each set: the model, and where there is something to learn from, the baseline.

    Raises:
        MalformedDataset: A set is not whole.
        BadInput: A set has nothing to learn from, and no model is given.
        ModelMismatch: The model given cannot be used.
    """
    sets = [load_intent_set(path, whole=bool(task.model)) for path in task.data]
    figures = []
    for one in sets:
        if task.model:
            figures.append(_figures(one, task.model, _given(settings, task.model, console)))
            continue
        if not one.learn:
            raise BadInput(
                f"{one.name} has nothing to learn single intents from.",
                hint=f"Give a trained model: --model DIR, or --model {SUPPORT} for ours.",
            )
        division = _division(one, task.recipe)
        figures.append(_figures(one, OURS, _trained(one.name, division, task, console)))
        figures.append(_figures(one, WordCounts.name, WordCounts.fit(division)))
    return figures


def _division(one: IntentSet, recipe: Recipe) -> Division:
    if one.validation:
        return Division(one.learn, one.validation)
    return divide(one.learn, recipe.held_out, SEED)


def _given(settings: Settings, model: str, console: Console) -> IntentClassifier:
    if model != SUPPORT:
        return IntentClassifier.open(Path(model), question_threads())
    with open_meter(console) as meter:
        return open_support_classifier(settings.models_folder, question_threads(), meter)


def _trained(name: str, division: Division, task: IntentTask, console: Console) -> IntentClassifier:
    with tempfile.TemporaryDirectory() as scratch, open_meter(console) as meter:
        folder = (task.keep or Path(scratch)) / name
        train(division, task.recipe, folder, meter)
        return IntentClassifier.open(folder, question_threads())


def _figures(one: IntentSet, name: str, model: Predictor) -> IntentFigures:
    foreign_from = load_table().foreign_from
    known = {*model.names, OUT_OF_SCOPE}
    asked = [said for said in one.test if said.intent in known]
    intents = model.classify_all([said.text for said in asked])
    pairs = list(zip(asked, intents, strict=True))
    outside = [intent for said, intent in pairs if said.intent == OUT_OF_SCOPE]
    inside = [(said, intent) for said, intent in pairs if said.intent != OUT_OF_SCOPE]
    right = [intent.name == said.intent for said, intent in inside]
    foreign = [intent.is_foreign(foreign_from) for _, intent in inside]
    return IntentFigures(
        data=one.name,
        model=name,
        accuracy=Share.of(right),
        kept=Share.of(r and not f for r, f in zip(right, foreign, strict=True)),
        false_alarms=Share.of(foreign),
        told=Share.of(intent.is_foreign(foreign_from) for intent in outside),
        auroc=_auroc([intent for _, intent in inside], outside),
        handed_over=_handed_over(one.test, model, wanted=True),
        handed_over_in_vain=_handed_over(one.test, model, wanted=False),
        latency=_latency([said.text for said in one.test[:TIMED]], model),
    )


def _auroc(inside: Sequence[Intent], outside: Sequence[Intent]) -> float | None:
    if not inside or not outside:
        return None
    scores = [intent.out_of_scope for intent in (*inside, *outside)]
    return float(roc_auc_score([False] * len(inside) + [True] * len(outside), scores))


def _handed_over(utterances: Sequence[Utterance], model: Predictor, *, wanted: bool) -> Share:
    """Of the utterances that do or do not ask for a person, those that the table gives one."""
    asked = [said for said in utterances if (said.intent == HANDOFF) is wanted]
    if not any(said.intent == HANDOFF for said in utterances):
        return Share(0, 0)
    table = load_table()
    routes = [table.route(intent) for intent in model.classify_all([one.text for one in asked])]
    return Share.of(route.to is Destination.ESCALATE for route in routes)


def _latency(texts: Sequence[str], model: Predictor) -> Timing:
    seconds = []
    for text in texts:
        began = time.perf_counter()
        model.classify_all([text])
        seconds.append(time.perf_counter() - began)
    return Timing.of("one prediction", seconds)


def show(figures: Sequence[IntentFigures], console: Console) -> None:
    """Print the figures as a table, without those that no set has."""
    rows = [_row(one) for one in figures]
    columns = [column for column in rows[0] if any(row[column] for row in rows)]
    table = Table(*columns, box=None)
    for row in rows:
        table.add_row(*(row[column] for column in columns))
    console.print(table)


def _row(one: IntentFigures) -> dict[str, str]:
    return {
        "set": one.data,
        "model": one.model,
        "accuracy": _percent(one.accuracy),
        "(95%)": _spread(one.accuracy),
        "and kept": _percent(one.kept),
        "false alarms": _percent(one.false_alarms),
        "foreign told": _percent(one.told),
        "AUROC": "" if one.auroc is None else f"{one.auroc:.3f}",
        "handed over": _percent(one.handed_over),
        "in vain": _percent(one.handed_over_in_vain),
        "p50 ms": f"{one.latency.p50:.1f}",
        "p95 ms": f"{one.latency.p95:.1f}",
    }


def to_json(figures: Sequence[IntentFigures]) -> str:
    """The figures as a JSON list; shares as counts."""
    return json.dumps([asdict(one) for one in figures], indent=2) + "\n"


def _percent(share: Share) -> str:
    return f"{100 * share.count / share.total:.1f}%" if share.total else ""


def _spread(share: Share) -> str:
    spread = share.interval
    return f"{100 * spread.low:.1f}-{100 * spread.high:.1f}" if spread else ""
