"""Finds out in which form a folder holds a retrieval set, and reads it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from eval.beir import is_beir, read_beir
from eval.corpus import CorpusPassage, DatasetQuestion, RetrievalSet
from eval.public_sets import is_chroma, is_clapnq, read_chroma, read_clapnq
from retrieval.errors import MalformedDataset

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["CorpusPassage", "DatasetQuestion", "RetrievalSet", "load_set"]

FORMS = (
    (is_beir, read_beir),
    (is_clapnq, read_clapnq),
    (is_chroma, read_chroma),
)


def load_set(folder: Path) -> RetrievalSet:
    """Read the set in a folder, or in the one BEIR folder within it.

    Raises:
        MalformedDataset: There is none, or it is not whole; the message names file and line.
    """
    for fits, read in FORMS:
        if fits(folder):
            return read(folder)
    within = _only_set_within(folder)
    return replace(read_beir(within), name=f"{folder.resolve().name}/{within.name}")


def _only_set_within(folder: Path) -> Path:
    if not folder.is_dir():
        raise MalformedDataset(f"{folder} is no folder.", hint="Give the folder of a data set.")
    within = sorted(entry for entry in folder.iterdir() if entry.is_dir() and is_beir(entry))
    if len(within) == 1:
        return within[0]
    if within:
        names = ", ".join(entry.name for entry in within)
        raise MalformedDataset(
            f"{folder} holds {len(within)} data sets: {names}.", hint="Give one of these folders."
        )
    raise MalformedDataset(
        f"{folder} holds no data set.",
        hint="It needs corpus.jsonl, queries.jsonl and qrels.tsv, or the files of CLAPnq or of "
        "Chroma's chunking evaluation.",
    )
