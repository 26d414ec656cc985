from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.canonical import render
from ingestion.html import read_fragment, read_page

PAGE = """<!doctype html><html lang="de"><head><title> Reset &amp; more </title>
<script>var x</script></head><body>
<header><a href="/">Home</a></header><nav>Menu</nav><div class="cookie-banner">We use cookies</div>
{main}
<aside>Related</aside><footer>Imprint</footer></body></html>"""


def read(html: str) -> str:
    return render(read_fragment(html)).text


@pytest.mark.parametrize(
    "main",
    [
        "<main><h1>Reset</h1><p>Click it.</p></main>",
        "<article><header><h1>Reset</h1></header><p>Click it.</p></article>",
        "<div role='main'><h1>Reset</h1><p>Click it.</p></div>",
        "<div><h1>Reset</h1><p>Click it.</p></div>",
        "<main><nav>Crumbs</nav><article><h1>Reset</h1><p>Click it.<footer>Edit</footer></article>",
    ],
)
def test_only_the_main_content_is_read(main: str) -> None:
    page = read_page(PAGE.format(main=main))
    assert render(page.blocks).text == "# Reset\n\nClick it."
    assert (page.title, page.locale) == ("Reset & more", "de")


@pytest.mark.parametrize(
    "banner",
    [
        "id='onetrust-consent-sdk'",
        "id='CybotCookiebotDialog'",
        "class='cookieConsent box'",
        "id='usercentrics-root'",
        "role='dialog'",
    ],
)
def test_cookie_banners_are_dropped_from_pages_without_landmarks(banner: str) -> None:
    page = read_page(f"<body><div {banner}><p>We use cookies.</p></div><p>Click it.</p></body>")
    assert render(page.blocks).text == "Click it."


def test_inline_markup_goes_and_its_words_stay() -> None:
    html = (
        "<p>Press <b>Save</b>&nbsp;<code>x  = 1</code>,<br>then <a href='/y'>go on</a>.\n Now</p>"
    )
    assert read(html) == "Press Save x = 1,\nthen go on. Now"


def test_lists_nest() -> None:
    html = "<ol start=2><li><p>two</p><ul><li>a<li>b</ul><li>three</ol>"
    assert read(html) == "2. two\n  - a\n  - b\n3. three"


def test_definitions_are_named_items() -> None:
    assert read("<dl><dt>Term<dt>Word<dd>Meaning.</dl>") == "- Term, Word: Meaning."


def test_tables_have_headers_spans_and_escaped_bars() -> None:
    html = """<table><caption>Keys</caption><tr><th>K<th>M</tr>
      <tr><td rowspan=2>a<td>x|y</tr><tr><td>z</tr></table>"""
    assert read(html) == "Keys\n\n| K | M |\n|---|---|\n| a | x\\|y |\n| a | z |"


def test_a_table_in_a_table_keeps_its_rows_to_itself() -> None:
    html = "<table><tr><td><table><tr><td>in</table><td>out</table>"
    assert read(html) == "| in |\n\nout"


def test_code_keeps_its_lines_and_language() -> None:
    html = '<div class="highlight-py"><pre>if x:\n    y &lt; 1\n</pre></div>'
    assert read(html) == "```py\nif x:\n    y < 1\n```"


def test_headings_keep_their_ids_and_lose_their_permalinks() -> None:
    html = """<section id="sec"><h2>One<a class="headerlink" href="#sec">¶</a></h2></section>
      <h2 id="own">Two <a href="#own">#</a></h2><h2><a name="old"></a>Three</h2><h2>Four</h2>"""
    canonical = render(read_fragment(html))
    assert canonical.text == "## One\n\n## Two\n\n## Three\n\n## Four"
    assert list(canonical.anchors.values()) == ["sec", "own", "old", "four"]


def test_a_heading_about_cookies_is_not_a_cookie_banner() -> None:
    assert read('<h2 id="cookie-settings">Cookie settings</h2><p>Here.</p>') == (
        "## Cookie settings\n\nHere."
    )


def test_images_buttons_and_hidden_parts_say_nothing() -> None:
    assert read('<p>a<img alt="Logo"><button>Copy</button><span hidden>b</span></p>') == "a"


def test_broken_html_still_reads() -> None:
    assert read("<p>One<div>Two</p></b><ul><li>x<p>y</table>") == "One\n\nTwo\n\n- x\n  y"


@given(st.text(st.sampled_from("<>/ab p=\"'&;!-ul li td table h1"), max_size=60))
def test_no_html_breaks_the_reader(html: str) -> None:
    render(read_page(html).blocks)
