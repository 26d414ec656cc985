from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes import IndexDown, StoreDown

if TYPE_CHECKING:
    import httpx
    from fastapi import FastAPI


async def readiness(client: httpx.AsyncClient) -> tuple[int, dict[str, tuple[bool, str]]]:
    response = await client.get("/readyz")
    body = response.json()
    parts = {part["part"]: (part["ok"], part["detail"]) for part in body["parts"]}
    assert body["ready"] == all(ok for ok, _ in parts.values())
    return response.status_code, parts


async def test_a_service_that_is_up_says_so(client: httpx.AsyncClient) -> None:
    response = await client.get("/healthz")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


async def test_a_service_with_all_parts_is_ready(client: httpx.AsyncClient) -> None:
    status, parts = await readiness(client)
    assert status == 200
    assert parts["database"] == (True, "answers")
    assert parts["index"][0]
    assert "passages" in parts["index"][1]


async def test_a_service_without_its_index_is_up_but_not_ready(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    object.__setattr__(app.state.service.library, "index", IndexDownWith(app))
    status, parts = await readiness(client)
    assert status == 503
    assert parts["index"] == (False, "The index is down. Start it.")
    assert parts["database"][0]
    assert (await client.get("/healthz")).status_code == 200


async def test_a_service_without_its_database_is_up_but_not_ready(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    store = app.state.service.store
    object.__setattr__(app.state.service, "store", StoreDown())
    status, parts = await readiness(client)
    object.__setattr__(app.state.service, "store", store)
    assert status == 503
    assert not parts["database"][0]
    assert parts["index"][0]


class IndexDownWith(IndexDown):
    """Down, but closed properly when the application stops."""

    def __init__(self, app: FastAPI) -> None:
        self._real = app.state.service.library.index

    async def close(self) -> None:
        await self._real.close()


async def openapi(client: httpx.AsyncClient) -> dict[str, Any]:
    schema: dict[str, Any] = (await client.get("/openapi.json")).json()
    return schema


OPERATIONS = (
    ("post", "/v1/chat"),
    ("get", "/v1/conversations/{conversation_id}"),
    ("get", "/v1/answers/{trace_id}/trace"),
    ("get", "/v1/passages/{chunk_id}"),
    ("get", "/v1/page-config"),
    ("get", "/healthz"),
    ("get", "/readyz"),
)


async def test_every_path_is_documented(client: httpx.AsyncClient) -> None:
    paths = (await openapi(client))["paths"]
    assert {(m, p) for p, methods in paths.items() for m in methods} == set(OPERATIONS)


async def test_question_and_reply_are_shown_by_example(client: httpx.AsyncClient) -> None:
    schemas = (await openapi(client))["components"]["schemas"]
    [asked] = schemas["ChatRequest"]["examples"]
    [reply] = schemas["ChatResponse"]["examples"]
    # FastAPI leaves nulls out of examples: a reply without a handoff shows none.
    assert {*reply, "handoff"} == set(schemas["ChatResponse"]["properties"])
    assert set(reply["citations"][0]) == set(schemas["CitationOut"]["properties"])
    assert (await client.post("/v1/chat", json=asked)).status_code == 200


async def test_both_forms_of_a_reply_are_documented(client: httpx.AsyncClient) -> None:
    content = (await openapi(client))["paths"]["/v1/chat"]["post"]["responses"]["200"]["content"]
    assert set(content) == {"application/json", "text/event-stream"}
    assert content["text/event-stream"]["example"]


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
async def test_every_documented_error_has_the_shape_that_is_sent(
    client: httpx.AsyncClient, method: str, path: str
) -> None:
    responses = (await openapi(client))["paths"][path][method]["responses"]
    for status, response in responses.items():
        if status.startswith(("4", "5")) and path != "/readyz":
            reference = response["content"]["application/json"]["schema"]["$ref"]
            assert reference.endswith("/ErrorOut"), f"{status} is documented as {reference}"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("post", "/v1/chat", "422"),
        ("get", "/v1/conversations/{conversation_id}", "404"),
        ("get", "/v1/conversations/{conversation_id}", "503"),
        ("get", "/v1/answers/{trace_id}/trace", "404"),
        ("get", "/v1/answers/{trace_id}/trace", "503"),
        ("get", "/v1/passages/{chunk_id}", "404"),
        ("get", "/v1/passages/{chunk_id}", "503"),
        ("get", "/readyz", "503"),
    ],
)
async def test_every_error_that_can_come_is_documented(
    client: httpx.AsyncClient, method: str, path: str, status: str
) -> None:
    assert status in (await openapi(client))["paths"][path][method]["responses"]


async def test_reading_while_a_part_is_down_is_unavailable(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    app.state.service.published._index = IndexDown()
    response = await client.get("/v1/passages/00000000-0000-0000-0000-000000000001")
    assert response.status_code == 503
    assert response.json()["error"] == {
        "code": "index_unavailable",
        "message": "The index is down.",
        "hint": "Start it.",
    }


async def test_the_page_may_load_only_its_own_files(client: httpx.AsyncClient) -> None:
    response = await client.get("/")
    assert response.headers["content-type"].startswith("text/html")
    policy = response.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert response.headers["x-content-type-options"] == "nosniff"


async def test_the_page_is_named_for_the_company(client: httpx.AsyncClient) -> None:
    config = (await client.get("/v1/page-config")).json()
    assert sorted(config) == ["greeting", "name", "suggestions"]
    assert config["name"] == "Help"
