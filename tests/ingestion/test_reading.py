from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.reading import read_documents
from ingestion.sources.files import SUFFIXES, FolderSource
from ingestion.sources.source import Skipped, SkipReason, SourceFile
from tests.ingestion.samples import file, only, read, refusal, zipped

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("data", [b"", b" \n\t\n"])
def test_an_empty_file_of_any_kind_is_skipped(suffix: str, data: bytes) -> None:
    assert refusal(f"a{suffix}", data).reason is SkipReason.EMPTY


@given(st.sampled_from(SUFFIXES), st.binary(min_size=1, max_size=200))
def test_nothing_in_a_file_is_raised(suffix: str, data: bytes) -> None:
    assert list(read_documents(file(f"a{suffix}", data)))


@given(st.sampled_from(SUFFIXES), st.text(st.sampled_from('{}[]",:<>/= \ntile body'), min_size=1))
def test_nothing_in_a_text_is_raised(suffix: str, text: str) -> None:
    assert list(read_documents(file(f"a{suffix}", text)))


def test_a_kind_that_is_not_read_is_named() -> None:
    found = refusal("a.exe", b"MZ")
    assert found.reason is SkipReason.UNSUPPORTED
    assert ".pdf, " in found.detail


def test_a_document_keeps_the_address_its_source_gave_it() -> None:
    [document] = read_documents(file("a.md", "Text.", url="https://h/a"))
    assert not isinstance(document, Skipped)
    assert document.metadata["url"] == "https://h/a"


def test_what_is_inside_a_file_has_no_address_of_its_own() -> None:
    [inner] = read_documents(file("a.zip", zipped({"a.md": "Text."}), url="https://h/a.zip"))
    assert not isinstance(inner, Skipped)
    assert inner.metadata["url"] == ""


def test_ten_megabytes_of_script_are_passed_over_in_seconds() -> None:
    script = "var a = '<p>no</p>';\n" * 500_000
    started = time.monotonic()
    document = only("a.html", f"<script>{script}</script><main><p>Only this.</p></main>")
    assert document.page_content == "Only this."
    assert time.monotonic() - started < 10


def test_html_that_nests_too_deeply_is_refused() -> None:
    assert "too deeply" in refusal("a.html", "<div>" * 100_000 + "x").detail


def test_binary_formats_come_through_a_folder_and_huge_ones_do_not(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(zipped({"b.md": "Text."}))
    with (tmp_path / "huge.csv").open("wb") as huge:
        huge.truncate(200_000_000)
    good, refused = FolderSource(tmp_path).read()
    assert isinstance(good, SourceFile)
    assert len(read(good.page, good.data)[0]) == 1
    assert str(refused) == (
        "huge.csv: The file is larger than the limit: split it, or raise the source's max_bytes. "
        "200.0 MB; the limit is 20.0 MB."
    )
