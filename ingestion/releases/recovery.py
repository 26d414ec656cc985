"""What a run that did not end has left behind, made harmless."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retrieval.index import NEVER, OPEN

if TYPE_CHECKING:
    from retrieval.index import ChunkWriter


async def put_back(index: ChunkWriter, tenant: str, candidate: int) -> int:
    """Make a candidate show just what the release before it shows.

    What was stored for it stays, shown by no release, until the next vacuum: a run that does the
    same work again finds its vectors there.

    Returns:
        How many versions were in the way.
    """
    left = await index.unfinished(tenant, candidate)
    await index.end([v.id for v in left if v.since == candidate], until=NEVER)
    await index.end(
        [v.id for v in left if v.since < candidate and v.until == candidate], until=OPEN
    )
    return len(left)
