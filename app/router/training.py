"""From utterances to a trained model in a folder, with a report of what it is worth."""

from __future__ import annotations

import hashlib
import time
import warnings
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn.functional import normalize

from app.router.distilbert import load_base
from app.router.encoder import IntentEncoder, open_tokenizer
from app.router.fine_tuning import Example, FineTuning
from app.router.head import fit_head
from app.router.intent import FACTS, HEAD, IntentClassifier, write_facts
from app.router.network import IntentNetwork
from app.router.routes import load_table
from app.router.training_report import (
    OutOfScope,
    TrainingReport,
    confusion_of,
    reliability_of,
    scores_of,
)
from app.router.utterances import OUT_OF_SCOPE, intents_of
from retrieval.conversion import example_input, write_graph
from retrieval.engines import question_threads
from retrieval.prepared import TOKENIZER

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from app.router.checkpoints import Epoch
    from app.router.recipe import Recipe
    from app.router.utterances import Division, Utterance
    from ingestion.progress import Meter

CHECKPOINT = "checkpoint.pt"
TIMED = 100  # predictions


@dataclass(frozen=True, slots=True)
class _Trained:
    """What fine-tuning leaves beside the graph and the tokenizer in the folder."""

    directions: NDArray[np.float32]
    epochs: tuple[Epoch, ...]


def train(division: Division, recipe: Recipe, folder: Path, meter: Meter) -> TrainingReport:
    """Train a model into `folder`, going on where a killed training of the same stopped.

    Raises:
        ModelMismatch: The base is not there, or is neither a BERT nor a DistilBERT.
        RuntimeError: OpenVINO cannot express the base.
    """
    began = time.monotonic()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FACTS).unlink(missing_ok=True)  # what was here must not be opened half replaced
    names = _names(division)
    trained = _fine_tune(division, names, recipe, folder, meter)
    encoder = IntentEncoder(folder, recipe.longest, threads=0)
    texts, intents = zip(*((one.text, one.intent) for one in division.held_out), strict=True)
    fit_head(names, trained.directions, encoder.vectors(texts), intents).write(folder / HEAD)
    write_facts(folder, base=recipe.base, longest=recipe.longest)
    (folder / CHECKPOINT).unlink()
    report = _report(division, recipe, trained.epochs, folder, time.monotonic() - began)
    report.write(folder)
    return report


def _names(division: Division) -> tuple[str, ...]:
    names = intents_of(division.learn)
    outside = any(one.intent == OUT_OF_SCOPE for one in division.learn)
    return (*names, OUT_OF_SCOPE) if outside else names


def _fine_tune(
    division: Division, names: Sequence[str], recipe: Recipe, folder: Path, meter: Meter
) -> _Trained:
    base, tokenizer = load_base(recipe.base)
    tokenizer.save(str(folder / TOKENIZER))
    learn, held_out = (
        _examples(part, names, folder, recipe.longest)
        for part in (division.learn, division.held_out)
    )
    torch.manual_seed(recipe.seed)
    network = IntentNetwork(base, len(names))
    tuning = FineTuning(
        network, recipe, checkpoint=folder / CHECKPOINT, made_of=_made_of(division, recipe)
    )
    epochs = tuning.run(learn, held_out, meter)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the converter's, about its own way of tracing
        write_graph(network.eval(), example_input(), folder)
    return _Trained(normalize(network.directions.detach(), dim=-1).numpy(), epochs)


def _examples(
    utterances: Sequence[Utterance], names: Sequence[str], folder: Path, longest: int
) -> list[Example]:
    """The utterances of intents that are learned; those out of scope need not be."""
    numbers = {name: number for number, name in enumerate(names)}
    known = [one for one in utterances if one.intent in numbers]
    tokens = open_tokenizer(folder, longest).encode_batch([one.text for one in known])
    return [Example(row.ids, numbers[one.intent]) for row, one in zip(tokens, known, strict=True)]


def _made_of(division: Division, recipe: Recipe) -> str:
    return hashlib.sha256(repr((division, recipe)).encode()).hexdigest()


def _report(
    division: Division, recipe: Recipe, epochs: tuple[Epoch, ...], folder: Path, seconds: float
) -> TrainingReport:
    classifier = IntentClassifier.open(folder, threads=0)
    asked = [one for one in division.held_out if one.intent in classifier.names]
    intents = classifier.classify_all([one.text for one in asked])
    wanted, found = [one.intent for one in asked], [intent.name for intent in intents]
    right = np.array([w == f for w, f in zip(wanted, found, strict=True)])
    groups, error = reliability_of(np.array([intent.probability for intent in intents]), right)
    scores = scores_of(wanted, found)
    return TrainingReport(
        base=recipe.base,
        seconds=seconds,
        learned=len(division.learn),
        held_out=len(division.held_out),
        epochs=epochs,
        accuracy=float(right.mean()),
        macro_f1=float(np.mean([score.f1 for score in scores])),
        calibration_error=error,
        scores=scores,
        confusion=confusion_of(wanted, found),
        reliability=groups,
        out_of_scope=_out_of_scope(division.held_out, classifier),
        median_ms=_median_ms([one.text for one in asked][:TIMED], folder),
    )


def _out_of_scope(utterances: Sequence[Utterance], classifier: IntentClassifier) -> OutOfScope:
    intents = classifier.classify_all([one.text for one in utterances])
    foreign_from = load_table().foreign_from
    flagged: dict[bool, list[bool]] = {True: [], False: []}
    for one, intent in zip(utterances, intents, strict=True):
        flagged[one.intent == OUT_OF_SCOPE].append(intent.is_foreign(foreign_from))
    outside = flagged[True]
    return OutOfScope(
        threshold=foreign_from,
        false_alarms=float(np.mean(flagged[False])),
        recall=float(np.mean(outside)) if outside else None,
        utterances=len(outside),
    )


def _median_ms(texts: Sequence[str], folder: Path) -> float:
    classifier = IntentClassifier.open(folder, question_threads())
    times = []
    for text in texts:
        began = time.perf_counter()
        classifier.classify(text)
        times.append(time.perf_counter() - began)
    return 1000 * median(times)
