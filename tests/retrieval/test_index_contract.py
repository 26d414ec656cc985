"""One suite for every index: what holds for the embedded one holds for a server."""

from __future__ import annotations

from itertools import product as product_of
from types import SimpleNamespace
from typing import TYPE_CHECKING
from uuid import UUID

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from retrieval.errors import BadInput
from retrieval.index import (
    FIRST,
    OPEN,
    ChunkIndex,
    EncodedChunk,
    VersionQuery,
    open_index,
    place_of,
)
from retrieval.late import CODE_MAX, TokenMatrix
from retrieval.payload import merge_legs, to_chunk, to_late, to_payload, version_id
from retrieval.types import Chunk, Reader, Scope, Unit, UnitKind
from tests.library import chunk, encoded, unit_vector
from tests.retrieval.asking import DIMS, NO_WORDS, found, query, same_tokens

if TYPE_CHECKING:
    from pathlib import Path

UNKNOWN = str(UUID(int=999_999))

pytestmark = pytest.mark.filterwarnings(
    "ignore:Payload indexes have no effect in the local Qdrant:UserWarning"
)


@pytest.fixture
def index(any_index: ChunkIndex) -> ChunkIndex:
    return any_index


async def test_a_stored_chunk_reads_back_as_it_was(index: ChunkIndex) -> None:
    stored = chunk("# Boil\n\n- Fill it.\n- Switch it on.\n\n| a | b |\n|---|---|\n| 1 | 2 |")
    await index.upsert([encoded(stored)])
    assert await index.read([stored.id], Reader()) == [stored]


async def test_storing_the_same_chunk_again_changes_nothing(index: ChunkIndex) -> None:
    for _ in range(3):
        await index.upsert([encoded(chunk("Boil the kettle."))])
    assert await index.count() == 1
    assert len(await index.search(query(words="kettle"))) == 1


async def test_a_chunk_with_a_known_id_replaces_it(index: ChunkIndex) -> None:
    await index.upsert([encoded(chunk("Boil the kettle."))])
    await index.upsert([encoded(chunk("Descale the kettle."))])
    [only] = await index.read([str(UUID(int=1))], Reader())
    assert only.text == "Descale the kettle."


async def test_chunks_are_read_in_the_order_asked_for_and_unknown_ones_left_out(
    index: ChunkIndex,
) -> None:
    chunks = [chunk("Some text.", n=n) for n in (1, 2, 3)]
    await index.upsert([encoded(each) for each in chunks])
    wanted = [chunks[2].id, UNKNOWN, chunks[0].id]
    assert [c.id for c in await index.read(wanted, Reader())] == [chunks[2].id, chunks[0].id]


async def test_a_page_is_read_by_position(index: ChunkIndex) -> None:
    chunks = [chunk(f"Part {n}.", n=n, page="a.md", position=9 - n) for n in range(1, 6)]
    other = chunk("Elsewhere.", n=7, page="b.md")
    await index.upsert([encoded(each) for each in (*chunks, other)])
    assert [c.position for c in await index.page("a.md", Reader())] == [4, 5, 6, 7, 8]


async def test_more_chunks_than_one_scroll_returns_are_all_there(index: ChunkIndex) -> None:
    many = [encoded(chunk("Text.", n=n, position=n)) for n in range(1, 1203)]
    await index.upsert(many)
    assert len(await index.versions(VersionQuery("default", FIRST, "documents"))) == 1202
    assert len(await index.page("page.md", Reader())) == 1202


async def test_versions_are_told_by_tenant_source_and_page(index: ChunkIndex) -> None:
    scopes = [Scope("a", source="x"), Scope("a", source="y"), Scope("b", source="x")]
    chunks = [chunk("Text.", n=n, page=f"{n}.md", scope=s) for n, s in enumerate(scopes, start=1)]
    await index.upsert([encoded(each) for each in chunks])
    [only] = await index.versions(VersionQuery("a", FIRST, "x"))
    assert (only.chunk, only.page, only.place) == (chunks[0].id, "1.md", chunks[0].place)
    assert (only.since, only.until) == (FIRST, OPEN)
    assert await index.versions(VersionQuery("a", FIRST, "x", ("1.md", "7.md"))) == [only]
    assert await index.versions(VersionQuery("a", FIRST, "x", ("2.md",))) == []
    wanted = VersionQuery("a", FIRST, chunks=(chunks[0].id, chunks[1].id))
    assert {v.page for v in await index.versions(wanted)} == {"1.md", "2.md"}
    assert await index.versions(VersionQuery("nobody", FIRST, "x")) == []


