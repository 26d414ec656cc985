"""The form of a sources file, as `docs/sources.md` describes it."""

from __future__ import annotations

from typing import Annotated, ClassVar, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from ingestion.sources.files import DEFAULT_MAX_BYTES
from ingestion.sources.git import DEFAULT_TIMEOUT
from ingestion.sources.patterns import check_pattern
from ingestion.sources.website import Bounds, Manners
from retrieval.errors import BadInput
from retrieval.types import Scope

KINDS = ("folder", "git", "website", "export", "python")

_BOUNDS, _MANNERS, _SCOPE = Bounds(), Manners(), Scope()


def _pattern(value: str) -> str:
    try:
        return check_pattern(value)
    except BadInput as error:
        raise ValueError(str(error)) from error


Text = Annotated[str, Field(min_length=1)]
Pattern = Annotated[str, AfterValidator(_pattern)]
Count = Annotated[int, Field(gt=0)]
Seconds = Annotated[float, Field(gt=0)]


class Form(BaseModel):
    """Part of the file: nothing is converted, and nothing unknown let through."""

    # A git address may hold a password, which pydantic would quote in its errors.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)

    short: ClassVar[str] = ""

    @model_validator(mode="before")
    @classmethod
    def _written_short(cls, value: object) -> object:
        """A text alone stands for the field that `short` names."""
        return {cls.short: value} if cls.short and isinstance(value, str) else value


class FolderEntry(Form):
    """A folder or a file."""

    short = "path"

    path: Text
    max_bytes: Count = DEFAULT_MAX_BYTES


class GitEntry(Form):
    """A git repository."""

    short = "address"

    address: Text
    ref: str = ""
    folder: str = ""
    max_bytes: Count = DEFAULT_MAX_BYTES
    timeout: Seconds = DEFAULT_TIMEOUT


class WebsiteEntry(Form):
    """A website."""

    short = "start"

    start: Text
    include: list[Pattern] = []
    exclude: list[Pattern] = []
    max_pages: Count = _BOUNDS.max_pages
    max_depth: Annotated[int, Field(ge=0)] = _BOUNDS.max_depth
    max_bytes: Count = _BOUNDS.max_bytes
    max_seconds: Seconds = _BOUNDS.max_seconds
    requests_per_second: Annotated[float, Field(gt=0)] = _MANNERS.requests_per_second
    timeout: Seconds = _MANNERS.timeout
    retries: Annotated[int, Field(ge=0)] = _MANNERS.retries
    backoff: Seconds = _MANNERS.backoff
    longest_wait: Seconds = _MANNERS.longest_wait


class RuleEntry(Form):
    """What holds for the pages of one pattern."""

    path: Pattern
    audience: Text | None = None
    locale: Text | None = None
    product: str | None = None
    skip: bool | None = None


class SourceEntry(Form):
    """One source."""

    name: Text
    folder: FolderEntry | None = None
    git: GitEntry | None = None
    website: WebsiteEntry | None = None
    export: FolderEntry | None = None
    python: Annotated[str, Field(pattern=r"^\w+(\.\w+)*:\w+$")] | None = None
    options: dict[str, object] = {}
    base_url: str = ""
    tenant: Text = _SCOPE.tenant
    audience: Text = _SCOPE.audience
    locale: Text = _SCOPE.locale
    product: str = _SCOPE.product
    rules: list[RuleEntry] = []

    @property
    def kind(self) -> FolderEntry | GitEntry | WebsiteEntry | str:
        """The one kind of source that it is; a text is the name of a Python factory."""
        return self.folder or self.export or self.git or self.website or self.python or ""

    @model_validator(mode="after")
    def _is_one_source(self) -> Self:
        kinds = [kind for kind in KINDS if getattr(self, kind) is not None]
        if len(kinds) != 1:
            found = " and ".join(kinds) or "none of them"
            raise ValueError(f"a source is exactly one of {', '.join(KINDS)}; this is {found}")
        if self.options and not self.python:
            raise ValueError("'options' are for python sources only")
        if self.base_url and (self.website or self.python):
            raise ValueError(f"a {kinds[0]} source says itself where its pages are; no 'base_url'")
        return self


class SourcesFile(Form):
    """All of the file."""

    sources: Annotated[list[SourceEntry], Field(min_length=1)]


FORMS: dict[str, type[Form]] = {
    "sources": SourceEntry,
    "folder": FolderEntry,
    "git": GitEntry,
    "website": WebsiteEntry,
    "export": FolderEntry,
    "rules": RuleEntry,
}
