from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from uuid import uuid4

import httpx
import pytest

from app.api.server import create_app
from app.settings import Settings
from retrieval.edge import EdgeIndex
from retrieval.index import NEWEST, VersionQuery, place_of
from retrieval.types import Scope
from tests.app.api.test_chat import ask, check_error, unsure
from tests.library import LIGHT, RETURNS, ingest, open_ledger, write_pages

if TYPE_CHECKING:
    from pathlib import Path

    from fastapi import FastAPI

    from retrieval.embedders import Embedder
    from retrieval.encoding import ChunkEncoder


async def test_a_conversation_reads_back_in_order(client: httpx.AsyncClient) -> None:
    first = await ask(client, RETURNS)
    conversation = first["conversation_id"]
    second = await ask(client, LIGHT, conversation_id=conversation)
    body = (await client.get(f"/v1/conversations/{conversation}")).json()
    assert body["conversation_id"] == conversation
    said = [(message["role"], message["text"]) for message in body["messages"]]
    assert said == [
        ("customer", RETURNS),
        ("assistant", first["answer"]),
        ("customer", LIGHT),
        ("assistant", second["answer"]),
    ]
    assert body["messages"][1]["citations"] == first["citations"]
    assert body["messages"][1]["trace_id"] == first["trace_id"]


@unsure
async def test_a_handoff_reads_back_with_its_message(client: httpx.AsyncClient) -> None:
    reply = await ask(client, RETURNS)
    body = (await client.get(f"/v1/conversations/{reply['conversation_id']}")).json()
    assert body["messages"][1]["handoff"] == reply["handoff"]


async def test_times_say_which_zone_they_are_in(client: httpx.AsyncClient) -> None:
    reply = await ask(client, RETURNS)
    body = (await client.get(f"/v1/conversations/{reply['conversation_id']}")).json()
    at = datetime.fromisoformat(body["messages"][0]["at"])
    assert at.tzinfo is not None, "a browser takes a time without a zone for local time"


async def test_a_trace_explains_the_answer(client: httpx.AsyncClient) -> None:
    reply = await ask(client, RETURNS)
    trace = (await client.get(f"/v1/answers/{reply['trace_id']}/trace")).json()
    assert trace["id"] == reply["trace_id"]
    assert trace["asked"] == RETURNS
    assert trace["searches"] == [RETURNS]
    assert trace["confidence"] == reply["confidence"]
    assert trace["threshold"] == 0.7
    assert trace["failures"] == []
    assert [stage["name"] for stage in trace["stages"]] == ["find"]
    assert trace["stages"][0]["ms"] > 0
    used = {c["chunk_id"] for c in trace["candidates"] if c["used"]}
    assert used == {c["chunk_id"] for c in reply["citations"]}
    scores = [c["scores"]["score"] for c in trace["candidates"] if not c["cut"]]
    assert scores == sorted(scores, reverse=True)
    assert all(c["cut"] for c in trace["candidates"] if c["scores"]["score"] < scores[-1])
    assert trace["versions"]["embedder"]
    assert (trace["versions"]["reranker"], trace["versions"]["fusion"]) == ("late", "shipped")


async def test_a_trace_names_only_pages_the_customer_may_see(client: httpx.AsyncClient) -> None:
    reply = await ask(client, "When may staff give a goodwill voucher?")
    trace = (await client.get(f"/v1/answers/{reply['trace_id']}/trace")).json()
    pages = {candidate["page"] for candidate in trace["candidates"]}
    assert pages
    assert "staff.md" not in pages


async def test_a_cited_passage_can_be_read(client: httpx.AsyncClient) -> None:
    citation = (await ask(client, RETURNS))["citations"][0]
    body = (await client.get(f"/v1/passages/{citation['chunk_id']}")).json()
    assert citation["quote"] in body["text"]
    for field in ("chunk_id", "page", "title", "headings", "url"):
        assert body[field] == citation[field]


@pytest.mark.parametrize(
    "path",
    [
        "/v1/conversations/cnv_none",
        "/v1/answers/ans_none/trace",
        f"/v1/passages/{uuid4()}",
        "/v1/passages/not-an-id",
        "/v1/passages/%00",
        "/v1/nothing-here",
        "/assets/nothing-here.js",
        "/assets/../api/server.py",
        "/nothing",
    ],
)
async def test_what_is_not_there_is_not_found(client: httpx.AsyncClient, path: str) -> None:
    check_error(await client.get(path), 404, "not_found")


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/v1/chat"), ("DELETE", "/v1/conversations/x"), ("POST", "/healthz"), ("PUT", "/")],
)
async def test_a_wrong_method_is_named_with_the_right_one(
    client: httpx.AsyncClient, method: str, path: str
) -> None:
    response = await client.request(method, path)
    check_error(response, 405, "method_not_allowed")
    assert response.headers["allow"]


# Passages and their neighbours, on pages of several chunks.

LONG = "# Manual\n\n" + "\n\n".join(
    f"## Part {n}\n\n" + f"Screw number {n} holds plate number {n} of the housing. " * 14
    for n in range(1, 4)
)


@pytest.fixture
async def two_sources(
    tmp_path: Path,
    embedder: Embedder,
    chunk_encoder: ChunkEncoder,
    monkeypatch: pytest.MonkeyPatch,
) -> FastAPI:
    """An application over two sources that each have a page of the same name, not started."""
    monkeypatch.setattr("app.bootstrap.open_embedder", lambda *_: embedder)
    home = tmp_path / "home"
    settings = Settings(_env_file=None, home=home)  # type: ignore[call-arg] # pydantic-settings takes it
    index = EdgeIndex.open(
        home / "index" / place_of(embedder.name), model=embedder.name, dims=embedder.dims
    )
    ledger = await open_ledger(home / "index")
    for source, text in (("new", LONG), ("old", LONG.replace("Screw", "Bolt"))):
        folder = write_pages(tmp_path / source, {"manual.md": text})
        await ingest(folder, index, chunk_encoder, ledger, Scope(source=source))
    await ledger.close()
    await index.close()
    return create_app(settings)


async def test_a_passage_stands_between_its_own_neighbours(two_sources: FastAPI) -> None:
    app = two_sources
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client,
    ):
        index = app.state.service.library.index
        stored = await index.versions(VersionQuery("default", NEWEST))
        bodies = [(await client.get(f"/v1/passages/{each.chunk}")).json() for each in stored]
    whole = {
        word: "".join(b["before"] + b["text"] + b["after"] for b in bodies if word in b["text"])
        for word in ("Screw", "Bolt")
    }
    assert sum(not body["before"] for body in bodies) == 2
    assert sum(not body["after"] for body in bodies) == 2
    assert "Bolt" not in whole["Screw"]
    assert "Screw" not in whole["Bolt"]