async def test_deleted_versions_are_gone_from_every_read(index: ChunkIndex) -> None:
    gone, kept = chunk("Boil the kettle.", n=1), chunk("Boil the kettle.", n=2)
    await index.upsert([encoded(gone), encoded(kept)])
    await index.delete([version_id(gone, FIRST), UNKNOWN])
    assert await index.count() == 1
    assert await found(index, query(words="kettle")) == [kept.id]
    assert await index.page("page.md", Reader()) == [kept]
    assert await index.read([gone.id], Reader()) == []
    assert [v.chunk for v in await index.versions(VersionQuery("default", FIRST, "documents"))] == [
        kept.id
    ]


async def test_nothing_to_write_is_no_trouble(index: ChunkIndex) -> None:
    await index.upsert([])
    await index.delete([])
    await index.end([], until=OPEN)
    assert await index.encoded([]) == []
    assert await index.read([], Reader()) == []
    await index.flush()
    assert await index.count() == 0
    assert await index.search(query(words="kettle")) == []


async def test_each_leg_finds_what_the_other_does_not(index: ChunkIndex) -> None:
    near, worded = chunk("Something else.", n=1), chunk("Quokka.", n=2)
    fillers = [encoded(chunk("Filler.", n=n)) for n in range(10, 30)]
    axis = unit_vector(1)
    await index.upsert([encoded(near, axis), encoded(worded, -axis), *fillers])
    by_both = await index.search(query(axis, "quokka", limit=1))
    assert [c.chunk.id for c in by_both] == [near.id, worded.id]
    assert by_both[0].lexical is None
    assert (by_both[1].lexical or 0.0) > 0
    assert by_both[0].dense == pytest.approx(1.0, abs=0.01)


async def test_what_only_words_found_still_has_its_cosine(index: ChunkIndex) -> None:
    chunks = [encoded(chunk("Quokka." if n == 7 else "Filler.", n=n)) for n in range(1, 40)]
    await index.upsert(chunks)
    asked = query(unit_vector(12), "quokka", limit=1)
    [quokka] = [c for c in await index.search(asked) if c.chunk.text == "Quokka."]
    exact = float(chunks[6].dense @ asked.dense)
    assert exact < 0.9, "the dense leg must not have found it too"
    assert quokka.dense == pytest.approx(exact, abs=0.02)


async def test_a_word_in_few_chunks_counts_more_than_one_in_many(index: ChunkIndex) -> None:
    texts = ["The kettle is blue."] * 20 + ["The quokka is blue."]
    await index.upsert([encoded(chunk(t, n=n)) for n, t in enumerate(texts, start=1)])
    best = max(
        await index.search(query(words="blue quokka", limit=30)), key=lambda c: c.lexical or 0.0
    )
    assert best.chunk.text == "The quokka is blue."


async def test_candidates_carry_their_token_vectors(index: ChunkIndex) -> None:
    stored = encoded(chunk("Boil. Wait."))
    await index.upsert([stored])
    [candidate] = await index.search(query(words="boil"))
    assert same_tokens(candidate.late, stored.late)
    assert candidate.chunk == stored.chunk


# Names that a sloppy filter would mix up.
TENANTS = ("acme", "ACME", "acme ", "ac me", "äcme", "acme/eu", "")
AUDIENCES = ("public", "staff", "Public")
LOCALES = ("en", "en-GB", "de")
PRODUCTS = ("", "wren", "Wren", "wren 2")
EVERY_SCOPE = [
    Scope(tenant, audience, locale, product=product)
    for tenant, audience, locale, product in product_of(TENANTS, AUDIENCES, LOCALES, PRODUCTS)
]
SHELVED = [
    chunk("Boil the kettle.", n=n, page=f"{n % 5}.md", scope=scope)
    for n, scope in enumerate(EVERY_SCOPE, start=1)
]

readers = st.builds(
    Reader,
    tenant=st.sampled_from([*TENANTS, "nobody"]),
    audiences=st.lists(st.sampled_from([*AUDIENCES, ""]), max_size=3).map(tuple),
    locale=st.sampled_from([None, *LOCALES, "fr"]),
    product=st.sampled_from([None, *PRODUCTS, "unknown"]),
)


@pytest.fixture
async def shelves(index: ChunkIndex) -> ChunkIndex:
    """An index that holds one chunk of every scope."""
    await index.upsert([encoded(each) for each in SHELVED])
    return index


