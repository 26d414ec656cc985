"""What runs models: OpenVINO on a CPU, PyTorch on a GPU."""

from __future__ import annotations

import os
from threading import Lock
from typing import TYPE_CHECKING, Protocol

import numpy as np

from retrieval.errors import BadInput
from retrieval.prepared import GRAPH

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from openvino import Core
    from sentence_transformers import SentenceTransformer

# A question's matrices are small. More threads than this wait for each other.
MOST_QUESTION_THREADS = 4


class Engine(Protocol):
    """Runs an embedding model on a batch of padded texts."""

    def run(
        self, ids: NDArray[np.int64], mask: NDArray[np.int64]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """One forward pass.

        Args:
            ids: Token ids, of shape (texts, tokens).
            mask: 1 for a token, 0 for padding, of the same shape.

        Returns:
            Sentence vectors of shape (texts, dims), token vectors of (texts, tokens, dims).
        """


class Graph:
    """A prepared model's graph on the CPU, in bfloat16 where the CPU computes in it.

    But for rounding, every row of a batch is computed as it would be alone: what a question gets
    does not depend on who else is asking.
    """

    def __init__(self, folder: Path, threads: int) -> None:
        """`threads` is how many to run on; 0 for one on each core."""
        from retrieval.private_openvino import openvino  # noqa: PLC0415 - a GPU needs none of it

        core = openvino.Core()
        self.precision = "bf16" if _computes_bf16(core) else "f32"
        compiled = core.compile_model(
            folder / GRAPH,
            "CPU",
            {
                "INFERENCE_PRECISION_HINT": self.precision,
                "INFERENCE_NUM_THREADS": threads,
                "PERFORMANCE_HINT": "LATENCY",
            },
        )
        self._request = compiled.create_infer_request()
        self._lock = Lock()  # a request computes one batch at a time

    def run(self, *inputs: NDArray[np.int64]) -> list[NDArray[np.float32]]:
        """One forward pass; inputs and outputs in the order they have in the graph."""
        with self._lock:
            outputs = self._request.infer(list(inputs))
            return [np.array(output) for output in outputs.values()]


class OpenVinoEngine:
    """A prepared embedding model on the CPU."""

    def __init__(self, folder: Path, threads: int) -> None:
        """`threads` is how many to run on; 0 for one on each core."""
        self._graph = Graph(folder, threads)
        self.precision = self._graph.precision

    def run(
        self, ids: NDArray[np.int64], mask: NDArray[np.int64]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """See `Engine.run`."""
        sentences, tokens = self._graph.run(ids, mask)
        return sentences, tokens


class TorchEngine:
    """An embedding model as PyTorch runs it: in half precision on a GPU, in full on a CPU."""

    def __init__(self, model: SentenceTransformer) -> None:
        self.device = model.device.type
        self._model = model if self.device == "cpu" else model.half()

    def run(
        self, ids: NDArray[np.int64], mask: NDArray[np.int64]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """See `Engine.run`."""
        import torch  # noqa: PLC0415 - seconds to import; a process on OpenVINO needs none of it

        device = self._model.device
        with torch.inference_mode():
            inputs = {"input_ids": ids, "attention_mask": mask}
            features = self._model({k: torch.from_numpy(v).to(device) for k, v in inputs.items()})
            vectors = features["sentence_embedding"], features["token_embeddings"]
            sentences, tokens = (v.float().cpu().numpy() for v in vectors)
        return sentences, tokens


def expect_torch_device(device: str) -> None:
    """Try whether PyTorch can compute on `device`, such as "cuda" or "cpu".

    Raises:
        BadInput: It cannot, or there is no such device.
    """
    import torch  # noqa: PLC0415 - seconds to import; a process on OpenVINO needs none of it

    try:
        torch.ones(1, device=device).item()
    except (AssertionError, ImportError, RuntimeError) as error:
        reason = str(error).strip().partition("\n")[0].partition(". ")[0].rstrip(".")
        raise BadInput(
            f"PyTorch cannot use the device '{device}' here: {reason}.",
            hint="Set ANSWERABLE_DEVICE to cpu, or to a PyTorch device of this machine such as "
            "cuda.",
        ) from error


def _computes_bf16(core: Core) -> bool:
    return "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def half_the_cores() -> int:
    """How many threads leave half of the cores free for the search."""
    return max(1, (os.cpu_count() or 1) // 2)


def question_threads() -> int:
    """How many threads encode a question."""
    return min(MOST_QUESTION_THREADS, half_the_cores())
