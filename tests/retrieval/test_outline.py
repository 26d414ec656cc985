from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from retrieval.outline import BlockKind, outline, rows

LINES = st.sampled_from(
    ["", "# H", "## Deep one", "Words here.", "- item", "  more", "1. one", "| a | b |",
     "|---|---|", "```", "```py", "~~~", "x = 1", "====", "---", "  - nested", "#no", "\t"]
)  # fmt: skip


def kinds(text: str) -> list[tuple[BlockKind, str]]:
    return [(block.kind, text[block.body : block.body_end]) for block in outline(text)]


def test_canonical_text_reads_back_as_its_blocks() -> None:
    text = (
        "# Title\n\nA paragraph.\n\n- one\n  more\n- two\n  - inner\n\n| a |\n|---|\n| b |\n\n"
        "```py\nx = 1\n\n# not a heading\n```"
    )
    assert kinds(text) == [
        (BlockKind.HEADING, "Title"),
        (BlockKind.PARAGRAPH, "A paragraph."),
        (BlockKind.ITEM, "one\n  more"),
        (BlockKind.ITEM, "two"),
        (BlockKind.ITEM, "inner"),
        (BlockKind.TABLE, "| a |\n|---|\n| b |"),
        (BlockKind.CODE, "x = 1\n\n# not a heading"),
    ]


def test_other_peoples_markdown_reads_too() -> None:
    text = "Title\n=====\n\nPart\n---\n\nwrapped\nlines\n\n* star\n+ plus\n2) two\n\n~~~\ncode"
    assert kinds(text) == [
        (BlockKind.HEADING, "Title"),
        (BlockKind.HEADING, "Part"),
        (BlockKind.PARAGRAPH, "wrapped\nlines"),
        (BlockKind.ITEM, "star"),
        (BlockKind.ITEM, "plus"),
        (BlockKind.ITEM, "two"),
        (BlockKind.CODE, "code"),
    ]


def test_a_longer_fence_holds_a_shorter_one() -> None:
    assert kinds("````\n```\nx\n```\n````\n\nafter")[0] == (BlockKind.CODE, "```\nx\n```")


def test_heading_levels_and_indents_are_told() -> None:
    assert [block.level for block in outline("### H\n\n- a\n  - b\n")] == [3, 0, 2]


def test_rows_are_the_lines_of_a_table() -> None:
    text = "x\n\n| a |\n|---|\n| b |"
    [_, table] = outline(text)
    found = rows(text, table)
    assert found.header is not None
    assert text[slice(*found.header)] == "| a |"
    assert [text[start:end] for start, end in found.body] == ["| b |"]


@given(st.lists(LINES, max_size=14).map("\n".join))
def test_blocks_cover_all_text_in_order(text: str) -> None:
    blocks = outline(text)
    at = 0
    for block in blocks:
        assert not text[at : block.start].strip()
        assert block.start <= block.body <= block.body_end <= block.end
        at = block.end
    assert not text[at:].strip()
