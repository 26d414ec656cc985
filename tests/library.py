"""A small help centre to test on, and the making of chunks by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

import numpy as np

from app.confidence import Calibration
from ingestion.progress import LogMeter
from ingestion.releases.ledger import Ledger
from ingestion.releases.publishing import Publisher
from ingestion.sources.files import FolderSource
from ingestion.sources.spec import SourceSpec
from retrieval.index import EncodedChunk, place_of
from retrieval.late import CODE_MAX, TokenMatrix
from retrieval.lexical import Bm25Encoder
from retrieval.models import BUNDLED_MODEL
from retrieval.sentences import split_units
from retrieval.types import Chunk, Passage, Scope, Signals

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from ingestion.releases.publishing import RunReport
    from retrieval.encoding import ChunkEncoder
    from retrieval.index import ChunkIndex

SURE = Calibration("always sure", intercept=10.0, weights={})
UNSURE = Calibration("never sure", intercept=-10.0, weights={})
# A best unit of 0.4 parts a page about the question from a page about anything else.
BY_SCORE = Calibration("by unit", intercept=-20.0, weights={"unit": 50.0})

SCOPE = Scope()

RETURNS = "How long do I have to return a kettle?"
LIGHT = "Why does the descaling light blink?"
NOWHERE = "Who won the football world cup in 1998?"

PAGES = {
    "returns.md": """\
# Return policy

## How long you have

You can return a kettle within 30 days of delivery. Keep the original box until then.

## How the money comes back

Refunds are paid to the card you used within five working days of the return.
""",
    "descaling.md": """\
# Descaling

## When to descale

The descaling light blinks when limescale has built up inside the kettle.

## How to descale

To remove the limescale:

1. Fill the kettle with vinegar up to the line.
2. Bring it to the boil and wait for one hour.
3. Pour the vinegar away and rinse the kettle twice.
""",
    "warranty.html": """\
<html><head><title>Warranty</title></head><body><main><h1>Warranty</h1>
<table><tr><th>Product</th><th>Years covered</th></tr>
<tr><td>Copper kettle</td><td>5</td></tr>
<tr><td>Travel kettle</td><td>2</td></tr></table></main></body></html>
""",
    "api.md": """\
# Orders API

Send your key in the authorization header to list the orders:

```
curl -H "Authorization: Bearer KEY" https://api.example.com/orders
```
""",
    "hours.txt": """\
Opening hours

Our shop in Leeds is open from nine to five on weekdays. It is closed on bank holidays.
""",
    "staff.md": """\
---
audience: staff
---
# Goodwill

Staff may give a goodwill voucher of twenty pounds without asking a manager.
""",
}


def write_pages(folder: Path, pages: dict[str, str]) -> Path:
    """Write pages under `folder`, making what is missing."""
    for name, text in pages.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


async def open_ledger(folder: Path) -> Ledger:
    """The ledger of the embedded index in `folder`."""
    return await Ledger.open(
        f"sqlite+aiosqlite:///{folder / 'releases.db'}", f"edge/{place_of(BUNDLED_MODEL)}"
    )


async def ingest(
    folder: Path,
    index: ChunkIndex,
    encoder: ChunkEncoder,
    ledger: Ledger,
    scope: Scope = SCOPE,
    *,
    base_url: str = "",
) -> RunReport:
    """Publish what `folder` holds."""
    publisher = Publisher(index=index, ledger=ledger, encoder=encoder, meter=LogMeter())
    source = FolderSource(folder, base_url=base_url)
    return await publisher.run([SourceSpec(scope.source, source, scope)])


def chunk(  # noqa: PLR0913 - one for each thing a test varies
    text: str,
    *,
    n: int = 1,
    page: str = "page.md",
    position: int = 0,
    context: str = "",
    start: int = 0,
    scope: Scope = SCOPE,
) -> Chunk:
    """A chunk with the units that ingestion would find in `text`."""
    return Chunk(
        id=str(UUID(int=n)),
        page=page,
        url=f"https://help.example.com/{page}",
        title="Title",
        headings=("Heading",),
        text=text,
        start=start,
        end=start + len(text),
        position=position,
        units=split_units(text),
        context=context,
        scope=scope,
    )


def passage(found: Chunk, score: float = 1.0, unit_scores: tuple[float, ...] = ()) -> Passage:
    """A retrieved chunk; its units score the same unless told otherwise."""
    scores = unit_scores or (score,) * len(found.units)
    signals = Signals(late=score, dense=score, lexical=score)
    return Passage(found, score, signals, scores, matches=(), tokens=len(found.text.split()))


def unit_vector(seed: int, dims: int = 32) -> NDArray[np.float32]:
    """A vector of length 1, the same for the same seed."""
    vector = np.random.default_rng(seed).standard_normal(dims)
    return np.asarray(vector / np.linalg.norm(vector), dtype=np.float32)


def encoded(found: Chunk, dense: NDArray[np.float32] | None = None) -> EncodedChunk:
    """A chunk as an index takes it, with vectors made up for it."""
    seed = UUID(found.id).int % 2**32
    codes = np.random.default_rng(seed).integers(-CODE_MAX, CODE_MAX, (5, 8), dtype=np.int8)
    return EncodedChunk(
        chunk=found,
        dense=unit_vector(seed) if dense is None else dense,
        lexical=Bm25Encoder().passage(found.text),
        late=TokenMatrix(codes, (0, 2, 5), 7),
    )
