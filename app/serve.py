"""Runs the HTTP server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import uvicorn

from app.api.server import create_app

if TYPE_CHECKING:
    from app.settings import Settings


def serve(settings: Settings) -> None:
    """Serve until interrupted."""
    uvicorn.run(create_app(settings), host=settings.host, port=settings.port, log_level="warning")
