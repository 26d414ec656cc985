from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm.extractive import MAX_QUOTES, MAX_STEPS, MAX_WORDS, Quote, extract, table_header
from retrieval.types import Chunk, Passage, UnitKind
from tests.library import chunk, passage

STEPS = """\
Some words about vinegar.

To remove the limescale:

1. Fill the kettle with vinegar.
2. Boil it and wait.
3. Rinse it twice.

The kettle is clean again."""

TABLE = """\
| Product | Years |
| --- | --- |
| Copper kettle | 5 |
| Travel kettle | 2 |"""


def pointed(found: Chunk, words: str, score: float = 1.0) -> Passage:
    """A passage whose unit that begins with `words` matches the question, and no other."""
    scores = tuple(score if found.quote(unit).startswith(words) else 0.0 for unit in found.units)
    assert sum(bool(s) for s in scores) == 1, "the words must begin one unit"
    return passage(found, score, scores)


def lead(found: Passage) -> Quote:
    return extract("zzz", [found])[0]


def test_nothing_is_quoted_from_nothing() -> None:
    assert extract("Anything?", []) == ()


def test_a_chunk_of_headings_alone_is_not_quoted() -> None:
    found = chunk("# Descaling")
    assert [unit.kind for unit in found.units] == [UnitKind.HEADING]
    assert extract("descaling", [passage(found)]) == ()


def test_the_sentence_that_matches_best_leads() -> None:
    found = chunk("It is blue. The lid is made of steel. Boil it daily.")
    assert lead(pointed(found, "The lid")).text == "The lid is made of steel."


def test_the_better_passage_leads() -> None:
    worse, better = chunk("The lid is steel.", n=1), chunk("The lid is copper.", n=2)
    quotes = extract("zzz", [passage(worse, 0.4), passage(better, 0.9)])
    assert quotes[0].text == "The lid is copper."


@pytest.mark.parametrize("step", ["Fill", "Boil", "Rinse"])
def test_any_step_brings_all_of_its_procedure_and_what_introduces_it(step: str) -> None:
    quote = lead(pointed(chunk(STEPS), step))
    assert quote.text.startswith("To remove the limescale:")
    assert quote.text.endswith("Rinse it twice.")


def test_the_introduction_brings_its_steps() -> None:
    quote = lead(pointed(chunk(STEPS), "To remove"))
    assert quote.text.endswith("Rinse it twice.")


def test_a_very_long_procedure_is_quoted_in_part_with_the_step_that_matched() -> None:
    steps = "\n".join(f"{n}. Turn screw {n} to the left." for n in range(1, 31))
    for n in (3, 28):
        quote = lead(pointed(chunk(f"Do this:\n\n{steps}"), f"Turn screw {n} "))
        assert f"Turn screw {n} " in quote.text
    first = lead(pointed(chunk(f"Do this:\n\n{steps}"), "Turn screw 3 "))
    assert first.text.count("Turn") == MAX_STEPS


def test_a_bullet_stands_alone() -> None:
    found = chunk("We take:\n\n- Credit cards.\n- Cheques.\n- Cash.")
    assert lead(pointed(found, "Cheques")).text == "Cheques."


def test_a_sentence_that_leans_back_brings_the_one_before_it() -> None:
    found = chunk("Something else. The light blinks. It stops when the kettle is clean.")
    quote = lead(pointed(found, "It stops"))
    assert quote.text == "The light blinks. It stops when the kettle is clean."


def test_a_row_knows_its_columns() -> None:
    quote = lead(pointed(chunk(TABLE), "| Travel"))
    assert quote.header(quote.units[0]) == ("Product", "Years")


def test_a_row_of_a_split_table_knows_its_columns_from_the_context() -> None:
    found = chunk("| Travel kettle | 2 |", context="Warranty\n| Product | Years |")
    assert table_header(found, found.units[0]) == ("Product", "Years")


def test_a_row_of_a_table_without_a_header_has_none() -> None:
    found = chunk("| Travel kettle | 2 |", context="Warranty")
    assert table_header(found, found.units[0]) == ()


def test_a_table_below_another_has_its_own_columns() -> None:
    below = "| Colour | Price |\n| --- | --- |\n| Blue | 9 |"
    found = chunk(f"{TABLE}\n\n{below}")
    assert table_header(found, found.units[-1]) == ("Colour", "Price")


def test_the_same_words_are_not_quoted_twice() -> None:
    same = [passage(chunk("The lid is made of steel.", n=n)) for n in (1, 2)]
    assert len(extract("lid", same)) == 1


def test_what_matches_much_worse_is_not_quoted() -> None:
    found = chunk("The lid is made of steel. Penguins live in the south.")
    scores = (1.0, 0.2)
    assert len(extract("zzz", [passage(found, 1.0, scores)])) == 1


texts = st.lists(
    st.sampled_from(
        [
            "The lid is made of steel.",
            "It is heavy! Is it?",
            "1. Fill it.\n2. Boil it.",
            "- One thing\n- Another thing",
            TABLE,
            "```\ncode --here\n```",
            "## Heading",
            "Do this:",
            "Ein längerer Satz, der für sich steht… und weiter.",
            "日本語の文。二つ目の文。",
        ]
    ),
    min_size=1,
    max_size=6,
).map("\n\n".join)


@given(st.lists(texts, min_size=1, max_size=5), st.text(max_size=30), st.data())
def test_every_quote_is_verbatim_and_they_stay_within_bounds(
    pages: list[str], question: str, data: st.DataObject
) -> None:
    chunks = [chunk(text, n=n) for n, text in enumerate(pages, start=1)]
    scores = [
        tuple(data.draw(st.lists(st.floats(-1, 1), min_size=len(c.units), max_size=len(c.units))))
        for c in chunks
    ]
    found = [
        passage(c, data.draw(st.floats(-1, 1)), s or (0.0,))
        for c, s in zip(chunks, scores, strict=True)
    ]
    quotes = extract(question, found)
    assert len(quotes) <= MAX_QUOTES
    for quote in quotes:
        text = quote.passage.chunk.text
        assert quote.text
        assert quote.text == text[quote.start : quote.end]
        assert set(quote.units) <= set(quote.passage.chunk.units)
    assert sum(len(quote.text.split()) for quote in quotes[1:]) <= MAX_WORDS
    spans = [(q.passage.chunk.id, q.start, q.end) for q in quotes]
    for i, (one, start, end) in enumerate(spans):
        for other, begin, finish in spans[i + 1 :]:
            assert one != other or finish <= start or end <= begin, "quotes overlap"
