from __future__ import annotations

from eval.corpus import CorpusPassage, DatasetQuestion, RetrievalSet
from eval.taken_out import with_unanswerable


def _set(relevant: dict[str, dict[str, int]], questions: int) -> RetrievalSet:
    names = sorted({name for gold in relevant.values() for name in gold} | {"other"})
    return RetrievalSet(
        name="kettles",
        passages=tuple(CorpusPassage(name, "", (), "", f"About {name}.") for name in names),
        questions=tuple(
            DatasetQuestion(f"q{i}", f"What of {i}?", (), "") for i in range(questions)
        ),
        relevant=relevant,
    )


def test_half_of_the_questions_lose_their_answer_and_only_that() -> None:
    whole = _set({f"q{i}": {f"p{i}": 1} for i in range(10)}, 10)

    found = with_unanswerable(whole)

    assert len(found.answerable) == len(found.unanswerable) == 5
    assert found.name == "kettles without half of its answers"
    left = {passage.id for passage in found.passages}
    assert left == {"other", *(name for gold in found.relevant.values() for name in gold)}


def test_a_question_that_loses_some_of_its_passages_goes() -> None:
    shared = {f"q{i}": {f"p{i}": 1, f"p{(i + 1) % 10}": 1} for i in range(10)}

    found = with_unanswerable(_set(shared, 10))

    left = {passage.id for passage in found.passages}
    for question in found.questions:
        kept = [name in left for name in shared[question.id]]
        assert all(kept) or not any(kept)
    assert found.unanswerable


def test_a_set_with_unanswerable_questions_stays_as_it_is() -> None:
    whole = _set({"q0": {"p0": 1}}, 2)

    assert with_unanswerable(whole) is whole
