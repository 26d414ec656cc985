"""The real command, in processes of its own. Each start costs seconds, so each is used well."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from rich.console import Console

from app import demo
from app.bootstrap import open_service
from app.conversations import ConversationStore
from app.serve import serving
from retrieval.errors import AnswerableError, StoreUnavailable, Unavailable
from tests.library import PAGES, RETURNS, write_pages

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.api.schemas import ChatResponse
    from app.settings import Settings
    from retrieval.embedders import Embedder

COMMAND = Path(sys.executable).with_name("answerable")
COMMANDS = (
    *("serve", "demo", "ingest", "ask", "doctor", "train", "quality"),
    *("releases", "release", "rollback", "vacuum"),
)

Finished = subprocess.CompletedProcess[str]


def environment(home: Path, **settings: str) -> dict[str, str]:
    outside = {k: v for k, v in os.environ.items() if not k.startswith("ANSWERABLE_")}
    given = {f"ANSWERABLE_{name}": value for name, value in settings.items()}
    return {**outside, "ANSWERABLE_HOME": str(home), "COLUMNS": "200", **given}


def answerable(home: Path, *arguments: str | Path, **settings: str) -> Finished:
    return subprocess.run(
        [COMMAND, *arguments],
        env=environment(home, **settings),
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def words(text: str) -> str:
    """The text as one line, however the console wrapped it."""
    return " ".join(text.split())


def refused(run: Finished) -> str:
    """A mistake of the operator's is answered with sentences, not with a traceback."""
    assert run.returncode == 1, run.stdout + run.stderr
    assert "Traceback" not in run.stderr
    assert run.stderr.startswith("Error: ")
    return words(run.stderr)


def make_home(folder: Path, models_folder: Path) -> Path:
    folder.mkdir()
    (folder / "models").symlink_to(models_folder)
    return folder


@pytest.fixture
def empty_home(tmp_path: Path, models_folder: Path) -> Path:
    return make_home(tmp_path / "home", models_folder)


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pages(tmp_path_factory.mktemp("pages"), {**PAGES, "empty.md": ""})


@pytest.fixture(scope="module")
def first_run(
    tmp_path_factory: pytest.TempPathFactory, models_folder: Path, pages: Path
) -> tuple[Path, Finished]:
    """A home that `answerable ingest` has just filled, and what it printed."""
    home = make_home(tmp_path_factory.mktemp("cli") / "home", models_folder)
    return home, answerable(home, "ingest", pages, "--base-url", "https://help.example.com")


@pytest.fixture
def home(first_run: tuple[Path, Finished]) -> Path:
    return first_run[0]


def test_ingesting_says_what_was_read_and_what_was_not(
    first_run: tuple[Path, Finished], pages: Path
) -> None:
    _, run = first_run
    assert run.returncode == 0, run.stderr
    said = words(run.stdout)
    assert "skipped empty.md: The file is empty." in said
    assert f"{pages}: 6 pages (6 new, 0 changed, 0 moved, 0 removed, 0 unchanged)" in said
    assert "Release 1 is what readers see now: 6 passages encoded" in said
    assert "0 reused, 0 ended, 1 files skipped" in said


def test_ingesting_again_finds_nothing_new(home: Path, pages: Path) -> None:
    run = answerable(home, "ingest", pages, "--base-url", "https://help.example.com", "--json")
    *progress, last = [json.loads(line) for line in run.stdout.splitlines()]
    assert {event["event"] for event in progress} == {"progress"}
    assert (last["event"], last["outcome"], last["release"]) == ("finished", "unchanged", 1)
    assert (last["read"], last["unchanged"]) == (6, 6)
    assert (last["added"], last["changed"], last["removed"], last["encoded"]) == (0, 0, 0, 0)
    assert [skipped["page"] for skipped in last["skipped"]] == ["empty.md"]


def test_a_refused_release_ends_with_3(home: Path, pages: Path, tmp_path: Path) -> None:
    other = write_pages(tmp_path / "other", {"other.md": "# Other\n\nOther words.\n"})
    gold = {"id": "1", "question": RETURNS, "kind": "plain", "answerable": True}
    gold |= {"page": "returns.md", "passage": "within 30 days of delivery", "answer": "30 days"}
    (tmp_path / "golden.jsonl").write_text(json.dumps(gold) + "\n")
    golden = ("--golden", tmp_path / "golden.jsonl")
    run = answerable(home, "ingest", other, "--remove", pages, *golden)
    assert run.returncode == 3, run.stdout + run.stderr
    assert "Traceback" not in run.stderr
    assert f"Lost would be: - {RETURNS} Readers see what they saw before." in words(run.stderr)
    kept = json.loads(answerable(home, "releases", "--json").stdout)
    assert (kept["release"], kept["current"]) == (1, "*")


