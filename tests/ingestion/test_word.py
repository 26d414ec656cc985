from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO

import docx
import pytest
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.oxml import OxmlElement
from docx.oxml.ns import qn

from ingestion.limits import ReadingLimits
from ingestion.sources.source import SkipReason
from tests.ingestion.samples import only, part_of, refusal, with_part, zipped

DOCUMENT = "word/document.xml"
# What Office writes around a file with a password, as far as its reader has to look.
COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)
LAUGHS = "".join(
    f'<!ENTITY l{at} "{f"&l{at - 1};" * 10 if at else "ha" * 50}">' for at in range(10)
)


def saved(document: object) -> bytes:
    stream = BytesIO()
    document.save(stream)  # type: ignore[attr-defined]
    return stream.getvalue()


def written(text: str = "Switch it on.") -> bytes:
    document = docx.Document()
    document.add_paragraph(text)
    return saved(document)


def linked(document: docx.document.Document, text: str, href: str) -> None:
    paragraph = document.add_paragraph("See ")
    link = OxmlElement("w:hyperlink")
    target = paragraph.part.relate_to(href, RELATIONSHIP_TYPE.HYPERLINK, is_external=True)
    link.set(qn("r:id"), target)
    link.append(paragraph.add_run(text)._r)
    paragraph._p.append(link)


def test_structure_properties_and_links_are_read() -> None:
    document = docx.Document()
    document.core_properties.title = "In the properties"
    document.core_properties.modified = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)
    document.add_paragraph("The lamp", style="Title")
    document.add_heading("Switching on", 2)
    document.add_paragraph("Touch the foot", style="List Bullet")
    document.add_paragraph("twice.", style="List Bullet")
    table = document.add_table(rows=2, cols=2)
    for cell, text in zip(table._cells, ("Key", "Does", "A", "On"), strict=True):
        cell.text = text
    linked(document, "the shop", "https://shop.example/Lamps?a=1")
    document.add_picture(BytesIO(PIXEL))
    found = only("lamp.docx", saved(document))
    assert found.page_content == (
        "# The lamp\n\n## Switching on\n\n- Touch the foot\n- twice.\n\n"
        "| Key | Does |\n| A | On |\n\nSee the shop"
    )
    assert found.metadata == {
        "page": "lamp.docx",
        "title": "The lamp",
        "updated": "2024-05-06T07:08:09Z",
        "audience": None,
        "locale": None,
        "product": None,
        "review_by": None,
        "url": "",
        "links": ["https://shop.example/Lamps?a=1"],
        "anchors": {"0": "the-lamp", "12": "switching-on"},
    }


PIXEL = bytes.fromhex(
    "47494638396101000100800000ffffff00000021f90400000000002c00000000010001000002024401003b"
)


def test_the_title_in_the_properties_serves_where_there_is_no_heading() -> None:
    document = docx.Document()
    document.core_properties.title = "The lamp"
    document.add_paragraph("Switch it on.")
    assert only("a.docx", saved(document)).metadata["title"] == "The lamp"


@pytest.mark.parametrize("cut", [10, 2000, -50])
def test_a_damaged_file_is_refused(cut: int) -> None:
    found = refusal("a.docx", written()[:cut])
    assert found.reason is SkipReason.UNPARSABLE
    assert "is damaged" in found.detail
    assert "Open it and save it again." in found.detail


def test_a_package_without_a_document_is_refused() -> None:
    assert "is damaged" in refusal("a.docx", zipped({"a.xml": "<a/>"})).detail


def test_broken_xml_is_refused() -> None:
    data = with_part(written(), DOCUMENT, b"<w:document><w:body>")
    assert "ExpatError" in refusal("a.docx", data).detail


def test_a_password_is_asked_for_in_the_report() -> None:
    data = COMPOUND + "EncryptedPackage".encode("utf-16-le")
    assert refusal("a.docx", data).reason is SkipReason.ENCRYPTED


def test_the_binary_format_of_old_is_named() -> None:
    assert "before Office 2007" in refusal("a.docx", COMPOUND).detail


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_billion_laughs_are_refused_before_they_are_read(encoding: str) -> None:
    xml = part_of(written(), DOCUMENT).decode().partition("?>")[2]
    bomb = f'<?xml version="1.0"?><!DOCTYPE l [{LAUGHS}]>{xml.replace("Switch", "&l9;")}'
    found = refusal("a.docx", with_part(written(), DOCUMENT, bomb.encode(encoding)))
    assert found.reason is SkipReason.UNSAFE
    assert "declares a document type" in found.detail


def test_a_declaration_is_found_wherever_it_begins() -> None:
    for padding in range(65_520, 65_540):
        bomb = b" " * padding + b"<!DOCTYPE l>"
        assert refusal("a.docx", with_part(written(), "x.xml", bomb)).reason is SkipReason.UNSAFE


def test_a_part_that_is_a_bomb_is_refused() -> None:
    data = with_part(written(), "word/media/a.png", bytes(10_000_000))
    found = refusal("a.docx", data)
    assert found.reason is SkipReason.UNSAFE
    assert "as bombs do" in found.detail


def test_more_xml_than_fits_in_memory_is_refused() -> None:
    found = refusal("a.docx", written(), ReadingLimits(tree_bytes=1000))
    assert found.reason is SkipReason.BEYOND_READING


def test_xml_that_nests_too_deeply_is_refused() -> None:
    deep = b"<w:sdt><w:sdtContent>" * 20_000 + b"</w:sdtContent></w:sdt>" * 20_000
    xml = part_of(written(), DOCUMENT).replace(b"<w:sectPr", deep + b"<w:sectPr", 1)
    assert "too deeply" in refusal("a.docx", with_part(written(), DOCUMENT, xml)).detail
