"""The embedding model for every framework: the same weights, on PyTorch or on OpenVINO.

PyTorch is what the frameworks' guides show. OpenVINO is what the guide of sentence-transformers
advises for CPUs, each framework has a parameter for it, and our own service runs on it.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eval.peers.protocol import Job

TORCH, OPENVINO = "torch", "openvino"

# On import OpenVINO reports its use to its makers, unless this package is missing.
sys.modules["openvino_telemetry"] = None  # type: ignore[assignment] # makes its import fail


@dataclass(frozen=True, slots=True)
class Encoder:
    """A model as sentence-transformers loads it.

    Attributes:
        folder: Where it is.
        backend: What runs it.
    """

    folder: str
    backend: str


def encoder(job: Job, backend: str) -> Encoder:
    """The model for a backend; for OpenVINO it is converted on first use.

    Raises:
        subprocess.CalledProcessError: The conversion failed.
    """
    if backend == TORCH:
        return Encoder(job.weights, TORCH)
    folder = Path(job.scratch) / OPENVINO
    if not folder.exists():
        # In a process of its own: what converting takes is no memory of the framework's.
        command = [sys.executable, "-m", "eval.peers.encoder", job.weights, str(folder)]
        subprocess.run(command, check=True)  # noqa: S603 - this module
    return Encoder(str(folder), OPENVINO)


def convert(weights: str, target: str) -> None:
    """Write the model with an OpenVINO graph beside its weights."""
    from sentence_transformers import SentenceTransformer  # noqa: PLC0415 - only here

    SentenceTransformer(weights, backend=OPENVINO, model_kwargs={"export": True}).save(target)


if __name__ == "__main__":
    convert(*sys.argv[1:])
