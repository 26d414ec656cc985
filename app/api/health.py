"""Whether the process is up, and whether it can answer."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from fastapi import APIRouter, Response

from app.api.schemas import PartHealth, Readiness
from app.api.state import ServiceOf
from retrieval.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable

router = APIRouter(tags=["health"])


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """The process is up."""
    return {"status": "ok"}


@router.get("/readyz", responses={503: {"model": Readiness}})
async def readyz(service: ServiceOf, response: Response) -> Readiness:
    """Each part the service needs, and whether it answers; 503 when one does not."""
    parts = [
        await _part("index", service.library.index.count(), "passages"),
        await _part("database", service.store.check(), ""),
    ]
    ready = all(part.ok for part in parts)
    if not ready:
        response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
    return Readiness(ready=ready, parts=parts)


async def _part(name: str, check: Awaitable[int | None], unit: str) -> PartHealth:
    try:
        found = await check
    except Unavailable as error:
        return PartHealth(part=name, ok=False, detail=str(error))
    return PartHealth(part=name, ok=True, detail="answers" if found is None else f"{found} {unit}")
