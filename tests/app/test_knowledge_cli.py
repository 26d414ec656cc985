"""The commands that work on an index, from the first release to the last."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from app.control import served_knowledge
from app.ledgers import _opened
from app.serve import serving
from app.settings import Settings
from ingestion.releases.lease import write_lease
from tests.app.program import Ended, answerable
from tests.library import SURE, write_pages

if TYPE_CHECKING:
    from pathlib import Path

    from retrieval.embedders import Embedder

QUESTION = "How long does the battery last?"
GOLD = {
    "id": "1",
    "question": QUESTION,
    "kind": "plain",
    "answerable": True,
    "page": "battery.md",
    "passage": "The battery lasts for 10 hours of normal use.",
    "answer": "10 hours",
}


@pytest.fixture
def home(tmp_path: Path, embedder: Embedder, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the commands keep what they store; only the model is the one already loaded."""
    monkeypatch.setenv("ANSWERABLE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ANSWERABLE_PORT", "0")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("app.bootstrap.open_embedder", lambda *_: embedder)
    monkeypatch.setattr("app.bootstrap.shipped_calibration", lambda: SURE)
    return tmp_path


def write(home: Path, hours: int, **more: str) -> Path:
    battery = f"# Battery\n\nThe battery lasts for {hours} hours of normal use.\n"
    more = {f"{name}.md": f"# {name}\n\n{text}\n" for name, text in more.items()}
    return write_pages(home / "pages", {"battery.md": battery, **more})


def ingest(folder: Path, *options: object) -> Ended:
    ended = answerable("ingest", folder, *options)
    assert ended.code == 0, ended.err
    return ended


def events(ended: Ended) -> list[dict[str, Any]]:
    return [json.loads(line) for line in ended.lines]


def listed(*options: str) -> list[dict[str, Any]]:
    return events(answerable("releases", "--json", *options))


def golden(home: Path) -> Path:
    path = home / "golden.jsonl"
    path.write_text(json.dumps(GOLD) + "\n")
    return path


def test_a_run_says_what_it_did_in_sentences_and_in_events(home: Path) -> None:
    folder = write(home, 10, lid="The lid is made of copper.", empty="")
    (folder / "empty.md").write_text("")
    said = ingest(folder).out
    assert "skipped empty.md: The file is empty." in said
    assert f"{folder}: 2 pages (2 new, 0 changed, 0 moved, 0 removed, 0 unchanged)" in said
    assert "Release 1 is what readers see now: 2 passages encoded, 0 reused, 0 ended" in said

    write(home, 20)
    *progress, last = events(ingest(folder, "--json"))
    assert {event["event"] for event in progress} == {"progress"}
    assert progress[-1]["done"] == progress[-1]["total"] == 3
    assert last["event"] == "finished"
    wanted = {"outcome": "published", "release": 2, "tenant": "default", "changed": 1}
    wanted |= {"encoded": 1, "reused": 0, "ended": 1, "added": 0, "removed": 0, "unchanged": 1}
    assert wanted.items() <= last.items()
    assert [skipped["page"] for skipped in last["skipped"]] == ["empty.md"]
    assert last["sources"][str(folder)]["changed"] == 1

    assert "Nothing to publish, release 2 stays: 0 passages encoded" in ingest(folder).out


def test_a_dry_run_says_what_would_be_done_and_does_nothing(home: Path) -> None:
    folder = write(home, 10)
    assert "it would take: 1 passages encoded" in ingest(folder, "--dry-run").out
    assert listed() == listed("--runs") == []
    last = events(ingest(folder, "--dry-run", "--json"))[-1]
    assert (last["outcome"], last["release"], last["encoded"]) == ("planned", 0, 1)
    assert "has none yet: `answerable ingest` publishes the first" in answerable("releases").out


def test_releases_and_runs_are_listed(home: Path) -> None:
    folder = write(home, 10)
    ingest(folder)
    write(home, 20, lid="The lid is made of copper.")
    ingest(folder)
    assert answerable("ingest", home / "nowhere").code == 1
    first, second = sorted(listed(), key=lambda release: int(release["release"]))
    assert (first["current"], second["current"]) == ("", "*")
    assert (second["added"], second["changed"], second["encoded"]) == (1, 1, 2)
    [newest, *_] = listed("--runs")
    assert (newest["outcome"], newest["release"]) == ("published", 2)
    table = answerable("releases").out
    assert table.startswith("release current published")
    assert "2 *" in table
    assert listed("--tenant", "another") == []


def test_two_releases_are_compared_page_by_page(home: Path) -> None:
    folder = write(home, 10)
    ingest(folder)
    write(home, 20, lid="The lid is made of copper.")
    ingest(folder)
    assert answerable("release", "diff", 1, 2).lines == [
        "battery.md: +1 -1 moved 0",
        "lid.md: +1 -0 moved 0",
    ]
    [battery, _] = events(answerable("release", "diff", 1, 2, "--json"))
    assert battery == {"page": "battery.md", "added": 1, "removed": 1, "moved": 0}
    missing = answerable("release", "diff", 1, 7)
    assert missing.code == 1
    assert "'default' has no release 7" in missing.err


