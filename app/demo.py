"""The example help centre, from nothing to a cited answer on a page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from app.api.schemas import ChatResponse
from app.ingesting import ingest_folders
from app.serve import serving

if TYPE_CHECKING:
    from collections.abc import Callable

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
    await ingest_folders(settings, [HELP_CENTRE], console)
    async with serving(settings) as (server, url):
        show(url, await _ask(url, question))
        if not once:
            await server


async def _ask(url: str, question: str) -> ChatResponse:
    async with httpx.AsyncClient(base_url=url, timeout=60) as client:
        response = await client.post("/v1/chat", json={"question": question})
        return ChatResponse.model_validate_json(response.raise_for_status().content)
