from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from app.reply import NOT_RECORDED
from app.schema import handoffs
from app.types import (
    Answer,
    Cited,
    Finished,
    HandedOver,
    HandoffReason,
    Question,
    Role,
    Said,
    ServedBy,
    Started,
)
from llm.extractive import Quote, extract
from retrieval.types import Reader
from tests.fakes import IndexDown, StoreDown
from tests.library import BY_SCORE, LIGHT, NOWHERE, RETURNS, UNSURE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from app.conversations import ConversationStore
    from app.support import SupportService
    from app.types import Event, Message, Trace
    from retrieval.edge import EdgeIndex
    from retrieval.types import Passage
    from tests.conftest import MakeSupport


def question(text: str, conversation_id: str | None = None, tenant: str = "default") -> Question:
    return Question(text, Reader(tenant), conversation_id)


async def events(support: SupportService, asked: Question) -> list[Event]:
    return [event async for event in support.stream(asked)]


async def said(store: ConversationStore, answer: Answer) -> tuple[Message, ...]:
    found = await store.conversation(answer.conversation_id, "default")
    assert found is not None
    return found.messages


async def trace(store: ConversationStore, answer: Answer) -> Trace:
    found = await store.trace(answer.trace_id, "default")
    assert found is not None
    return found


async def handed_over(store: ConversationStore) -> list[dict[str, Any]]:
    async with store._database._engine.connect() as connection:
        return [dict(row._mapping) for row in await connection.execute(select(handoffs))]


async def test_an_answer_quotes_the_page_that_carries_it(make_support: MakeSupport) -> None:
    answer = await make_support().answer(question(RETURNS))
    assert answer.served_by is ServedBy.PASSAGE
    assert "within 30 days of delivery" in answer.text
    assert answer.citations[0].page == "returns.md"
    assert answer.handoff is None
    assert not answer.degraded
    assert answer.confidence > 0.99


async def test_steps_are_answered_as_steps(make_support: MakeSupport) -> None:
    answer = await make_support().answer(question("How do I remove limescale from the kettle?"))
    steps = [line for line in answer.text.splitlines() if re.match(r"\d\. ", line)]
    assert [line[:2] for line in steps[:3]] == ["1.", "2.", "3."]


async def test_an_answer_is_stored_with_its_question_and_trace(
    make_support: MakeSupport, store: ConversationStore
) -> None:
    answer = await make_support().answer(question(RETURNS))
    asked, replied = await said(store, answer)
    assert (asked.text, replied.text) == (RETURNS, answer.text)
    assert replied.citations == answer.citations
    assert (await trace(store, answer)).confidence == answer.confidence
    assert await handed_over(store) == []


async def test_an_unsure_answer_goes_to_a_person_with_the_transcript(
    make_support: MakeSupport, store: ConversationStore
) -> None:
    support = make_support(UNSURE)
    first = await support.answer(question(RETURNS))
    second = await support.answer(question(NOWHERE, first.conversation_id))
    assert second.served_by is ServedBy.PERSON
    assert second.citations == ()
    assert second.handoff is not None
    assert second.handoff.reason is HandoffReason.NOT_IN_DOCUMENTS
    assert second.text == second.handoff.message
    [_, row] = await handed_over(store)
    assert row["id"] == second.handoff.id
    assert [line["text"] for line in row["package"]["transcript"]] == [
        RETURNS,
        first.text,
        NOWHERE,
        second.text,
    ]
    assert row["package"]["found"], "the person sees what was considered"


async def test_who_asks_for_a_person_gets_one_without_a_search(
    make_support: MakeSupport, store: ConversationStore
) -> None:
    answer = await make_support(index=IndexDown()).answer(question("I want to talk to a person"))
    assert answer.handoff is not None
    assert answer.handoff.reason is HandoffReason.ASKED_FOR_PERSON
    assert not answer.degraded
    assert (await trace(store, answer)).searches == ()
    assert len(await handed_over(store)) == 1


