"""A git repository of documents, kept as a shallow checkout."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from ingestion.sources.files import DEFAULT_MAX_BYTES, FolderSource
from ingestion.sources.source import SourceFile
from retrieval.errors import BadInput, SourceNotFound, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet

    from ingestion.sources.source import Skipped

DEFAULT_TIMEOUT = 300.0

# Whatever names another transport, `ext::` above all, could run any command.
_TRANSPORTS = "file:git:http:https:ssh"
_HELPER = re.compile(r"[\w+.-]*::")
_USERINFO = re.compile(r"://[^/\s]*@")
_QUERY = re.compile(r"\?\S*")
_SCP_LIKE = re.compile(r"[^/:]+:")
# git refuses these in a name too; the first three would be read as a refspec.
_NO_REF = re.compile(r"[:+*^~?\[\\\s\x00-\x1f\x7f]|\.\.|@\{")
# Set while a hook runs: git would then work on the repository of the hook.
_FOREIGN = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR")
_NO_REPOSITORY = re.compile(r"not found|does not exist|does not appear to be a git repository")
_NO_SUCH_REF = re.compile(r"couldn't find remote ref|not our ref")
_LONGEST_COMPLAINT = 300


@dataclass(frozen=True, slots=True)
class GitSource:
    """A folder of a git repository at a branch, tag or commit.

    Attributes:
        address: What `git fetch` takes: a URL, `user@host:path`, or a local folder.
        checkouts: Where checkouts are kept, one for each address and ref.
        ref: Branch, tag, or full commit id where the server allows it; empty for its default.
        folder: The folder inside the repository to read; empty for all of it.
        base_url: Where customers read the same pages; empty when nowhere.
        max_bytes: Larger files are skipped without being read.
        timeout: How long git may take, in seconds.
    """

    # It may hold a password, which a traceback or a log line would show.
    address: str = field(repr=False)
    checkouts: Path
    ref: str = ""
    folder: str = ""
    base_url: str = ""
    max_bytes: int = DEFAULT_MAX_BYTES
    timeout: float = DEFAULT_TIMEOUT

    def __post_init__(self) -> None:
        if not self.address or self.address.startswith("-") or _HELPER.match(self.address):
            raise BadInput(
                f"'{self.shown}' is not an address of a git repository.",
                hint="Give an https, ssh or file URL, user@host:path, or a local folder.",
            )
        if self.ref.startswith("-") or _NO_REF.search(self.ref):
            raise BadInput(
                f"'{self.ref}' is not a name of a branch, a tag or a commit.",
                hint="Give one name, such as main or v2.1.",
            )

    @property
    def shown(self) -> str:
        """The address as it may be shown: without credentials."""
        return _without_secrets(self.address)

    @property
    def checkout(self) -> Path:
        """Where the working copy is."""
        name = f"{self.shown}\n{self.ref}"
        slug = re.sub(r"[^\w.-]+", "-", self.shown.rpartition("://")[2]).strip("-.")[:60]
        return self.checkouts / f"{slug}-{blake2b(name.encode(), digest_size=6).hexdigest()}"

    def count(self) -> int:
        """How many results `read` will yield; brings the checkout up to date.

        Raises:
            SourceNotFound: There is no such repository, ref or folder.
            NothingToIngest: It holds no document.
            Unavailable: git is missing, or the repository cannot be reached.
        """
        return self._updated().count()

    def read(self, held: AbstractSet[str] = frozenset()) -> Iterator[SourceFile | Skipped]:
        """Bring the checkout up to date and read it as a folder is read.

        Args:
            held: The pages that are stored; all files are read, whether stored or not.

        Raises:
            SourceNotFound: There is no such repository, ref or folder.
            NothingToIngest: It holds no document.
            Unavailable: git is missing, or the repository cannot be reached.
        """
        files = self._updated().read(held)
        committed = datetime.fromtimestamp(int(self._git("log", "-1", "--format=%ct")), UTC)
        return (_no_later(file, committed) for file in files)

    def commit(self) -> None:
        """The checkout is compared with the repository each time: nothing to remember."""

    def _updated(self) -> FolderSource:
        try:
            self.checkout.mkdir(parents=True, exist_ok=True)
            with FileLock(f"{self.checkout}.lock", timeout=self.timeout):
                self._update()
        except Timeout:
            raise Unavailable(
                f"Another run is still fetching {self.shown}.", hint="Wait for it to end."
            ) from None
        except OSError as error:
            raise Unavailable(
                f"{self.checkout} cannot be written: {error.strerror}.",
                hint="Check the folder's permissions and the free space.",
            ) from error
        return FolderSource(self._root(), self.base_url, self.max_bytes)

    def _update(self) -> None:
        # No other run is here, so a lock that git left behind is that of a run that was killed.
        for stale in (self.checkout / ".git").glob("*.lock"):
            stale.unlink()
        self._git("init", "--quiet", "--template=")
        fetch = ("fetch", "--quiet", "--depth=1", "--no-tags", "--no-recurse-submodules", "--force")
        self._git(*fetch, "--", self._remote(), self.ref or "HEAD")
        self._git("checkout", "--quiet", "--force", "--detach", "FETCH_HEAD")
        # A checkout that was killed leaves files that git does not know it wrote.
        self._git("clean", "--quiet", "-ffdx")

    def _remote(self) -> str:
        """The address as git, which runs in the checkout, has to be given it."""
        if is_local(self.address):
            return str(Path(self.address).expanduser().resolve())
        return self.address

    def _root(self) -> Path:
        checkout = self.checkout.resolve()
        root = (checkout / self.folder).resolve()
        if not root.is_relative_to(checkout) or not root.exists():
            at = f" at {self.ref}" if self.ref else ""
            raise SourceNotFound(
                f"{self.shown} has no folder '{self.folder}'{at}.",
                hint="Give the folder's path from the top of the repository.",
            )
        return root

    def _git(self, *arguments: str) -> str:
        """What a git command prints; no hook runs and nothing is asked on a terminal."""
        command = ["git", "-C", str(self.checkout), "-c", "core.hooksPath=/dev/null", *arguments]
        try:
            process = subprocess.Popen(  # noqa: S603 - a list, and every part of it is checked
                command,
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except FileNotFoundError:
            raise Unavailable("git is not installed.", hint="Install git.") from None
        with process:
            said, complaint = self._ended(process)
        if process.returncode:
            raise self._error(complaint.decode(errors="replace"))
        return said.decode(errors="replace")

    def _ended(self, process: subprocess.Popen[bytes]) -> tuple[bytes, bytes]:
        try:
            return process.communicate(timeout=self.timeout)
        except subprocess.TimeoutExpired:
            raise Unavailable(
                f"{self.shown} took longer than {self.timeout:g} seconds.",
                hint="Run it again, or give it a longer timeout.",
            ) from None
        finally:
            if process.poll() is None:
                # The whole session: git leaves the network to programs that it starts.
                os.killpg(process.pid, signal.SIGKILL)

    def _error(self, complaint: str) -> SourceNotFound | Unavailable:
        if _NO_SUCH_REF.search(complaint):
            return SourceNotFound(
                f"{self.shown} has no branch, tag or commit '{self.ref or 'HEAD'}'.",
                hint="Check the ref; leave it out for the default branch.",
            )
        said = " ".join(_without_secrets(complaint).split())[:_LONGEST_COMPLAINT]
        message = f"{self.shown} cannot be fetched: {said}"
        if _NO_REPOSITORY.search(complaint):
            hint = "Check the address, and that this machine may read it."
            return SourceNotFound(message, hint=hint)
        return Unavailable(
            message,
            hint="Check the network, and git's own credentials (an SSH key, a credential helper).",
        )


def is_local(address: str) -> bool:
    """Whether git would read the address as a path on this machine."""
    return "://" not in address and not _SCP_LIKE.match(address)


def _no_later(file: SourceFile | Skipped, committed: datetime) -> SourceFile | Skipped:
    """A file is written when it is fetched, which is after it was committed."""
    if isinstance(file, SourceFile):
        return replace(file, modified=min(file.modified, committed))
    return file


def _without_secrets(text: str) -> str:
    return _QUERY.sub("", _USERINFO.sub("://", text))


def _environment() -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if name not in _FOREIGN}
    return inherited | {
        "GIT_ALLOW_PROTOCOL": _TRANSPORTS,
        "GIT_ASKPASS": "",
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C",
    }
