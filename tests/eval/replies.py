"""Makes scored replies by hand."""

from __future__ import annotations

from eval.answers import ScoredReply
from eval.report import Found
from ingestion.golden import GoldenQuestion, GoldPassage
from tests.library import LIGHT, NOWHERE

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


def reply(
    golden: GoldenQuestion,
    *,
    confidence: float = 0.5,
    handed_over: bool = False,
    passage_right: bool = False,
    answer_given: bool = False,
    signals: dict[str, float] | None = None,
) -> ScoredReply:
    """A reply with one passage found."""
    found = Found("descaling.md > When", "The light blinks.", 0.6, passage_right, {"late": 0.7})
    return ScoredReply(
        golden=golden,
        reply="The descaling light blinks. [1]",
        confidence=confidence,
        handed_over=handed_over,
        passage_right=passage_right,
        answer_given=answer_given,
        evidence=(signals,) if signals else (),
        cited=("Descaling\nThe light blinks.",),
        found=(found,),
    )
