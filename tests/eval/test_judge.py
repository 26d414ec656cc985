from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from eval.judge import (
    AT_ONCE,
    MISSING_FIELD,
    NO_MESSAGE,
    NOT_JSON,
    TOO_SLOW,
    UNREACHABLE,
    WRONG_TYPE,
    Judge,
    NoVerdict,
    Verdict,
    judge_replies,
    summarise,
)
from eval.shares import Share
from ingestion.progress import LogMeter
from retrieval.errors import BadInput
from tests.eval.judge_server import judge_server
from tests.eval.replies import ANSWERED, UNANSWERED, reply

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eval.answers import ScoredReply
    from tests.eval.judge_server import JudgeServer

KEY = "sk-very-secret"


@pytest.fixture
def server() -> Iterator[JudgeServer]:
    with judge_server() as server:
        yield server


def _about(*questions: str) -> list[ScoredReply]:
    return [reply(replace(ANSWERED, question=question)) for question in questions]


async def _said(
    server: JudgeServer, *questions: str, seconds: float = 10
) -> list[Verdict | NoVerdict]:
    judge = replace(Judge.at(server.url, "small", KEY), seconds=seconds)
    return list(await judge_replies(judge, _about(*questions), LogMeter()))


async def test_a_verdict_is_read_alone_and_from_a_code_fence(server: JudgeServer) -> None:
    alone, negative, fenced = await _said(server, "good", "no", "fenced")

    assert alone == fenced == Verdict(grounded=True, answers=True, why="It says so.")
    assert negative == Verdict(grounded=True, answers=False, why="It is about another thing.")


@pytest.mark.parametrize(
    ("question", "reason"),
    [
        ("malformed", NOT_JSON),
        ("prose", NOT_JSON),
        ("truncated", NOT_JSON),
        ("refusing", NOT_JSON),
        ("deep", NOT_JSON),
        ("missing", MISSING_FIELD),
        ("mistyped", WRONG_TYPE),
        ("null", WRONG_TYPE),
        ("nan", WRONG_TYPE),
        ("list", WRONG_TYPE),
        ("wordless", NO_MESSAGE),
        ("html", NO_MESSAGE),
        ("500", "HTTP 500"),
        ("401", "HTTP 401"),
        ("302", "HTTP 302"),
    ],
)
async def test_what_cannot_be_read_has_a_reason(
    server: JudgeServer, question: str, reason: str
) -> None:
    [said] = await _said(server, question)

    assert said == NoVerdict(reason)
    assert len(server.asked(question)) == 2


async def test_a_judge_is_reminded_once_of_how_to_answer(server: JudgeServer) -> None:
    [said] = await _said(server, "mended")

    assert isinstance(said, Verdict)
    assert len(server.asked("mended")) == 2


async def test_a_slow_judge_is_not_waited_for_and_not_asked_again(server: JudgeServer) -> None:
    slow, quick = await _said(server, "slow", "good", seconds=0.5)

    assert slow == NoVerdict(TOO_SLOW)
    assert isinstance(quick, Verdict)
    assert len(server.asked("slow")) == 1


async def test_a_judge_that_is_not_there_is_a_reason_too() -> None:
    judge = Judge.at("http://127.0.0.1:9", "small", "")

    assert await judge_replies(judge, _about("good"), LogMeter()) == (NoVerdict(UNREACHABLE),)


async def test_the_judge_sees_question_reply_and_passages_at_temperature_0(
    server: JudgeServer,
) -> None:
    await _said(server, "good")

    [body] = server.bodies
    assert body["temperature"] == 0
    assert body["model"] == "small"
    assert "The descaling light blinks. [1]" in body["messages"][-1]["content"]
    assert r"Descaling\nThe light blinks." in body["messages"][-1]["content"]


async def test_a_few_are_asked_at_once_and_their_order_stays(server: JudgeServer) -> None:
    said = await _said(server, *["good", "no"] * 10)

    assert [isinstance(v, Verdict) and v.answers for v in said] == [True, False] * 10
    assert 1 < server.busiest <= AT_ONCE


async def test_the_key_is_sent_and_never_shown(
    server: JudgeServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    said = await _said(server, "good", "401")

    assert set(server.keys) == {f"Bearer {KEY}"}
    assert "secret" not in f"{caplog.text} {said} {Judge.at(server.url, 'small', KEY)}"


@pytest.mark.parametrize("path", ["", "/", "/v1", "/v1/", "/v1/chat/completions"])
def test_an_address_may_leave_out_the_path(path: str) -> None:
    judge = Judge.at(f"http://host:8000{path}", "small", "")

    assert judge.url == "http://host:8000/v1/chat/completions"


@pytest.mark.parametrize(
    ("url", "key", "why"),
    [
        ("localhost:8000", "", "'localhost:8000' is no address of a judge"),
        ("http://", "", "is no address of a judge"),
        ("http://host:99999/v1", "", "is no address of a judge"),
        ("http://[::1/v1", "", "is no address of a judge"),
        ("me:secret@host/v1", "", "carries a user, a password or a query"),
        ("http://me:secret@host/v1", "", "carries a user, a password or a query"),
        ("http://host/v1?key=secret", "", "carries a user, a password or a query"),
        ("http://host/v1", "secr\u00e9t", "characters that a request cannot carry"),
        ("http://host/v1", "two\nsecrets", "characters that a request cannot carry"),
    ],
)
def test_an_address_or_key_that_cannot_be_used_is_named_without_the_key(
    url: str, key: str, why: str
) -> None:
    with pytest.raises(BadInput, match=why) as error:
        Judge.at(url, "small", key)

    assert "secr" not in str(error.value)


def test_what_cannot_be_read_counts_neither_for_nor_against() -> None:
    yes, no = (
        Verdict(grounded=True, answers=True, why=""),
        Verdict(grounded=True, answers=False, why=""),
    )
    right = reply(ANSWERED, passage_right=True, answer_given=True)
    wrong = reply(UNANSWERED)

    judged = summarise(
        Judge("http://host", "small"),
        [right, right, wrong, wrong, right, right],
        [yes, yes, no, yes, NoVerdict(NOT_JSON), NoVerdict(NOT_JSON)],
    )

    assert judged.read == Share(4, 6)
    assert judged.grounded == Share(4, 4)
    assert judged.answers == Share(3, 4)
    assert judged.unread == {NOT_JSON: 2}
    passage = judged.agreement["the gold passage is cited"]
    assert passage.same == Share(3, 4)
    # By chance 3/4 x 2/4 + 1/4 x 2/4 = 1/2 agree, so 3/4 is half of the way from there to all.
    assert passage.kappa == pytest.approx(0.5)
    assert judged.agreement["the gold answer is in the reply"].same == Share(2, 2)
    assert judged.agreement["the gold answer is in the reply"].kappa is None
