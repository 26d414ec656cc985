"""What is kept although it was not read, and what goes although it is still there."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from ingestion.chunked_file import manner
from ingestion.releases.types import Outcome
from ingestion.sources.source import Skipped, SkipReason, SourceFile
from ingestion.sources.spec import SourceSpec
from tests.ingestion.releases.press import reasons
from tests.ingestion.samples import zipped
from tests.library import SCOPE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet
    from pathlib import Path

    from ingestion.sources.source import SourceItem
    from tests.ingestion.releases.press import Press

LID, BASE = "# Lid\n\nThe lid is made of copper.\n", "# Base\n\nThe base is made of iron.\n"


def export(*, draft: bool) -> bytes:
    """Two articles of a help centre, one of them perhaps a draft."""
    articles = [
        {"id": 1, "title": "Lid", "body": "<p>The lid is made of copper.</p>", "draft": False},
        {"id": 2, "title": "Base", "body": "<p>The base is made of iron.</p>", "draft": draft},
    ]
    return json.dumps({"articles": articles}).encode()


async def test_a_page_that_is_withdrawn_is_removed_though_it_is_still_there(
    press: Press, good: Path
) -> None:
    (good / "help.json").write_bytes(export(draft=False))
    await press.publish(good)
    assert len(await press.shown()) == 3
    (good / "help.json").write_bytes(export(draft=True))
    report = await press.publish(good)
    assert list(reasons(report).values()) == [SkipReason.UNPUBLISHED]
    assert (report.counts.changed, report.counts.ended) == (1, 1)
    texts = " ".join((await press.shown()).values())
    assert "copper" in texts
    assert "iron" not in texts


async def test_an_archives_member_that_cannot_be_read_keeps_what_is_stored_of_it(
    press: Press, good: Path
) -> None:
    archive = good / "guide.zip"
    archive.write_bytes(zipped({"lid.md": LID, "base.md": BASE}))
    await press.publish(good)
    archive.write_bytes(zipped({"lid.md": LID.replace("copper", "brass"), "base.md": b"\0\1\2"}))
    report = await press.publish(good)
    assert set(reasons(report)) == {"guide.zip/base.md"}
    assert (report.counts.changed, report.counts.removed) == (1, 0)
    shown = await press.shown()
    assert "brass" in shown["guide.zip/lid.md"]
    assert "iron" in shown["guide.zip/base.md"]

    again = await press.publish(good)
    assert (again.outcome, set(reasons(again))) == (Outcome.UNCHANGED, {"guide.zip/base.md"})
    archive.write_bytes(zipped({"lid.md": LID}))
    assert (await press.publish(good)).counts.ended == 2
    assert "guide.zip/base.md" not in await press.shown()


async def test_a_damaged_archive_keeps_all_that_is_stored_of_it(press: Press, good: Path) -> None:
    archive = good / "guide.zip"
    whole = zipped({"lid.md": LID, "base.md": BASE})
    archive.write_bytes(whole)
    await press.publish(good)
    archive.write_bytes(whole[: len(whole) // 2])
    report = await press.publish(good)
    assert (report.outcome, set(reasons(report))) == (Outcome.UNCHANGED, {"guide.zip"})
    assert len(await press.shown()) == 3
    (good / "guide.zip").unlink()
    assert (await press.publish(good)).counts.removed == 1
    assert list(await press.shown()) == ["good.md"]


@pytest.mark.parametrize("version", ["READER_VERSION", "CHUNKER_VERSION"])
async def test_a_new_reader_reads_again_and_publishes_nothing_when_nothing_differs(
    press: Press, good: Path, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    await press.publish(good)
    [before] = (await press.ledger.pages("default", SCOPE.source)).values()
    monkeypatch.setattr(f"ingestion.chunked_file.{version}", "another")
    manner.cache_clear()
    report = await press.publish(good)
    manner.cache_clear()
    [after] = (await press.ledger.pages("default", SCOPE.source)).values()
    assert (report.outcome, report.release, report.counts.unchanged) == (Outcome.UNCHANGED, 1, 1)
    assert before.fingerprint != after.fingerprint, "it was read anew, and need not be again"


class Site:
    """A website whose pages are named by their addresses; some may not answer."""

    base_url = ""

    def __init__(self) -> None:
        self.commits = 0
        self.away: set[str] = set()

    def count(self) -> int:
        return 2

    def read(self, held: AbstractSet[str] = frozenset()) -> Iterator[SourceItem]:
        del held
        for name, text in (("lid", LID), ("base", BASE)):
            page = f"https://help.example.com/{name}.md"
            if name in self.away:
                yield Skipped(page, SkipReason.UNREACHABLE, "503")
            else:
                yield SourceFile(page, text.encode(), datetime.now(UTC), page)

    def commit(self) -> None:
        self.commits += 1


async def test_a_page_named_by_its_address_is_kept_while_it_does_not_answer(press: Press) -> None:
    site = Site()
    spec = SourceSpec("site", site, SCOPE)
    await press.run([spec])
    site.away = {"base"}
    report = await press.run([spec])
    assert (report.outcome, report.counts.removed) == (Outcome.UNCHANGED, 0)
    assert "iron" in await press.says("https://help.example.com/base.md")


async def test_a_source_is_told_only_of_what_was_published(press: Press, good: Path) -> None:
    site = Site()
    spec = SourceSpec("site", site, SCOPE)
    press.encoder.fails_on = "iron"
    with pytest.raises(Exception, match="half-way"):
        await press.run([spec])
    assert site.commits == 0
    press.encoder.fails_on = ""
    await press.run([spec])
    assert site.commits == 1
    await press.run([spec])
    assert site.commits == 2, "it was read to the end again, though nothing differs"
    await press.publish(good)
    assert site.commits == 2
