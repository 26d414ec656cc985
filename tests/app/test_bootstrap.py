"""What ranks passages, from the settings to the trace."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

import pytest

from app.bootstrap import open_service
from app.types import Question
from retrieval.errors import AnswerableError
from retrieval.rerankers import FUSED_ORDER
from retrieval.types import Reader
from tests.library import RETURNS

if TYPE_CHECKING:
    from pathlib import Path

    from app.settings import Settings
    from retrieval.embedders import Embedder
    from retrieval.rerankers import Reranker

pytestmark = pytest.mark.usefixtures("loaded_model")
WEIGHTS = {"late": 0.0, "dense": 1.0, "lexical": 0.0, "length": 0.0, "name": "cosine only"}


@pytest.fixture
def loaded_model(embedder: Embedder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.bootstrap.open_embedder", lambda *_: embedder)


async def versions(settings: Settings) -> dict[str, str]:
    """What an answer's trace says it was made by."""
    async with open_service(settings) as service:
        answer = await service.support.answer(Question(RETURNS, Reader()))
        trace = await service.store.trace(answer.trace_id, "default")
        assert trace is not None
        assert trace.candidates
        return trace.versions


async def test_by_default_nothing_has_to_be_said(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="app"):
        made_by = await versions(settings)
    assert (made_by["reranker"], made_by["fusion"]) == ("late", "shipped")
    assert "calibrate" not in caplog.text


async def test_another_reranker_is_in_the_trace_and_asks_for_a_calibration(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="app"):
        made_by = await versions(settings.model_copy(update={"reranker": "none:"}))
    assert made_by["reranker"] == "none"
    assert "ranked by none with shipped fusion weights" in caplog.text
    assert "answerable eval calibrate" in caplog.text


async def test_fusion_weights_come_from_the_file_that_is_named(
    settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "fusion.json"
    file.write_text(json.dumps(WEIGHTS))
    tuned = settings.model_copy(update={"fusion": str(file)})
    with caplog.at_level(logging.INFO, logger="app"):
        assert (await versions(tuned))["fusion"] == "cosine only"
    assert "cosine only fusion weights" in caplog.text
    async with open_service(tuned) as service:
        found = await service.retriever.retrieve(RETURNS, Reader())
    assert all(passage.score == passage.signals.dense for passage in found.passages)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("reranker", "cohere:"),
        ("reranker", "cross-encoder:./nowhere"),
        ("fusion", "nowhere.json"),
        ("calibration", "nowhere.json"),
    ],
)
async def test_a_setting_that_leads_nowhere_is_named(
    settings: Settings, name: str, value: str
) -> None:
    with pytest.raises(AnswerableError) as caught:
        async with open_service(settings.model_copy(update={name: value})):
            pytest.fail("it opened")
    assert value.removeprefix("cross-encoder:") in caught.value.message
    assert f"ANSWERABLE_{name.upper()}" in caught.value.hint


async def test_models_run_on_the_device_that_is_set(
    settings: Settings, embedder: Embedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    devices: list[str] = []

    def embedder_on(_model: str, _folder: Path, device: str) -> Embedder:
        devices.append(device)
        return embedder

    def reranker_on(*_: object, device: str) -> Reranker:
        devices.append(device)
        return FUSED_ORDER

    monkeypatch.setattr("app.bootstrap.open_embedder", embedder_on)
    monkeypatch.setattr("app.bootstrap.open_reranker", reranker_on)
    async with open_service(settings.model_copy(update={"device": "cuda:1"})):
        assert devices == ["cuda:1", "cuda:1"]
