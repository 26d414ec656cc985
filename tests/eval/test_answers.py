from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console

from app.bootstrap import open_service
from eval.answers import ScoredReply, ask_all, score
from eval.golden import GoldenQuestion, GoldPassage
from ingestion.progress import LogMeter
from tests.library import LIGHT, NOWHERE

if TYPE_CHECKING:
    from pathlib import Path

    from app.settings import Settings

CONSOLE = Console(stderr=True)
ANSWERED = GoldenQuestion(
    id="g1",
    question=LIGHT,
    kind="plain",
    earlier=(),
    passages=(
        GoldPassage(
            "descaling.md",
            "The descaling light blinks when limescale has built up inside the kettle.",
        ),
    ),
    answer="limescale",
)
UNANSWERED = GoldenQuestion("g2", NOWHERE, "out-of-scope", (), (), "")


def _reply(
    golden: GoldenQuestion, *, handed_over: bool, passage_right: bool, answer_given: bool = False
) -> ScoredReply:
    return ScoredReply(golden, "", 0.5, handed_over, passage_right, answer_given, ())


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


def test_only_answered_questions_count_for_what_is_cited() -> None:
    replies = [
        _reply(ANSWERED, handed_over=False, passage_right=True, answer_given=True),
        _reply(ANSWERED, handed_over=False, passage_right=False),
        _reply(ANSWERED, handed_over=True, passage_right=True),
        _reply(UNANSWERED, handed_over=True, passage_right=False),
        _reply(UNANSWERED, handed_over=False, passage_right=False),
    ]

    scores = score(replies)

    assert (scores.answerable, scores.answered) == (3, 2)
    assert (scores.cited_right, scores.answer_given) == (1, 1)
    assert (scores.unanswerable, scores.handed_over) == (2, 1)
    assert scores.by_kind == {"out-of-scope": (2, 1), "plain": (3, 1)}
