"""Whole runs, with the real reader, chunker, embedder and index."""

from __future__ import annotations

import asyncio
import ctypes
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

import pytest

from ingestion.ingest import BATCH, RESERVE_BYTES, Ingestion, IngestReport
from ingestion.progress import LogMeter
from ingestion.sources.files import FolderSource
from ingestion.sources.source import SkipReason
from retrieval.encoding import ChunkEncoder
from retrieval.errors import DiskFull, NothingToIngest, SourceNotFound
from retrieval.hybrid import Retriever
from retrieval.lexical import Bm25Encoder
from retrieval.types import Chunk, Reader, Scope
from tests.library import ingest, write_pages

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    from retrieval.batching import QuestionEncoder
    from retrieval.edge import EdgeIndex
    from retrieval.index import EncodedChunk
    from retrieval.late import TokenCodec
    from retrieval.types import Retrieval

PUBLIC = Reader()
GOOD = {"good.md": "# Good\n\nThe lid of the kettle is made of copper.\n"}


def sections(*words: str) -> str:
    """A page with one chunk for each word."""
    parts = (
        f"## About {word}\n\n" + f"The {word} is looked after with care. " * 22 for word in words
    )
    return "# Manual\n\n" + "\n\n".join(parts) + "\n"


async def chunks_of(index: EdgeIndex, page: str, reader: Reader = PUBLIC) -> list[Chunk]:
    return await index.page(page, reader)


def reasons(report: IngestReport) -> dict[str, SkipReason]:
    return {skipped.page: skipped.reason for skipped in report.skipped}


class CountingEncoder(ChunkEncoder):
    """Notes the chunks that pass through the real encoder."""

    def __init__(self, encoder: ChunkEncoder) -> None:
        self._real = encoder
        self.encoded: list[str] = []

    def count(self, text: str) -> int:
        return self._real.count(text)

    def encode(self, chunks: Sequence[Chunk]) -> list[EncodedChunk]:
        self.encoded += [chunk.text for chunk in chunks]
        return self._real.encode(chunks)


@pytest.fixture
def counting(chunk_encoder: ChunkEncoder) -> CountingEncoder:
    return CountingEncoder(chunk_encoder)


# Bad input, each beside a good page that has to arrive all the same.

BAD: dict[str, tuple[bytes, SkipReason]] = {
    "binary.md": (b"\x7fELF\x02\x01\x01\x00" + bytes(range(256)) * 40, SkipReason.BINARY),
    "empty.md": (b"", SkipReason.EMPTY),
    "blank.txt": (b" \n\t\n ", SkipReason.EMPTY),
    "huge.txt": (b"All work and no play. " * 2_300_000, SkipReason.TOO_LARGE),
    "tagsonly.html": (
        b"<html><body><script>var a = 1;</script></body></html>",
        SkipReason.UNPARSABLE,
    ),
    "utf16-cut.txt": (b"\xff\xfe" + "Grüße".encode("utf-16-le")[:-1], SkipReason.UNPARSABLE),
}


@pytest.mark.parametrize("name", BAD)
async def test_a_bad_file_is_named_and_the_rest_arrives(
    tmp_path: Path, own_index: EdgeIndex, chunk_encoder: ChunkEncoder, name: str
) -> None:
    data, reason = BAD[name]
    folder = write_pages(tmp_path / "pages", GOOD)
    (folder / name).write_bytes(data)
    report = await ingest(folder, own_index, chunk_encoder)
    assert reasons(report) == {name: reason}
    assert (report.pages, report.added) == (1, 1)
    assert len(await chunks_of(own_index, "good.md")) == 1


ODD: dict[str, tuple[bytes, str]] = {
    "latin1.txt": ("Die Kündigung für Gäste: 5 Tage. Größe wählen.".encode("latin-1"), "Kündigung"),
    "utf16.txt": ("Die Kündigung dauert fünf Tage.".encode("utf-16"), "Kündigung"),
    "utf16-unmarked.txt": ("The notice takes five days.".encode("utf-16-be"), "five days"),
    "bom.md": ("\ufeff# Notice\n\nIt takes five days.".encode(), "five days"),
    "broken.html": (b"<html><body><p>Five <b>days<div></i>notice</table><li>more", "notice"),
    "word.md": (b"Kettle", "Kettle"),
    "crlf.md": (b"# Notice\r\n\r\nIt takes\r\nfive days.\r\n", "five days"),
    "frontmatter.md": (b"---\n: [broken yaml\n---\n# T\n\nFive days.", "Five days"),
    "nul-name.md": (b"A line\x0c with a form feed.", "form feed"),
}


