"""Logistic regressions whose coefficients are kept in JSON files."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

LARGEST = 1000.0  # signals are about 1: a coefficient far above is a slip
FURTHEST = 30.0  # beyond this logit a probability is 0 or 1 to any reader


def probability(
    intercept: float, weights: Mapping[str, float], signals: Mapping[str, float]
) -> float:
    """What the regression makes of the signals, in [0, 1]."""
    logit = intercept + sum(weight * signals[name] for name, weight in weights.items())
    return 1 / (1 + math.exp(-max(-FURTHEST, min(FURTHEST, logit))))


def read_fit(path: Path) -> Any:  # noqa: ANN401 - the caller has yet to look what it is
    """What a file of coefficients holds.

    Raises:
        ValueError: It cannot be read, or is not JSON; the message says which.
    """
    try:
        return json.loads(path.expanduser().read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"it cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ValueError(f"it is not JSON: {error}") from error


def not_a_coefficient(name: str, value: object) -> str:
    """Why a value is none that a fit could come to; empty when it is one.

    JSON, as Python reads it, has NaN too.
    """
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if is_number and -LARGEST <= value <= LARGEST:  # type: ignore[operator] # it is a number
        return ""
    return f"'{name}' is {json.dumps(value)}, not a number from -{LARGEST:g} to {LARGEST:g}"
