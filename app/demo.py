"""The example help centre, from nothing to a cited answer on a page."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import uvicorn

from app.api.schemas import ChatResponse
from app.api.server import create_app
from app.bootstrap import Service, open_service
from app.ingesting import ingest_folders
from retrieval.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from rich.console import Console

    from app.settings import Settings

HELP_CENTRE = Path(__file__).parent.parent / "examples" / "help-centre"


async def run_demo(
    settings: Settings,
    question: str,
    *,
    show: Callable[[str, ChatResponse], None],
    console: Console,
    once: bool,
) -> None:
    """Ingest the example help centre, serve it, and ask one question over HTTP.

    Args:
        settings: Where to keep data and where to listen.
        question: What to ask.
        show: Given the page's address and the reply.
        console: Where progress is drawn.
        once: Stop after the reply instead of serving on.
    """
    await ingest_folders(settings, [HELP_CENTRE], "default", "", console)
    async with _serving(settings) as (server, url):
        show(url, await _ask(url, question))
        if not once:
            await server


@asynccontextmanager
async def _serving(settings: Settings) -> AsyncIterator[tuple[asyncio.Task[None], str]]:
    """A running server and its address."""
    async with open_service(settings) as service, _listening(service) as running_at:
        yield running_at


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


async def _ask(url: str, question: str) -> ChatResponse:
    async with httpx.AsyncClient(base_url=url, timeout=60) as client:
        response = await client.post("/v1/chat", json={"question": question})
        return ChatResponse.model_validate_json(response.raise_for_status().content)
