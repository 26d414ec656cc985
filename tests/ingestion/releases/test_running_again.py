"""A second run, when something changed and when nothing did."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ingestion.releases.types import Outcome
from ingestion.sources.source import SkipReason
from retrieval.types import Scope
from tests.ingestion.releases.press import Press, reasons, sections
from tests.ingestion.releases.test_bad_input import BAD, forbid
from tests.library import write_pages

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pytest

SECOND = Scope(source="second")


async def test_running_twice_changes_nothing(real_press: Press, good: Path) -> None:
    write_pages(good, {"manual.md": sections("lid", "spout")})
    first = await real_press.publish(good)
    before = await real_press.page("manual.md")
    real_press.encoder.encoded.clear()
    second = await real_press.publish(good)
    assert real_press.encoder.encoded == []
    assert (first.outcome, first.release, first.counts.added) == (Outcome.PUBLISHED, 1, 2)
    assert (second.outcome, second.release, second.counts.unchanged) == (Outcome.UNCHANGED, 1, 2)
    assert not second.counts.differs
    assert await real_press.page("manual.md") == before


async def test_a_changed_page_encodes_only_its_changed_chunks(
    real_press: Press, tmp_path: Path
) -> None:
    folder = write_pages(tmp_path / "pages", {"manual.md": sections("lid", "spout", "base")})
    await real_press.publish(folder)
    real_press.encoder.encoded.clear()
    write_pages(folder, {"manual.md": sections("lid", "handle", "base")})
    counts = (await real_press.publish(folder)).counts
    assert (counts.read, counts.changed, counts.unchanged) == (1, 1, 0)
    # A longer section pushed the last one on: it is stored anew, with the vectors it had.
    assert (counts.encoded, counts.reused, counts.ended) == (1, 1, 2)
    assert ["handle" in text for text in real_press.encoder.encoded] == [True]
    texts = await real_press.says("manual.md")
    assert "handle" in texts
    assert "spout" not in texts


async def test_vectors_that_were_reused_are_those_that_were_stored(
    real_press: Press, tmp_path: Path
) -> None:
    folder = write_pages(tmp_path / "pages", {"manual.md": sections("lid", "base")})
    await real_press.publish(folder)
    [first] = await real_press.index.encoded((await real_press.page("manual.md"))[1:])
    write_pages(folder, {"manual.md": sections("longer lid", "base")})
    await real_press.publish(folder)
    moved = await real_press.page("manual.md")
    [again] = await real_press.index.encoded(moved[1:])
    assert moved[1].start != first.chunk.start
    assert (again.dense == first.dense).all()
    assert (again.late.codes == first.late.codes).all()
    assert again.lexical == first.lexical


async def test_chunks_that_moved_know_where_they_stand_now(press: Press, tmp_path: Path) -> None:
    folder = write_pages(tmp_path / "pages", {"manual.md": sections("spout", "base")})
    await press.publish(folder)
    write_pages(folder, {"manual.md": sections("lid", "spout", "base")})
    await press.publish(folder)
    found = await press.page("manual.md")
    assert [chunk.position for chunk in found] == [0, 1, 2]
    assert [c.start for c in found] == sorted({c.start for c in found})
    assert ["lid" in found[0].text, "spout" in found[1].text, "base" in found[2].text] == [True] * 3


async def test_a_new_base_url_reaches_the_pages_already_stored(press: Press, good: Path) -> None:
    await press.publish(good)
    report = await press.publish(good, base_url="https://help.example.com")
    [found] = await press.page("good.md")
    assert found.url.startswith("https://help.example.com/good.md")
    assert (report.counts.changed, report.counts.encoded, report.counts.reused) == (1, 0, 1)


async def test_a_removed_pages_chunks_go(press: Press, good: Path) -> None:
    write_pages(good, {"manual.md": sections("lid", "spout")})
    await press.publish(good)
    (good / "manual.md").unlink()
    counts = (await press.publish(good)).counts
    assert (counts.added, counts.removed, counts.ended) == (0, 1, 2)
    assert await press.page("manual.md") == []


async def test_a_renamed_page_is_found_under_its_new_name_only(press: Press, good: Path) -> None:
    await press.publish(good)
    (good / "good.md").rename(good / "better.md")
    counts = (await press.publish(good)).counts
    assert list(await press.shown()) == ["better.md"]
    assert (counts.moved, counts.added, counts.removed) == (1, 0, 0)
    assert (counts.encoded, counts.reused, counts.ended) == (0, 1, 1)


async def test_a_page_moved_to_another_source_is_not_encoded_again(
    press: Press, good: Path, tmp_path: Path
) -> None:
    await press.publish(good)
    write_pages(tmp_path / "other", {"sub/good.md": (good / "good.md").read_text()})
    press.encoder.encoded.clear()
    counts = (await press.publish(tmp_path / "other", scope=SECOND)).counts
    assert (counts.added, counts.encoded, counts.reused) == (1, 0, 1)
    assert press.encoder.encoded == []


async def test_an_unreadable_page_keeps_what_is_stored_of_it(
    press: Press, good: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_pages(good, {"manual.md": sections("lid", "spout")})
    await press.publish(good)
    forbid(monkeypatch, "manual.md")
    report = await press.publish(good)
    assert (report.outcome, report.counts.removed) == (Outcome.UNCHANGED, 0)
    assert len(await press.page("manual.md")) == 2
    monkeypatch.undo()
    (good / "manual.md").unlink()
    assert (await press.publish(good)).counts.removed == 1, "what was kept is still known of"


async def test_a_page_that_became_garbage_keeps_what_is_stored_of_it(
    press: Press, good: Path
) -> None:
    write_pages(good, {"manual.md": sections("lid")})
    await press.publish(good)
    (good / "manual.md").write_bytes(BAD["binary.md"][0])
    report = await press.publish(good)
    assert (report.counts.removed, len(report.skipped)) == (0, 1)
    assert len(await press.page("manual.md")) == 1


async def test_an_unreadable_folder_keeps_what_is_stored_of_its_pages(
    press: Press, good: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_pages(good, {"deep/down/manual.md": sections("lid")})
    await press.publish(good)
    real = os.scandir

    def refuse(path: str) -> Iterator[os.DirEntry[str]]:
        if str(path).endswith("deep"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", refuse)
    report = await press.publish(good)
    assert reasons(report) == {"deep": SkipReason.UNREADABLE}
    assert report.counts.removed == 0
    assert len(await press.page("deep/down/manual.md")) == 1


async def test_an_unreadable_root_keeps_everything(
    press: Press, good: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_pages(good, {"deep/manual.md": sections("lid")})
    await press.publish(good)

    def refuse(path: str) -> Iterator[os.DirEntry[str]]:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", refuse)
    report = await press.publish(good)
    assert report.counts.removed == 0
    assert await press.index.count("default", report.release) == 2
