"""Writes small retrieval sets."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

PASSAGES = (
    {
        "_id": "returns#0",
        "page": "returns.md",
        "title": "Return policy",
        "headings": ["How long you have"],
        "text": "You can return a kettle within 30 days of delivery. Keep the original box.",
    },
    {
        "_id": "descaling#0",
        "page": "descaling.md",
        "title": "Descaling",
        "headings": ["When to descale"],
        "text": "The descaling light blinks when limescale has built up inside the kettle.",
    },
    {
        "_id": "descaling#1",
        "page": "descaling.md",
        "title": "Descaling",
        "headings": ["How to descale"],
        "text": "Fill the kettle with vinegar up to the line. Bring it to the boil.",
    },
)
QUERIES = (
    {"_id": "q1", "text": "How many days do I have to send a kettle back?", "answer": "30 days"},
    {
        "_id": "q2",
        "text": "and in Ireland?",
        "history": [
            {"speaker": "user", "text": "How do I return a kettle?"},
            {"speaker": "agent", "text": "Within 30 days."},
        ],
    },
    {"_id": "q3", "text": "Why does the descaling light blink?"},
)
QRELS = ("query-id\tcorpus-id\tscore", "q1\treturns#0\t1", "q3\tdescaling#0\t2")


def write_lines(path: Path, rows: Sequence[object]) -> None:
    """One line for each row: text as it is, anything else as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def write_beir(
    folder: Path,
    *,
    passages: Sequence[object] = PASSAGES,
    queries: Sequence[object] = QUERIES,
    qrels: Sequence[str] = QRELS,
) -> Path:
    """A BEIR folder; without `qrels` it has no such file."""
    write_lines(folder / "corpus.jsonl", passages)
    write_lines(folder / "queries.jsonl", queries)
    if qrels:
        write_lines(folder / "qrels.tsv", qrels)
    return folder
