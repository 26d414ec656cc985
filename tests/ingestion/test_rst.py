from __future__ import annotations

from textwrap import dedent
from typing import TYPE_CHECKING

from ingestion.canonical import render
from ingestion.rst import read_rst

if TYPE_CHECKING:
    import pytest


def read(source: str) -> str:
    return render(read_rst(dedent(source)).blocks).text


def test_sections_lists_and_code() -> None:
    assert read("""
        Title
        =====

        Some *text* with ``code`` and a `link <https://a.io>`__.

        Part
        ----

        1. First

           .. code-block:: bash
              :caption: Run

              ls -l
        2. Second

           - inner
        """) == (
        "# Title\n\nSome text with code and a link.\n\n## Part\n\n"
        "1. First\n  ```bash\n  ls -l\n  ```\n2. Second\n  - inner"
    )


def test_sphinx_roles_say_their_text() -> None:
    assert (
        read(
            "See :doc:`the guide </admin/guide>`, :ref:`log-in`, :doc:`/a/set-up`, :kbd:`Ctrl`,"
            " :odd:role:`this` and `that`."
        )
        == "See the guide, log-in, set up, Ctrl, this and that."
    )


def test_sphinx_directives_keep_words_and_lose_machinery(capfd: pytest.CaptureFixture[str]) -> None:
    text = read("""
        .. toctree::
           :maxdepth: 1

           Other page </other>

        .. image:: a.png
           :alt: A screenshot

        .. note:: Mind this.
           And this.

        .. tab-set::

           .. tab-item:: Linux
              :sync: linux

              Use apt.

        .. versionadded:: 2.1

        .. grid-thing:: some-id
           :columns: 2

           Inside a grid.

        .. raw:: html

           <p>From <b>HTML</b>.</p>
        """)
    assert text.split("\n\n") == [
        "Mind this. And this.",
        "Linux",
        "Use apt.",
        "Added in version 2.1.",
        "Inside a grid.",
        "From HTML.",
    ]
    assert capfd.readouterr() == ("", "")


def test_nothing_is_opened() -> None:
    assert (
        read("""
        .. include:: /etc/passwd

        .. csv-table::
           :file: /etc/passwd

        .. literalinclude:: /etc/passwd

        End.
        """)
        == "End."
    )


def test_substitutions_are_words_unless_they_repeat_the_sentence() -> None:
    assert (
        read("""
        Select the **Product** |product-list| menu, tap |plus-icon|, use |name|.

        .. |name| replace:: *Acme*
        """)
        == "Select the Product menu, tap plus icon, use Acme."
    )


def test_tables_of_three_kinds() -> None:
    expected = "| Key | Means |\n|---|---|\n| a | one |\n| b | two, three |"
    assert (
        read("""
        === ===========
        Key Means
        === ===========
        a   one
        b   two, three
        === ===========
        """)
        == expected
    )
    assert (
        read("""
        .. list-table::
           :header-rows: 1
           :odd-option: 1

           * - Key
             - Means
           * - a
             - one
           * - b
             - two, three
        """)
        == expected
    )
    assert (
        read("""
        .. csv-table::
           :header: Key, Means

           a, one
           b, "two, three"
        """)
        == expected
    )


def test_a_cell_that_reaches_down_is_in_every_row() -> None:
    assert (
        read("""
        +----+-----+
        | V  | New |
        +====+=====+
        | 1  | x   |
        |    +-----+
        |    | y   |
        +----+-----+
        """)
        == "| V | New |\n|---|---|\n| 1 | x |\n| 1 | y |"
    )


def test_a_broken_table_is_kept_as_typed() -> None:
    assert "lost" in read("""
        +---+---+
        | a | lost
        +---+---+
        """)


def test_a_title_at_an_unexpected_level_is_kept() -> None:
    text = read("""
        A
        =

        B
        -

        C
        =

        D
        ~

        End.
        """)
    assert "D" in text.split("\n\n")


def test_definitions_fields_and_options_are_named_items() -> None:
    assert (
        read("""
        Term
          Its meaning.

        :Author: Somebody

        -v  be verbose
        """)
        == "- Term: Its meaning.\n\n- Author: Somebody\n\n- -v: be verbose"
    )


def test_comments_targets_and_footnote_marks_are_not_text() -> None:
    assert (
        read("""
        .. _top:

        .. A remark.

        Text [1]_ here.

        .. [1] A note.
        """)
        == "Text here.\n\nA note."
    )


def test_section_ids_are_kept_for_links() -> None:
    canonical = render(read_rst("AD/LDAP\n=======\n\nText.").blocks)
    assert canonical.anchors == {0: "ad-ldap"}
