from __future__ import annotations

from textwrap import dedent

from ingestion.canonical import render
from ingestion.html import read_fragment
from ingestion.markdown import to_html


def read(source: str, *, mdx: bool = False) -> str:
    return render(read_fragment(to_html(dedent(source), mdx=mdx))).text


def test_markdown_loses_its_inline_markup() -> None:
    assert read("# A *b*\n\n**Bold** `x_y` [link](/z) ![alt](i.png) ~~old~~ &amp; <b>html</b>") == (
        "# A b\n\nBold x_y link old & html"
    )


def test_tables_lists_and_code_keep_their_shape() -> None:
    source = """
        | a | b |
        |---|---|
        | `x\\|y` | **z** |

        1. one
           - deep

           ```js
           f({a: 1})
           ```
        """
    assert read(source) == (
        "| a | b |\n|---|---|\n| x\\|y | z |\n\n1. one\n  - deep\n  ```js\n  f({a: 1})\n  ```"
    )


def test_mdx_loses_its_code_and_keeps_its_words() -> None:
    source = """
        import Tabs from '@theme/Tabs';
        import {
          A,
        } from './a';
        export const x = {
          y: 1,
        };

        # Title {#own-id}

        {/* a remark */}
        <Tabs values={[{a: '>'}]} label="x">
        <TabItem value="mac">

        Press **it** {props.name}.

        </TabItem>
        </Tabs>
        <Cta
          link="https://a.io"
        />

        <img src={useUrl('x')} />

        Not `<Code />` or `{x}`.

        ```jsx
        <Keep a={1} />
        ```
        """
    assert read(source, mdx=True) == (
        "# Title\n\nPress it .\n\nNot <Code /> or {x}.\n\n```jsx\n<Keep a={1} />\n```"
    )


def test_an_import_gives_mdx_away() -> None:
    assert read("import X from 'y';\n\nA {x}b.") == "A b."
    assert (
        read("Type {x} here, import goods from 'us'.") == "Type {x} here, import goods from 'us'."
    )


def test_mdx_reads_markdown_between_tags() -> None:
    assert read("import X from 'y';\n\n<table>\n<tr><td>a `b`</td></tr>\n</table>") == "| a b |"


def test_containers_become_their_titles() -> None:
    assert read(":::tip[Good to know]\nText.\n:::\n\n::: warning Mind {.x}\nMore.\n:::") == (
        "Good to know\n\nText.\n\nMind\n\nMore."
    )


def test_liquid_tags_go_and_their_titles_stay() -> None:
    assert read('{% tabs %}\n{% tab title="Linux" %}\nUse apt.\n{% endtab %}\n{% endtabs %}') == (
        "Linux\n\nUse apt."
    )


def test_myst_directives_and_roles_are_words() -> None:
    source = """
        ```{include} ../x.md
        ```

        ````{tab} Linux
        :sync: a

        Use {doc}`the guide <../guide>`.

        ```{code-block} sh
        :caption: Run
        ls
        ```
        ````

        ```{note}
        Careful.
        ```
        """
    assert read(source) == "Linux\n\nUse the guide.\n\n```sh\nls\n```\n\nCareful."


def test_heading_ids_are_kept() -> None:
    canonical = render(read_fragment(to_html("## Tags <New /> {#gtm}\n\nText.")))
    assert canonical.text.startswith("## Tags\n")
    assert canonical.anchors == {0: "gtm"}


def test_footnotes_are_text_without_marks() -> None:
    assert read("Fact[^1].\n\n[^1]: Source.") == "Fact.\n\n1. Source."
