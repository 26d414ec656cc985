"""What evaluation data can be wrong with; rooted in `retrieval/errors.py`."""

from __future__ import annotations

from retrieval.errors import BadInput


class MalformedDataset(BadInput):
    """A data file does not hold what it should; the message names file and line."""
