"""The intent model that comes with the service, trained where it is first used."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from app.router.intent import IntentClassifier
from app.router.recipe import Recipe
from app.router.utterances import divide, read_utterances
from ingestion.progress import LogMeter
from retrieval.prepared import folder_name, prepare, sha256

if TYPE_CHECKING:
    from ingestion.progress import Meter

UTTERANCES = Path(__file__).with_name("support_utterances.csv")
RECIPE = Recipe()

_NAME = "support-intents"


def open_support_classifier(
    models: Path, threads: int, meter: Meter | None = None
) -> IntentClassifier:
    """The model that tells support intents apart.

    It takes a few minutes to train on first use, and again when its utterances or the way of
    training change.

    Args:
        models: The folder where prepared models are kept.
        threads: How many to run on; 0 for one on each core.
        meter: Told how far a training is; the log is if left out.

    Raises:
        ModelMismatch: The weights to start from are not the published ones.
    """
    progress = meter or LogMeter()

    def train_into(folder: Path) -> dict[str, float]:
        from app.router.training import train  # noqa: PLC0415 - imports PyTorch

        division = divide(read_utterances(UTTERANCES), RECIPE.held_out, RECIPE.seed)
        return {"accuracy": train(division, RECIPE, folder, progress).accuracy}

    folder = models / folder_name(_NAME, repr(RECIPE), sha256(UTTERANCES))
    return IntentClassifier.open(prepare(folder, train_into).folder, threads)
