"""Our parts inside LangChain's own chains; only the chat model is a fake."""

from __future__ import annotations

import asyncio
import threading
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.language_models import FakeListChatModel
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnablePassthrough
from langchain_core.vectorstores import InMemoryVectorStore
from pydantic import ValidationError

from retrieval.batching import QuestionEncoder
from retrieval.edge import EdgeIndex
from retrieval.encoding import ChunkEncoder
from retrieval.errors import BadInput, IndexUnavailable
from retrieval.expansion import Expander
from retrieval.hybrid import Retriever
from retrieval.index import place_of
from retrieval.langchain import AnswerableEmbeddings, AnswerableRetriever, LoopThread
from retrieval.lexical import Bm25Encoder
from retrieval.types import Reader
from tests.fakes import IndexDown
from tests.library import LIGHT, NOWHERE, RETURNS, ingest, open_ledger, write_pages

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from langchain_core.documents import Document
    from langchain_core.messages import BaseMessage
    from langchain_core.runnables import Runnable

    from retrieval.embedders import Embedder
    from retrieval.index import ChunkIndex
    from retrieval.late import TokenCodec

PROMPT = ChatPromptTemplate.from_messages(
    [("system", "Answer from these passages only:\n{context}"), ("human", "{question}")]
)
README = Path(__file__).parent.parent.parent / "README.md"
VOUCHER = "Who may give a goodwill voucher of twenty pounds?"


@asynccontextmanager
async def opened(
    index: ChunkIndex, embedder: Embedder, codec: TokenCodec
) -> AsyncIterator[Retriever]:
    encoder = QuestionEncoder(embedder)
    yield Retriever(index=index, encoder=encoder, bm25=Bm25Encoder(), codec=codec)
    encoder.close()
    await index.close()


@pytest.fixture
def loop() -> Iterator[LoopThread]:
    with LoopThread() as loop:
        yield loop


@pytest.fixture
def parts(loop: LoopThread, shelf: Path, embedder: Embedder, codec: TokenCodec) -> Retriever:
    index = EdgeIndex.open(shelf / place_of(embedder.name), model=embedder.name, dims=embedder.dims)
    return loop.open(opened(index, embedder, codec))


@pytest.fixture
def retriever(loop: LoopThread, parts: Retriever) -> AnswerableRetriever:
    return AnswerableRetriever(retriever=parts, reader=Reader(), loop=loop, limit=2)


class Prompts(BaseCallbackHandler):
    """Keeps what the model was given."""

    def __init__(self) -> None:
        self.received: list[str] = []

    def on_chat_model_start(
        self, serialized: dict[str, Any], messages: list[list[BaseMessage]], **_: object
    ) -> None:
        del serialized
        self.received += ["\n".join(str(m.content) for m in prompt) for prompt in messages]


def as_text(documents: list[Document]) -> str:
    return "\n\n".join(document.page_content for document in documents)


def chain_of(retriever: AnswerableRetriever) -> Runnable[str, str]:
    inputs = {"context": retriever | as_text, "question": RunnablePassthrough()}
    return inputs | PROMPT | FakeListChatModel(responses=["Within 30 days."]) | StrOutputParser()


def check_prompt(prompt: str, question: str) -> None:
    passage = {
        RETURNS: "You can return a kettle within 30 days of delivery.",
        LIGHT: "The descaling light blinks when limescale has built up",
    }[question]
    assert passage in prompt
    assert prompt.endswith(question)
    assert "goodwill" not in prompt


def test_the_model_is_given_the_passage_that_answers(retriever: AnswerableRetriever) -> None:
    seen = Prompts()
    assert chain_of(retriever).invoke(RETURNS, {"callbacks": [seen]}) == "Within 30 days."
    [prompt] = seen.received
    check_prompt(prompt, RETURNS)


async def test_an_asynchronous_chain_is_given_the_same(retriever: AnswerableRetriever) -> None:
    seen = Prompts()
    replies = await asyncio.gather(
        *(chain_of(retriever).ainvoke(q, {"callbacks": [seen]}) for q in (RETURNS, LIGHT))
    )
    assert replies == ["Within 30 days."] * 2
    for prompt in seen.received:
        check_prompt(prompt, RETURNS if prompt.endswith(RETURNS) else LIGHT)


def test_a_batch_gives_each_question_its_own_passages(retriever: AnswerableRetriever) -> None:
    questions = [RETURNS, LIGHT] * 8
    found = retriever.batch(questions)
    for question, documents in zip(questions, found, strict=True):
        check_prompt(f"{as_text(documents)} {question}", question)


