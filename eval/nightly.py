"""Times nightly runs over many documents: the first, one with nothing new, one with a few changes.

Each run is the real command in a process of its own, so that its memory is its own too.
"""

from __future__ import annotations

import json
import os
import resource  # noqa: TC003 - named beside what uses it
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, replace
from itertools import cycle, islice
from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table

from eval.footprint import Memory
from ingestion.sources.files import FolderSource
from ingestion.sources.source import SourceFile
from retrieval.errors import AnswerableError, BadInput

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from app.settings import Settings

TEXT = (".md", ".mdx", ".rst", ".txt")
KILOBYTE = 1024 if sys.platform == "linux" else 1  # what the system counts a process's memory in


@dataclass(frozen=True, slots=True)
class Run:
    """One run and what it took.

    Attributes:
        name: What was different.
        seconds: The run itself, from the first file read to the switch.
        wall_seconds: The whole command, with starting and loading the model.
        encoded: Passages that went through the embedder.
        changed: Pages that were added, changed or removed.
        encoder_share: How much of `seconds` the embedder worked, in [0, 1].
        own_bytes: The most memory of its own that its process had; None where that is not told.
        peak_bytes: The most memory in all, with mapped files, which the system may drop.
    """

    name: str
    seconds: float
    wall_seconds: float
    encoded: int
    changed: int
    encoder_share: float
    own_bytes: int | None
    peak_bytes: int


def measure(settings: Settings, documents: Path, pages: int, console: Console) -> list[Run]:
    """Make pages out of real ones, and run over them three times.

    Args:
        settings: Where prepared models are kept.
        documents: Real pages, of which the made ones are editions.
        pages: How many to make.
        console: Where it is said what is being done.

    Raises:
        BadInput: There are no pages of text to make others of.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "pages"
        make_editions(documents, folder, pages)
        console.print(f"{pages} pages made; the first run encodes all of them")
        home = Path(scratch) / "home"
        home.mkdir()
        (home / "models").symlink_to(settings.models_folder.resolve())
        first = _run("first", home, folder)
        console.print(f"{first.encoded} passages encoded in {first.seconds:.0f} s")
        unchanged = _run("nothing changed", home, folder)
        change_some(folder, max(1, pages // 100))
        return [first, unchanged, _run("1% changed", home, folder)]


def make_editions(documents: Path, folder: Path, count: int) -> None:
    """Write editions of real pages, in turn; each says in every paragraph which one it is."""
    originals = [
        file
        for file in FolderSource(documents).read()
        if isinstance(file, SourceFile) and file.page.endswith(TEXT)
    ]
    if not originals:
        raise BadInput(
            f"{documents} holds no page of text.", hint=f"Name a folder of {', '.join(TEXT)} files."
        )
    for number, file in enumerate(islice(cycle(originals), count)):
        edition = number // len(originals)
        path = folder / f"edition-{edition}" / file.page
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_edition(file.data.decode("utf-8", "replace"), edition), "utf-8")


def change_some(folder: Path, count: int) -> None:
    """Add a sentence to so many pages, spread over all of them."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    for path in paths[:: max(1, len(paths) // count)][:count]:
        path.write_text(path.read_text("utf-8") + "\n\nThis sentence is new tonight.\n", "utf-8")


def _edition(text: str, number: int) -> str:
    return "\n\n".join(_marked(text.split("\n\n"), number))


def _marked(paragraphs: list[str], number: int) -> Iterator[str]:
    for paragraph in paragraphs:
        prose = paragraph[:1].isalpha()
        yield f"In edition {number}, {paragraph}" if prose and number else paragraph


def _run(name: str, home: Path, folder: Path) -> Run:
    command = [sys.executable, "-m", "app", "ingest", str(folder), "--json"]
    environment = {**os.environ, "ANSWERABLE_HOME": str(home), "ANSWERABLE_INDEX_URL": ""}
    started = time.perf_counter()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own command
    assert process.stdout is not None  # noqa: S101 - it was asked for
    own, said = 0, []
    with process.stdout as lines:
        for line in lines:  # about one a second
            said.append(line)
            memory = Memory.of(process.pid)
            own = max(own, memory.own if memory else 0)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise AnswerableError(f"The {name} run ended with {os.waitstatus_to_exitcode(status)}.")
    process.returncode = 0  # it has been waited for, which Popen does not see
    run = _told(name, json.loads(said[-1]), time.perf_counter() - started, used)
    return replace(run, own_bytes=own or None)


def _told(name: str, report: dict[str, float], wall: float, used: resource.struct_rusage) -> Run:
    return Run(
        name=name,
        seconds=report["seconds"],
        wall_seconds=round(wall, 2),
        encoded=int(report["encoded"]),
        changed=int(report["added"] + report["changed"] + report["removed"]),
        encoder_share=report["encoder_seconds"] / report["seconds"],
        own_bytes=None,
        peak_bytes=used.ru_maxrss * KILOBYTE,
    )


def to_json(runs: list[Run]) -> str:
    """The figures of every run."""
    return json.dumps([asdict(run) for run in runs], indent=2)


def show(runs: list[Run], console: Console) -> None:
    """Print the figures."""
    table = Table("run", "pages changed", "encoded", "run, s", "command, s", box=None)
    table.add_column("in the encoder", justify="right")
    table.add_column("own memory, MB", justify="right")
    table.add_column("with mapped files, MB", justify="right")
    for run in runs:
        table.add_row(
            run.name,
            f"{run.changed:,}",
            f"{run.encoded:,}",
            f"{run.seconds:.1f}",
            f"{run.wall_seconds:.1f}",
            f"{run.encoder_share:.0%}",
            "-" if run.own_bytes is None else f"{run.own_bytes / 1e6:,.0f}",
            f"{run.peak_bytes / 1e6:,.0f}",
        )
    console.print(table)
