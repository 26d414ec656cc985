from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tests.app.api.sse import parse_events
from tests.fakes import IndexBroken, IndexDown, StoreDown
from tests.library import LIGHT, NOWHERE, RETURNS, UNSURE

if TYPE_CHECKING:
    import httpx
    from fastapi import FastAPI

    from tests.app.api.sse import ServerEvent

unsure = pytest.mark.parametrize("calibration", [UNSURE], ids=["unsure"])

STREAM = {"Accept": "text/event-stream"}


async def ask(client: httpx.AsyncClient, question: str, **fields: object) -> dict[str, Any]:
    response = await client.post("/v1/chat", json={"question": question, **fields})
    assert response.status_code == 200, response.text
    reply: dict[str, Any] = response.json()
    return reply


async def stream(client: httpx.AsyncClient, question: str, **fields: object) -> list[ServerEvent]:
    body = {"question": question, **fields}
    response = await client.post("/v1/chat", json=body, headers=STREAM)
    assert response.headers["content-type"].startswith("text/event-stream")
    return parse_events(response.text)


def check_error(response: httpx.Response, status: int, code: str) -> str:
    """Every error has one shape; returns what it says."""
    assert response.status_code == status, response.text
    body = response.json()
    assert list(body) == ["error"]
    assert sorted(body["error"]) == ["code", "hint", "message"]
    assert body["error"]["code"] == code
    return f"{body['error']['message']} {body['error']['hint']}"


def break_index(app: FastAPI, fake: IndexDown) -> None:
    app.state.service.published._index = fake


async def test_a_reply_is_one_object_with_its_sources(client: httpx.AsyncClient) -> None:
    reply = await ask(client, RETURNS)
    assert reply["served_by"] == "passage"
    assert reply["handoff"] is None
    assert not reply["degraded"]
    assert "30 days" in reply["answer"]
    assert "[1]" in reply["answer"]
    first = reply["citations"][0]
    assert (first["n"], first["page"], first["title"]) == (1, "returns.md", "Return policy")
    assert "30 days" in first["quote"]


async def test_markers_and_citations_match_one_to_one(client: httpx.AsyncClient) -> None:
    reply = await ask(client, RETURNS)
    numbers = [citation["n"] for citation in reply["citations"]]
    assert numbers == list(range(1, len(numbers) + 1))
    assert all(f"[{n}]" in reply["answer"] for n in numbers)


@unsure
async def test_an_unsure_reply_is_handed_to_a_person(client: httpx.AsyncClient) -> None:
    reply = await ask(client, NOWHERE)
    assert reply["served_by"] == "person"
    assert reply["citations"] == []
    assert reply["handoff"]["reason"] == "not_in_documents"
    assert reply["handoff"]["state"] == "waiting"
    assert reply["answer"] == reply["handoff"]["message"]


async def test_events_come_in_order_and_add_up_to_the_reply(client: httpx.AsyncClient) -> None:
    events = await stream(client, RETURNS)
    names = [event.name for event in events]
    assert (names[0], names[-1]) == ("meta", "done")
    assert set(names[1:-1]) == {"token", "citation"}
    done = events[-1].data
    assert "".join(e.data["text"] for e in events if e.name == "token") == done["answer"]
    assert [e.data for e in events if e.name == "citation"] == done["citations"]
    assert events[0].data == {key: done[key] for key in ("conversation_id", "trace_id")}


@unsure
async def test_a_handoff_is_an_event_of_its_own(client: httpx.AsyncClient) -> None:
    events = await stream(client, NOWHERE)
    assert [event.name for event in events] == ["meta", "token", "handoff", "done"]
    assert events[2].data == events[3].data["handoff"]


async def test_the_stream_says_what_the_object_says(client: httpx.AsyncClient) -> None:
    done = (await stream(client, LIGHT))[-1].data
    reply = await ask(client, LIGHT)
    ids = {"conversation_id", "trace_id"}
    assert {k: v for k, v in done.items() if k not in ids} == {
        k: v for k, v in reply.items() if k not in ids
    }


async def test_a_stream_is_not_kept_by_caches(client: httpx.AsyncClient) -> None:
    response = await client.post("/v1/chat", json={"question": RETURNS}, headers=STREAM)
    assert response.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("text/event-stream", "text/event-stream"),
        ("application/json, text/event-stream;q=0.9", "text/event-stream"),
        ("application/json", "application/json"),
        ("*/*", "application/json"),
        ("text/html", "application/json"),
    ],
)
async def test_only_who_names_the_stream_gets_one(
    client: httpx.AsyncClient, accept: str, kind: str
) -> None:
    response = await client.post("/v1/chat", json={"question": RETURNS}, headers={"Accept": accept})
    assert response.headers["content-type"].split(";")[0] == kind


@pytest.mark.parametrize("question", ["", "   \n\t "])
@pytest.mark.parametrize("headers", [{}, STREAM])
async def test_an_empty_question_is_refused(
    client: httpx.AsyncClient, question: str, headers: dict[str, str]
) -> None:
    response = await client.post("/v1/chat", json={"question": question}, headers=headers)
    assert "is empty" in check_error(response, 422, "bad_input")


async def test_a_question_far_too_long_is_refused_with_the_limit(
    client: httpx.AsyncClient,
) -> None:
    response = await client.post("/v1/chat", json={"question": "a" * 20_000})
    said = check_error(response, 422, "bad_input")
    assert "20,000 characters" in said
    assert "limit is 2,000" in said


