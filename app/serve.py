"""Runs the HTTP server."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import TYPE_CHECKING

import uvicorn

from app.api.server import create_app
from app.bootstrap import open_service
from app.control import taking_orders
from app.knowledge import OwnKnowledge
from retrieval.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from app.bootstrap import Service
    from app.settings import Settings


async def serve(settings: Settings, announce: Callable[[str], None]) -> None:
    """Serve until interrupted; `announce` is given the address once it answers.

    Raises:
        AnswerableError: A part does not open, or nothing can listen there.
    """
    async with serving(settings) as (server, url):
        announce(url)
        await server


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[tuple[asyncio.Task[None], str]]:
    """A running server and its address.

    The parts are opened first: a database that is down is not taken for a port in use.
    """
    async with (
        open_service(settings) as service,
        _taking_orders(service),
        _listening(service) as running_at,
    ):
        yield running_at


def _taking_orders(service: Service) -> AbstractAsyncContextManager[None]:
    """Let others work on an embedded index through this process; a server takes them itself."""
    settings = service.settings
    if not settings.resolved_index_url.startswith("edge:"):
        return nullcontext()
    return taking_orders(settings, OwnKnowledge(settings, service.library))


@asynccontextmanager
async def _listening(service: Service) -> AsyncIterator[tuple[asyncio.Task[None], str]]:
    settings = service.settings
    config = uvicorn.Config(
        create_app(settings, service), host=settings.host, port=settings.port, log_level="warning"
    )
    server = uvicorn.Server(config)
    running = asyncio.create_task(_run(server))
    try:
        while not server.started and not running.done():  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0.02)
        if running.done():
            await running
        port = server.servers[0].sockets[0].getsockname()[1]
        yield running, f"http://{settings.host}:{port}"
    finally:
        server.should_exit = True
        await asyncio.gather(running, return_exceptions=True)


async def _run(server: uvicorn.Server) -> None:
    try:
        await server.serve()
    except SystemExit:  # uvicorn's way of saying that it could not start
        raise Unavailable(
            f"Nothing can listen on {server.config.host}:{server.config.port}.",
            hint="Is another server running there? Set ANSWERABLE_PORT to another port.",
        ) from None
