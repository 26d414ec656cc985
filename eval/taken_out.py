"""Unanswerable questions for a set that has none: what answers them is not searched."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from eval.corpus import RetrievalSet

SEED = 0


def with_unanswerable(found: RetrievalSet) -> RetrievalSet:
    """The set, without the answers to half of its questions unless some are unanswerable anyway.

    Those are as hard as can be: all that surrounds the answer is still there. A question that
    loses some of its relevant passages and keeps others goes, as nobody judged what is left.
    """
    if found.unanswerable:
        return found
    asked = [question.id for question in found.answerable]
    chosen = np.random.default_rng(SEED).permutation(asked)[: len(asked) // 2].tolist()
    out = {passage for name in chosen for passage in found.relevant[name]}
    whole = {name: gold for name, gold in found.relevant.items() if out.isdisjoint(gold)}
    left = {name for name, gold in found.relevant.items() if out.issuperset(gold)} | set(whole)
    return replace(
        found,
        name=f"{found.name} without half of its answers",
        passages=tuple(passage for passage in found.passages if passage.id not in out),
        questions=tuple(question for question in found.questions if question.id in left),
        relevant=whole,
    )