async def test_the_longest_allowed_question_is_answered(client: httpx.AsyncClient) -> None:
    await ask(client, ("kettle " * 400)[:2000])


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"nonsense",
        b"[]",
        b'"question"',
        b"null",
        b"{}",
        b'{"question": null}',
        b'{"question": 1}',
        b'{"question": ["a"]}',
        b'{"question": {"text": "a"}}',
        b'{"question": "a", "conversation_id": 7}',
        b'{"question": "a", "conversation_id": "' + b"c" * 41 + b'"}',
        b'{"question": "a", "locale": ""}',
        b'{"question": "a", "locale": "' + b"e" * 36 + b'"}',
        b'{"question": "a", "product": ["kettle"]}',
        b'{"question": "a", "product": "' + b"p" * 101 + b'"}',
        b'{"question": "a", "product": "a\\u0000b"}',
    ],
)
async def test_a_body_of_the_wrong_shape_is_refused(client: httpx.AsyncClient, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    response = await client.post("/v1/chat", content=body, headers=headers)
    assert check_error(response, 422, "malformed_request")


@pytest.mark.parametrize(
    "body",
    [
        b'{"question": "kettle \\ud800"}',
        b'{"question": "a", "conversation_id": "\\ud800"}',
        b'{"question": "a", "product": "\\ud800"}',
    ],
)
async def test_half_a_character_breaks_nothing(client: httpx.AsyncClient, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    response = await client.post("/v1/chat", content=body, headers=headers)
    assert response.status_code in {200, 422}, response.text


async def test_a_body_that_is_not_even_text_is_refused(client: httpx.AsyncClient) -> None:
    headers = {"Content-Type": "application/json"}
    response = await client.post("/v1/chat", content=b"\xff\xfe{\x00", headers=headers)
    assert 400 <= response.status_code < 500
    check_error(response, response.status_code, response.json()["error"]["code"])


async def test_the_wrong_field_is_named(client: httpx.AsyncClient) -> None:
    response = await client.post("/v1/chat", json={"question": 1})
    assert "body.question" in check_error(response, 422, "malformed_request")


async def test_pages_in_another_language_are_not_quoted(client: httpx.AsyncClient) -> None:
    assert (await ask(client, RETURNS, locale="en"))["served_by"] == "passage"
    other = await ask(client, RETURNS, locale="de")
    assert (other["served_by"], other["citations"]) == ("person", [])


async def test_pages_about_every_product_answer_for_each(client: httpx.AsyncClient) -> None:
    reply = await ask(client, RETURNS, product="Travel kettle")
    assert reply["citations"][0]["page"] == "returns.md"


async def test_a_request_cannot_choose_whose_documents_it_is_answered_from(
    client: httpx.AsyncClient,
) -> None:
    voucher = "Who may give a goodwill voucher of twenty pounds?"
    wanted = {"tenant": "acme", "audience": "staff", "audiences": ["public", "staff"]}
    reply = await ask(client, voucher, **wanted, reader=wanted)
    assert "goodwill" not in reply["answer"]
    assert (await ask(client, RETURNS, **wanted))["served_by"] == "passage"


async def test_an_unknown_conversation_begins_a_new_one(client: httpx.AsyncClient) -> None:
    reply = await ask(client, RETURNS, conversation_id="cnv_of_nobody")
    assert reply["conversation_id"] != "cnv_of_nobody"
    assert reply["served_by"] == "passage"


async def test_a_known_conversation_goes_on(client: httpx.AsyncClient) -> None:
    first = await ask(client, RETURNS)
    second = await ask(client, LIGHT, conversation_id=first["conversation_id"])
    assert second["conversation_id"] == first["conversation_id"]
    assert second["trace_id"] != first["trace_id"]


async def test_when_the_index_is_down_a_person_takes_over(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    break_index(app, IndexDown())
    reply = await ask(client, RETURNS)
    assert reply["degraded"]
    assert reply["handoff"]["reason"] == "search_unavailable"


async def test_when_the_database_is_down_the_reply_is_sent_all_the_same(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    app.state.service.support._store = StoreDown()
    reply = await ask(client, RETURNS)
    assert reply["degraded"]
    assert "30 days" in reply["answer"]


async def test_a_mistake_of_ours_has_the_shape_of_every_error(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    break_index(app, IndexBroken())
    response = await client.post("/v1/chat", json={"question": RETURNS})
    said = check_error(response, 500, "internal")
    assert "ZeroDivisionError" not in said
    assert "a mistake of ours" not in said


async def test_a_mistake_of_ours_in_a_stream_is_its_last_event(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    break_index(app, IndexBroken())
    events = await stream(client, RETURNS)
    assert [event.name for event in events] == ["meta", "error"]
    assert sorted(events[1].data) == ["code", "hint", "message"]
    assert "a mistake of ours" not in json.dumps(events[1].data)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=80),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
BODIES = st.one_of(
    st.binary(max_size=60),
    JSON.map(lambda value: json.dumps(value).encode()),
    st.fixed_dictionaries(
        {"question": st.text(max_size=120) | JSON},
        optional={
            name: st.text(max_size=45) | JSON for name in ("conversation_id", "locale", "product")
        },
    ).map(lambda value: json.dumps(value).encode()),
)


@given(body=BODIES, streamed=st.booleans())
@hypothesis_settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
async def test_no_body_whatsoever_breaks_the_service(
    client: httpx.AsyncClient, body: bytes, *, streamed: bool
) -> None:
    headers = {"Content-Type": "application/json", **(STREAM if streamed else {})}
    response = await client.post("/v1/chat", content=body, headers=headers)
    assert response.status_code < 500, response.text
    if response.status_code != 200:
        check_error(response, response.status_code, response.json()["error"]["code"])
    elif streamed:
        assert parse_events(response.text)[-1].name == "done"
    else:
        assert response.json()["answer"]
