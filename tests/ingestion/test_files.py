from __future__ import annotations

import os
from pathlib import Path
from typing import IO, Any

import pytest

from ingestion.sources.files import FolderSource
from ingestion.sources.source import Skipped, SkipReason, SourceFile
from retrieval.errors import NothingToIngest, SourceNotFound


def write(root: Path, page: str, data: bytes = b"Some text.") -> Path:
    path = root / page
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def pages(source: FolderSource) -> list[str]:
    return [result.page for result in source.read()]


def reasons(source: FolderSource) -> dict[str, SkipReason]:
    return {found.page: found.reason for found in source.read() if isinstance(found, Skipped)}


def test_every_known_suffix_is_read_in_the_order_of_paths(tmp_path: Path) -> None:
    names = ["b.md", "a/z.rst", "a/b.HTML", "c.markdown", "d.mdx", "e.htm", "f.txt"]
    for name in names:
        write(tmp_path, name)
    assert pages(FolderSource(tmp_path)) == sorted(names)


def test_a_file_carries_its_bytes_and_when_it_changed(tmp_path: Path) -> None:
    os.utime(write(tmp_path, "a.md", b"# A"), (1_700_000_000, 1_700_000_000))
    [found] = FolderSource(tmp_path).read()
    assert isinstance(found, SourceFile)
    assert (found.data, found.modified.isoformat()) == (b"# A", "2023-11-14T22:13:20+00:00")


def test_one_file_can_be_the_source(tmp_path: Path) -> None:
    path = write(tmp_path, "guide.md")
    write(tmp_path, "other.md")
    assert pages(FolderSource(path)) == ["guide.md"]


def test_hidden_and_foreign_files_are_not_read(tmp_path: Path) -> None:
    for name in ("a.md", ".hidden.md", ".git/b.md", "logo.png", "img/x.svg"):
        write(tmp_path, name)
    source = FolderSource(tmp_path)
    assert str(source.listing()) == "1 to read, 0 skipped, 2 ignored"
    assert source.count() == len(pages(source)) == 1


def test_a_missing_root_is_named_at_the_call(tmp_path: Path) -> None:
    with pytest.raises(SourceNotFound, match="nowhere does not exist"):
        FolderSource(tmp_path / "nowhere").read()


def test_a_folder_without_documents_says_what_would_be_read(tmp_path: Path) -> None:
    write(tmp_path, "logo.png")
    with pytest.raises(NothingToIngest, match=r"1 other files.*\.md.*\.rst"):
        FolderSource(tmp_path).read()


@pytest.mark.parametrize("data", [b"", b" \n\t\n"])
def test_an_empty_file_is_skipped(tmp_path: Path, data: bytes) -> None:
    write(tmp_path, "a.md", data)
    assert reasons(FolderSource(tmp_path)) == {"a.md": SkipReason.EMPTY}


def test_binary_data_in_a_text_file_is_skipped(tmp_path: Path) -> None:
    write(tmp_path, "a.txt", b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR")
    write(tmp_path, "b.txt", "Gr\u00fc\u00dfe".encode("utf-16"))
    assert reasons(FolderSource(tmp_path)) == {"a.txt": SkipReason.BINARY}


def test_a_large_file_is_skipped_unread_with_its_size_and_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with write(tmp_path, "big.txt").open("wb") as file:
        file.truncate(50_000_000)
    monkeypatch.setattr(Path, "open", _never_opened)
    [found] = FolderSource(tmp_path).read()
    assert isinstance(found, Skipped)
    assert found.reason is SkipReason.TOO_LARGE
    assert found.detail == "50.0 MB; the limit is 20.0 MB."


def _never_opened(path: Path, *_: object) -> IO[Any]:
    raise AssertionError(f"{path} was opened")


def test_the_limit_is_a_choice(tmp_path: Path) -> None:
    write(tmp_path, "a.md", b"x" * 11)
    write(tmp_path, "b.md", b"x" * 10)
    assert reasons(FolderSource(tmp_path, max_bytes=10)) == {"a.md": SkipReason.TOO_LARGE}


def test_an_unreadable_file_does_not_stop_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "a.md")
    write(tmp_path, "b.md")
    real = Path.open

    def locked(path: Path, mode: str = "r") -> IO[Any]:
        if path.name == "a.md":
            raise PermissionError(13, "Permission denied")
        return real(path, mode)

    monkeypatch.setattr(Path, "open", locked)
    first, second = FolderSource(tmp_path).read()
    assert str(first) == "a.md: The file cannot be opened. Permission denied"
    assert isinstance(second, SourceFile)


def test_an_unreadable_folder_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "a.md")
    write(tmp_path, "locked/b.md")
    real = os.scandir

    def scandir(path: str) -> Any:  # noqa: ANN401 - passed through
        if path.endswith("locked"):
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    assert reasons(FolderSource(tmp_path)) == {"locked": SkipReason.UNREADABLE}


def test_something_that_is_no_file_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.md")
    assert reasons(FolderSource(tmp_path)) == {"pipe.md": SkipReason.UNREADABLE}


def test_a_link_inside_the_root_is_not_a_second_page(tmp_path: Path) -> None:
    write(tmp_path, "z/real.md")
    (tmp_path / "alias.md").symlink_to(tmp_path / "z/real.md")
    (tmp_path / "a").symlink_to(tmp_path / "z", target_is_directory=True)
    assert pages(FolderSource(tmp_path)) == ["z/real.md"]


def test_a_mounted_config_map_is_read_under_its_links_names(tmp_path: Path) -> None:
    write(tmp_path, "..2024_01/page.md")
    (tmp_path / "..data").symlink_to("..2024_01", target_is_directory=True)
    (tmp_path / "page.md").symlink_to("..data/page.md")
    assert pages(FolderSource(tmp_path)) == ["page.md"]


def test_links_that_lead_nowhere_useful_are_reported(tmp_path: Path) -> None:
    root = tmp_path / "root"
    write(root, "a.md")
    write(tmp_path, "outside.md")
    (root / "out.md").symlink_to(tmp_path / "outside.md")
    (root / "self.md").symlink_to(root / "self.md")
    (root / "up").symlink_to(root, target_is_directory=True)
    (root / "gone.md").symlink_to(root / "missing.md")
    assert reasons(FolderSource(root)) == {
        "out.md": SkipReason.LEAVES_ROOT,
        "self.md": SkipReason.SYMLINK_LOOP,
        "up": SkipReason.SYMLINK_LOOP,
        "gone.md": SkipReason.UNREADABLE,
    }


def test_the_root_itself_may_be_a_link(tmp_path: Path) -> None:
    write(tmp_path, "real/a.md")
    (tmp_path / "docs").symlink_to(tmp_path / "real", target_is_directory=True)
    assert pages(FolderSource(tmp_path / "docs")) == ["a.md"]


def test_files_are_read_one_at_a_time(tmp_path: Path) -> None:
    write(tmp_path, "a.md")
    later = write(tmp_path, "b.md")
    results = FolderSource(tmp_path).read()
    next(results)
    later.unlink()
    gone = next(results)
    assert isinstance(gone, Skipped)
    assert gone.reason is SkipReason.UNREADABLE


def test_a_name_that_is_not_utf8_stays_printable(tmp_path: Path) -> None:
    try:
        (tmp_path / os.fsdecode(b"caf\xe9.md")).write_bytes(b"Some text.")
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    [found] = FolderSource(tmp_path).read()
    assert isinstance(found, SourceFile)
    assert found.page == "caf\\xe9.md"
