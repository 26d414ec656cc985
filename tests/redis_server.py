"""A real Redis 8 for the tests, taken from Debian 13's packages where the machine has none.

`python -m tests.redis_server` fetches them, from the mirror that the machine's own apt names; their
index is checked against Debian's signature, and each package against the index. Nothing is
installed: the server runs from a folder, on the C library beside it.
"""

from __future__ import annotations

import hashlib
import lzma
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

SUITE = "trixie"
FOLDER = Path(__file__).parent.parent / "var" / "test-redis"
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
PACKAGES = {
    "libatomic1",
    "libc6",
    "libcap2",
    "libgcc-s1",
    "libgcrypt20",
    "libgpg-error0",
    "libjemalloc2",
    "liblz4-1",
    "liblzf1",
    "liblzma5",
    "libssl3t64",
    "libstdc++6",
    "libsystemd0",
    "libzstd1",
    "redis-tools",
    "zlib1g",
}
WITH_VECTOR_SETS = 8
ABSENT = "no Redis 8 on this machine: run `python -m tests.redis_server`"
START_SECONDS = 10.0


@dataclass
class RedisServer:
    """A server that a test stops, pauses and starts again.

    Attributes:
        port: Where it listens on this machine.
        options: Further options, as on its command line.
    """

    port: int
    options: tuple[str, ...] = ()
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it, empty, and wait until it answers."""
        own = ("--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no")
        self._process = subprocess.Popen(
            [*redis_program(), *own, *self.options], stdout=subprocess.DEVNULL, cwd="/"
        )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise RuntimeError("Redis did not start")
            time.sleep(0.02)

    def stop(self) -> None:
        """Kill it; what it held is lost."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def pause(self) -> None:
        """Let it hang: connections stay open, and nothing answers."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=0.5) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False


@contextmanager
def redis_server(*options: str) -> Iterator[RedisServer]:
    """A server for as long as the test lasts; where there is none: a skip, and a failure in CI."""
    if not redis_program():
        if os.environ.get("CI") == "true":
            pytest.fail(ABSENT)
        pytest.skip(ABSENT)
    server = RedisServer(_free_port(), options)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def redis_program(folder: Path = FOLDER) -> list[str]:
    """How Redis 8 is started here; empty when there is none."""
    installed = shutil.which("redis-server")
    if installed and _version(installed) >= WITH_VECTOR_SETS:
        return [installed]
    loaders = sorted(folder.glob("usr/lib/*/ld-linux-*.so.*"))
    server = folder / "usr/bin/redis-check-rdb"  # the same program under another name
    if not loaders or not server.exists():
        return []
    libraries = str(loaders[0].parent)
    return [str(loaders[0]), "--argv0", "redis-server", "--library-path", libraries, str(server)]


def fetch(folder: Path = FOLDER) -> None:
    """Fetch the packages and unpack them into `folder`."""
    architecture = _output("dpkg", "--print-architecture")
    with httpx.Client(timeout=60, follow_redirects=True) as client, _temporary() as downloads:
        mirror, release = _signed_release(client, downloads)
        name = f"main/binary-{architecture}/Packages.xz"
        expected = re.search(rf"^ ([0-9a-f]{{64}}) +\d+ {re.escape(name)}$", release, re.MULTILINE)
        assert expected, f"Debian lists no {name}"
        index = _checked(client, f"{mirror}dists/{SUITE}/{name}", expected[1])
        unpacked = downloads / "unpacked"
        for path, digest in _packages(lzma.decompress(index).decode()):
            package = downloads / Path(path).name
            package.write_bytes(_checked(client, mirror + path, digest))
            subprocess.run(["dpkg", "-x", str(package), str(unpacked)], check=True)
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(unpacked, folder)


def _signed_release(client: httpx.Client, downloads: Path) -> tuple[str, str]:
    """The first mirror of apt's that has the suite, and its signed index."""
    targets = ("apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages")
    for mirror in dict.fromkeys(_output(*targets).split()):
        answer = client.get(f"{mirror}dists/{SUITE}/InRelease")
        if answer.is_success:
            signed = downloads / "InRelease"
            signed.write_bytes(answer.content)
            return mirror, _output("gpgv", "--keyring", str(KEYRING), "--output", "-", str(signed))
    raise SystemExit(f"none of this machine's apt mirrors has Debian's {SUITE}")


def _packages(index: str) -> list[tuple[str, str]]:
    """The address and digest of each package that is needed."""
    found = {}
    for entry in index.split("\n\n"):
        fields = dict(re.findall(r"^([A-Za-z0-9]+): (.*)$", entry, re.MULTILINE))
        if fields.get("Package") in PACKAGES:
            found[fields["Package"]] = (fields["Filename"], fields["SHA256"])
    assert found.keys() == PACKAGES, f"Debian has no {sorted(PACKAGES - found.keys())}"
    return list(found.values())


def _checked(client: httpx.Client, url: str, digest: str) -> bytes:
    content = client.get(url).raise_for_status().content
    assert hashlib.sha256(content).hexdigest() == digest, f"{url} is not what Debian signed"
    return content


def _version(program: str) -> int:
    found = re.search(r"v=(\d+)", _output(program, "--version"))
    return int(found[1]) if found else 0


def _output(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _temporary() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


if __name__ == "__main__":
    if not redis_program():
        fetch()
    print(_output(*redis_program(), "--version"))  # noqa: T201 - a program's answer
    sys.exit(0)
