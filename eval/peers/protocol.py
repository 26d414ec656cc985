"""What the benchmark and the programs it starts tell each other, as JSON files.

Only the standard library is imported here: each program runs in an environment of its own.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

CORPUS, QUERIES, JOB = "corpus.jsonl", "queries.jsonl", "job.json"
# How many passages each leg of a search finds before they are fused: as many as ours.
CANDIDATES = 20
STEP = "step: "  # ahead of a line of a program's output that says what it does now


class UnusableResult(ValueError):
    """What a program wrote is not a result; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A passage, as everybody is given it.

    Attributes:
        id: Names it in the set.
        page: The page it is from.
        title: The page's title.
        headings: Headings above it, outermost first.
        context: What stands above the text: title and headings as one line.
        text: What it says.
    """

    id: str
    page: str
    title: str
    headings: tuple[str, ...]
    context: str
    text: str

    @property
    def full_text(self) -> str:
        """All that is indexed, by us and by everybody else."""
        return f"{self.context}\n{self.text}" if self.context else self.text


@dataclass(frozen=True, slots=True)
class Question:
    """A question, as it is asked."""

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class Job:
    """What every program is to do.

    Attributes:
        weights: Folder of the embedding model, in the form of sentence-transformers.
        home: Folder where the product keeps the models it has prepared.
        scratch: Folder for what programs want to keep for each other.
        passages: What to search.
        questions: What to ask.
    """

    weights: str
    home: str
    scratch: str
    passages: tuple[Passage, ...]
    questions: tuple[Question, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """What one way of asking found, and how long it took.

    Attributes:
        found: For each question's id the ids of the passages found, best first.
        seconds: What each question took, in the questions' order.
    """

    found: Mapping[str, tuple[str, ...]]
    seconds: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """What a program measured.

    Attributes:
        versions: Version of each library that took part.
        ingest_seconds: From passages in memory to searchable.
        peak_bytes: The most memory the process held at any time, files mapped into it included.
        ways: What was found, for each way of asking.
    """

    versions: Mapping[str, str]
    ingest_seconds: float
    peak_bytes: int
    ways: Mapping[str, Asked]


def write_job(folder: Path, job: Job) -> None:
    """Put a job into a folder, where programs find it."""
    _write_lines(folder / CORPUS, [asdict(passage) for passage in job.passages])
    _write_lines(folder / QUERIES, [asdict(question) for question in job.questions])
    fields = {"weights": job.weights, "home": job.home, "scratch": job.scratch}
    (folder / JOB).write_text(json.dumps(fields), encoding="utf-8")


def read_job(folder: Path) -> Job:
    """The job that `write_job` put into a folder."""
    passages = [
        Passage(**{**fields, "headings": tuple(fields["headings"])})
        for fields in _read_lines(folder / CORPUS)
    ]
    questions = [Question(**fields) for fields in _read_lines(folder / QUERIES)]
    fields = json.loads((folder / JOB).read_text(encoding="utf-8"))
    return Job(**fields, passages=tuple(passages), questions=tuple(questions))


def write_result(path: Path, result: Result) -> None:
    """Leave what was measured."""
    path.write_text(json.dumps(asdict(result)), encoding="utf-8")


def read_result(path: Path, job: Job) -> Result:
    """What a program measured, once it is sure that it did the job.

    Raises:
        UnusableResult: It is no result, or one of another job.
    """
    if not path.exists():
        raise UnusableResult("it ended without a result")
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        result = Result(
            versions={str(k): str(v) for k, v in fields["versions"].items()},
            ingest_seconds=float(fields["ingest_seconds"]),
            peak_bytes=int(fields["peak_bytes"]),
            ways={str(name): _asked(way) for name, way in fields["ways"].items()},
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UnusableResult(f"its result cannot be read: {error!r}") from error
    _check(result, job)
    return result


def _asked(fields: Mapping[str, Mapping[str, Sequence[str]]]) -> Asked:
    found = {question: tuple(ids) for question, ids in fields["found"].items()}
    return Asked(found, tuple(float(seconds) for seconds in fields["seconds"]))


def _check(result: Result, job: Job) -> None:
    if not result.ways or result.ingest_seconds <= 0 or result.peak_bytes <= 0:
        raise UnusableResult("its result is empty")
    questions = [question.id for question in job.questions]
    passages = {passage.id for passage in job.passages}
    for name, asked in result.ways.items():
        if list(asked.found) != questions or len(asked.seconds) != len(questions):
            raise UnusableResult(f"'{name}' did not answer each question once")
        for question, ids in asked.found.items():
            if len(set(ids)) != len(ids) or not passages.issuperset(ids):
                raise UnusableResult(f"'{name}' found unknown or repeated passages for {question}")


def _write_lines(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")


def _read_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]
