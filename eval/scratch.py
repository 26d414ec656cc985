"""Storage that goes when a measurement is done with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.settings import Settings


def scratch_settings(settings: Settings, folder: str) -> Settings:
    """The same settings, with index and database in `folder`; prepared models are kept."""
    return settings.model_copy(
        update={
            "index_url": f"edge:{folder}/index",
            "database_url": f"sqlite+aiosqlite:///{folder}/answerable.db",
        }
    )
