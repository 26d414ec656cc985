"""OpenVINO that keeps to itself.

On import it reports its use to its makers, unless its telemetry package is missing. A service that
holds customers' questions tells nobody anything, so here it always is.
"""

from __future__ import annotations

import sys

sys.modules["openvino_telemetry"] = None  # type: ignore[assignment] # makes its import fail

import openvino  # noqa: E402 - only now is it safe to

__all__ = ["openvino"]