def test_what_no_kept_release_shows_is_vacuumed(home: Path) -> None:
    folder = write(home, 10)
    for hours in (10, 20, 30):
        ingest(write(home, hours))
    assert answerable("vacuum", "--keep", 1).out == "2 passages removed that no release shows."
    assert [release["release"] for release in listed()] == [3]
    gone = answerable("rollback", 1)
    assert (gone.code, "no release 1" in gone.err) == (1, True)
    ingest(write(home, 40))
    ingest(write(home, 50), "--keep", 2)
    assert [release["release"] for release in listed()] == [5, 4]
    assert folder.exists()


def test_a_refused_release_ends_with_3_and_changes_nothing(home: Path) -> None:
    folder = write(home, 10)
    ingest(folder)
    (folder / "battery.md").unlink()
    write_pages(folder, {"lid.md": "# Lid\n\nThe lid is made of copper.\n"})
    refused = answerable("ingest", folder, "--golden", golden(home))
    assert refused.code == 3
    assert refused.err.startswith("Error: Of 1 golden questions, 1 find their passage now and 0")
    assert QUESTION in refused.err
    assert [release["release"] for release in listed()] == [1]
    assert listed("--runs")[0]["outcome"] == "refused"
    lenient = events(ingest(folder, "--golden", golden(home), "--tolerance", 1, "--json"))[-1]
    assert (lenient["release"], lenient["gate"]["lost"]) == (2, [QUESTION])


def test_a_source_that_lost_most_pages_is_refused_unless_that_is_allowed(home: Path) -> None:
    folder = write(home, 10, **{f"page{n}": f"This is page {n}." for n in range(12)})
    ingest(folder)
    for n in range(12):
        (folder / f"page{n}.md").unlink()
    refused = answerable("ingest", folder)
    assert (refused.code, "--allow-removals" in refused.err) == (3, True)
    assert "12 removed" in ingest(folder, "--allow-removals").out


async def test_a_run_beside_another_ends_with_4(home: Path) -> None:
    folder = write(home, 10)
    await asyncio.to_thread(ingest, folder)
    async with _opened(Settings()) as ledger, write_lease(ledger):
        busy = await asyncio.to_thread(answerable, "ingest", folder)
    assert busy.code == 4
    assert "is writing to this index" in busy.err


def test_a_schedule_that_is_none_is_explained(home: Path) -> None:
    ended = answerable("ingest", write(home, 10), "--schedule", "now and then")
    assert (ended.code, "'now and then' is no schedule" in ended.err) == (1, True)


# While a server has the index open.


async def asked(url: str) -> str:
    async with httpx.AsyncClient(base_url=url, timeout=30) as client:
        response = await client.post("/v1/chat", json={"question": QUESTION})
        return str(response.json()["answer"])


async def answer_within(url: str, words: str, seconds: float) -> None:
    """Expect a server to say something else before long."""
    begun = time.monotonic()
    while words not in (answer := await asked(url)):
        assert time.monotonic() - begun < seconds, answer
        await asyncio.sleep(0.05)


async def test_a_running_server_publishes_and_is_followed_by_its_readers(home: Path) -> None:
    folder = write(home, 10)
    await asyncio.to_thread(ingest, folder)
    async with serving(Settings()) as (_, url):
        assert await served_knowledge(Settings()) is not None
        assert "10 hours" in await asked(url)
        write(home, 20)
        last = events(await asyncio.to_thread(ingest, folder, "--json"))[-1]
        assert (last["release"], last["encoded"]) == (2, 1)
        await answer_within(url, "20 hours", seconds=1)

        back = await asyncio.to_thread(answerable, "rollback")
        assert back.out == "Readers see release 1 of tenant 'default' now."
        await answer_within(url, "10 hours", seconds=1)
        await asyncio.to_thread(answerable, "rollback", 2)
        await answer_within(url, "20 hours", seconds=1)

        difference = await asyncio.to_thread(answerable, "release", "diff", 1, 2)
        assert difference.out == "battery.md: +1 -1 moved 0"
        removed = await asyncio.to_thread(answerable, "vacuum", "--keep", 1)
        assert removed.out.startswith("1 passages removed")
        assert "20 hours" in await asked(url)
    assert await served_knowledge(Settings()) is None


async def test_what_a_running_server_refuses_ends_as_it_would_without_one(home: Path) -> None:
    folder = write(home, 10)
    await asyncio.to_thread(ingest, folder)
    (folder / "battery.md").unlink()
    write_pages(folder, {"lid.md": "# Lid\n\nThe lid is made of copper.\n"})
    async with serving(Settings()) as (_, url):
        refused = await asyncio.to_thread(answerable, "ingest", folder, "--golden", golden(home))
        assert (refused.code, QUESTION in refused.err) == (3, True)
        missing = await asyncio.to_thread(answerable, "ingest", home / "nowhere")
        assert (missing.code, "does not exist" in missing.err) == (1, True)
        assert "10 hours" in await asked(url)
