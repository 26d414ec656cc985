"""A folder of documents, read in the same order every time."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ingestion.decoding import looks_binary
from ingestion.sources.source import Skipped, SkipReason, SourceFile
from retrieval.errors import NothingToIngest, SourceNotFound

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet

# Formats with a container of their own, which may hold any byte; their readers tell damage.
_CONTAINERS = (".pdf", ".docx", ".pptx", ".xlsx", ".eml", ".zip")
SUFFIXES = (
    *(".md", ".markdown", ".mdx", ".rst", ".html", ".htm", ".txt"),
    *(".csv", ".tsv", ".json", ".jsonl", ".ndjson"),
    *_CONTAINERS,
)
DEFAULT_MAX_BYTES = 20_000_000


@dataclass(frozen=True, slots=True)
class FolderListing:
    """What a folder holds, found without opening a file.

    Attributes:
        pages: The files that will be read, sorted.
        skipped: Entries that are already known to be unusable, sorted.
        ignored: How many other visible files there are.
    """

    pages: tuple[str, ...]
    skipped: tuple[Skipped, ...]
    ignored: int

    def __str__(self) -> str:
        return f"{len(self.pages)} to read, {len(self.skipped)} skipped, {self.ignored} ignored"


@dataclass(frozen=True, slots=True)
class FolderSource:
    """A folder, or one file, of documents.

    Attributes:
        root: Where to look.
        base_url: Where customers read the same pages; empty when nowhere.
        max_bytes: Larger files are skipped without being read.
    """

    root: Path
    base_url: str = ""
    max_bytes: int = DEFAULT_MAX_BYTES

    def listing(self) -> FolderListing:
        """Say what will be read, without opening a file.

        Raises:
            SourceNotFound: The root does not exist.
            NothingToIngest: It holds no file with a suffix that is read.
        """
        walk = self._walk()
        return FolderListing(
            tuple(sorted(walk.pages)),
            tuple(walk.skipped[page] for page in sorted(walk.skipped)),
            walk.ignored,
        )

    def count(self) -> int:
        """How many results `read` will yield."""
        walk = self._walk()
        return len(walk.pages) + len(walk.skipped)

    def read(self, held: AbstractSet[str] = frozenset()) -> Iterator[SourceFile | Skipped]:
        """Read the files one at a time, in the order of their paths.

        Args:
            held: The pages that are stored; all files are read, whether stored or not.

        Returns:
            Each file, or why it was skipped.

        Raises:
            SourceNotFound: The root does not exist.
            NothingToIngest: It holds no file with a suffix that is read.
        """
        del held
        # The walk is done here, not in the generator: a wrong path fails at the call.
        walk = self._walk()
        return (
            walk.skipped[page] if page in walk.skipped else self._read(page, walk.pages[page])
            for page in sorted({*walk.pages, *walk.skipped})
        )

    def commit(self) -> None:
        """A folder is read anew each time: there is nothing to remember."""

    def _walk(self) -> _Walk:
        if not self.root.exists():
            raise SourceNotFound(
                f"{self.root} does not exist.", hint="Check the path of the documents."
            )
        walk = _Walk(Path(os.path.realpath(self.root)))
        walk.run()
        if not walk.pages and not walk.skipped:
            raise NothingToIngest(
                f"{self.root} holds no document; {walk.ignored} other files are there.",
                hint=f"Files that are read end in {', '.join(SUFFIXES)}.",
            )
        return walk

    def _read(self, page: str, path: Path) -> SourceFile | Skipped:
        try:
            return self._checked(page, path)
        except OSError as error:
            return Skipped(page, SkipReason.UNREADABLE, error.strerror or str(error))

    def _checked(self, page: str, path: Path) -> SourceFile | Skipped:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            return Skipped(page, SkipReason.UNREADABLE, "It is not a regular file.")
        if found.st_size > self.max_bytes:
            return self._too_large(page, found.st_size)
        with path.open("rb") as file:
            # One byte past the limit tells a file that grew since it was measured.
            data = file.read(self.max_bytes + 1)
        if len(data) > self.max_bytes:
            return self._too_large(page, len(data))
        if not data.strip():
            return Skipped(page, SkipReason.EMPTY, f"{len(data)} bytes, none of them text.")
        if looks_binary(data) and not page.lower().endswith(_CONTAINERS):
            return Skipped(page, SkipReason.BINARY, "Convert it to text or take it out.")
        return SourceFile(page, data, datetime.fromtimestamp(found.st_mtime, UTC))

    def _too_large(self, page: str, size: int) -> Skipped:
        detail = f"{size / 1e6:.1f} MB; the limit is {self.max_bytes / 1e6:.1f} MB."
        return Skipped(page, SkipReason.TOO_LARGE, detail)


@dataclass(slots=True)
class _Walk:
    """One walk over a folder.

    Links are followed after everything else, so that a file reachable twice is listed under
    its own name; a link into a hidden folder, as Kubernetes mounts a ConfigMap, still counts.
    """

    root: Path
    pages: dict[str, Path] = field(default_factory=dict)
    skipped: dict[str, Skipped] = field(default_factory=dict)
    ignored: int = 0
    seen: set[str] = field(default_factory=set)
    links: list[tuple[str, str]] = field(default_factory=list)

    def run(self) -> None:
        if self.root.is_dir():
            self._folder(str(self.root), "")
        else:
            self._file(self.root.name, str(self.root))
        while self.links:
            waiting, self.links = sorted(self.links), []
            for page, path in waiting:
                self._link(page, path)

    def _folder(self, path: str, prefix: str) -> None:
        if path in self.seen:
            return
        self.seen.add(path)
        try:
            with os.scandir(path) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except OSError as error:
            self._skip(prefix.rstrip("/"), SkipReason.UNREADABLE, error.strerror or "")
            return
        for entry in entries:
            if not entry.name.startswith("."):
                self._entry(entry, prefix + entry.name)

    def _entry(self, entry: os.DirEntry[str], page: str) -> None:
        if entry.is_symlink():
            self.links.append((page, entry.path))
        elif entry.is_dir():
            self._folder(entry.path, page + "/")
        else:
            self._file(page, entry.path)

    def _file(self, page: str, path: str) -> None:
        if path in self.seen:
            return
        self.seen.add(path)
        if page.lower().endswith(SUFFIXES):
            self.pages[_printable(page)] = Path(path)
        else:
            self.ignored += 1

    def _link(self, page: str, path: str) -> None:
        try:
            target = Path(path).resolve(strict=True)
        except (OSError, RuntimeError) as error:
            # Python before 3.13 reports a loop as RuntimeError, later ones as OSError.
            looped = isinstance(error, RuntimeError) or not isinstance(error, FileNotFoundError)
            reason = SkipReason.SYMLINK_LOOP if looped else SkipReason.UNREADABLE
            self._skip(page, reason, "" if looped else "Its target does not exist.")
            return
        if not target.is_relative_to(self.root):
            self._skip(page, SkipReason.LEAVES_ROOT, f"It leads to {target}.")
        elif Path(path).is_relative_to(target):
            self._skip(page, SkipReason.SYMLINK_LOOP, "It leads to a folder it is in.")
        elif target.is_dir():
            self._folder(str(target), page + "/")
        else:
            self._file(page, str(target))

    def _skip(self, page: str, reason: SkipReason, detail: str) -> None:
        name = _printable(page)
        self.skipped[name] = Skipped(name, reason, detail)


def _printable(page: str) -> str:
    """A path with undecodable bytes still has to be stored and shown as text."""
    return os.fsencode(page).decode("utf-8", "backslashreplace")
