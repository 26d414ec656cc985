from __future__ import annotations

from datetime import UTC, date, datetime, time
from io import BytesIO
from typing import TYPE_CHECKING

import pytest
from openpyxl import Workbook

from ingestion.cells import shown
from ingestion.limits import ReadingLimits
from ingestion.sources.source import SkipReason
from tests.ingestion.samples import only, part_of, read, reasons, refusal, with_part

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

SHEET = "xl/worksheets/sheet1.xml"


def saved(book: Workbook) -> bytes:
    stream = BytesIO()
    book.save(stream)
    return stream.getvalue()


def filled(**sheets: Iterable[Sequence[object]]) -> bytes:
    book = Workbook()
    book.remove(book.worksheets[0])
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(list(row))
    return saved(book)


PRICES = (("Lamp", "Price"), ("Small", 12.5), ("Large", 20))


def test_each_sheet_is_a_section_with_a_table() -> None:
    document = only("lamps.xlsx", filled(Prices=PRICES, Keys=(("Key", "Does"), ("A", True))))
    assert document.page_content == (
        "## Prices\n\n| Lamp | Price |\n|---|---|\n| Small | 12.5 |\n| Large | 20 |\n\n"
        "## Keys\n\n| Key | Does |\n|---|---|\n| A | TRUE |"
    )
    assert document.metadata["title"] == "Lamps"
    assert document.metadata["updated"].startswith(f"{datetime.now(UTC):%Y-}")


def test_titles_above_a_table_are_paragraphs_and_blank_rows_are_passed_over() -> None:
    document = only("a.xlsx", filled(P=(("Prices of 2024",), (), ("Per piece.",), *PRICES)))
    assert document.page_content.startswith(
        "## P\n\nPrices of 2024\n\nPer piece.\n\n| Lamp | Price |\n|---|---|\n"
    )


def test_a_sheet_of_one_column_is_a_table_too() -> None:
    text = only("a.xlsx", filled(Names=(("Name",), ("Ann",), ("Bob",)))).page_content
    assert text == "## Names\n\n| Name |\n|---|\n| Ann |\n| Bob |"


def test_formulas_show_what_they_came_to_when_the_file_was_saved() -> None:
    data = filled(Sum=(("a", "b"), (1, "=A2+1")))
    xml = part_of(data, SHEET).replace(b"</f><v></v>", b"</f><v>2</v>")
    assert "| 1 | 2 |" in only("a.xlsx", with_part(data, SHEET, xml)).page_content


def test_long_tables_repeat_their_header() -> None:
    rows = [("Name", "Number"), *((f"n{at}", at) for at in range(1200))]
    text = only("a.xlsx", filled(All=rows)).page_content
    assert text.count("| Name | Number |\n|---|---|\n") == 3
    assert "| n1199 | 1199 |" in text


def test_rows_beyond_the_limit_are_reported() -> None:
    data = filled(A=[("n", "m"), *[(1, 2)] * 8], B=[("o", "p"), *[(3, 4)] * 8])
    [document], skipped = read("a.xlsx", data, ReadingLimits(rows=12))
    assert document.page_content.count("\n| 3 | 4 |") == 2
    assert reasons(skipped) == {"a.xlsx/B/rows after 12": SkipReason.BEYOND_READING}
    assert skipped[0].detail == "12 rows are read."


def test_columns_beyond_the_limit_are_reported() -> None:
    [document], skipped = read("a.xlsx", filled(A=[range(60), range(60)]))
    assert "| 49 |" in document.page_content
    assert "50" not in document.page_content
    assert reasons(skipped) == {"a.xlsx/A/columns after 50": SkipReason.BEYOND_READING}


def test_a_sheet_that_claims_to_be_endless_is_read_for_what_it_holds() -> None:
    data = filled(A=PRICES)
    xml = part_of(data, SHEET).replace(b'ref="A1:B3"', b'ref="A1:XFD1048576"')
    xml = xml.replace(b"</sheetData>", b'<row r="1048576"><c r="XFD1048576"/></row></sheetData>')
    text = only("a.xlsx", with_part(data, SHEET, xml)).page_content
    assert text.endswith("| Large | 20 |")


