"""Parts that fail on purpose, each in one way."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from app.conversations import ConversationStore
from retrieval.errors import IndexUnavailable, StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.conversations import Turn
    from app.types import Conversation
    from retrieval.index import Candidate, EncodedChunk, IndexQuery, Stored
    from retrieval.types import Chunk, Reader


class IndexDown:
    """An index that does not answer."""

    async def search(self, _query: IndexQuery) -> list[Candidate]:
        return self._fail()

    async def read(self, _ids: Sequence[str], _reader: Reader) -> list[Chunk]:
        return self._fail()

    async def page(self, _page: str, _reader: Reader) -> list[Chunk]:
        return self._fail()

    async def stored(self, _tenant: str, _source: str) -> dict[str, Stored]:
        return self._fail()

    async def upsert(self, _chunks: Sequence[EncodedChunk]) -> None:
        self._fail()

    async def relocate(self, _chunks: Sequence[Chunk]) -> None:
        self._fail()

    async def delete(self, _ids: Sequence[str]) -> None:
        self._fail()

    async def flush(self) -> None:
        self._fail()

    async def count(self) -> int:
        return self._fail()

    async def close(self) -> None:
        pass

    def _fail(self) -> NoReturn:
        raise IndexUnavailable("The index is down.", hint="Start it.")


class IndexBroken(IndexDown):
    """An index with a mistake in it: it fails in a way nobody foresaw."""

    def _fail(self) -> NoReturn:
        raise ZeroDivisionError("a mistake of ours")


class StoreDown(ConversationStore):
    """A database that has gone away."""

    def __init__(self) -> None:
        pass

    async def record(self, turn: Turn) -> None:
        del turn
        self._fail()

    async def conversation(self, conversation_id: str, tenant: str) -> Conversation | None:
        del conversation_id, tenant
        self._fail()

    async def check(self) -> None:
        self._fail()

    def _fail(self) -> NoReturn:
        raise StoreUnavailable("The database does not answer.", hint="Start it.")