async def test_a_batch_under_a_running_loop_does_not_wait_for_itself(
    retriever: AnswerableRetriever,
) -> None:
    """Its threads wait for the parts while it holds this loop: those must be on another."""
    found = retriever.batch([RETURNS, LIGHT])
    assert [documents[0].metadata["page"] for documents in found] == ["returns.md", "descaling.md"]
    assert await retriever.abatch([RETURNS, LIGHT]) == found


async def test_threads_and_loops_may_mix(retriever: AnswerableRetriever) -> None:
    def in_a_loop_of_its_own() -> list[Document]:
        return asyncio.run(retriever.ainvoke(RETURNS))

    found = await asyncio.gather(
        *(asyncio.to_thread(retriever.invoke, RETURNS) for _ in range(4)),
        *(asyncio.to_thread(in_a_loop_of_its_own) for _ in range(4)),
        *(retriever.ainvoke(RETURNS) for _ in range(4)),
    )
    assert all(documents == found[0] for documents in found)


def test_a_document_says_where_it_is_from(retriever: AnswerableRetriever) -> None:
    best, second = retriever.invoke(RETURNS)
    metadata = best.metadata
    assert metadata["chunk_id"] == best.id
    assert (metadata["page"], metadata["title"]) == ("returns.md", "Return policy")
    assert metadata["url"] == "returns.md#how-long-you-have"
    assert isinstance(metadata["headings"], list)
    assert metadata["end"] - metadata["start"] == len(best.page_content)
    assert metadata["score"] >= second.metadata["score"]
    assert set(metadata["signals"]) == {"late", "dense", "lexical"}


def test_with_an_expander_a_passage_comes_with_what_stands_around_it(
    loop: LoopThread, tmp_path: Path, embedder: Embedder, codec: TokenCodec
) -> None:
    index = EdgeIndex.open(tmp_path / "own", model=embedder.name, dims=embedder.dims)
    parts = loop.open(opened(index, embedder, codec))
    steps = "\n".join(f"{n}. Turn the red screw number {n} by {n} marks." for n in range(1, 60))
    pages = write_pages(tmp_path / "pages", {"boiler.md": f"# Boiler\n\n## Bleeding\n\n{steps}\n"})
    ledger = loop.run(open_ledger(tmp_path))
    loop.run(ingest(pages, index, ChunkEncoder(embedder, parts._bm25, codec), ledger))
    loop.run(ledger.close())
    narrow = AnswerableRetriever(retriever=parts, reader=Reader(), loop=loop, limit=1)
    wide = narrow.model_copy(update={"expander": Expander(index, embedder.count)})
    question = "How far do I turn screw number 2?"
    [found], [around] = narrow.invoke(question), wide.invoke(question)
    assert "screw number 59" not in found.page_content
    assert found.page_content in around.page_content
    assert "screw number 59" in around.page_content
    assert around.metadata["chunk_id"] == found.metadata["chunk_id"]
    assert around.metadata["end"] > found.metadata["end"]


def test_who_asks_has_to_be_said(loop: LoopThread, parts: Retriever) -> None:
    with pytest.raises(ValidationError, match="reader"):
        AnswerableRetriever(retriever=parts, loop=loop)  # type: ignore[call-arg] # the point


def test_who_asks_cannot_be_changed_nor_overridden(retriever: AnswerableRetriever) -> None:
    staff = Reader(audiences=("staff",))
    with pytest.raises(ValidationError):
        retriever.reader = staff
    calls = (
        retriever.invoke(VOUCHER, reader=staff),
        retriever.invoke(VOUCHER, {"configurable": {"reader": staff}}),
        retriever.with_config(configurable={"reader": staff}).invoke(VOUCHER),
    )
    assert all("goodwill" not in as_text(documents) for documents in calls)


def test_each_reader_has_a_retriever_of_their_own(loop: LoopThread, parts: Retriever) -> None:
    def pages(reader: Reader) -> list[str]:
        retriever = AnswerableRetriever(retriever=parts, reader=reader, loop=loop)
        return [document.metadata["page"] for document in retriever.invoke(VOUCHER)]

    assert pages(Reader(audiences=("staff",))) == ["staff.md"]
    assert "staff.md" not in pages(Reader())
    assert pages(Reader("acme")) == []


def test_an_index_that_is_down_is_said_to_be(
    loop: LoopThread, embedder: Embedder, codec: TokenCodec
) -> None:
    parts = loop.open(opened(IndexDown(), embedder, codec))
    retriever = AnswerableRetriever(retriever=parts, reader=Reader(), loop=loop)
    with pytest.raises(IndexUnavailable):
        retriever.invoke(RETURNS)


