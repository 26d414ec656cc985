from __future__ import annotations

from ingestion.canonical import (
    Block,
    Cell,
    Code,
    Heading,
    Listing,
    Paragraph,
    Span,
    Table,
    grid,
    render,
)


def words(*texts: str) -> tuple[Cell, ...]:
    return tuple((Paragraph(text),) if text else () for text in texts)


def test_each_block_has_one_way_of_being_written() -> None:
    nested = Listing(((Paragraph("deep"),),))
    blocks: list[Block] = [
        Heading(2, "Set up"),
        Paragraph("Some text."),
        Listing(((Paragraph("one"), Paragraph("more"), nested), (Paragraph("two"),)), first=3),
        Table(words("a", "b"), (words("1|2", ""),)),
        Code("x = 1\n", "py"),
    ]
    assert render(blocks).text == (
        "## Set up\n\nSome text.\n\n3. one\n  more\n  - deep\n4. two\n\n"
        "| a | b |\n|---|---|\n| 1\\|2 |  |\n\n```py\nx = 1\n```"
    )


def test_a_paragraph_after_a_nested_list_is_not_read_into_it() -> None:
    item = (Paragraph("one"), Listing(((Paragraph("deep"),),)), Paragraph("after"))
    assert render([Listing((item,))]).text == "- one\n  - deep\n\n  after"


def test_anchors_are_kept_made_and_told_apart() -> None:
    blocks: list[Block] = [
        Heading(1, "Été & co."),
        Paragraph("x"),
        Heading(2, "Go", "own"),
        Heading(2, "A b"),
    ]
    canonical = render([*blocks, Heading(3, "A b")])
    assert list(canonical.anchors.values()) == ["été--co", "own", "a-b", "a-b-1"]
    assert [canonical.text[at] for at in canonical.anchors] == ["#"] * 4


def test_words_that_look_like_markup_stay_words() -> None:
    assert render([Paragraph("# not a heading")]).text == "\\# not a heading"


def test_code_that_holds_a_fence_gets_a_longer_one() -> None:
    assert render([Code("```\nx\n```")]).text == "````\n```\nx\n```\n````"


def test_a_table_that_lays_out_lists_becomes_the_lists() -> None:
    cell = (Listing(words("true: on", "false: off")),)
    assert render([Table((), ((cell, *words("Path: A")),))]).text == (
        "- true: on\n- false: off\n\nPath: A"
    )


def test_rows_that_hold_code_become_items_named_by_their_columns() -> None:
    table = Table(words("Version", "Then..."), (((Paragraph("v2"),), (Code("DROP x;"),)),))
    assert render([table]).text == "- Version: v2\n  Then:\n  ```\n  DROP x;\n  ```"


def test_short_lists_in_a_cell_are_told_apart_on_its_line() -> None:
    cell = (Listing(words("one", "two.", "three")),)
    assert "| one; two. three |" in render([Table(words("h"), ((cell,),))]).text


def test_spanning_cells_are_laid_out() -> None:
    a, b, c, d = words("a", "b", "c", "d")
    assert grid([[Span(a, down=2), Span(b, across=2)], [Span(c), Span(d)]]) == (
        (a, b, ()),
        (a, c, d),
    )


def test_a_hostile_span_does_not_fill_the_memory() -> None:
    [row] = grid([[Span((), down=10**9, across=10**9)]])
    assert len(row) == 50


def test_blocks_that_say_nothing_are_not_written() -> None:
    assert render([Paragraph(" "), Listing(()), Code("\n"), Table((), ())]).text == ""
