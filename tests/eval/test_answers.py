from __future__ import annotations

from typing import TYPE_CHECKING

from app.bootstrap import open_service
from eval.answers import ask_all, score
from eval.shares import Share
from ingestion.golden import GoldenQuestion
from ingestion.progress import LogMeter
from tests.eval.replies import ANSWERED, UNANSWERED, reply

if TYPE_CHECKING:
    from pathlib import Path

    from app.settings import Settings


async def test_real_replies_are_scored_against_the_gold_passage(
    settings: Settings, models_folder: Path
) -> None:
    settings.home.mkdir()
    (settings.home / "models").symlink_to(models_folder)
    async with open_service(settings) as service:
        right, elsewhere = await ask_all(service, [ANSWERED, UNANSWERED], LogMeter())

    assert right.passage_right
    assert right.evidence
    assert right.confidence > elsewhere.confidence
    assert not elsewhere.passage_right
    assert elsewhere.handed_over
    assert right.found[0].quoted
    assert right.found[0].right
    assert right.found[0].place == "descaling.md"
    assert [found.score for found in right.found] == sorted(
        (found.score for found in right.found), reverse=True
    )
    assert any("limescale has built up" in passage for passage in right.cited)


def test_only_answered_questions_count_for_what_is_cited() -> None:
    wordless = GoldenQuestion("g3", "?", "plain", (), ANSWERED.passages, "")
    replies = [
        reply(ANSWERED, passage_right=True, answer_given=True),
        reply(ANSWERED),
        reply(wordless, passage_right=True),
        reply(ANSWERED, handed_over=True, passage_right=True),
        reply(UNANSWERED, handed_over=True),
        reply(UNANSWERED),
    ]

    scores = score(replies)

    assert scores.answered == Share(3, 4)
    assert scores.cited_right == Share(2, 3)
    assert scores.answer_given == Share(1, 2)
    assert scores.handed_over == Share(1, 2)
    assert scores.by_kind == {"out-of-scope": Share(1, 2), "plain": Share(2, 4)}


def test_a_share_of_all_is_not_called_certain() -> None:
    interval = Share(5, 5).interval

    assert interval is not None
    assert interval.high == 1
    assert 0.5 < interval.low < 0.6


def test_a_share_of_nothing_has_no_interval() -> None:
    assert Share(0, 0).interval is None
