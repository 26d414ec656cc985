from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

from pptx import Presentation
from pptx.util import Inches

from ingestion.sources.source import SkipReason
from tests.ingestion.samples import only, read, refusal, with_part

if TYPE_CHECKING:
    from pptx.presentation import Presentation as Deck
    from pptx.slide import Slide

TITLE, BULLETS, BLANK = 0, 1, 6
BOX = (Inches(1), Inches(1), Inches(4), Inches(1))


def saved(deck: Deck) -> bytes:
    stream = BytesIO()
    deck.save(stream)
    return stream.getvalue()


def added(deck: Deck, layout: int, *texts: str) -> Slide:
    slide: Slide = deck.slides.add_slide(deck.slide_layouts[layout])
    for placeholder, text in zip(slide.placeholders, texts, strict=False):
        placeholder.text_frame.text = text
    return slide


def written() -> bytes:
    deck = Presentation()
    added(deck, BULLETS, "Lamp", "Switch it on.")
    return saved(deck)


def test_each_slide_is_a_section_with_its_bullets_and_notes() -> None:
    deck = Presentation()
    added(deck, TITLE, "The lamp", "For beginners")
    slide = added(deck, BULLETS, "Switching on", "Touch it\ntwice")
    frame = slide.placeholders[1].text_frame
    frame.paragraphs[1].level = 1
    frame.add_paragraph().text = "Wait"
    assert slide.notes_slide.notes_text_frame is not None
    slide.notes_slide.notes_text_frame.text = "Show the foot.\nThen the cord."
    document = only("lamp.pptx", saved(deck))
    assert document.page_content == (
        "## The lamp\n\nFor beginners\n\n"
        "## Switching on\n\n- Touch it\n  - twice\n- Wait\n\n"
        "### Speaker notes\n\nShow the foot.\n\nThen the cord."
    )
    assert document.metadata["title"] == "The lamp"


def test_tables_and_text_in_groups_are_read() -> None:
    deck = Presentation()
    slide = added(deck, BLANK)
    table = slide.shapes.add_table(2, 2, *BOX).table
    for at, text in enumerate(("Key", "Does", "A", "On")):
        table.cell(at // 2, at % 2).text = text
    group = slide.shapes.add_group_shape()
    group.shapes.add_textbox(*BOX).text_frame.text = "In a group"
    assert only("lamp.pptx", saved(deck)).page_content == (
        "## Slide 1\n\n| Key | Does |\n|---|---|\n| A | On |\n\nIn a group"
    )


def test_hidden_slides_are_left_out_and_reported() -> None:
    deck = Presentation()
    added(deck, BULLETS, "Shown", "Words.")
    added(deck, BULLETS, "Hidden", "Secrets.").element.set("show", "0")
    [document], [skipped] = read("lamp.pptx", saved(deck))
    assert document.page_content == "## Shown\n\nWords."
    assert str(skipped) == "lamp.pptx/slide 2: It is not published. The slide is hidden."


def test_slides_without_words_are_no_document() -> None:
    deck = Presentation()
    added(deck, BLANK)
    assert "holds no text" in refusal("lamp.pptx", saved(deck)).detail


def test_a_damaged_deck_is_refused() -> None:
    assert "is damaged" in refusal("a.pptx", written()[:5000]).detail
    broken = with_part(written(), "ppt/slides/slide1.xml", b"<p:sld>")
    assert "is damaged" in refusal("a.pptx", broken).detail


def test_a_deck_with_declared_entities_is_refused() -> None:
    data = with_part(written(), "ppt/slides/slide1.xml", b"<!DOCTYPE l []><l/>")
    assert refusal("a.pptx", data).reason is SkipReason.UNSAFE
