"""Bad input, each beside a good page that has to arrive all the same."""

from __future__ import annotations

from pathlib import Path
from typing import IO, TYPE_CHECKING

import pytest

from ingestion.releases.types import Outcome
from ingestion.sources.source import SkipReason
from retrieval.errors import NothingToIngest, SourceNotFound
from tests.ingestion.releases.press import reasons
from tests.library import write_pages

if TYPE_CHECKING:
    from tests.ingestion.releases.press import Press

BAD: dict[str, tuple[bytes, SkipReason]] = {
    "binary.md": (b"\x7fELF\x02\x01\x01\x00" + bytes(range(256)) * 40, SkipReason.BINARY),
    "empty.md": (b"", SkipReason.EMPTY),
    "blank.txt": (b" \n\t\n ", SkipReason.EMPTY),
    "huge.txt": (b"All work and no play. " * 2_300_000, SkipReason.TOO_LARGE),
    "tagsonly.html": (
        b"<html><body><script>var a = 1;</script></body></html>",
        SkipReason.UNPARSABLE,
    ),
    "utf16-cut.txt": (b"\xff\xfe" + "Grüße".encode("utf-16-le")[:-1], SkipReason.UNPARSABLE),
}


@pytest.mark.parametrize("name", BAD)
async def test_a_bad_file_is_named_and_the_rest_arrives(
    real_press: Press, good: Path, name: str
) -> None:
    data, reason = BAD[name]
    (good / name).write_bytes(data)
    report = await real_press.publish(good)
    assert reasons(report) == {name: reason}
    assert (report.counts.read, report.counts.added, report.counts.encoded) == (1, 1, 1)
    assert len(await real_press.page("good.md")) == 1


ODD: dict[str, tuple[bytes, str]] = {
    "latin1.txt": ("Die Kündigung für Gäste: 5 Tage. Größe wählen.".encode("latin-1"), "Kündigung"),
    "utf16.txt": ("Die Kündigung dauert fünf Tage.".encode("utf-16"), "Kündigung"),
    "utf16-unmarked.txt": ("The notice takes five days.".encode("utf-16-be"), "five days"),
    "bom.md": ("\ufeff# Notice\n\nIt takes five days.".encode(), "five days"),
    "broken.html": (b"<html><body><p>Five <b>days<div></i>notice</table><li>more", "notice"),
    "word.md": (b"Kettle", "Kettle"),
    "crlf.md": (b"# Notice\r\n\r\nIt takes\r\nfive days.\r\n", "five days"),
    "frontmatter.md": (b"---\n: [broken yaml\n---\n# T\n\nFive days.", "Five days"),
    "nul-name.md": (b"A line\x0c with a form feed.", "form feed"),
}


@pytest.mark.parametrize("name", ODD)
async def test_an_odd_file_is_read_for_what_it_says(
    real_press: Press, good: Path, name: str
) -> None:
    data, words = ODD[name]
    (good / name).write_bytes(data)
    report = await real_press.publish(good)
    assert report.skipped == ()
    assert words in await real_press.says(name)


async def test_a_file_that_cannot_be_opened_is_named(
    real_press: Press, good: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_pages(good, {"secret.md": "Words."})
    forbid(monkeypatch, "secret.md")
    report = await real_press.publish(good)
    assert reasons(report) == {"secret.md": SkipReason.UNREADABLE}
    assert "Permission denied" in str(report.skipped[0])
    assert report.counts.read == 1


def forbid(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Root may open everything, so the refusal has to be made up."""
    real = Path.open

    def refuse(path: Path, mode: str = "r") -> IO[str] | IO[bytes]:
        if path.name == name:
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, mode)

    monkeypatch.setattr(Path, "open", refuse)


async def test_a_loop_of_links_is_named(press: Press, good: Path) -> None:
    (good / "a.md").symlink_to(good / "b.md")
    (good / "b.md").symlink_to(good / "a.md")
    (good / "sub").symlink_to(good)
    report = await press.publish(good)
    assert set(reasons(report)) == {"a.md", "b.md", "sub"}
    assert set(reasons(report).values()) == {SkipReason.SYMLINK_LOOP}
    assert report.counts.read == 1


async def test_all_of_it_at_once_leaves_every_good_page(real_press: Press, good: Path) -> None:
    small_bad = {name: data for name, (data, _) in BAD.items() if len(data) < 10**6}
    for name, data in {**small_bad, **{n: d for n, (d, _) in ODD.items()}}.items():
        (good / name).write_bytes(data)
    report = await real_press.publish(good)
    assert set(reasons(report)) == set(small_bad)
    assert report.counts.read == report.counts.added == 1 + len(ODD)
    assert await real_press.index.count() == report.counts.encoded == 1 + len(ODD)


async def test_nothing_but_bad_files_is_a_report_not_an_error(press: Press, tmp_path: Path) -> None:
    folder = write_pages(tmp_path / "pages", {"empty.md": ""})
    report = await press.publish(folder)
    assert (report.outcome, report.release) == (Outcome.UNCHANGED, 0)
    assert (report.counts.read, report.counts.encoded, len(report.skipped)) == (0, 0, 1)
    assert await press.ledger.releases("default") == []


async def test_a_missing_folder_touches_nothing(press: Press, good: Path, tmp_path: Path) -> None:
    await press.publish(good)
    with pytest.raises(SourceNotFound):
        await press.publish(tmp_path / "nowhere")
    assert list(await press.shown()) == ["good.md"]
    assert await press.index.count() == 1


async def test_a_folder_that_was_emptied_touches_nothing(press: Press, good: Path) -> None:
    """An unmounted share looks like an empty folder."""
    await press.publish(good)
    (good / "good.md").unlink()
    with pytest.raises(NothingToIngest):
        await press.publish(good)
    assert list(await press.shown()) == ["good.md"]
    assert await press.index.count() == 1
