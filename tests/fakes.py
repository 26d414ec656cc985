"""Parts that fail on purpose, each in one way."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from app.conversations import ConversationStore
from retrieval.errors import IndexUnavailable, StoreUnavailable
from retrieval.index import FIRST

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.conversations import Turn
    from app.types import Conversation
    from retrieval.index import Candidate, EncodedChunk, IndexQuery, Version, VersionQuery
    from retrieval.types import Chunk, Reader


class IndexDown:
    """An index that does not answer."""

    async def search(self, _query: IndexQuery) -> list[Candidate]:
        return self._fail()

    async def read(self, _ids: Sequence[str], _reader: Reader) -> list[Chunk]:
        return self._fail()

    async def page(self, _page: str, _reader: Reader) -> list[Chunk]:
        return self._fail()

    async def versions(self, _wanted: VersionQuery) -> list[Version]:
        return self._fail()

    async def unfinished(self, _tenant: str, _release: int) -> list[Version]:
        return self._fail()

    async def encoded(self, _chunks: Sequence[Chunk]) -> list[EncodedChunk]:
        return self._fail()

    async def upsert(self, _chunks: Sequence[EncodedChunk], *, release: int = FIRST) -> None:  # noqa: ARG002
        self._fail()

    async def end(self, _versions: Sequence[str], *, until: int) -> None:  # noqa: ARG002
        self._fail()

    async def delete(self, _versions: Sequence[str]) -> None:
        self._fail()

    async def vacuum(self, _tenant: str, _oldest: int) -> int:
        return self._fail()

    async def flush(self) -> None:
        self._fail()

    async def count(self, _tenant: str | None = None, _release: int | None = None) -> int:
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
