"""How a database is opened and spoken to, by SQLAlchemy URL."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import asynccontextmanager, closing
from typing import TYPE_CHECKING

from sqlalchemy import event, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from retrieval.errors import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sqlalchemy import MetaData
    from sqlalchemy.engine.interfaces import DBAPIConnection
    from sqlalchemy.ext.asyncio import AsyncConnection

CHECK_URL = "Check ANSWERABLE_DATABASE_URL, its permissions and the free disk space."


class Database:
    """Connections to one database."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    @classmethod
    async def open(cls, url: str, tables: MetaData) -> Database:
        """Connect, and create the tables that are missing.

        Raises:
            StoreUnavailable: The URL names no database, or it does not answer.
        """
        try:
            engine = create_async_engine(url)
        except (SQLAlchemyError, ImportError) as error:
            place = url.rsplit("@", maxsplit=1)[-1]  # what is before it is a password
            raise StoreUnavailable(
                f"'{place}' does not name a database: {error}.", hint=CHECK_URL
            ) from error
        if engine.dialect.name == "sqlite":
            await asyncio.to_thread(_probe, engine.url.database or "")
            event.listen(engine.sync_engine, "connect", _tune_sqlite)
        database = cls(engine)
        try:
            async with database.transaction() as connection:
                await connection.run_sync(tables.create_all)
        except StoreUnavailable:
            await database.close()
            raise
        return database

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """A transaction, committed at the end unless something is raised.

        Raises:
            StoreUnavailable: The database cannot be read or written.
        """
        try:
            async with self._engine.begin() as connection:
                yield connection
        except (SQLAlchemyError, OSError) as error:
            raise StoreUnavailable(
                f"The database does not answer: {getattr(error, 'orig', None) or error}.",
                hint=CHECK_URL,
            ) from error

    async def check(self) -> None:
        """Raise `StoreUnavailable` unless the database answers."""
        async with self.transaction() as connection:
            await connection.execute(select(1))

    async def close(self) -> None:
        """Close all connections."""
        await self._engine.dispose()


def _probe(file: str) -> None:
    """Refuse a file that does not open, before a thread is started that keeps it open."""
    try:
        with closing(sqlite3.connect(file)) as connection:
            connection.execute("PRAGMA schema_version")
    except sqlite3.Error as error:
        raise StoreUnavailable(
            f"The database {file} does not open: {error}.", hint=CHECK_URL
        ) from error


def _tune_sqlite(connection: DBAPIConnection, _record: object) -> None:
    """Let readers work beside the writer; a power cut may cost the last turn, never the file."""
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
