"""Going back to a release, telling two apart, and clearing away what none needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingestion.releases.lease import write_lease
from ingestion.releases.recovery import put_back
from retrieval.errors import UnknownRelease
from retrieval.index import VersionQuery

if TYPE_CHECKING:
    from ingestion.releases.ledger import Ledger
    from retrieval.index import ChunkIndex, ChunkWriter

KEPT_RELEASES = 5


@dataclass(frozen=True, slots=True)
class PageDifference:
    """How one page differs between two releases.

    Attributes:
        page: Its name.
        added: Passages that only the second shows.
        removed: Passages that only the first shows.
        moved: Passages that stand elsewhere on the page, or whose page is read elsewhere.
    """

    page: str
    added: int
    removed: int
    moved: int


async def rollback(ledger: Ledger, tenant: str, number: int | None = None) -> int:
    """Have readers see an earlier release, within a second.

    Args:
        ledger: The index's ledger.
        tenant: Whose knowledge.
        number: The release; None for the one before the current one.

    Returns:
        The release that readers see now.

    Raises:
        UnknownRelease: It is not kept.
    """
    if number is None:
        current = (await ledger.head(tenant)).current
        older = [each.number for each in await ledger.releases(tenant) if each.number < current]
        if not older:
            raise UnknownRelease(
                f"No release of tenant '{tenant}' before {current} is kept.",
                hint="`answerable releases` lists those that are.",
            )
        number = older[0]
    await ledger.point(tenant, number)
    return number


async def difference(
    index: ChunkWriter, ledger: Ledger, tenant: str, first: int, second: int
) -> list[PageDifference]:
    """What changed from one release to another, page by page.

    Raises:
        UnknownRelease: One of them is not kept.
    """
    kept = {release.number for release in await ledger.releases(tenant)}
    for number in (first, second):
        if number not in kept:
            raise UnknownRelease(
                f"Tenant '{tenant}' has no release {number}.",
                hint="`answerable releases` lists those that are kept.",
            )
    before = await _places(index, tenant, first)
    after = await _places(index, tenant, second)
    pages = sorted({page for page, _ in before.keys() ^ after.keys()} | _moved(before, after))
    return [_page_difference(page, before, after) for page in pages]


async def vacuum(index: ChunkIndex, ledger: Ledger, tenant: str, *, keep: int) -> int:
    """Remove what no kept release shows, and what a run that did not end left behind.

    Returns:
        How many versions were removed.

    Raises:
        WriterBusy: A run is at work.
    """
    async with write_lease(ledger):
        head = await ledger.head(tenant)
        await put_back(index, tenant, head.candidate)
        removed = await sweep(index, ledger, tenant, keep=keep)
        await index.flush()
        return removed


async def sweep(index: ChunkWriter, ledger: Ledger, tenant: str, *, keep: int) -> int:
    """Forget all but the last releases, never the current one, and remove what only they show.

    Returns:
        How many versions were removed.
    """
    head = await ledger.head(tenant)
    oldest = await ledger.forget(tenant, head.newest - keep + 1)
    return await index.vacuum(tenant, oldest)


async def _places(index: ChunkWriter, tenant: str, release: int) -> dict[tuple[str, str], str]:
    shown = await index.versions(VersionQuery(tenant, release))
    return {(version.page, version.chunk): version.place for version in shown}


def _moved(before: dict[tuple[str, str], str], after: dict[tuple[str, str], str]) -> set[str]:
    return {
        page
        for page, chunk in before.keys() & after.keys()
        if before[page, chunk] != after[page, chunk]
    }


def _page_difference(
    page: str, before: dict[tuple[str, str], str], after: dict[tuple[str, str], str]
) -> PageDifference:
    was = {chunk: place for (name, chunk), place in before.items() if name == page}
    now = {chunk: place for (name, chunk), place in after.items() if name == page}
    return PageDifference(
        page=page,
        added=len(now.keys() - was.keys()),
        removed=len(was.keys() - now.keys()),
        moved=sum(was[chunk] != now[chunk] for chunk in was.keys() & now.keys()),
    )