@pytest.mark.parametrize("name", ODD)
async def test_an_odd_file_is_read_for_what_it_says(
    tmp_path: Path, own_index: EdgeIndex, chunk_encoder: ChunkEncoder, name: str
) -> None:
    data, words = ODD[name]
    folder = write_pages(tmp_path / "pages", GOOD)
    (folder / name).write_bytes(data)
    report = await ingest(folder, own_index, chunk_encoder)
    assert report.skipped == ()
    found = await chunks_of(own_index, name)
    assert words in " ".join(chunk.text for chunk in found)


async def test_a_file_that_cannot_be_opened_is_named(
    tmp_path: Path,
    own_index: EdgeIndex,
    chunk_encoder: ChunkEncoder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = write_pages(tmp_path / "pages", {**GOOD, "secret.md": "Words."})
    forbid(monkeypatch, "secret.md")
    report = await ingest(folder, own_index, chunk_encoder)
    assert reasons(report) == {"secret.md": SkipReason.UNREADABLE}
    assert "Permission denied" in str(report.skipped[0])
    assert report.pages == 1


def forbid(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Root may open everything, so the refusal has to be made up."""
    real = Path.open

    def refuse(path: Path, mode: str = "r") -> IO[str] | IO[bytes]:
        if path.name == name:
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, mode)

    monkeypatch.setattr(Path, "open", refuse)


async def test_a_loop_of_links_is_named(
    tmp_path: Path, own_index: EdgeIndex, chunk_encoder: ChunkEncoder
) -> None:
    folder = write_pages(tmp_path / "pages", GOOD)
    (folder / "a.md").symlink_to(folder / "b.md")
    (folder / "b.md").symlink_to(folder / "a.md")
    (folder / "sub").symlink_to(folder)
    report = await ingest(folder, own_index, chunk_encoder)
    assert set(reasons(report)) == {"a.md", "b.md", "sub"}
    assert set(reasons(report).values()) == {SkipReason.SYMLINK_LOOP}
    assert report.pages == 1


async def test_all_of_it_at_once_leaves_every_good_page(
    tmp_path: Path, own_index: EdgeIndex, chunk_encoder: ChunkEncoder
) -> None:
    folder = write_pages(tmp_path / "pages", GOOD)
    small_bad = {name: data for name, (data, _) in BAD.items() if len(data) < 10**6}
    for name, data in {**small_bad, **{n: d for n, (d, _) in ODD.items()}}.items():
        (folder / name).write_bytes(data)
    report = await ingest(folder, own_index, chunk_encoder)
    assert set(reasons(report)) == set(small_bad)
    assert report.pages == 1 + len(ODD)
    assert await own_index.count() == report.chunks == report.added


async def test_nothing_but_bad_files_is_a_report_not_an_error(
    tmp_path: Path, own_index: EdgeIndex, chunk_encoder: ChunkEncoder
) -> None:
    folder = write_pages(tmp_path / "pages", {"empty.md": ""})
    report = await ingest(folder, own_index, chunk_encoder)
    assert (report.pages, report.chunks, len(report.skipped)) == (0, 0, 1)


async def test_a_missing_folder_touches_nothing(
    tmp_path: Path, own_index: EdgeIndex, chunk_encoder: ChunkEncoder
) -> None:
    folder = write_pages(tmp_path / "pages", GOOD)
    await ingest(folder, own_index, chunk_encoder)
    with pytest.raises(SourceNotFound):
        await ingest(tmp_path / "nowhere", own_index, chunk_encoder)
    assert await own_index.count() == 1


async def test_a_folder_that_was_emptied_touches_nothing(
    tmp_path: Path, own_index: EdgeIndex, chunk_encoder: ChunkEncoder
) -> None:
    """An unmounted share looks like an empty folder."""
    folder = write_pages(tmp_path / "pages", GOOD)
    await ingest(folder, own_index, chunk_encoder)
    (folder / "good.md").unlink()
    with pytest.raises(NothingToIngest):
        await ingest(folder, own_index, chunk_encoder)
    assert await own_index.count() == 1


# Running again.


async def test_running_twice_changes_nothing(
    tmp_path: Path,
    own_index: EdgeIndex,
    counting: CountingEncoder,
) -> None:
    folder = write_pages(tmp_path / "pages", {**GOOD, "manual.md": sections("lid", "spout")})
    first = await ingest(folder, own_index, counting)
    before = await chunks_of(own_index, "manual.md")
    counting.encoded.clear()
    second = await ingest(folder, own_index, counting)
    assert counting.encoded == []
    assert (second.added, second.removed, second.unchanged) == (0, 0, first.added)
    assert await chunks_of(own_index, "manual.md") == before


async def test_a_changed_page_encodes_only_its_changed_chunks(
    tmp_path: Path,
    own_index: EdgeIndex,
    counting: CountingEncoder,
) -> None:
    folder = write_pages(tmp_path / "pages", {"manual.md": sections("lid", "spout", "base")})
    await ingest(folder, own_index, counting)
    counting.encoded.clear()
    write_pages(folder, {"manual.md": sections("lid", "handle", "base")})
    report = await ingest(folder, own_index, counting)
    assert (report.added, report.removed) == (1, 1)
    assert (report.moved, report.unchanged) == (1, 1)  # a longer section pushed the last one on
    assert ["handle" in text for text in counting.encoded] == [True]
    texts = " ".join(chunk.text for chunk in await chunks_of(own_index, "manual.md"))
    assert "handle" in texts
    assert "spout" not in texts


async def test_chunks_that_moved_know_where_they_stand_now(
    tmp_path: Path, own_index: EdgeIndex, chunk_encoder: ChunkEncoder
) -> None:
    folder = write_pages(tmp_path / "pages", {"manual.md": sections("spout", "base")})
    await ingest(folder, own_index, chunk_encoder)
    write_pages(folder, {"manual.md": sections("lid", "spout", "base")})
    await ingest(folder, own_index, chunk_encoder)
    found = await chunks_of(own_index, "manual.md")
    assert [chunk.position for chunk in found] == [0, 1, 2]
    assert [c.start for c in found] == sorted({c.start for c in found})
    assert ["lid" in found[0].text, "spout" in found[1].text, "base" in found[2].text] == [True] * 3


async def test_a_new_base_url_reaches_the_pages_already_stored(
    tmp_path: Path, own_index: EdgeIndex, chunk_encoder: ChunkEncoder
) -> None:
    folder = write_pages(tmp_path / "pages", GOOD)
    await ingest(folder, own_index, chunk_encoder)
    await ingest(folder, own_index, chunk_encoder, base_url="https://help.example.com")
    [found] = await chunks_of(own_index, "good.md")
    assert found.url.startswith("https://help.example.com/good.md")


async def test_a_removed_pages_chunks_go(
    tmp_path: Path, own_index: EdgeIndex, chunk_encoder: ChunkEncoder
) -> None:
    folder = write_pages(tmp_path / "pages", {**GOOD, "manual.md": sections("lid", "spout")})
    await ingest(folder, own_index, chunk_encoder)
    (folder / "manual.md").unlink()
    report = await ingest(folder, own_index, chunk_encoder)
    assert (report.added, report.removed) == (0, 2)
    assert await chunks_of(own_index, "manual.md") == []


async def test_a_renamed_page_is_found_under_its_new_name_only(
    tmp_path: Path, own_index: EdgeIndex, chunk_encoder: ChunkEncoder
) -> None:
    folder = write_pages(tmp_path / "pages", GOOD)
    await ingest(folder, own_index, chunk_encoder)
    (folder / "good.md").rename(folder / "better.md")
    await ingest(folder, own_index, chunk_encoder)
    [stored] = (await own_index.stored("default", "documents")).values()
    assert stored.page == "better.md"


async def test_an_unreadable_page_keeps_what_is_stored_of_it(
    tmp_path: Path,
    own_index: EdgeIndex,
    chunk_encoder: ChunkEncoder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = write_pages(tmp_path / "pages", {**GOOD, "manual.md": sections("lid", "spout")})
    await ingest(folder, own_index, chunk_encoder)
    forbid(monkeypatch, "manual.md")
    report = await ingest(folder, own_index, chunk_encoder)
    assert report.removed == 0
    assert len(await chunks_of(own_index, "manual.md")) == 2


async def test_a_page_that_became_garbage_keeps_what_is_stored_of_it(
    tmp_path: Path, own_index: EdgeIndex, chunk_encoder: ChunkEncoder
) -> None:
    folder = write_pages(tmp_path / "pages", {**GOOD, "manual.md": sections("lid")})
    await ingest(folder, own_index, chunk_encoder)
    (folder / "manual.md").write_bytes(BAD["binary.md"][0])
    report = await ingest(folder, own_index, chunk_encoder)
    assert (report.removed, len(report.skipped)) == (0, 1)
    assert len(await chunks_of(own_index, "manual.md")) == 1


async def test_an_unreadable_folder_keeps_what_is_stored_of_its_pages(
    tmp_path: Path,
    own_index: EdgeIndex,
    chunk_encoder: ChunkEncoder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = write_pages(tmp_path / "pages", {**GOOD, "deep/down/manual.md": sections("lid")})
    await ingest(folder, own_index, chunk_encoder)
    real = os.scandir

    def refuse(path: str) -> Iterator[os.DirEntry[str]]:
        if str(path).endswith("deep"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", refuse)
    report = await ingest(folder, own_index, chunk_encoder)
    assert reasons(report) == {"deep": SkipReason.UNREADABLE}
    assert report.removed == 0
    assert len(await chunks_of(own_index, "deep/down/manual.md")) == 1


async def test_an_unreadable_root_keeps_everything(
    tmp_path: Path,
    own_index: EdgeIndex,
    chunk_encoder: ChunkEncoder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = write_pages(tmp_path / "pages", {**GOOD, "deep/manual.md": sections("lid")})
    await ingest(folder, own_index, chunk_encoder)

    def refuse(path: str) -> Iterator[os.DirEntry[str]]:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", refuse)
    report = await ingest(folder, own_index, chunk_encoder)
    assert report.removed == 0
    assert await own_index.count() == 2


# Tenants and sources.


async def test_two_tenants_may_have_the_same_page(
    tmp_path: Path, own_index: EdgeIndex, chunk_encoder: ChunkEncoder
) -> None:
    folder = write_pages(tmp_path / "pages", GOOD)
    for tenant in ("acme", "globex"):
        await ingest(folder, own_index, chunk_encoder, Scope(tenant))
    assert await own_index.count() == 2
    for tenant in ("acme", "globex"):
        [found] = await chunks_of(own_index, "good.md", Reader(tenant))
        assert found.scope.tenant == tenant


async def test_removing_one_tenants_page_leaves_the_others(
    tmp_path: Path, own_index: EdgeIndex, chunk_encoder: ChunkEncoder
) -> None:
    folder = write_pages(tmp_path / "pages", {**GOOD, "other.md": "# Other\n\nSomething else."})
    for tenant in ("acme", "globex"):
        await ingest(folder, own_index, chunk_encoder, Scope(tenant))
    (folder / "good.md").unlink()
    await ingest(folder, own_index, chunk_encoder, Scope("acme"))
    assert await chunks_of(own_index, "good.md", Reader("acme")) == []
    assert len(await chunks_of(own_index, "good.md", Reader("globex"))) == 1


async def test_two_sources_do_not_delete_each_others_chunks(
    tmp_path: Path, own_index: EdgeIndex, chunk_encoder: ChunkEncoder
) -> None:
    one = write_pages(tmp_path / "one", GOOD)
    two = write_pages(tmp_path / "two", {"other.md": "# Other\n\nSomething else."})
    for _ in range(2):
        await ingest(one, own_index, chunk_encoder, Scope(source="one"))
        await ingest(two, own_index, chunk_encoder, Scope(source="two"))
    assert await own_index.count() == 2


async def test_a_page_may_say_who_may_read_it(
    tmp_path: Path, own_index: EdgeIndex, chunk_encoder: ChunkEncoder
) -> None:
    staff = "---\naudience: staff\nlang: de\n---\n# Intern\n\nNur für uns."
    folder = write_pages(tmp_path / "pages", {"staff.md": staff})
    await ingest(folder, own_index, chunk_encoder)
    assert await chunks_of(own_index, "staff.md") == []
    [found] = await chunks_of(own_index, "staff.md", Reader(audiences=("staff",)))
    assert (found.scope.audience, found.scope.locale) == ("staff", "de")


async def test_a_page_opened_to_the_public_is_no_longer_the_staffs_alone(
    tmp_path: Path, own_index: EdgeIndex, chunk_encoder: ChunkEncoder
) -> None:
    folder = write_pages(tmp_path / "pages", {"a.md": "---\naudience: staff\n---\n# A\n\nWords."})
    await ingest(folder, own_index, chunk_encoder)
    write_pages(folder, {"a.md": "# A\n\nWords."})
    report = await ingest(folder, own_index, chunk_encoder)
    assert (report.added, report.removed) == (1, 1)
    assert len(await chunks_of(own_index, "a.md")) == 1


# A disk that fills up.


class Usage(NamedTuple):
    total: int
    used: int
    free: int


@pytest.fixture
def many_pages(tmp_path: Path) -> Path:
    pages = {f"{n:04}.md": f"# Part {n}\n\nScrew {n} holds plate {n}.\n" for n in range(BATCH + 30)}
    return write_pages(tmp_path / "pages", pages)


@pytest.fixture
def ask(
    own_index: EdgeIndex, encoder: QuestionEncoder, codec: TokenCodec
) -> Callable[[str], Awaitable[Retrieval]]:
    """Search what has been stored so far."""
    retriever = Retriever(index=own_index, encoder=encoder, bm25=Bm25Encoder(), codec=codec)
    return lambda question: retriever.retrieve(question, PUBLIC)


async def test_a_run_that_has_no_room_stores_nothing(
    tmp_path: Path,
    many_pages: Path,
    own_index: EdgeIndex,
    counting: CountingEncoder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**12, 0, RESERVE_BYTES))
    run = Ingestion(own_index, counting, LogMeter(), tmp_path)
    with pytest.raises(DiskFull, match=r"256 MB free.*run it again"):
        await run.run(FolderSource(many_pages), Scope())
    assert counting.encoded == []
    assert await own_index.count() == 0


async def test_a_disk_that_fills_up_stops_the_run_and_harms_nothing(
    tmp_path: Path,
    many_pages: Path,
    own_index: EdgeIndex,
    chunk_encoder: ChunkEncoder,
    ask: Callable[[str], Awaitable[Retrieval]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    free = [10**12, 10**12, RESERVE_BYTES]  # enough at the start and for the first batch
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**12, 0, free.pop(0)))
    run = Ingestion(own_index, chunk_encoder, LogMeter(), tmp_path)
    with pytest.raises(DiskFull):
        await run.run(FolderSource(many_pages), Scope())
    assert await own_index.count() == BATCH
    found = await ask("Which plate does screw 7 hold?")
    assert found.passages[0].chunk.page == "0007.md"
    monkeypatch.undo()
    report = await Ingestion(own_index, chunk_encoder, LogMeter(), tmp_path).run(
        FolderSource(many_pages), Scope()
    )
    assert (report.added, report.unchanged) == (30, BATCH)


MS_NOSUID, MNT_DETACH = 2, 2


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 400 MB; a run may use what is above its reserve."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root on Linux may mount a file system")
    folder = tmp_path / "disk"
    folder.mkdir()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"tmpfs", bytes(folder), b"tmpfs", MS_NOSUID, b"size=400m"):
        pytest.skip(f"mounting is not permitted here: {os.strerror(ctypes.get_errno())}")
    yield folder
    libc.umount2(bytes(folder), MNT_DETACH)


FILL = """
import asyncio, pathlib, sys
import numpy as np
from ingestion.ingest import Ingestion
from ingestion.progress import LogMeter
from ingestion.sources.files import FolderSource
from retrieval.edge import EdgeIndex
from retrieval.encoding import ChunkEncoder
from retrieval.errors import DiskFull
from retrieval.types import Reader, Scope
from tests.library import encoded, unit_vector

class FillingEncoder:
    '''Made-up vectors of the right size, while somebody else fills the disk.'''
    batches = 0
    def count(self, text):
        return len(text.split()) + 2
    def encode(self, chunks):
        self.batches += 1
        if self.batches == 2:
            (disk / "film").write_bytes(bytes(140_000_000))
        import dataclasses
        from retrieval.late import TokenMatrix
        late = TokenMatrix(np.zeros((120, 128), np.int8), (), 120)
        return [dataclasses.replace(encoded(c, unit_vector(1, 384)), late=late) for c in chunks]

disk, pages = map(pathlib.Path, sys.argv[1:])

async def main():
    index = EdgeIndex.open(disk / "index", model="m", dims=384)
    try:
        await Ingestion(index, FillingEncoder(), LogMeter(), disk).run(FolderSource(pages), Scope())
    except DiskFull as error:
        stored = await index.stored("default", "documents")
        page = next(iter(stored.values())).page
        assert await index.page(page, Reader())
        await index.close()
        index = EdgeIndex.open(disk / "index", model="m", dims=384)
        assert await index.count() == len(stored)
        await index.close()
        print("stopped with", len(stored), "of them:", error)

asyncio.run(main())
"""


async def test_a_real_disk_that_fills_up_stops_the_run_and_harms_nothing(
    tmp_path: Path, small_disk: Path
) -> None:
    """In a process of its own: an engine whose mapped file has no disk under it is killed."""
    pages = write_pages(
        tmp_path / "pages", {f"{n}.md": f"# Part {n}\n\nScrew {n}.\n" for n in range(5 * BATCH)}
    )
    run = await asyncio.to_thread(
        lambda: subprocess.run(
            [sys.executable, "-c", FILL, small_disk, pages],
            capture_output=True,
            text=True,
            check=False,
        )
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith(f"stopped with {2 * BATCH} of them"), run.stdout
