"""The commands that work on an index: ingest, releases, release diff, rollback, vacuum."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path  # noqa: TC003 - Typer reads the annotations
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from app.console import err, out, settings_with
from retrieval.types import Scope

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from app.knowledge import IngestRequest
    from app.ledgers import ListedRelease, ListedRun
    from app.settings import Settings
    from ingestion.progress import Meter
    from ingestion.releases.publishing import RunReport
    from ingestion.releases.upkeep import PageDifference

Tenant = Annotated[str, typer.Option(help="Whose knowledge.")]

release_cli = typer.Typer(help="Look into releases.", no_args_is_help=True)


def add_knowledge_commands(cli: typer.Typer) -> None:
    """Have `answerable` know these commands."""
    for command in (ingest, releases, rollback, vacuum, quality):
        cli.command()(command)
    cli.add_typer(release_cli, name="release")


def ingest(  # noqa: PLR0913, PLR0917 - one for each option
    paths: Annotated[list[Path] | None, typer.Argument(help="Folders or files to read.")] = None,
    sources: Annotated[
        Path | None, typer.Option(help="A file that describes sources; see docs/sources.md.")
    ] = None,
    base_url: Annotated[
        str, typer.Option(help="Where customers read the same pages; citations link there.")
    ] = "",
    tenant: Tenant = "default",
    audience: Annotated[
        str, typer.Option(help="Who may see them, where a page does not say.")
    ] = "public",
    locale: Annotated[str, typer.Option(help="Their language, where a page does not say.")] = "en",
    product: Annotated[
        str, typer.Option(help="The product they are about; leave out for every product.")
    ] = "",
    remove: Annotated[
        list[str] | None, typer.Option(help="A source to take away, by its name.")
    ] = None,
    golden: Annotated[
        Path | None, typer.Option(help="Golden questions the new release has to answer.")
    ] = None,
    tolerance: Annotated[
        float, typer.Option(min=0, max=1, help="The share of them that may be lost.")
    ] = 0.02,
    keep: Annotated[int, typer.Option(min=2, help="How many releases to keep.")] = 5,
    engine: Annotated[
        str, typer.Option(help="Where the work is done: local, ray, or ray:ADDRESS.")
    ] = "local",
    schedule: Annotated[
        str, typer.Option(help='Run again and again, as cron says: "0 3 * * *".')
    ] = "",
    alert: Annotated[str, typer.Option(help="URL that is told, as JSON, when a run fails.")] = "",
    metrics: Annotated[
        Path | None, typer.Option(help="Write figures here, for Prometheus's textfile collector.")
    ] = None,
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be done.")
    ] = False,
    allow_removals: Annotated[
        bool,
        typer.Option("--allow-removals", help="Publish even when most pages of a source are gone."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print events as JSON lines.")] = False,
) -> None:
    """Publish what documents say now, as a release that can be rolled back.

    Reads Markdown, MDX, reStructuredText, HTML, text, PDF, DOCX, PPTX, XLSX, CSV, EML,
    help-centre exports in JSON, and zip files of these. Only what changed is encoded. The new
    release is checked before customers see it; when a check fails, they see what they saw.

    Ends with 0 when all went well, 1 when a source or a part failed, 3 when the release was
    refused, 4 when another run is at work.
    """
    from app.knowledge import IngestRequest  # noqa: PLC0415 - seconds of imports --help skips
    from app.scheduling import Alarm, run_on_schedule  # noqa: PLC0415
    from ingestion.releases.publishing import RunOptions  # noqa: PLC0415

    request = IngestRequest(
        folders=tuple(paths or ()),
        sources=sources,
        base_url=base_url,
        scope=Scope(tenant, audience, locale, product=product),
        remove=tuple(remove or ()),
        golden=golden,
        tolerance=tolerance,
        options=RunOptions(dry=dry_run, allow_removals=allow_removals or bool(remove), keep=keep),
        engine=engine,
    )
    settings = settings_with()
    alarm = Alarm(alert, metrics)

    async def run() -> None:
        with alarm.watching() as watch:
            watch.reports = await _ingest(settings, request, as_json=as_json)

    asyncio.run(run_on_schedule(schedule, run) if schedule else run())


async def _ingest(settings: Settings, request: IngestRequest, *, as_json: bool) -> list[RunReport]:
    from app.ingesting import open_knowledge  # noqa: PLC0415
    from app.run_events import finished_event, print_event, say  # noqa: PLC0415

    async with open_knowledge(settings) as knowledge:
        with _meter(as_json=as_json) as meter:
            reports = await knowledge.ingest(request, meter)
    for report in reports:
        if as_json:
            print_event("finished", **finished_event(report))
        else:
            say(report, out)
    return reports


@contextmanager
def _meter(*, as_json: bool) -> Iterator[Meter]:
    from app.run_events import EventMeter  # noqa: PLC0415
    from ingestion.progress import open_meter  # noqa: PLC0415

    if as_json:
        yield EventMeter()
        return
    with open_meter(err) as meter:
        yield meter


def releases(
    tenant: Tenant = "default",
    *,
    runs: Annotated[bool, typer.Option("--runs", help="List the last runs instead.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON lines.")] = False,
) -> None:
    """List the releases that are kept; the one that readers see is marked."""
    from app.ledgers import last_runs, listed_releases  # noqa: PLC0415 - --help skips the imports

    settings = settings_with()
    found: Sequence[ListedRelease | ListedRun] = asyncio.run(
        last_runs(settings, tenant) if runs else listed_releases(settings, tenant)
    )
    if as_json:
        for line in found:
            sys.stdout.write(json.dumps(asdict(line), default=str) + "\n")
    elif found:
        out.print(_table([asdict(line) for line in found]))
    else:
        out.print(f"Tenant '{tenant}' has none yet: `answerable ingest` publishes the first.")


@release_cli.command()
def diff(
    first: Annotated[int, typer.Argument(help="The number of a release.")],
    second: Annotated[int, typer.Argument(help="The number of another.")],
    tenant: Tenant = "default",
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON lines.")] = False,
) -> None:
    """Say what changed from one release to another, page by page."""
    from app.ingesting import open_knowledge  # noqa: PLC0415

    async def compare() -> list[PageDifference]:
        async with open_knowledge(settings_with()) as knowledge:
            return await knowledge.difference(tenant, first, second)

    for page in asyncio.run(compare()):
        if as_json:
            sys.stdout.write(json.dumps(asdict(page)) + "\n")
        else:
            changes = f"+{page.added} -{page.removed} moved {page.moved}"
            out.print(f"{page.page}: {changes}", markup=False, highlight=False)


def rollback(
    release: Annotated[
        int | None, typer.Argument(help="The release; leave out for the one before.")
    ] = None,
    tenant: Tenant = "default",
) -> None:
    """Have readers see an earlier release again, within a second and without a restart.

    A release that was rolled back stays: `answerable rollback` with its number goes forward again.
    """
    from app.ledgers import roll_back  # noqa: PLC0415

    number = asyncio.run(roll_back(settings_with(), tenant, release))
    out.print(f"Readers see release {number} of tenant '{tenant}' now.", highlight=False)


def vacuum(
    keep: Annotated[int, typer.Option(min=1, help="How many releases to keep.")] = 5,
    tenant: Tenant = "default",
) -> None:
    """Remove what no kept release shows, and what killed runs left behind."""
    from app.ingesting import open_knowledge  # noqa: PLC0415

    async def remove() -> int:
        async with open_knowledge(settings_with()) as knowledge:
            return await knowledge.vacuum(tenant, keep)

    out.print(f"{asyncio.run(remove())} passages removed that no release shows.", highlight=False)


def quality(
    paths: Annotated[list[Path] | None, typer.Argument(help="Folders or files to read.")] = None,
    sources: Annotated[
        Path | None, typer.Option(help="A file that describes sources; see docs/sources.md.")
    ] = None,
    base_url: Annotated[
        str, typer.Option(help="Where customers read the same pages; links there are checked.")
    ] = "",
    html: Annotated[Path | None, typer.Option(help="Write a page to look at here.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write findings here.")] = None,
) -> None:
    """Say what is wrong with documents: duplicates, contradictions, dead links, and more.

    Pages that say the same, or nearly; sentences that differ in a number or a date; pages with
    little on them or past their review date; links that lead nowhere; headings with nothing
    beneath. Nothing is stored, and nothing is published.
    """
    from app.assessing import assess_sources  # noqa: PLC0415
    from app.knowledge import IngestRequest  # noqa: PLC0415

    request = IngestRequest(tuple(paths or ()), sources=sources, base_url=base_url)
    files = [file for file in (html, json_file) if file is not None]
    with _meter(as_json=False) as meter:
        report = assess_sources(settings_with(), request, files, meter)
    for kind, count in report.counts.items():
        out.print(f"{count:6} {kind}", highlight=False)
    out.print(f"in {report.documents} documents", highlight=False)


def _table(rows: Sequence[dict[str, object]]) -> Table:
    table = Table(*rows[0], box=None)
    for row in rows:
        table.add_row(*(escape("" if value is None else str(value)) for value in row.values()))
    return table