def test_hidden_sheets_are_left_out_and_reported() -> None:
    book = Workbook()
    book.worksheets[0].append(["Shown"])
    hidden = book.create_sheet("Costs")
    hidden.append(["Secret"])
    hidden.sheet_state = "hidden"
    [document], skipped = read("a.xlsx", saved(book))
    assert "Secret" not in document.page_content
    assert reasons(skipped) == {"a.xlsx/Costs": SkipReason.UNPUBLISHED}


def test_a_workbook_with_nothing_in_it_is_refused() -> None:
    assert "holds no text" in refusal("a.xlsx", saved(Workbook())).detail


def test_a_damaged_or_hostile_workbook_is_refused() -> None:
    assert "is damaged" in refusal("a.xlsx", filled(A=PRICES)[:900]).detail
    broken = with_part(filled(A=PRICES), SHEET, b"<worksheet><sheetData><row>")
    assert "is damaged" in refusal("a.xlsx", broken).detail
    laughing = with_part(filled(A=PRICES), SHEET, b'<!DOCTYPE l [<!ENTITY a "a">]><l/>')
    assert refusal("a.xlsx", laughing).reason is SkipReason.UNSAFE


@pytest.mark.parametrize(
    ("value", "number_format", "text"),
    [
        (19.9, '"€"#,##0.00', "€19.90"),
        (1234.5, "[$$-409]#,##0.00;[Red]-[$$-409]#,##0.00", "$1,234.50"),
        (-5, '_-* #,##0.00 "EUR"_-', "-5.00 EUR"),
        (9.5, "#,##0.00\\ [$€-407]", "9.50 €"),
        (0.25, "0%", "25%"),
        (0.1234, "0.0%", "12.3%"),
        (0.1 + 0.2, "General", "0.3"),
        (3.0, "General", "3"),
        (2024, "0", "2024"),
        (1500000, "0.00E+00", "1500000"),
        (0.5, "# ?/?", "0.5"),
        (19.99, "0.##", "19.99"),
        (datetime(2024, 5, 6, tzinfo=UTC), "yyyy-mm-dd", "2024-05-06"),
        (datetime(2024, 5, 6, 7, 8), "yyyy", "2024-05-06 07:08"),  # noqa: DTZ001 - as in a cell
        (date(2024, 5, 6), None, "2024-05-06"),
        (time(7, 8), None, "07:08:00"),
        (False, None, "FALSE"),
        ("two\nlines\x0b", "General", "two lines"),
        (None, None, ""),
    ],
)
def test_cells_read_as_they_look(value: object, number_format: str | None, text: str) -> None:
    assert shown(value, number_format) == text


TABLE = '| Lamp | Price |\n|---|---|\n| Small, red | 12,5 |\n| Large | say "20" |'


@pytest.mark.parametrize(
    ("page", "data"),
    [
        ("a.csv", 'Lamp,Price\r\n"Small, red","12,5"\r\nLarge,"say ""20"""\r\n'),
        ("a.csv", 'Lamp;Price\nSmall, red;12,5\nLarge;"say ""20"""\n'),
        ("a.tsv", 'Lamp\tPrice\nSmall, red\t12,5\nLarge\t"say ""20"""'),
        ("a.csv", 'Lamp|Price\n"Small,\nred"|12,5\n\nLarge|"say ""20"""'),
    ],
)
def test_every_dialect_of_csv_reads_as_the_same_table(page: str, data: str) -> None:
    assert only(page, data).page_content == TABLE


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "utf-8-sig"])
def test_csv_is_read_in_its_encoding(encoding: str) -> None:
    data = "Größe;Preis\nklein;fünf Euro für Gäste\n".encode(encoding)
    assert only("größen.csv", data).page_content == (
        "| Größe | Preis |\n|---|---|\n| klein | fünf Euro für Gäste |"
    )


def test_a_long_csv_is_read_up_to_the_limit() -> None:
    data = "n,m\n" + "1,2\n" * 25_000
    [document], skipped = read("a.csv", data)
    assert document.page_content.count("| 1 | 2 |") == 19_999
    assert reasons(skipped) == {"a.csv/rows after 20,000": SkipReason.BEYOND_READING}


def test_a_quote_that_never_ends_is_refused() -> None:
    assert "field larger than" in refusal("a.csv", 'a,b\n"' + "x,y\n" * 100_000).detail
