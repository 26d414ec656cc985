"""One question from the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.api.schemas import ChatResponse
from app.bootstrap import open_service
from app.types import Question
from retrieval.errors import BadInput
from retrieval.types import Reader

if TYPE_CHECKING:
    from app.settings import Settings


PUBLIC = Reader()


async def ask_once(settings: Settings, text: str, reader: Reader = PUBLIC) -> ChatResponse:
    """Answer one question in this process, from what `reader` may see.

    Raises:
        BadInput: The question is empty, or nothing has been ingested yet.
    """
    async with open_service(settings) as service:
        if await service.library.index.count() == 0:
            raise BadInput(
                "There are no documents to answer from.", hint="Run `answerable ingest FOLDER`."
            )
        question = Question.checked(text, settings.max_question_chars, reader=reader)
        return ChatResponse.of(await service.support.answer(question))