async def test_a_follow_up_is_searched_together_with_what_it_leans_on(
    make_support: MakeSupport, store: ConversationStore
) -> None:
    support = make_support()
    first = await support.answer(question(RETURNS))
    second = await support.answer(question("And the money?", first.conversation_id))
    assert second.conversation_id == first.conversation_id
    searched = " ".join((await trace(store, second)).searches)
    assert "return a kettle" in searched
    assert "money" in searched
    assert second.citations[0].page == "returns.md"


async def test_a_longer_follow_up_is_one_search_and_the_first_answer_is_not_repeated(
    make_support: MakeSupport, store: ConversationStore
) -> None:
    support = make_support()
    first = await support.answer(question(RETURNS))
    follow_up = "And how does it come back to my card?"
    second = await support.answer(question(follow_up, first.conversation_id))
    [searched] = (await trace(store, second)).searches
    assert "return a kettle" in searched
    assert follow_up in searched


async def test_a_follow_up_reaches_no_further_than_its_own_tenant(
    make_support: MakeSupport, store: ConversationStore
) -> None:
    support = make_support()
    first = await support.answer(question(RETURNS))
    other = await support.answer(question("And then?", first.conversation_id, tenant="acme"))
    assert other.conversation_id != first.conversation_id
    found = await store.trace(other.trace_id, "acme")
    assert found is not None
    assert found.asked == "And then?"
    assert RETURNS not in str(found.searches)
    assert other.citations == ()


async def test_when_the_index_is_down_a_person_takes_over(
    make_support: MakeSupport, store: ConversationStore
) -> None:
    answer = await make_support(index=IndexDown()).answer(question(RETURNS))
    assert answer.handoff is not None
    assert answer.handoff.reason is HandoffReason.SEARCH_UNAVAILABLE
    assert answer.served_by is ServedBy.PERSON
    assert answer.degraded
    assert (await trace(store, answer)).failures == ("find: The index is down.",)
    assert len(await handed_over(store)) == 1


async def test_when_the_store_is_down_the_answer_is_given_all_the_same(
    make_support: MakeSupport,
) -> None:
    answer = await make_support(store=StoreDown()).answer(question(RETURNS))
    assert "within 30 days" in answer.text
    assert answer.degraded
    assert answer.served_by is ServedBy.PASSAGE


async def test_when_the_store_is_down_no_person_is_promised(make_support: MakeSupport) -> None:
    support = make_support(UNSURE, store=StoreDown())
    seen = await events(support, question(NOWHERE))
    assert not any(isinstance(event, HandedOver) for event in seen)
    finished = seen[-1]
    assert isinstance(finished, Finished)
    assert finished.answer.handoff is None
    assert finished.answer.text == NOT_RECORDED
    assert finished.answer.served_by is ServedBy.TEMPLATE
    assert finished.answer.degraded


async def test_when_everything_is_down_there_is_still_a_reply(make_support: MakeSupport) -> None:
    support = make_support(index=IndexDown(), store=StoreDown())
    answer = await support.answer(question(RETURNS, "cnv_earlier"))
    assert answer.text == NOT_RECORDED
    assert answer.handoff is None


async def test_of_two_questions_the_known_is_answered_and_the_other_handed_over(
    make_support: MakeSupport, store: ConversationStore
) -> None:
    answer = await make_support(BY_SCORE).answer(question(f"{RETURNS} {NOWHERE}"))
    assert "within 30 days" in answer.text
    assert {citation.page for citation in answer.citations} == {"returns.md"}
    assert answer.served_by is ServedBy.PASSAGE
    assert answer.handoff is not None
    assert "the rest" in answer.handoff.message
    assert answer.confidence < 0.7, "the reply as a whole is as sure as its least sure part"
    assert len(await handed_over(store)) == 1


async def test_of_two_known_questions_both_are_answered(make_support: MakeSupport) -> None:
    answer = await make_support(BY_SCORE).answer(question(f"{RETURNS} {LIGHT}"))
    pages = [citation.page for citation in answer.citations]
    assert {"returns.md", "descaling.md"} == set(pages)
    assert [citation.n for citation in answer.citations] == list(range(1, len(pages) + 1))
    assert answer.handoff is None


