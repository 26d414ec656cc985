from __future__ import annotations

import logging
import os
import threading
from typing import TYPE_CHECKING

import pytest

from retrieval.prepared import MANIFEST, folder_name, prepare, sha256, state_of

if TYPE_CHECKING:
    from pathlib import Path

FACTS = {"dims": 3, "prompt": "query: "}


class Converter:
    """Writes three small files; counts how often."""

    def __init__(self) -> None:
        self.runs = 0

    def __call__(self, folder: Path) -> dict[str, object]:
        self.runs += 1
        (folder / "model.xml").write_text("a graph")
        (folder / "parts").mkdir()
        (folder / "parts" / "weights").write_bytes(b"\0" * 1000)
        return FACTS


@pytest.fixture
def converter() -> Converter:
    return Converter()


@pytest.fixture
def folder(tmp_path: Path, converter: Converter) -> Path:
    """A folder that is prepared already."""
    prepare(tmp_path / "cache" / "model", converter)
    converter.runs = 0
    return tmp_path / "cache" / "model"


def test_the_first_use_converts_the_second_does_not(tmp_path: Path, converter: Converter) -> None:
    first, second = (prepare(tmp_path / "new" / "model", converter) for _ in range(2))
    assert first == second
    assert converter.runs == 1
    assert first.facts == FACTS
    assert (first.folder / "model.xml").read_text() == "a graph"


def test_every_file_has_its_digest(folder: Path, converter: Converter) -> None:
    digests = prepare(folder, converter).digests
    assert {"model.xml", "parts/weights"} < set(digests)
    assert digests == {name: sha256(folder / name) for name in digests}


@pytest.mark.parametrize("damaged", ["model.xml", "parts/weights", "facts.json", MANIFEST])
@pytest.mark.parametrize("content", [b"", b"{", b"{}", b"[]", b"\xff\xfe", b"\0" * 999])
def test_a_damaged_file_is_made_again(
    folder: Path, converter: Converter, damaged: str, content: bytes
) -> None:
    (folder / damaged).write_bytes(content)
    prepared = prepare(folder, converter)
    assert converter.runs == 1
    assert prepared.facts == FACTS
    assert prepared.digests == {name: sha256(folder / name) for name in prepared.digests}


@pytest.mark.parametrize("missing", ["model.xml", "parts/weights", "facts.json", MANIFEST])
def test_a_missing_file_is_made_again(
    folder: Path, converter: Converter, missing: str, caplog: pytest.LogCaptureFixture
) -> None:
    (folder / missing).unlink()
    prepare(folder, converter)
    assert converter.runs == 1
    assert "missing or damaged" in caplog.text


def test_a_folder_of_nothing_is_not_taken_for_a_model(folder: Path, converter: Converter) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            path.unlink()
    (folder / MANIFEST).write_text("{}")
    prepare(folder, converter)
    assert converter.runs == 1


def test_a_conversion_that_breaks_off_leaves_nothing_behind(tmp_path: Path) -> None:
    def break_off(folder: Path) -> dict[str, object]:
        (folder / "half").write_text("half a graph")
        raise OSError("no space left on device")

    with pytest.raises(OSError, match="no space"):
        prepare(tmp_path / "model", break_off)
    assert [path.suffix for path in tmp_path.iterdir()] == [".lock"]


def test_a_conversion_that_breaks_off_is_tried_again(tmp_path: Path, converter: Converter) -> None:
    def break_off(_: Path) -> dict[str, object]:
        raise OSError("no space left on device")

    with pytest.raises(OSError, match="no space"):
        prepare(tmp_path / "model", break_off)
    assert prepare(tmp_path / "model", converter).facts == FACTS


def test_of_two_that_start_together_one_converts(tmp_path: Path) -> None:
    begun, go_on = threading.Event(), threading.Event()
    runs: list[str] = []

    def convert(folder: Path) -> dict[str, object]:
        runs.append(threading.current_thread().name)
        begun.set()
        assert go_on.wait(10)
        return Converter()(folder)

    def start() -> threading.Thread:
        thread = threading.Thread(target=prepare, args=(tmp_path / "model", convert))
        thread.start()
        return thread

    first = start()
    assert begun.wait(10)
    second = start()
    second.join(0.3)
    assert second.is_alive(), "it did not wait for the first"
    go_on.set()
    for thread in (first, second):
        thread.join(10)
    assert len(runs) == 1


def test_the_log_says_that_it_takes_time_once(
    tmp_path: Path, converter: Converter, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="retrieval"):
        for _ in range(2):
            prepare(tmp_path / "model", converter)
    assert caplog.text.count("once only") == 1


# What a folder is called.


def test_a_name_tells_models_recipes_and_weights_apart() -> None:
    made_of = [
        ("a/model", "one", "w"),
        ("b/model", "one", "w"),
        ("a/model", "two", "w"),
        ("a/model", "one", "v"),
        ("a/model", "onew", ""),
    ]
    names = [folder_name(*each) for each in made_of]
    assert len(set(names)) == len(made_of)
    assert all(name.startswith("model-") for name in names)
    assert names == [folder_name(*each) for each in made_of]


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    folder = tmp_path / "weights"
    (folder / "1_Pooling").mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(b"weights")
    (folder / "1_Pooling" / "config.json").write_text("{}")
    return folder


def test_untouched_weights_stay_the_same(weights: Path) -> None:
    assert state_of(str(weights)) == state_of(str(weights))


@pytest.mark.parametrize("name", ["model.safetensors", "1_Pooling/config.json"])
def test_a_file_of_another_size_is_another_state(weights: Path, name: str) -> None:
    path, before = weights / name, state_of(str(weights))
    times = path.stat().st_atime_ns, path.stat().st_mtime_ns
    path.write_bytes(path.read_bytes() + b" ")
    os.utime(path, ns=times)
    assert state_of(str(weights)) != before


@pytest.mark.parametrize("name", ["model.safetensors", "1_Pooling/config.json"])
def test_a_file_written_later_is_another_state(weights: Path, name: str) -> None:
    path, before = weights / name, state_of(str(weights))
    os.utime(path, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns + 1))
    assert state_of(str(weights)) != before


def test_one_more_file_is_another_state(weights: Path) -> None:
    before = state_of(str(weights))
    (weights / "1_Pooling" / "more.json").write_text("")
    assert state_of(str(weights)) != before


def test_weights_below_the_home_folder_are_found(
    weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(weights.parent))
    assert state_of("~/weights") == state_of(str(weights))


def test_a_hub_model_has_no_state_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert state_of("intfloat/e5-small-v2") == state_of("intfloat/e5-base-v2")
