from __future__ import annotations

import json
from io import StringIO
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from app.router.recipe import Recipe
from app.router.utterances import Division, Utterance
from eval.intent import IntentTask, measure, show, to_json
from eval.intent_baseline import WordCounts
from eval.intent_sets import IntentSet, load_intent_set
from retrieval.errors import BadInput, MalformedDataset, ModelMismatch

if TYPE_CHECKING:
    from pathlib import Path

    from app.settings import Settings

WORDS = {"order": "parcel courier tracking", "login": "password locked username"}
FRAMES = ("where is my {}", "no {} again", "tell me about the {}", "{}", "a {} today", "my {} i")
FOREIGN = tuple(f"who won the {sport} in {year}" for sport in ("cup", "race") for year in range(9))


def rows(*frames: str) -> list[list[str]]:
    return [
        [frame.format(word), intent]
        for intent, words in WORDS.items()
        for word in words.split()
        for frame in frames
    ]


@pytest.fixture
def clinc(tmp_path: Path) -> Path:
    """A small set in CLINC150's form."""
    folder = tmp_path / "clinc"
    folder.mkdir()
    parts: dict[str, list[list[str]]] = {
        "train": rows(*FRAMES),
        "val": rows("is the {} there", "about {}"),
        "test": rows("what of the {}", "please the {}"),
        "oos_train": [[text, "oos"] for text in FOREIGN[:6]],
        "oos_val": [[text, "oos"] for text in FOREIGN[6:12]],
        "oos_test": [[text, "oos"] for text in FOREIGN[12:]],
    }
    (folder / "data_full.json").write_text(json.dumps(parts))
    return folder


def test_a_model_is_trained_on_a_set_and_measured_beside_the_baseline(
    clinc: Path, tmp_path: Path, settings: Settings
) -> None:
    task = IntentTask((clinc,), Recipe(epochs=2, batch=8), keep=tmp_path / "models")
    figures = measure(settings, task, Console(file=StringIO()))
    ours, baseline = figures
    assert (ours.data, ours.model, baseline.model) == ("clinc", "DistilBERT", "TF-IDF + LR")
    assert ours.accuracy.total == baseline.accuracy.total == 12
    assert ours.accuracy.count >= 11
    assert ours.told.total == baseline.told.total == 6
    assert ours.told.count >= 5
    assert ours.auroc is not None
    assert 0 < ours.latency.p50 <= ours.latency.p95
    assert json.loads(to_json(figures))[0]["accuracy"] == {
        "count": ours.accuracy.count,
        "total": 12,
    }

    shown = StringIO()
    show(figures, Console(file=shown, width=200))
    assert "foreign told" in shown.getvalue()
    assert "handed over" not in shown.getvalue()

    handed = _nlupp(tmp_path)
    given = IntentTask((handed,), Recipe(), model=str(tmp_path / "models" / "clinc"))
    [one] = measure(settings, given, Console(file=StringIO()))
    assert (one.handed_over.total, one.handed_over_in_vain.total) == (1, 2)


def _nlupp(folder: Path) -> Path:
    place = folder / "nlupp" / "data" / "banking"
    place.mkdir(parents=True)
    (place.parent / "ontology.json").write_text("{}")
    said = [
        {"text": "a person please", "intents": ["handoff", "make"]},
        {"text": "my parcel", "intents": ["order"]},
        {"text": "today"},
    ]
    (place / "fold0.json").write_text(json.dumps(said))
    return folder / "nlupp"


def test_a_set_of_several_intents_each_needs_a_model_given(
    tmp_path: Path, settings: Settings
) -> None:
    task = IntentTask((_nlupp(tmp_path),), Recipe())
    with pytest.raises(BadInput, match="nothing to learn single intents from"):
        measure(settings, task, Console(file=StringIO()))


def test_a_model_that_is_not_there_is_refused(tmp_path: Path, settings: Settings) -> None:
    task = IntentTask((_nlupp(tmp_path),), Recipe(), model=str(tmp_path / "nowhere"))
    with pytest.raises(ModelMismatch, match="no whole intent model"):
        measure(settings, task, Console(file=StringIO()))


def test_one_file_is_divided_or_measured_on_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "said.csv"
    path.write_text("\n".join(["text,intent", *(",".join(row) for row in rows(*FRAMES))]))
    divided, whole = (load_intent_set(path, whole=whole) for whole in (False, True))
    assert (len(divided.learn), len(divided.test)) == (28, 8)
    assert (len(whole.learn), len(whole.test)) == (0, 36)


def test_banking_and_bitext_are_read_as_they_are_published(tmp_path: Path) -> None:
    banking = tmp_path / "banking"
    banking.mkdir()
    (banking / "categories.json").write_text("[]")
    for name in ("train.csv", "test.csv"):
        (banking / name).write_text(f"text,category\nfrom {name},card\n")
    assert load_intent_set(banking, whole=False) == IntentSet(
        "banking", (Utterance("from train.csv", "card"),), (), (Utterance("from test.csv", "card"),)
    )
    bitext = tmp_path / "bitext"
    for part in ("train", "dev", "test"):
        (bitext / part).mkdir(parents=True)
        (bitext / part / "all.csv").write_text(f"utterance,intent,tags\nfrom {part},card,B\n")
    (bitext / "TAGS.md").write_text("")
    assert load_intent_set(bitext, whole=False).validation == (Utterance("from dev", "card"),)


@pytest.mark.parametrize("content", ["{}", "[]", '{"train": [["one"]], "oos_train": []}', "{"])
def test_a_file_that_is_not_clincs_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "data_full.json").write_text(content)
    with pytest.raises(MalformedDataset, match=r"data_full\.json"):
        load_intent_set(tmp_path, whole=False)


def test_a_folder_without_a_set_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MalformedDataset, match="holds no set of utterances"):
        load_intent_set(tmp_path, whole=False)


def test_the_baseline_takes_what_fits_no_intent_for_foreign() -> None:
    said = [Utterance(*row) for row in rows(*FRAMES)]
    model = WordCounts.fit(Division(tuple(said), tuple(said)))
    known, foreign = model.classify_all(["where is my parcel", "zebras eat grass"])
    assert known.name == "order"
    assert known.out_of_scope < 0.9 < foreign.out_of_scope
