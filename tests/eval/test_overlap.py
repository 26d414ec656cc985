from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from eval.corpus import CorpusPassage
from eval.overlap import carried, overlap, words
from tests.library import chunk

WORDS = st.lists(st.sampled_from("abcdefgh"), max_size=12).map(tuple)
TEXT = words("one two three four five six seven eight nine ten")


def test_markup_and_case_do_not_matter() -> None:
    assert words("**Press** [the  button](x.md)!") == ("press", "the", "button", "x", "md")


def test_a_passage_within_a_longer_one_overlaps_it() -> None:
    assert overlap(TEXT, ("before", *TEXT, "after"))
    assert overlap(("before", *TEXT, "after"), TEXT)


def test_of_a_passage_cut_in_two_one_part_carries_it() -> None:
    elsewhere = tuple(f"w{n}" for n in range(20))

    assert overlap(TEXT, (*elsewhere, *TEXT[:6]))
    assert not overlap(TEXT, (*TEXT[6:], *elsewhere))


def test_the_same_words_in_another_order_are_another_passage() -> None:
    assert not overlap(TEXT, TEXT[::-1])


def test_passages_of_fewer_than_five_words_have_to_be_there_whole() -> None:
    assert overlap(("press", "start"), ("then", "press", "start", "twice"))
    assert not overlap(("press", "start"), ("press", "and", "start"))
    assert not overlap((), TEXT)


@given(WORDS, WORDS)
def test_overlap_is_mutual_and_a_passage_overlaps_itself(
    one: tuple[str, ...], other: tuple[str, ...]
) -> None:
    assert overlap(one, other) == overlap(other, one)
    assert overlap(one, one) == bool(one)


def test_passages_are_found_in_the_chunks_of_their_own_page_only() -> None:
    first, second = "Fill the kettle with vinegar up to the line.", "Rinse twice."
    passages = [
        CorpusPassage("p0", "", (), "a.md", f"{first} {second}"),
        CorpusPassage("p1", "", (), "a.md", "Rinse twice"),
        CorpusPassage("p2", "", (), "gone.md", first),
    ]
    shelf = {
        "a.md": [chunk(first, n=1), chunk(second, n=2), chunk("Send it back to us.", n=3)],
        "b.md": [chunk(first, n=4)],
    }

    carries = carried(passages, shelf)

    one, two = (chunk("", n=n).id for n in (1, 2))
    assert carries == {one: ("p0",), two: ("p0", "p1")}
