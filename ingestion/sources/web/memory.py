"""What is remembered of a site's pages from one run to the next."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import TypeAdapter, ValidationError

from retrieval.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Remembered:
    """A page as it was last read.

    Attributes:
        page: Its name.
        etag: Its `ETag`; empty when it had none.
        modified: Its `Last-Modified`, as sent; empty when it had none.
        links: Where it led on the site, relative to the front page.
    """

    page: str
    etag: str
    modified: str
    links: tuple[str, ...]

    @property
    def conditions(self) -> dict[str, str]:
        """Request headers that ask for the page only if it has changed."""
        conditions = {"if-none-match": self.etag, "if-modified-since": self.modified}
        return {name: value for name, value in conditions.items() if value}


@dataclass(frozen=True, slots=True)
class _State:
    site: str
    pages: dict[str, Remembered]


_STATES = TypeAdapter(_State)


def load_memory(path: Path, site: str) -> dict[str, Remembered]:
    """What is remembered of a site; nothing where that cannot be read, or is another site's.

    Without it every page is fetched whole, which costs time and loses nothing.

    Args:
        path: The file.
        site: The address of its front page.
    """
    try:
        state = _STATES.validate_json(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValidationError) as error:
        _log.warning("%s cannot be used, every page is fetched whole: %s", path, error)
        return {}
    return state.pages if state.site == site else {}


def save_memory(path: Path, site: str, pages: Mapping[str, Remembered]) -> None:
    """Write down what is remembered, all of it or nothing.

    Raises:
        Unavailable: It cannot be written.
    """
    draft = path.with_name(f"{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_bytes(_STATES.dump_json(_State(site, dict(pages))))
        draft.replace(path)
    except OSError as error:
        raise Unavailable(
            f"{path} cannot be written: {error.strerror}.",
            hint="Check the folder's permissions and the free space.",
        ) from error