async def test_the_same_thing_asked_twice_is_said_once(make_support: MakeSupport) -> None:
    answer = await make_support().answer(question(f"{RETURNS} {RETURNS}"))
    quotes = [citation.quote for citation in answer.citations]
    assert len(quotes) == len(set(quotes))


@pytest.mark.parametrize(
    "text",
    [RETURNS, NOWHERE, f"{RETURNS} {LIGHT}", f"{RETURNS} {NOWHERE}", "Talk to a person"],
)
async def test_what_is_streamed_is_what_is_answered_and_stored(
    make_support: MakeSupport, store: ConversationStore, text: str
) -> None:
    seen = await events(make_support(BY_SCORE), question(text))
    started, finished = seen[0], seen[-1]
    assert isinstance(started, Started)
    assert isinstance(finished, Finished)
    answer = finished.answer
    assert (started.conversation_id, started.trace_id) == (
        answer.conversation_id,
        answer.trace_id,
    )
    streamed = "".join(event.text for event in seen if isinstance(event, Said))
    stored = (await said(store, answer))[1]
    assert streamed == answer.text == stored.text
    cited = tuple(event.citation for event in seen if isinstance(event, Cited))
    assert cited == answer.citations == stored.citations
    handoff = [event.handoff for event in seen if isinstance(event, HandedOver)]
    assert handoff == ([answer.handoff] if answer.handoff else [])
    assert stored.handoff == answer.handoff


async def test_events_follow_one_order(make_support: MakeSupport) -> None:
    seen = await events(make_support(BY_SCORE), question(f"{RETURNS} {NOWHERE}"))
    kinds = [type(event).__name__ for event in seen]
    middle = kinds[1:-2]
    assert (kinds[0], kinds[-2:]) == ("Started", ["HandedOver", "Finished"])
    assert middle == ["Said", "Cited"] * (len(middle) // 2)


async def test_every_quote_is_verbatim_where_the_citation_says(
    make_support: MakeSupport,
    index: EdgeIndex,
) -> None:
    answer = await make_support().answer(question(LIGHT))
    assert answer.citations
    for citation in answer.citations:
        [chunk] = await index.read([citation.chunk_id], Reader())
        assert (
            chunk.text[citation.start - chunk.start : citation.end - chunk.start] == citation.quote
        )


class Misquote(Quote):
    """Says something else than its passage does."""

    @property
    def text(self) -> str:
        return super().text.replace("30 days", "90 days")


async def test_a_quote_that_is_not_in_its_passage_is_never_shown(
    make_support: MakeSupport, monkeypatch: pytest.MonkeyPatch
) -> None:
    def misquote(question: str, passages: Sequence[Passage]) -> tuple[Quote, ...]:
        return tuple(Misquote(q.passage, q.units, q.score) for q in extract(question, passages))

    monkeypatch.setattr("app.search.extract", misquote)
    answer = await make_support().answer(question(RETURNS))
    assert "90 days" not in answer.text
    assert answer.citations == ()
    assert answer.served_by is ServedBy.PERSON


async def test_a_message_without_words_is_handed_over(make_support: MakeSupport) -> None:
    answer = await make_support(BY_SCORE).answer(question("\u200b"))
    assert answer.text


async def test_conversations_at_the_same_time_do_not_mix(
    make_support: MakeSupport, store: ConversationStore
) -> None:
    support = make_support()
    asked = [RETURNS, LIGHT] * 8
    answers = await asyncio.gather(*(support.answer(question(text)) for text in asked))
    assert len({answer.conversation_id for answer in answers}) == 16
    for text, answer in zip(asked, answers, strict=True):
        assert (await said(store, answer))[0].text == text
        assert answer.citations[0].page == ("returns.md" if text == RETURNS else "descaling.md")


async def test_a_question_read_back_says_who_said_what(
    make_support: MakeSupport, store: ConversationStore
) -> None:
    answer = await make_support().answer(question(RETURNS))
    assert [message.role for message in await said(store, answer)] == [
        Role.CUSTOMER,
        Role.ASSISTANT,
    ]
