"""Fits the projection that stored token vectors go through, from prose of one's own.

`python -m eval.token_basis examples/help-centre retrieval/token_basis.npy` writes the one that
is shipped. Any support prose gives much the same subspace; what matters is that every index and
every process use one and the same, so it is a file and not fitted on the fly.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from ingestion.chunking import chunk_page
from ingestion.parsing import parse
from ingestion.sources.files import FolderSource
from ingestion.sources.source import SourceFile
from retrieval.embedders import Embedder, open_embedder
from retrieval.late import TOKEN_DIMS
from retrieval.models import BUNDLED_MODEL
from retrieval.types import Scope


def main(documents: str, target: str) -> None:
    """Fit on a folder of documents and write a float16 array of shape (dims, kept)."""
    embedder = open_embedder(BUNDLED_MODEL, Path("var/models"))
    tokens = np.concatenate([e.tokens for e in embedder.passages(_texts(documents, embedder))])
    _, vectors = np.linalg.eigh(tokens.T @ tokens)
    basis = vectors[:, ::-1][:, :TOKEN_DIMS]
    np.save(target, basis.astype(np.float16))
    sys.stdout.write(
        f"{len(tokens)} token vectors, {basis.shape[0]} to {basis.shape[1]} dimensions\n"
    )


def _texts(documents: str, embedder: Embedder) -> list[str]:
    files = (f for f in FolderSource(Path(documents)).read() if isinstance(f, SourceFile))
    return [
        chunk.embedded_text
        for file in files
        for chunk in chunk_page(parse(file), tokenizer=embedder, scope=Scope())
    ]


if __name__ == "__main__":
    main(*sys.argv[1:])
