"""The chat page and what it shows before the first question."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse

from app.api.schemas import PageConfig
from app.api.state import ServiceOf

WEB = Path(__file__).parent.parent / "web"
# The page loads only its own files; nothing it shows can run or call out.
POLICY = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'"

router = APIRouter()


@router.get("/", include_in_schema=False)
async def page() -> FileResponse:
    """The chat page."""
    headers = {"Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff"}
    return FileResponse(WEB / "index.html", headers=headers)


@router.get("/v1/page-config", tags=["page"])
async def page_config(service: ServiceOf) -> PageConfig:
    """Name, greeting and suggested questions."""
    settings = service.settings
    return PageConfig(
        name=settings.name, greeting=settings.greeting, suggestions=list(settings.suggestions)
    )