def test_an_answer_in_json_is_one_object(home: Path) -> None:
    run = answerable(home, "ask", RETURNS, "--json")
    assert run.returncode == 0, run.stderr
    reply = json.loads(run.stdout)
    wanted = {"answer", "citations", "confidence", "served_by", "handoff", "trace_id"}
    assert wanted <= set(reply)
    assert 0 <= reply["confidence"] <= 1
    assert reply["answer"]


def test_an_answer_is_found_without_loading_pytorch(home: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-X", "importtime", COMMAND, "ask", RETURNS],
        env=environment(home),
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert run.returncode == 0, run.stderr
    modules = {line.rpartition("|")[2].strip() for line in run.stderr.splitlines()}
    assert "openvino" in modules
    assert not modules & {"torch", "sentence_transformers", "transformers"}


def test_an_empty_question_is_refused(home: Path) -> None:
    assert "The question is empty." in refused(answerable(home, "ask", " "))


def test_asking_before_anything_is_ingested_says_what_to_do(empty_home: Path) -> None:
    said = refused(answerable(empty_home, "ask", RETURNS))
    assert "no documents" in said
    assert "answerable ingest FOLDER" in said


def test_the_doctor_finds_nothing_wrong_with_a_working_home(home: Path) -> None:
    run = answerable(home, "doctor")
    assert run.returncode == 0, run.stdout + run.stderr
    assert "BAD" not in run.stdout
    for part in ("machine", "torch", "disk", "embedder", "index", "database", "calibration"):
        assert f"{part}: " in run.stdout


def test_the_doctor_says_what_is_broken_and_how_to_mend_it(
    first_run: tuple[Path, Finished], tmp_path: Path, models_folder: Path
) -> None:
    damaged = make_home(tmp_path / "damaged", models_folder)
    shutil.copytree(first_run[0] / "index", damaged / "index")
    [shard] = (damaged / "index").glob("*/shard")
    (shard / "edge_config.json").write_text("{")
    (damaged / "answerable.db").write_bytes(b"not a database" * 100)
    run = answerable(damaged, "doctor")
    said = words(run.stdout)
    assert run.returncode == 1
    assert "Traceback" not in run.stderr
    assert "BAD index" in said
    assert "ingest again, or restore it from a backup" in said
    assert "BAD database" in said, "one broken part must not hide another"


@pytest.mark.parametrize("name", ["nowhere", "no[bold]where[/]", "no[/b]where"])
def test_a_missing_folder_is_named(empty_home: Path, name: str) -> None:
    assert f"{name} does not exist" in refused(answerable(empty_home, "ingest", name))


def test_a_folder_without_documents_says_what_would_be_read(empty_home: Path) -> None:
    folder = write_pages(empty_home / "pages", {"logo.svg": "<svg/>"})
    said = refused(answerable(empty_home, "ingest", folder))
    assert "holds no document; 1 other files" in said
    assert ".md" in said


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "abc"),
        ("THRESHOLD", "7"),
        ("ENV", "staging"),
        ("SUGGESTIONS", "not json"),
        ("DEVICE", "nonsense"),
    ],
)
def test_a_wrong_setting_is_named(empty_home: Path, name: str, value: str) -> None:
    run = answerable(empty_home, "ask", RETURNS, **{name: value})
    assert f"ANSWERABLE_{name}" in refused(run)


def test_embedded_parts_are_refused_in_production(empty_home: Path) -> None:
    assert "refused in production" in refused(answerable(empty_home, "doctor", ENV="production"))


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("database_url", "nonsense"),
        ("database_url", "sqlite+aiosqlite:////nowhere/at/all.db"),
        ("index_url", "redis://here"),
    ],
)
async def test_a_setting_that_leads_nowhere_is_named(
    demo_settings: Settings, name: str, value: str
) -> None:
    with pytest.raises(AnswerableError, match=f"ANSWERABLE_{name.upper()}"):
        async with open_service(demo_settings.model_copy(update={name: value})):
            pytest.fail("it opened")


