"""Golden questions at the gate, asked of the real retriever."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ingestion.golden import GoldenQuestion, GoldPassage
from ingestion.releases.gate import MOST_NAMED, Gate
from ingestion.releases.types import Outcome
from retrieval.errors import ReleaseRefused
from retrieval.hybrid import Retriever
from retrieval.lexical import Bm25Encoder
from tests.library import LIGHT, NOWHERE, PAGES, RETURNS, write_pages

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from retrieval.batching import QuestionEncoder
    from retrieval.late import TokenCodec
    from tests.ingestion.releases.press import Press

    MakeGate = Callable[..., Gate]

DAYS = GoldPassage("returns.md", "You can return a kettle within 30 days of delivery.")
BLINKS = GoldPassage("descaling.md", "The descaling light blinks when limescale has built up")
HOURS = GoldPassage("hours.txt", "Our shop in Leeds is open from nine to five on weekdays.")


def question(asked: str, *passages: GoldPassage) -> GoldenQuestion:
    return GoldenQuestion(asked, asked, "plain", (), passages, "")


GOLDEN = (
    question(RETURNS, DAYS),
    question(LIGHT, BLINKS),
    question("When is the shop in Leeds open?", HOURS),
    question(NOWHERE),
)


@pytest.fixture
def make_gate(real_press: Press, encoder: QuestionEncoder, codec: TokenCodec) -> MakeGate:
    retriever = Retriever(index=real_press.index, encoder=encoder, bm25=Bm25Encoder(), codec=codec)
    return lambda tolerance=0.0, questions=GOLDEN: Gate(retriever, questions, tolerance)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_pages(tmp_path / "pages", PAGES)


async def test_before_the_first_release_there_is_nothing_to_lose(
    real_press: Press, folder: Path, make_gate: MakeGate
) -> None:
    (folder / "hours.txt").unlink()
    report = await real_press.publish(folder, gate=make_gate())
    assert report.gate is not None
    assert (report.gate.asked, report.gate.before, report.gate.after) == (3, 0, 2)
    assert report.gate.gained == (RETURNS, LIGHT)


async def test_a_page_that_is_gone_takes_its_golden_question_with_it(
    real_press: Press, folder: Path, make_gate: MakeGate
) -> None:
    await real_press.publish(folder)
    before = await real_press.shown()
    (folder / "returns.md").unlink()
    with pytest.raises(ReleaseRefused) as caught:
        await real_press.publish(folder, gate=make_gate(tolerance=0.3))
    assert "Of 3 golden questions, 3 find their passage now and 2 would" in caught.value.message
    assert f"\n  - {RETURNS}" in caught.value.message
    assert LIGHT not in caught.value.message
    assert await real_press.shown() == before
    assert (await real_press.ledger.runs("default"))[0].outcome == Outcome.REFUSED
    assert await real_press.index.unfinished("default", 2) == []


async def test_a_loss_within_the_tolerance_passes_and_is_told(
    real_press: Press, folder: Path, make_gate: MakeGate
) -> None:
    await real_press.publish(folder)
    (folder / "returns.md").unlink()
    report = await real_press.publish(folder, gate=make_gate(tolerance=0.34))
    assert report.outcome == Outcome.PUBLISHED
    assert report.gate is not None
    assert (report.gate.lost, report.gate.gained) == ((RETURNS,), ())
    assert report.gate.drop == pytest.approx(1 / 3)
    assert "returns.md" not in await real_press.shown()


async def test_what_is_gained_makes_up_for_what_is_lost(
    real_press: Press, folder: Path, make_gate: MakeGate
) -> None:
    (folder / "hours.txt").unlink()
    await real_press.publish(folder)
    write_pages(folder, {"hours.txt": PAGES["hours.txt"]})
    (folder / "returns.md").unlink()
    report = await real_press.publish(folder, gate=make_gate())
    assert report.gate is not None
    assert report.gate.drop == 0
    assert (len(report.gate.lost), len(report.gate.gained)) == (1, 1)


async def test_a_passage_that_reads_otherwise_now_is_lost(
    real_press: Press, folder: Path, make_gate: MakeGate
) -> None:
    await real_press.publish(folder)
    write_pages(folder, {"returns.md": PAGES["returns.md"].replace("30 days", "ten weeks")})
    with pytest.raises(ReleaseRefused, match="How long do I have"):
        await real_press.publish(folder, gate=make_gate())


async def test_only_so_many_lost_questions_are_named(
    real_press: Press, folder: Path, make_gate: MakeGate
) -> None:
    await real_press.publish(folder)
    (folder / "returns.md").unlink()
    many = tuple(question(f"{RETURNS} ({n})", DAYS) for n in range(MOST_NAMED + 2))
    with pytest.raises(ReleaseRefused) as caught:
        await real_press.publish(folder, gate=make_gate(questions=many))
    assert caught.value.message.count("\n  - ") == MOST_NAMED
    assert caught.value.message.endswith("and 2 more")


async def test_questions_are_held_against_what_readers_see_not_against_the_newest(
    real_press: Press, folder: Path, make_gate: MakeGate
) -> None:
    """After a rollback the candidate still builds on the newest release."""
    await real_press.publish(folder)
    (folder / "returns.md").unlink()
    await real_press.publish(folder)
    await real_press.ledger.point("default", 1)
    write_pages(folder, {"new.md": "# New\n\nNew words.\n"})
    with pytest.raises(ReleaseRefused, match="How long do I have"):
        await real_press.publish(folder, gate=make_gate())


async def test_a_run_with_nothing_to_publish_asks_nothing(
    real_press: Press, folder: Path, make_gate: MakeGate
) -> None:
    await real_press.publish(folder)
    assert (await real_press.publish(folder, gate=make_gate())).gate is None
