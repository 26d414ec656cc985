from __future__ import annotations

import stat
import struct
import zipfile
from io import BytesIO
from typing import TYPE_CHECKING

import pytest

from ingestion.limits import ReadingLimits
from ingestion.sources.source import SkipReason
from tests.ingestion.samples import read, reasons, refusal, zipped

if TYPE_CHECKING:
    from pathlib import Path

PAGE = "# Lamp\n\nSwitch it on."


def pages(data: bytes, limits: ReadingLimits | None = None) -> list[str]:
    documents, _ = read("a.zip", data, limits or ReadingLimits())
    return [document.metadata["page"] for document in documents]


def skips(data: bytes, limits: ReadingLimits | None = None) -> dict[str, SkipReason]:
    return reasons(read("a.zip", data, limits or ReadingLimits())[1])


def test_the_files_in_an_archive_are_documents_named_by_their_path() -> None:
    data = zipped({"b/c.html": "<h1>C</h1>x", "a.md": PAGE, "b/d.csv": "k,v\n1,2", "b/": ""})
    documents, skipped = read("docs/a.zip", data)
    assert skipped == []
    assert [(found.metadata["page"], found.metadata["title"]) for found in documents] == [
        ("docs/a.zip/a.md", "Lamp"),
        ("docs/a.zip/b/c.html", "C"),
        ("docs/a.zip/b/d.csv", "D"),
    ]


def test_hidden_and_foreign_files_are_passed_over() -> None:
    names = [".a.md", ".git/b.md", "__MACOSX/._c.md", "__MACOSX/c.md", "logo.png", "d.md"]
    data = zipped(dict.fromkeys(names, PAGE))
    assert (pages(data), skips(data)) == (["a.zip/d.md"], {})


@pytest.mark.parametrize(
    "name",
    ["../a.md", "b/../../a.md", "/etc/a.md", "C:/a.md", "c:a.md", "..\\a.md", "\\\\host\\a.md"],
)
def test_paths_that_lead_out_are_refused_one_by_one(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = tmp_path / "inner" / "most"
    inner.mkdir(parents=True)
    monkeypatch.chdir(inner)
    data = zipped({name: PAGE, "good.md": PAGE})
    assert pages(data) == ["a.zip/good.md"]
    assert list(skips(data).values()) == [SkipReason.UNSAFE]
    assert list(tmp_path.rglob("*.md")) == []


def test_symbolic_links_are_refused() -> None:
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        link = zipfile.ZipInfo("a.md")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("b.md", PAGE)
    assert pages(stream.getvalue()) == ["a.zip/b.md"]
    assert skips(stream.getvalue()) == {"a.zip/a.md": SkipReason.UNSAFE}


def test_an_encrypted_member_is_reported() -> None:
    data = bytearray(zipped({"a.md": PAGE, "b.md": PAGE}))
    # The flag of an entry is in its own header and in the directory at the end.
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    assert pages(bytes(data)) == ["a.zip/b.md"]
    assert skips(bytes(data)) == {"a.zip/a.md": SkipReason.ENCRYPTED}


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_that_unpack_without_bound_are_refused(method: int) -> None:
    data = zipped({"a.md": PAGE}, method)
    assert skips(data) == {"a.zip/a.md": SkipReason.UNSUPPORTED}


def test_a_bomb_is_refused_by_its_ratio() -> None:
    data = zipped({"bomb.txt": b" " * 30_000_000, "good.md": PAGE})
    assert pages(data) == ["a.zip/good.md"]
    assert skips(data) == {"a.zip/bomb.txt": SkipReason.UNSAFE}


def test_a_bomb_whose_header_claims_to_be_small_is_refused_too() -> None:
    data = bytearray(zipped({"bomb.txt": b" " * 30_000_000, "good.md": PAGE}))
    struct.pack_into("<I", data, data.index(b"PK\x01\x02") + 24, 10)
    assert pages(bytes(data)) == ["a.zip/good.md"]
    assert list(skips(bytes(data))) == ["a.zip/bomb.txt"]


def test_a_member_that_is_too_large_is_reported() -> None:
    data = zipped({"a.md": PAGE * 10, "b.md": PAGE})
    limits = ReadingLimits(member_bytes=100)
    assert pages(data, limits) == ["a.zip/b.md"]
    assert skips(data, limits) == {"a.zip/a.md": SkipReason.BEYOND_READING}


def test_what_is_left_when_the_archive_is_used_up_is_reported_once() -> None:
    data = zipped({f"{at}.txt": "Words. " * 100 for at in range(9)})
    limits = ReadingLimits(unpacked_bytes=2000)
    assert pages(data, limits) == ["a.zip/0.txt", "a.zip/1.txt"]
    assert skips(data, limits) == {"a.zip": SkipReason.BEYOND_READING}


def test_an_archive_of_too_many_entries_is_refused() -> None:
    data = zipped({f"{at}.md": PAGE for at in range(11)})
    found = refusal("a.zip", data, ReadingLimits(members=10))
    assert (found.reason, found.detail) == (
        SkipReason.BEYOND_READING,
        "It has 11 entries; 10 are read. Split it.",
    )


def test_an_archive_in_an_archive_is_reported() -> None:
    data = zipped({"b.zip": zipped({"c.md": PAGE}), "d.md": PAGE})
    assert pages(data) == ["a.zip/d.md"]
    assert skips(data) == {"a.zip/b.zip": SkipReason.UNSUPPORTED}


def test_what_holds_documents_itself_is_read_in_an_archive() -> None:
    article = '[{"id": 1, "title": "Hours", "body": "<p>Nine."}]'
    mail = "Subject: Hi\n\nHello."
    data = zipped({"e.json": article, "m.eml": mail})
    assert pages(data) == ["a.zip/e.json/1-hours", "a.zip/m.eml"]


def test_bad_members_are_named_and_the_others_are_read() -> None:
    data = zipped({"a.docx": "no", "b.txt": b"\x00\x01", "c.md": "", "d.md": PAGE})
    assert pages(data) == ["a.zip/d.md"]
    assert skips(data) == {
        "a.zip/a.docx": SkipReason.UNPARSABLE,
        "a.zip/b.txt": SkipReason.UNPARSABLE,
        "a.zip/c.md": SkipReason.EMPTY,
    }


def test_a_member_that_was_damaged_on_the_way_is_reported() -> None:
    data = zipped({"a.md": PAGE, "b.md": PAGE}, zipfile.ZIP_STORED).replace(b"Lamp", b"Camp", 1)
    assert pages(data) == ["a.zip/b.md"]
    assert skips(data) == {"a.zip/a.md": SkipReason.UNPARSABLE}


def test_an_archive_without_documents_says_what_would_be_read() -> None:
    found = refusal("a.zip", zipped({"logo.png": "x"}))
    assert found.reason is SkipReason.UNSUPPORTED
    assert ".md, " in found.detail


@pytest.mark.parametrize("data", [b"PK\x03\x04", b"no archive", zipped({"a.md": PAGE})[:60]])
def test_a_damaged_archive_is_refused(data: bytes) -> None:
    assert refusal("a.zip", data).reason is SkipReason.UNPARSABLE
