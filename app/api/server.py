"""The HTTP application, put together."""

from __future__ import annotations

from contextlib import asynccontextmanager, nullcontext
from typing import TYPE_CHECKING

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles

from app.api import chat, health, page, records
from app.api.errors import install_error_handlers
from app.bootstrap import open_service

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from app.bootstrap import Service
    from app.settings import Settings

DESCRIPTION = """Short, cited answers from a company's own documents, and a person when the
documents do not carry the answer.

Every reply quotes its sources, says how sure it is and which rung served it; why it is what it
is can be read at `/v1/answers/{trace_id}/trace`."""


def create_app(settings: Settings, service: Service | None = None) -> FastAPI:
    """The application.

    Args:
        settings: Which parts to open.
        service: Parts that are open already; without them the application opens its own when it
            starts and closes them when it stops.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with nullcontext(service) if service else open_service(settings) as opened:
            app.state.service = opened
            yield

    app = FastAPI(title="Answerable", description=DESCRIPTION, version="0.1.0", lifespan=lifespan)
    install_error_handlers(app)
    for part in (chat, records, health, page):
        app.include_router(part.router)
    app.mount("/assets", StaticFiles(directory=page.WEB), name="assets")
    return app