def test_a_home_that_cannot_be_made_is_explained(empty_home: Path) -> None:
    (empty_home / "file").write_text("I am in the way.")
    run = answerable(empty_home, "doctor", HOME=str(empty_home / "file" / "home"))
    assert run.returncode == 1
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_is_quick_and_complete(tmp_path: Path, command: str) -> None:
    started = time.perf_counter()
    run = answerable(tmp_path, *filter(None, [command]), "--help")
    assert time.perf_counter() - started < 10
    assert run.returncode == 0
    assert "Usage: answerable" in run.stdout
    if not command:
        assert all(name in run.stdout for name in COMMANDS)


# A server of its own, and what others find while it runs.


@contextmanager
def server_process(home: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [COMMAND, "serve", "--port", str(port)],
        env=environment(home),
        cwd=home,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_until_ready(server, url)
        yield server, url
    finally:
        if server.poll() is None:
            server.kill()
        server.communicate()


def _wait_until_ready(server: subprocess.Popen[str], url: str) -> None:
    for _ in range(600):
        assert server.poll() is None, "the server stopped before it was ready"
        try:
            if httpx.get(f"{url}/readyz").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    pytest.fail("the server was not ready within a minute")


def test_a_server_answers_holds_its_index_and_stops_when_told(home: Path) -> None:
    with server_process(home) as (server, url):
        reply = httpx.post(f"{url}/v1/chat", json={"question": RETURNS}, timeout=30)
        assert reply.status_code == 200
        said = refused(answerable(home, "ask", RETURNS))
        assert f"open in another process (pid {server.pid})" in said
        assert "Stop that process first" in said
        server.send_signal(signal.SIGINT)
        _, errors = server.communicate(timeout=20)
        assert server.returncode in {0, 130, -signal.SIGINT}
        assert "Traceback" not in errors


# The demo's server, in this process: what it needs from the outside may be missing.


@pytest.fixture
def demo_settings(
    settings: Settings, embedder: Embedder, monkeypatch: pytest.MonkeyPatch
) -> Settings:
    monkeypatch.setattr("app.bootstrap.open_embedder", lambda *_: embedder)
    return settings.model_copy(update={"port": 0})


async def test_the_demos_server_listens_where_it_says(demo_settings: Settings) -> None:
    async with serving(demo_settings) as (_, url), httpx.AsyncClient() as client:
        assert (await client.get(f"{url}/healthz")).status_code == 200


async def test_a_demo_whose_port_is_taken_says_so(demo_settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        busy = demo_settings.model_copy(update={"port": taken.getsockname()[1]})
        with pytest.raises(Unavailable, match=r"Nothing can listen on .*ANSWERABLE_PORT"):
            async with serving(busy):
                pytest.fail("it listened on a port that was taken")


@pytest.mark.usefixtures("settled")
async def test_a_demo_without_its_database_does_not_blame_the_port(
    demo_settings: Settings,
) -> None:
    nowhere = demo_settings.model_copy(
        update={"database_url": "sqlite+aiosqlite:////nowhere/at/all.db"}
    )
    with pytest.raises(StoreUnavailable, match="ANSWERABLE_DATABASE_URL"):
        async with serving(nowhere):
            pytest.fail("it started without its database")


async def test_the_demo_answers_from_the_example_help_centre(
    demo_settings: Settings, tmp_path: Path
) -> None:
    shown: list[tuple[str, ChatResponse]] = []
    await demo.run_demo(
        demo_settings.model_copy(update={"index_url": f"edge:{tmp_path / 'demo'}"}),
        "How long do I have to return something?",
        show=lambda url, reply: shown.append((url, reply)),
        console=Console(file=StringIO()),
        once=True,
    )
    [(url, reply)] = shown
    assert url.startswith("http://127.0.0.1:")
    assert reply.citations[0].page == "returns/return-policy.md"
    assert "60 days" in reply.answer
    assert reply.handoff is None


async def test_the_database_file_is_made_on_first_use(tmp_path: Path) -> None:
    store = await ConversationStore.open(f"sqlite+aiosqlite:///{tmp_path / 'new.db'}")
    await store.close()
    assert (tmp_path / "new.db").exists()