@given(readers, st.sampled_from(["kettle", ""]))
@hypothesis_settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_every_way_to_read_shows_what_the_reader_may_see_and_nothing_else(
    shelves: ChunkIndex, reader: Reader, words: str
) -> None:
    theirs = {each.id for each in SHELVED if reader.may_see(each.scope)}
    asked = query(words=words, reader=reader, limit=len(SHELVED))
    assert set(await found(shelves, asked)) == theirs
    assert {c.id for c in await shelves.read([c.id for c in SHELVED], reader)} == theirs
    on_page = {each.id for each in SHELVED if each.page == "1.md"} & theirs
    assert {c.id for c in await shelves.page("1.md", reader)} == on_page


@given(readers)
@hypothesis_settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_neither_leg_alone_lets_anything_else_through(
    shelves: ChunkIndex, reader: Reader
) -> None:
    """With few candidates to each leg, what is not theirs would push out what is."""
    for words in ("kettle", ""):
        candidates = await shelves.search(query(words=words, reader=reader, limit=3))
        assert all(reader.may_see(candidate.chunk.scope) for candidate in candidates)
        assert len(candidates) >= min(3, sum(reader.may_see(scope) for scope in EVERY_SCOPE))


@pytest.mark.parametrize("tenant", TENANTS)
async def test_a_run_is_told_of_one_tenants_chunks_only(shelves: ChunkIndex, tenant: str) -> None:
    theirs = {each.id for each in SHELVED if each.scope.tenant == tenant}
    assert {v.chunk for v in await shelves.versions(VersionQuery(tenant, FIRST))} == theirs
    assert await shelves.count(tenant) == len(theirs)


async def test_an_id_that_is_none_is_simply_unknown(index: ChunkIndex) -> None:
    await index.upsert([encoded(chunk("Text."))])
    assert await index.read(["no such passage"], Reader()) == []


scopes = st.builds(Scope, *[st.text()] * 5)
units = st.builds(Unit, st.integers(0, 5000), st.integers(0, 5000), st.sampled_from(list(UnitKind)))
chunks = st.builds(
    Chunk,
    id=st.uuids().map(str),
    page=st.text(),
    url=st.text(),
    title=st.text(),
    headings=st.lists(st.text()).map(tuple),
    text=st.text(),
    start=st.integers(0, 10**9),
    end=st.integers(0, 10**9),
    position=st.integers(0, 10**6),
    units=st.lists(units).map(tuple),
    context=st.text(),
    scope=scopes,
)


@st.composite
def token_matrices(draw: st.DrawFn) -> TokenMatrix:
    rows, dims = draw(st.integers(0, 9)), draw(st.integers(1, 9))
    seed = draw(st.integers(0, 1000))
    codes = np.random.default_rng(seed).integers(
        -CODE_MAX, CODE_MAX, (rows, dims), dtype=np.int8, endpoint=True
    )
    bounds = draw(st.lists(st.integers(0, rows)).map(sorted).map(tuple))
    return TokenMatrix(codes, bounds, draw(st.integers(0, 512)))


@given(chunks, token_matrices())
def test_a_payload_holds_the_whole_chunk(stored: Chunk, late: TokenMatrix) -> None:
    payload = to_payload(EncodedChunk(stored, unit_vector(3), NO_WORDS, late), FIRST)
    assert to_chunk(payload) == stored
    assert same_tokens(to_late(payload), late)


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_a_rounded_cosine_is_close_to_the_exact_one(seed: int, other: int) -> None:
    stored, asked = unit_vector(seed, 384), unit_vector(other, 384)
    payload = to_payload(encoded(chunk("Text."), stored), FIRST)
    point = SimpleNamespace(id="1", score=3.2)
    [candidate] = merge_legs([], [point], {"1": payload}, asked)
    assert candidate.dense == pytest.approx(float(stored @ asked), abs=0.02)
    assert candidate.lexical == 3.2


# Which engine a URL opens.


@pytest.mark.parametrize("url", ["", "edge:", "index", "redis://here"])
async def test_a_url_of_no_index_is_bad_input(url: str) -> None:
    with pytest.raises(BadInput, match="does not name an index"):
        await open_index(url, model="m", dims=DIMS)


async def test_an_edge_url_opens_the_folder_it_names(tmp_path: Path) -> None:
    index = await open_index(f"edge:{tmp_path / 'deep' / 'index'}", model="m", dims=DIMS)
    assert (tmp_path / "deep" / "index" / place_of("m") / "shard").is_dir()
    await index.close()


async def test_two_models_have_an_index_each_under_one_url(tmp_path: Path) -> None:
    url = f"edge:{tmp_path}"
    old = await open_index(url, model="company/model", dims=DIMS)
    await old.upsert([encoded(chunk("Boil the kettle."))])
    new = await open_index(url, model="other/model", dims=DIMS)
    assert (await old.count(), await new.count()) == (1, 0)
    await new.close()
    await old.close()
