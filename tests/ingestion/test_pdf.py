from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

import pytest
from PIL import Image
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import PageBreak, Paragraph, SimpleDocTemplate

from ingestion.chunking import chunk_page
from ingestion.sources.source import SkipReason
from retrieval.types import Scope
from tests.ingestion.samples import only, read, refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

STYLES = getSampleStyleSheet()
SENTENCE = "The lamp is switched on by touching its foot twice in a row. "


def drawn(
    *pages: Sequence[str], title: str = "", encrypt: StandardEncryption | None = None
) -> bytes:
    """A PDF with the lines of each page at equal distances."""
    stream = BytesIO()
    canvas = Canvas(stream, encrypt=encrypt)
    canvas.setTitle(title)
    for lines in pages:
        for at, line in enumerate(lines):
            canvas.drawString(72, 780 - 14 * at, line)
        canvas.showPage()
    canvas.save()
    return stream.getvalue()


def typeset(*story: Paragraph | PageBreak, title: str = "") -> bytes:
    stream = BytesIO()
    SimpleDocTemplate(stream, title=title).build(list(story))
    return stream.getvalue()


def scan() -> ImageReader:
    return ImageReader(Image.new("RGB", (20, 20), "grey"))


def text_of(*lines: str) -> str:
    """The text of a PDF of one page, below its heading."""
    heading, _, text = only("a.pdf", drawn(lines)).page_content.partition("\n\n")
    assert heading == "## Page 1"
    return text


def test_each_page_is_a_section_that_its_link_opens() -> None:
    body = Paragraph(SENTENCE * 12, STYLES["Normal"])
    document = only("lamp.pdf", typeset(body, PageBreak(), body, title="The lamp"))
    assert document.metadata["title"] == "The lamp"
    assert list(document.metadata["anchors"].values()) == ["page=1", "page=2"]
    chunks = chunk_page(document, tokenizer=Words(), scope=Scope(), base_url="https://h")
    assert [chunk.url for chunk in chunks] == [
        "https://h/lamp.pdf#page=1",
        "https://h/lamp.pdf#page=2",
    ]
    assert [chunk.headings for chunk in chunks] == [("Page 1",), ("Page 2",)]


class Words:
    def count(self, text: str) -> int:
        return len(text.split())


def test_lines_are_joined_to_paragraphs_and_headings_stand_alone() -> None:
    document = only(
        "a.pdf",
        typeset(
            Paragraph("Switching it on", STYLES["Heading1"]),
            Paragraph(SENTENCE * 5, STYLES["BodyText"]),
            Paragraph(SENTENCE * 5, STYLES["BodyText"]),
        ),
    )
    paragraph = (SENTENCE * 5).strip()
    assert document.page_content == (f"## Page 1\n\nSwitching it on\n\n{paragraph}\n\n{paragraph}")


def test_words_cut_at_the_end_of_a_line_are_made_whole() -> None:
    assert text_of("This is some hyphen-", "ated text on COVID-", "19 and other things") == (
        "This is some hyphenated text on COVID-19 and other things"
    )


def test_list_items_and_short_lines_stay_apart() -> None:
    assert text_of("This is what is in the box today:", "- a lamp", "- a foot", "2) a cord") == (
        "This is what is in the box today:\n\n- a lamp\n\n- a foot\n\n2) a cord"
    )
    long = "This is a line that is as long as the column is wide"
    assert text_of(long, "and goes on.", "Then another", long) == (
        f"{long} and goes on.\n\nThen another\n\n{long}"
    )


def test_running_heads_and_page_numbers_are_dropped() -> None:
    pages = [
        ("Lamp manual 2.1", f"Part {name} of the text.", "It says more.", f"- {number} -")
        for number, name in enumerate(("one", "two", "three", "four"), start=1)
    ]
    text = only("a.pdf", drawn(*pages)).page_content
    assert "Part three of the text." in text
    assert "Lamp manual" not in text
    assert "- 3 -" not in text


def test_what_two_pages_share_is_not_a_running_head() -> None:
    text = only("a.pdf", drawn(("Note", "One."), ("Note", "Two."))).page_content
    assert text.count("Note") == 2


@pytest.mark.parametrize("title", ["", "untitled", "Microsoft Word - final.doc", "manual.indd"])
def test_titles_made_up_by_programs_are_not_used(title: str) -> None:
    assert only("lamp-manual.pdf", drawn(("On.",), title=title)).metadata["title"] == "Lamp manual"


def test_the_day_it_was_made_is_when_it_was_updated() -> None:
    updated = only("a.pdf", drawn(("On.",))).metadata["updated"]
    assert len(updated) == len("2024-01-31")


def test_a_password_is_asked_for_in_the_report() -> None:
    found = refusal("a.pdf", drawn(("On.",), encrypt=StandardEncryption("secret", "owner")))
    assert found.reason is SkipReason.ENCRYPTED
    assert found.detail == "a.pdf has a password. Save it without one."


def test_an_empty_password_is_no_obstacle() -> None:
    data = drawn(("Switch it on.",), encrypt=StandardEncryption("", "owner"))
    assert "Switch it on." in only("a.pdf", data).page_content


def test_a_scan_needs_ocr() -> None:
    stream = BytesIO()
    canvas = Canvas(stream)
    canvas.drawImage(scan(), 0, 0, 500, 700)
    canvas.save()
    found = refusal("a.pdf", stream.getvalue())
    assert found.reason is SkipReason.NEEDS_OCR
    assert "OCR" in found.detail


def test_scanned_pages_among_others_are_reported() -> None:
    stream = BytesIO()
    canvas = Canvas(stream)
    canvas.drawString(72, 700, "Switch it on.")
    canvas.showPage()
    canvas.drawImage(scan(), 0, 0, 500, 700)
    canvas.save()
    [document], [skipped] = read("a.pdf", stream.getvalue())
    assert document.page_content == "## Page 1\n\nSwitch it on."
    assert str(skipped) == "a.pdf/images: It holds only images, no text. Pages without text: 2."


def test_a_pdf_that_says_nothing_and_shows_nothing_is_told_from_a_scan() -> None:
    assert "holds no text" in refusal("a.pdf", drawn(())).detail


@pytest.mark.parametrize("data", [b"%PDF-1.7 and then nothing", b"no PDF", drawn(("On.",))[:300]])
def test_a_damaged_pdf_is_refused(data: bytes) -> None:
    found = refusal("a.pdf", data)
    assert found.reason is SkipReason.UNPARSABLE
    assert "Open it and save it again." in found.detail
