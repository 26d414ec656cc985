"""All settings, read from `ANSWERABLE_*` environment variables and `.env`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from retrieval.errors import BadInput
from retrieval.index import DEFAULT_COLLECTION, place_of
from retrieval.models import BUNDLED_MODEL
from retrieval.rerankers import DEFAULT_RERANKER


class Settings(BaseSettings):
    """Each field is set by `ANSWERABLE_` and its name in capitals."""

    model_config = SettingsConfigDict(
        env_prefix="ANSWERABLE_", env_file=".env", extra="ignore", frozen=True
    )

    env: Literal["development", "production"] = Field(
        default="development", description="In production, embedded parts need ALLOW_EMBEDDED."
    )
    allow_embedded: bool = Field(
        default=False, description="Allow the embedded index and SQLite in production."
    )
    home: Path = Field(default=Path("var"), description="Folder for everything stored locally.")
    index_url: str = Field(
        default="",
        description="edge:FOLDER or http://HOST:6333/COLLECTION; empty for HOME/index.",
    )
    database_url: str = Field(
        default="", description="SQLAlchemy URL; empty for SQLite in HOME/answerable.db."
    )
    embedder: str = Field(
        default=BUNDLED_MODEL,
        description="A sentence-transformers model, by hub name or folder.",
    )
    reranker: str = Field(
        default=DEFAULT_RERANKER,
        description="late:, none: or cross-encoder: and a model's hub name or folder.",
    )
    device: str = Field(
        default="cpu",
        description="What models run on: cpu, or a PyTorch device such as cuda.",
    )
    fusion: str = Field(
        default="",
        description="JSON file of fusion weights, from `answerable eval tune`; empty for ours.",
    )
    calibration: str = Field(
        default="",
        description="JSON file from `answerable eval calibrate`; empty for our calibration.",
    )
    threshold: float = Field(
        default=0.7, ge=0, le=1, description="Below this confidence a person answers."
    )
    max_question_chars: int = Field(
        default=2000, ge=1, description="Longest question accepted, in characters."
    )
    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=8080, ge=0, le=65535, description="Port to listen on.")
    name: str = Field(default="Help", description="Your company's name, shown on the page.")
    greeting: str = Field(
        default="Ask a question. Answers are quoted from our documents, with their source.",
        description="Shown above an empty conversation.",
    )
    suggestions: tuple[str, ...] = Field(
        default=(), description="Questions offered on the page, as a JSON list."
    )

    @model_validator(mode="after")
    def _refuse_embedded_in_production(self) -> Self:
        embedded = self.resolved_index_url.startswith("edge:") or "sqlite" in self.resolved_database
        if self.env == "production" and embedded and not self.allow_embedded:
            raise BadInput(
                "The embedded index and SQLite serve one process and are refused in production.",
                hint="Set ANSWERABLE_INDEX_URL and ANSWERABLE_DATABASE_URL to servers, "
                "or ANSWERABLE_ALLOW_EMBEDDED=true.",
            )
        return self

    @property
    def resolved_index_url(self) -> str:
        """The index URL, with the default filled in."""
        return self.index_url or f"edge:{self.home / 'index'}"

    @property
    def resolved_database(self) -> str:
        """The database URL, with the default filled in."""
        return self.database_url or f"sqlite+aiosqlite:///{self.home / 'answerable.db'}"

    @property
    def resolved_ledger(self) -> str:
        """The database that releases are noted in: an embedded index keeps its own beside it."""
        kind, _, folder = self.resolved_index_url.partition(":")
        if kind == "edge":
            return f"sqlite+aiosqlite:///{Path(folder) / 'releases.db'}"
        return self.resolved_database

    @property
    def index_name(self) -> str:
        """What the model's part of the index is called in the ledger, which may have others."""
        kind, _, rest = self.resolved_index_url.partition(":")
        collection = rest.strip("/").partition("/")[2] or DEFAULT_COLLECTION
        return f"{kind if kind == 'edge' else collection}/{place_of(self.embedder)}"

    @property
    def models_folder(self) -> Path:
        """Where prepared models are kept."""
        return self.home / "models"