def test_the_readmes_example_works(
    shelf: Path,
    tmp_path: Path,
    embedder: Embedder,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("ANSWERABLE_HOME", str(tmp_path))
    monkeypatch.setenv("ANSWERABLE_INDEX_URL", f"edge:{shelf}")
    monkeypatch.setattr("app.bootstrap.open_embedder", lambda *_: embedder)
    section = README.read_text().partition("## In LangChain")[2]
    example = section.partition("```python\n")[2].partition("```")[0]
    exec(example.replace("How do I reset my password?", RETURNS), {})  # noqa: S102 - our own
    assert "returns.md#how-long-you-have" in capsys.readouterr().out


# The loop in a thread of its own.


def test_parts_are_closed_with_their_loop_last_first() -> None:
    closed: list[str] = []

    @asynccontextmanager
    async def part(name: str) -> AsyncIterator[str]:
        await asyncio.sleep(0)
        yield name
        closed.append(name)

    with LoopThread() as loop:
        assert [loop.open(part(name)) for name in "ab"] == ["a", "b"]
        assert closed == []
    assert closed == ["b", "a"]


def test_a_part_that_does_not_open_is_said_to(loop: LoopThread) -> None:
    @asynccontextmanager
    async def broken() -> AsyncIterator[None]:
        raise IndexUnavailable("It is down.")
        yield

    with pytest.raises(IndexUnavailable, match="It is down"):
        loop.open(broken())


def test_a_loop_that_is_not_running_says_how_to_run_it() -> None:
    loop = LoopThread()
    with pytest.raises(BadInput, match=r"not running.*with"):
        loop.run(asyncio.sleep(0))
    with loop:
        loop.run(asyncio.sleep(0))
    with pytest.raises(BadInput, match="not running"):
        loop.run(asyncio.sleep(0))


def test_waiting_on_the_loops_own_thread_is_refused(
    loop: LoopThread, retriever: AnswerableRetriever
) -> None:
    async def block() -> list[Document]:
        return retriever.invoke(RETURNS)

    async def wait() -> list[Document]:
        return await retriever.ainvoke(RETURNS)

    with pytest.raises(BadInput, match=r"wait for itself.*ainvoke"):
        loop.run(block())
    assert loop.run(wait())


async def test_a_call_given_up_is_given_up_on_the_loop_too(loop: LoopThread) -> None:
    begun, given_up = threading.Event(), threading.Event()

    async def endless() -> None:
        begun.set()
        try:
            await asyncio.sleep(60)
        finally:
            given_up.set()

    waiting = asyncio.ensure_future(asyncio.wrap_future(loop.submit(endless())))
    await asyncio.to_thread(begun.wait, 5)
    waiting.cancel()
    assert await asyncio.to_thread(given_up.wait, 5)


def test_a_loop_ends_though_something_is_under_way() -> None:
    with LoopThread() as loop:
        endless = loop.submit(asyncio.sleep(60))
    assert endless.cancelled()


# Embeddings.


@pytest.fixture
def embeddings(embedder: Embedder) -> AnswerableEmbeddings:
    return AnswerableEmbeddings(embedder)


def test_a_vector_store_finds_the_text_that_answers(embeddings: AnswerableEmbeddings) -> None:
    store = InMemoryVectorStore(embeddings)
    store.add_texts(
        ["Refunds reach your card within five days.", "The light blinks for limescale."]
    )
    [found] = store.similarity_search(LIGHT, k=1)
    assert "limescale" in found.page_content


async def test_a_vector_store_may_be_asynchronous(embeddings: AnswerableEmbeddings) -> None:
    store = await InMemoryVectorStore.afrom_texts(["Return it in 30 days.", NOWHERE], embeddings)
    [found] = await store.asimilarity_search(RETURNS, k=1)
    assert found.page_content == "Return it in 30 days."


async def test_vectors_are_the_embedders_however_they_are_asked_for(
    embeddings: AnswerableEmbeddings, embedder: Embedder
) -> None:
    question = embedder.question(RETURNS).sentence
    passages = [encoding.sentence for encoding in embedder.passages([RETURNS, LIGHT])]
    assert np.allclose(embeddings.embed_query(RETURNS), question)
    assert np.allclose(await embeddings.aembed_query(RETURNS), question)
    assert np.allclose(embeddings.embed_documents([RETURNS, LIGHT]), passages)
    assert np.allclose(await embeddings.aembed_documents([RETURNS, LIGHT]), passages)
    assert embeddings.embed_documents([]) == []


def test_many_threads_may_embed_at_once(embeddings: AnswerableEmbeddings) -> None:
    vectors: dict[int, list[float]] = {}

    def embed(n: int) -> None:
        vectors[n] = embeddings.embed_query(RETURNS if n % 2 else LIGHT)

    threads = [threading.Thread(target=embed, args=(n,)) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert all(vectors[n] == vectors[n % 2] for n in range(16))
