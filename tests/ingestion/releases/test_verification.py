"""Candidates broken on purpose: each check finds what it is there for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from ingestion.releases.types import Outcome
from retrieval.edge import EdgeIndex
from retrieval.errors import ReleaseRefused
from tests.ingestion.releases.press import GOOD, MadeUpEncoder, NotingEncoder, Press
from tests.library import unit_vector, write_pages

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from ingestion.releases.ledger import Ledger
    from retrieval.index import EncodedChunk


class Unreliable(EdgeIndex):
    """An index that breaks its word once `broken` says how."""

    broken = ""

    async def upsert(self, chunks: Sequence[EncodedChunk], *, release: int = 1) -> None:
        if self.broken == "loses one":
            chunks = chunks[1:]
        if self.broken == "mixes up vectors":
            chunks = [replace(chunk, dense=unit_vector(n)) for n, chunk in enumerate(chunks)]
        await super().upsert(chunks, release=release)

    async def end(self, versions: Sequence[str], *, until: int) -> None:
        if self.broken == "forgets ends" and until > 1:
            return
        await super().end(versions, until=until)


class Forgetful(Unreliable):
    """An index that counts right, and goes on showing what was ended."""

    async def count(self, tenant: str | None = None, release: int | None = None) -> int:
        shown = await super().count(tenant, release)
        return shown - 1 if self.broken and release == 2 else shown


@dataclass(frozen=True, slots=True)
class Broken:
    """A press whose index does not keep its word, with one release in print."""

    press: Press
    index: Unreliable
    folder: Path


@pytest.fixture(params=[Unreliable])
async def broken(
    request: pytest.FixtureRequest, tmp_path: Path, good: Path, own_ledger: Ledger
) -> AsyncIterator[Broken]:
    index = request.param.open(tmp_path / "index", model="made up", dims=32)
    press = Press(index, own_ledger, NotingEncoder(MadeUpEncoder()))
    await press.publish(write_pages(good, {"old.md": "# Old\n\nOld words.\n"}))
    yield Broken(press, index, good)
    await index.close()


async def refused(broken: Broken, how: str) -> str:
    """Why the next run is refused; readers see what they saw, and the run after it mends all."""
    before = await broken.press.shown()
    broken.index.broken = how
    with pytest.raises(ReleaseRefused) as caught:
        await broken.press.publish(broken.folder)
    broken.index.broken = ""
    assert await broken.press.shown() == before
    assert (await broken.press.ledger.head("default")).current == 1
    assert (await broken.press.ledger.runs("default"))[0].outcome == Outcome.REFUSED
    report = await broken.press.publish(broken.folder)
    assert report.release == 2
    assert set(await broken.press.shown()) == {path.name for path in broken.folder.iterdir()}
    assert await broken.index.count("default", 2) == len(list(broken.folder.iterdir()))
    return str(caught.value)


async def test_a_passage_that_was_lost_is_missed(broken: Broken) -> None:
    write_pages(broken.folder, {"new.md": "# New\n\nNew words.\n"})
    said = await refused(broken, "loses one")
    assert "Release 2 shows 2 passages; 3 were expected." in said
    assert "Run it again" in said


async def test_a_passage_that_is_not_found_by_its_own_words_is_missed(broken: Broken) -> None:
    write_pages(broken.folder, {"new.md": "# New\n\nNew words.\n"})
    assert "A passage of new.md is not found" in await refused(broken, "mixes up vectors")


async def test_a_passage_that_was_to_go_and_stayed_is_counted(broken: Broken) -> None:
    (broken.folder / "old.md").unlink()
    said = await refused(broken, "forgets ends")
    assert "Release 2 shows 2 passages; 1 were expected." in said


@pytest.mark.parametrize("broken", [Forgetful], indirect=True)
async def test_a_passage_that_was_to_go_and_stayed_is_found(broken: Broken) -> None:
    """Even where the count is right, each passage that was removed is looked for."""
    (broken.folder / "old.md").unlink()
    said = await refused(broken, "forgets ends")
    assert "1 removed passages are still found, one of them on old.md" in said


async def test_a_passage_that_only_moved_is_not_taken_for_one_that_stayed(broken: Broken) -> None:
    write_pages(broken.folder, {"good.md": "\n\n" + GOOD["good.md"] + "\nAnd more of it.\n"})
    report = await broken.press.publish(broken.folder, base_url="https://help.example.com")
    assert report.outcome == Outcome.PUBLISHED


async def test_copies_on_two_pages_are_each_found_by_the_others_words(
    press: Press, good: Path
) -> None:
    write_pages(good, {"copy.md": GOOD["good.md"]})
    assert (await press.publish(good)).counts.added == 2
