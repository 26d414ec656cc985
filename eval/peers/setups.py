"""Who takes part, and with which program."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from retrieval.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).parents[2]
PEERS_PYTHON = ROOT / ".venv-peers" / "bin" / "python"
OURS = "answerable"


@dataclass(frozen=True, slots=True)
class Setup:
    """A program that measures one set-up.

    Attributes:
        name: What `--only` and the program call it.
        library: Whose it is.
        parts: What it is made of, in a few words.
        command: What starts it; folder, name and the result's file follow.
    """

    name: str
    library: str
    parts: str
    command: tuple[str, ...]


def all_setups(peers_python: Path = PEERS_PYTHON) -> tuple[Setup, ...]:
    """Ours first."""
    ours = (sys.executable, "-m", "eval.peers.ours")
    return (
        Setup(OURS, "Answerable", "embedded Qdrant, OpenVINO", ours),
        *(
            Setup(name, library, parts, (str(peers_python), "-m", f"eval.peers.{module}"))
            for name, library, parts, module in _PEERS
        ),
    )


def chosen(setups: Sequence[Setup], beginnings: Sequence[str]) -> tuple[Setup, ...]:
    """The set-ups whose names begin so, and ours to compare with.

    Raises:
        BadInput: No name begins with one of these.
    """
    for beginning in beginnings:
        if not any(setup.name.startswith(beginning) for setup in setups):
            raise BadInput(
                f"No set-up's name begins with '{beginning}'.",
                hint=f"There are {', '.join(setup.name for setup in setups)}.",
            )
    return tuple(s for s in setups if s.name == OURS or s.name.startswith(tuple(beginnings)))


_PEERS = (
    ("langchain-hybrid", "LangChain", "Qdrant, PyTorch", "langchain_hybrid"),
    ("langchain-ensemble", "LangChain", "BM25 and FAISS, PyTorch", "langchain_ensemble"),
    ("langchain-ensemble-openvino", "LangChain", "BM25 and FAISS, OpenVINO", "langchain_ensemble"),
    ("haystack-memory", "Haystack", "in memory, PyTorch", "haystack_memory"),
    ("haystack-memory-openvino", "Haystack", "in memory, OpenVINO", "haystack_memory"),
    ("haystack-hybrid", "Haystack", "Qdrant, PyTorch", "haystack_hybrid"),
    ("llamaindex-fusion", "LlamaIndex", "BM25 and FAISS, PyTorch", "llamaindex_fusion"),
    ("llamaindex-fusion-openvino", "LlamaIndex", "BM25 and FAISS, OpenVINO", "llamaindex_fusion"),
)
