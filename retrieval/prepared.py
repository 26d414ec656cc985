"""Models converted for this machine: made once, kept in a folder, trusted while it is whole."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from retrieval.errors import ModelMismatch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

GRAPH = "model.xml"
TOKENIZER = "tokenizer.json"
MANIFEST = "manifest.json"

_FACTS = "facts.json"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A converted model, whole.

    Attributes:
        folder: Holds the graph and the tokenizer.
        facts: What else was noted of the model when it was converted.
        digests: SHA-256 of each file, by its name in `folder`.
    """

    folder: Path
    facts: Mapping[str, Any]
    digests: Mapping[str, str]


def prepare(folder: Path, convert: Callable[[Path], Mapping[str, Any]]) -> Prepared:
    """`folder` as `convert` fills it, which happens on first use.

    A lock file keeps two starting processes from converting at once; a folder with a file whose
    digest no longer matches is made again.

    Args:
        folder: Where it belongs; see `folder_name`.
        convert: Writes the files into an empty folder. Returns the facts, fit for JSON.

    Raises:
        ModelMismatch: What was just written does not read back.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):
        prepared = _read(folder)
        if prepared is None:
            _build(folder, convert)
            prepared = _read(folder)
    if prepared is None:
        raise ModelMismatch(f"The model just prepared in {folder} does not read back.")
    return prepared


def folder_name(model: str, recipe: str, weights: str) -> str:
    """The name of what is prepared from `model`, another one for other weights.

    Args:
        model: Its name or folder.
        recipe: How it is converted; what was prepared otherwise is not reused.
        weights: What tells these weights from others of the same name.
    """
    made_of = repr((model, recipe, weights))
    return f"{Path(model).name}-{hashlib.sha256(made_of.encode()).hexdigest()[:8]}"


def state_of(model: str) -> str:
    """Changes with the files in a model's folder; the same for every hub model.

    Sizes and times tell new weights from old at once; digests of gigabytes would hold up every
    start.
    """
    folder = Path(model).expanduser()
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    stats = ((path.relative_to(folder), path.stat()) for path in files)
    return repr([(str(path), stat.st_size, stat.st_mtime_ns) for path, stat in stats])


def sha256(path: Path) -> str:
    """The file's SHA-256, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read(folder: Path) -> Prepared | None:
    """The folder; None if it is not there or not whole."""
    if not folder.exists():
        return None
    digests = _digests(folder)
    if _FACTS not in digests or _noted(folder) != digests:
        _log.warning("Files in %s are missing or damaged; preparing it again", folder)
        return None
    return Prepared(folder, json.loads((folder / _FACTS).read_text()), digests)


def _noted(folder: Path) -> object:
    try:
        return json.loads((folder / MANIFEST).read_text())
    except (OSError, ValueError):
        return None


def _digests(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST)
    return {str(path.relative_to(folder)): sha256(path) for path in files}


def _build(target: Path, convert: Callable[[Path], Mapping[str, Any]]) -> None:
    """Convert in a scratch folder, then move it into place whole."""
    _log.info("Preparing %s for this machine; once only", target)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the converter's, about its own way of tracing
        built = Path(scratch) / "model"
        built.mkdir()
        facts = convert(built)
        (built / _FACTS).write_text(json.dumps(facts, indent=2))
        (built / MANIFEST).write_text(json.dumps(_digests(built), indent=2))
        shutil.rmtree(target, ignore_errors=True)
        built.rename(target)
