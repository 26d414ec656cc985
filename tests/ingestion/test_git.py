from __future__ import annotations

import os
import stat
import subprocess
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from ingestion.sources.git import GitSource
from ingestion.sources.source import SourceFile
from retrieval.errors import BadInput, NothingToIngest, SourceNotFound, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

COMMITTED = "2024-01-31T12:00:00+00:00"


class Repository:
    """A real repository that a test commits to."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir()
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *arguments: str) -> None:
        author = {"GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@example.com"}
        committer = {"GIT_COMMITTER_NAME": "A", "GIT_COMMITTER_EMAIL": "a@example.com"}
        dates = {"GIT_AUTHOR_DATE": COMMITTED, "GIT_COMMITTER_DATE": COMMITTED}
        env = os.environ | author | committer | dates
        subprocess.run(["git", "-C", str(self.root), *arguments], check=True, env=env)

    def commit(self, **pages: str) -> None:
        for name, text in pages.items():
            path = self.root / name.replace("__", "/")
            path = path.with_name(f"{path.name}.md")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message=x")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    repository = Repository(tmp_path / "repository")
    repository.commit(a="# One", docs__b="# Two")
    return repository


@pytest.fixture
def checkouts(tmp_path: Path) -> Path:
    return tmp_path / "checkouts"


def texts(source: GitSource) -> dict[str, str]:
    files = [file for file in source.read() if isinstance(file, SourceFile)]
    return {file.page: file.data.decode() for file in files}


def test_a_repository_is_read_like_a_folder(repository: Repository, checkouts: Path) -> None:
    source = GitSource(str(repository.root), checkouts)
    assert source.count() == 2
    assert texts(source) == {"a.md": "# One", "docs/b.md": "# Two"}


@pytest.mark.parametrize("form", ["{}", "file://{}"])
def test_the_next_read_brings_what_was_committed_since(
    repository: Repository, checkouts: Path, form: str
) -> None:
    source = GitSource(form.format(repository.root), checkouts)
    texts(source)
    (repository.root / "a.md").unlink()
    repository.commit(docs__b="# Two, again", c="# Three")
    assert texts(source) == {"docs/b.md": "# Two, again", "c.md": "# Three"}


def test_history_that_was_rewritten_is_followed(repository: Repository, checkouts: Path) -> None:
    source = GitSource(str(repository.root), checkouts)
    texts(source)
    repository.git("checkout", "--quiet", "--orphan", "fresh")
    repository.commit(a="# Anew")
    repository.git("branch", "--force", "main")
    repository.git("checkout", "--quiet", "main")
    assert texts(source)["a.md"] == "# Anew"


def test_a_folder_and_a_ref_are_chosen(repository: Repository, checkouts: Path) -> None:
    repository.git("tag", "v1")
    repository.commit(docs__b="# Newer")
    tagged = GitSource(str(repository.root), checkouts, ref="v1", folder="docs")
    assert texts(tagged) == {"b.md": "# Two"}
    newest = GitSource(str(repository.root), checkouts, folder="docs")
    assert texts(newest) == {"b.md": "# Newer"}


def test_only_the_newest_commit_is_fetched(repository: Repository, checkouts: Path) -> None:
    repository.commit(a="# Newer")
    source = GitSource(f"file://{repository.root}", checkouts)
    texts(source)
    log = ["git", "-C", str(source.checkout), "log", "--oneline"]
    assert len(subprocess.check_output(log).splitlines()) == 1


def test_a_file_is_dated_no_later_than_its_commit(repository: Repository, checkouts: Path) -> None:
    file = next(GitSource(str(repository.root), checkouts).read())
    assert isinstance(file, SourceFile)
    assert file.modified.isoformat() == COMMITTED


def test_hooks_do_not_run(repository: Repository, checkouts: Path, tmp_path: Path) -> None:
    source = GitSource(str(repository.root), checkouts)
    texts(source)
    hook = source.checkout / ".git" / "hooks" / "post-checkout"
    hook.parent.mkdir()
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    hook.chmod(hook.stat().st_mode | stat.S_IXUSR)
    repository.commit(a="# Newer")
    texts(source)
    assert not (tmp_path / "ran").exists()


def test_the_repository_of_a_hook_that_runs_us_is_left_alone(
    repository: Repository, checkouts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    assert texts(GitSource(f"file://{repository.root}", checkouts))
    assert not (tmp_path / "elsewhere").exists()


def test_a_run_that_was_killed_does_not_block_the_next(
    repository: Repository, checkouts: Path
) -> None:
    source = GitSource(str(repository.root), checkouts)
    texts(source)
    (source.checkout / ".git" / "index.lock").touch()
    (source.checkout / "half").mkdir()
    (source.checkout / "half" / "written.md").write_text("# Ha")
    repository.commit(a="# Newer")
    assert texts(source) == {"a.md": "# Newer", "docs/b.md": "# Two"}


def test_a_missing_ref_is_named(repository: Repository, checkouts: Path) -> None:
    with pytest.raises(SourceNotFound, match="has no branch, tag or commit 'v9'"):
        GitSource(str(repository.root), checkouts, ref="v9").read()


def test_a_missing_repository_is_named(tmp_path: Path, checkouts: Path) -> None:
    with pytest.raises(SourceNotFound, match=r"nowhere cannot be fetched.*Check the address"):
        GitSource(str(tmp_path / "nowhere"), checkouts).count()


def test_a_folder_without_documents_is_nothing_to_ingest(
    repository: Repository, checkouts: Path
) -> None:
    (repository.root / "img").mkdir()
    (repository.root / "img" / "logo.png").write_bytes(b"PNG")
    repository.commit()
    with pytest.raises(NothingToIngest):
        GitSource(str(repository.root), checkouts, folder="img").read()


@pytest.mark.parametrize("folder", ["nowhere", "..", "/etc", "out"])
def test_a_folder_that_is_not_in_the_repository_is_refused(
    repository: Repository, checkouts: Path, folder: str
) -> None:
    (repository.root / "out").symlink_to("/etc")
    repository.commit()
    with pytest.raises(SourceNotFound, match="has no folder"):
        GitSource(str(repository.root), checkouts, folder=folder).read()


@pytest.mark.parametrize("address", ["", "-ufoo", "--upload-pack=touch x", "ext::sh -c x", "fd::1"])
def test_an_address_that_could_run_something_is_refused(checkouts: Path, address: str) -> None:
    with pytest.raises(BadInput, match="is not an address of a git repository"):
        GitSource(address, checkouts)


@pytest.mark.parametrize("ref", ["-x", "--upload-pack=x", "a:b", "+main", "a b", "a..b", "@{1}"])
def test_a_ref_that_is_no_name_is_refused(checkouts: Path, ref: str) -> None:
    with pytest.raises(BadInput, match="is not a name of a branch"):
        GitSource("https://example.com/docs.git", checkouts, ref=ref)


def test_git_missing_is_said(
    repository: Repository, checkouts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(Unavailable, match="git is not installed"):
        GitSource(str(repository.root), checkouts).read()


@contextmanager
def server(status: int, seconds: float = 0.0) -> Iterator[str]:
    """Answers every request with one status, after some time; gives its host and port."""
    released = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            released.wait(seconds)
            self.send_response(status)
            self.send_header("www-authenticate", "Basic")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing on the terminal."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"127.0.0.1:{listening.server_port}"
        finally:
            released.set()
            listening.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("status", "error"), [(404, SourceNotFound), (401, Unavailable), (500, Unavailable)]
)
def test_credentials_never_show(
    checkouts: Path, status: int, error: type[SourceNotFound | Unavailable]
) -> None:
    with server(status) as host:
        source = GitSource(f"http://user:p%40ssw0rd@{host}/docs.git?token=t0ken", checkouts)
        with pytest.raises(error) as raised:
            source.read()
    shown = f"{raised.value} {raised.value.__cause__} {source!r} {source.checkout}"
    assert host in shown
    assert "ssw0rd" not in shown
    assert "t0ken" not in shown


@pytest.mark.parametrize("password", ["p@ssw0rd", "p:ssw0rd", "ssw0rd@@"])
def test_a_password_that_should_have_been_encoded_does_not_show_either(
    checkouts: Path, password: str
) -> None:
    source = GitSource(f"http://user:{password}@127.0.0.1:1/docs.git", checkouts)
    assert source.shown == "http://127.0.0.1:1/docs.git"


def test_nothing_is_asked_for_on_a_terminal(checkouts: Path) -> None:
    with server(401) as host, pytest.raises(Unavailable, match="credential helper"):
        GitSource(f"http://{host}/docs.git", checkouts).read()


def test_a_server_that_does_not_answer_is_given_up(checkouts: Path) -> None:
    with (
        server(200, seconds=5) as host,
        pytest.raises(Unavailable, match=r"took longer than 0\.3 seconds"),
    ):
        GitSource(f"http://{host}/docs.git", checkouts, timeout=0.3).read()
