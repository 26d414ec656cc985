"""Work on an embedded index, asked of the server that has it open.

The server listens on a socket in its home folder that only its own user may open. A client
writes one line of JSON, a call; the server answers with lines of progress and at last the
result, or the error.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import tempfile
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from pydantic import TypeAdapter

from app.knowledge import IngestRequest, Knowledge
from ingestion.releases.publishing import RunReport
from ingestion.releases.upkeep import PageDifference
from retrieval import errors
from retrieval.errors import AnswerableError, Unavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from app.settings import Settings
    from ingestion.progress import Meter

# The longest path that every system takes for a socket.
LONGEST_PATH = 100
LONGEST_LINE = 16 * 2**20

_log = logging.getLogger(__name__)

_REQUEST = TypeAdapter(IngestRequest)
_REPORTS = TypeAdapter(list[RunReport])
_DIFFERENCES = TypeAdapter(list[PageDifference])


def socket_path(home: Path) -> Path:
    """Where a server with this home folder listens."""
    path = home.resolve() / "control.sock"
    if len(os.fsencode(path)) <= LONGEST_PATH:
        return path
    named = blake2b(os.fsencode(path), digest_size=8).hexdigest()
    return Path(tempfile.gettempdir()) / f"answerable-{os.getuid()}-{named}.sock"


@asynccontextmanager
async def taking_orders(settings: Settings, knowledge: Knowledge) -> AsyncIterator[None]:
    """Work on this process's index for whoever else on this machine asks."""
    path = socket_path(settings.home)

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            await _answer(knowledge, reader, writer)
        writer.close()

    before = os.umask(0o177)
    try:
        server = await asyncio.start_unix_server(handle, path, limit=LONGEST_LINE)
    finally:
        os.umask(before)
    try:
        yield
    finally:
        server.close()
        path.unlink(missing_ok=True)


async def _answer(
    knowledge: Knowledge, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    line = await reader.readline()
    if not line:  # somebody only looked whether there is a server
        return
    try:
        result = await _carry_out(knowledge, json.loads(line), _LineMeter(writer))
    except AnswerableError as error:
        said = {"kind": type(error).__name__, "message": error.message, "hint": error.hint}
        _write(writer, {"error": said})
    except Exception:  # noqa: BLE001 - the client must hear of it, and the server live on
        _log.exception("A call failed: %.200r", line)
        said = {"kind": "Unavailable", "message": "The server made a mistake.", "hint": LOOK}
        _write(writer, {"error": said})
    else:
        _write(writer, {"result": result})
    await writer.drain()


LOOK = "Its log says which."


async def _carry_out(knowledge: Knowledge, asked: dict[str, Any], meter: Meter) -> object:
    match asked:
        case {"call": "index"}:
            return knowledge.index_name
        case {"call": "ingest", "request": request}:
            reports = await knowledge.ingest(_REQUEST.validate_python(request), meter)
            return _REPORTS.dump_python(reports, mode="json")
        case {"call": "vacuum", "tenant": tenant, "keep": keep}:
            return await knowledge.vacuum(tenant, keep)
        case {"call": "difference", "tenant": tenant, "first": first, "second": second}:
            found = await knowledge.difference(tenant, first, second)
            return _DIFFERENCES.dump_python(found, mode="json")
        case _:
            raise errors.BadInput("The server does not know this call.", hint="Is it as new?")


class _LineMeter:
    """Tells the other side how far a run is."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer

    def start(self, step: str, total: int | None) -> None:
        """See `Meter.start`."""
        _write(self._writer, {"step": step, "total": total})

    def advance(self, done: int = 1) -> None:
        """See `Meter.advance`."""
        _write(self._writer, {"done": done})


def _write(writer: asyncio.StreamWriter, line: dict[str, object]) -> None:
    if not writer.is_closing():
        writer.write(json.dumps(line).encode() + b"\n")


class ServedKnowledge(Knowledge):
    """An index that a server on this machine has open."""

    def __init__(self, path: Path, index_name: str) -> None:
        self._path = path
        self._index_name = index_name

    @property
    def index_name(self) -> str:
        """See `Knowledge.index_name`."""
        return self._index_name

    async def is_open(self) -> bool:
        """Whether it is this index that the server has open, and not another model's.

        Raises:
            OSError: There is no server.
        """
        return await self._ask({"call": "index"}) == self._index_name

    async def ingest(self, request: IngestRequest, meter: Meter) -> list[RunReport]:
        """See `Knowledge.ingest`."""
        asked = {"call": "ingest", "request": _REQUEST.dump_python(_absolute(request), mode="json")}
        return _REPORTS.validate_python(await self._ask(asked, meter))

    async def vacuum(self, tenant: str, keep: int) -> int:
        """See `Knowledge.vacuum`."""
        asked: dict[str, object] = {"call": "vacuum", "tenant": tenant, "keep": keep}
        return cast("int", await self._ask(asked))

    async def difference(self, tenant: str, first: int, second: int) -> list[PageDifference]:
        """See `Knowledge.difference`."""
        asked: dict[str, object] = {
            "call": "difference",
            "tenant": tenant,
            "first": first,
            "second": second,
        }
        return _DIFFERENCES.validate_python(await self._ask(asked))

    async def _ask(self, asked: dict[str, object], meter: Meter | None = None) -> object:
        reader, writer = await asyncio.open_unix_connection(self._path, limit=LONGEST_LINE)
        try:
            _write(writer, asked)
            async for line in reader:
                said = json.loads(line)
                if "result" in said:
                    return said["result"]
                _told(said, meter)
        except ConnectionError as error:
            raise _gone() from error
        finally:
            writer.close()
        raise _gone()


def _gone() -> Unavailable:
    return Unavailable("The server went away before it was done.", hint="Run it again.")


def _told(said: dict[str, Any], meter: Meter | None) -> None:
    """Pass progress on, and raise what was raised over there."""
    match said:
        case {"error": {"kind": kind, "message": message, "hint": hint}}:
            raise getattr(errors, kind, AnswerableError)(message, hint=hint)
        case {"step": step, "total": total} if meter is not None:
            meter.start(step, total)
        case {"done": done} if meter is not None:
            meter.advance(done)


def _absolute(request: IngestRequest) -> IngestRequest:
    """The server's working folder may be another."""
    return replace(
        request,
        folders=tuple(path.resolve() for path in request.folders),
        sources=request.sources and request.sources.resolve(),
        golden=request.golden and request.golden.resolve(),
    )


async def served_knowledge(settings: Settings) -> ServedKnowledge | None:
    """The index, as the server that listens in this home folder has it open; None when none has."""
    served = ServedKnowledge(socket_path(settings.home), settings.index_name)
    try:
        return served if await served.is_open() else None
    except OSError:
        return None
