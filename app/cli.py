"""The command line: `answerable demo | serve | ingest | ask | doctor`."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import sys
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import ValidationError
from pydantic_settings import SettingsError
from rich.console import Console
from rich.logging import RichHandler
from rich.markup import escape
from rich.text import Text

from app.settings import Settings
from retrieval.errors import AnswerableError, BadInput
from retrieval.types import Reader, Scope

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.api.schemas import ChatResponse
    from ingestion.ingest import IngestReport

DEMO_SETTINGS: dict[str, object] = {
    "name": "Wrenfield Help",
    "suggestions": (
        "How long do I have to return something?",
        "How do I reset a Wren Valve (WV2)?",
        "Can I pause my plan?",
    ),
}

cli = typer.Typer(
    help="Short, cited answers from your own documents, and a person when they carry none.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
out = Console()
err = Console(stderr=True)


def main() -> None:
    """Entry point of the `answerable` command."""
    _log_to_stderr()
    from eval.cli import cli as eval_cli  # noqa: PLC0415 - the one door from app to eval

    cli.add_typer(eval_cli, name="eval")
    with _errors_explained():
        cli()


@cli.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
) -> None:
    """Serve the chat API and the chat page."""
    from app.serve import serve as run  # noqa: PLC0415 - seconds of imports that --help skips

    def announce(url: str) -> None:
        out.print(f"The chat page is at [bold]{url}[/], the API at {url}/docs. Ctrl-C stops it.")

    asyncio.run(run(_settings(host=host, port=port), announce))


@cli.command()
def demo(
    *,
    once: Annotated[
        bool, typer.Option(help="Ask one question, print the cited reply and stop.")
    ] = False,
    question: Annotated[str, typer.Option(help="What to ask.")] = (
        "How long do I have to return something?"
    ),
) -> None:
    """Load the example help centre, ask it a question, and open the chat page."""
    from app.demo import run_demo  # noqa: PLC0415

    settings = _settings(**DEMO_SETTINGS)

    def show(url: str, reply: ChatResponse) -> None:
        out.print(f"\n[bold]{escape(question)}[/]\n")
        print_reply(reply, out)
        if not once:
            out.print(f"\nThe chat page is at [bold]{url}[/]. Press Ctrl-C to stop.")

    asyncio.run(run_demo(settings, question, show=show, console=err, once=once))


@cli.command()
def ingest(  # noqa: PLR0913 - one for each option
    paths: Annotated[list[Path], typer.Argument(help="Folders or files to read.")],
    base_url: Annotated[
        str, typer.Option(help="Where customers read the same pages; citations link there.")
    ] = "",
    tenant: Annotated[str, typer.Option(help="Whose documents they are.")] = "default",
    audience: Annotated[
        str, typer.Option(help="Who may see them, where a page does not say.")
    ] = "public",
    locale: Annotated[str, typer.Option(help="Their language, where a page does not say.")] = "en",
    product: Annotated[
        str, typer.Option(help="The product they are about; leave out for every product.")
    ] = "",
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print the reports as JSON.")] = False,
) -> None:
    """Read documents into the index: Markdown, MDX, reStructuredText, HTML and text.

    Only what changed since the last run is encoded; what is gone from a folder is removed.
    """
    from app.ingesting import ingest_folders  # noqa: PLC0415

    scope = Scope(audience=audience, locale=locale, product=product)
    reports = asyncio.run(ingest_folders(_settings(), paths, tenant, base_url, err, scope=scope))
    for path, report in reports:
        _print_report(path, report, as_json=as_json)


@cli.command()
def ask(
    question: Annotated[str, typer.Argument(help="The question.")],
    locale: Annotated[str | None, typer.Option(help="Only pages in this language.")] = None,
    product: Annotated[
        str | None, typer.Option(help="Only pages about this product, or about every one.")
    ] = None,
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object instead of text.")
    ] = False,
) -> None:
    """Ask one question and print the cited answer."""
    from app.asking import ask_once  # noqa: PLC0415

    reader = Reader(locale=locale, product=product)
    reply = asyncio.run(ask_once(_settings(), question, reader))
    if as_json:
        sys.stdout.write(reply.model_dump_json() + "\n")
    else:
        print_reply(reply, out)


@cli.command()
def doctor() -> None:
    """Say what is installed, which parts are active, what is wrong and how to mend it."""
    from app.doctor import examine  # noqa: PLC0415

    findings = asyncio.run(examine(_settings()))
    for finding in findings:
        mark = "[green]ok  [/]" if finding.ok else "[red]BAD [/]"
        detail = escape(finding.detail)
        out.print(f"{mark} [bold]{finding.part}[/]: {detail}", highlight=False)
        if finding.mend:
            out.print(f"     -> {escape(finding.mend)}", highlight=False)
    if not all(finding.ok for finding in findings):
        raise typer.Exit(code=1)


def print_reply(reply: ChatResponse, console: Console) -> None:
    """Print a reply and where it comes from."""
    console.print(reply.answer, markup=False, highlight=False)
    console.print()
    for citation in reply.citations:
        place = " > ".join((citation.title, *citation.headings))
        console.print(f"[{citation.n}] {place}  ({citation.url})", markup=False, highlight=False)
    handoff = f", handed to a person: {reply.handoff.id}" if reply.handoff else ""
    console.print(
        f"confidence {reply.confidence:.2f}, served by {reply.served_by}{handoff}",
        style="dim",
        highlight=False,
    )


def _print_report(path: Path, report: IngestReport, *, as_json: bool) -> None:
    if as_json:
        fields = {**asdict(report), "path": str(path)}
        sys.stdout.write(json.dumps(fields) + "\n")
        return
    for skipped in report.skipped:
        out.print(f"skipped {skipped}", markup=False, highlight=False)
    out.print(
        f"{path}: {report.pages} pages, {report.chunks} passages "
        f"({report.added} new, {report.moved} moved, {report.removed} removed, "
        f"{report.unchanged} unchanged), "
        f"{len(report.skipped)} files skipped, {report.seconds:.1f} s",
        markup=False,
        highlight=False,
    )


def _settings(**overrides: object) -> Settings:
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        return Settings(**given)  # type: ignore[arg-type] # pydantic checks them
    except SettingsError as error:
        raise BadInput(
            f"The setting {_named_in(error)} cannot be read.",
            hint='Lists are written as JSON, ["like this"].',
        ) from error
    except ValidationError as error:
        problem = error.errors()[0]
        name = "ANSWERABLE_" + "_".join(str(part) for part in problem["loc"]).upper()
        raise BadInput(
            f"The setting {name} cannot be used: {problem['msg']}.",
            hint="Settings are explained in README.md.",
        ) from error


def _named_in(error: SettingsError) -> str:
    field = re.search(r'field "(\w+)"', str(error))
    return f"ANSWERABLE_{field[1].upper()}" if field else str(error)


def _log_to_stderr() -> None:
    handler: logging.Handler
    if err.is_terminal:
        handler = RichHandler(console=err, show_path=False, show_time=False)
    else:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.getLogger("sentence_transformers").setLevel(logging.ERROR)
    for package in ("app", "ingestion", "retrieval", "llm", "guardrails", "eval"):
        logging.getLogger(package).setLevel(logging.INFO)


@contextmanager
def _errors_explained() -> Iterator[None]:
    """Errors made on purpose are sentences for people; a traceback is for our own mistakes."""
    try:
        yield
    except AnswerableError as error:
        err.print(Text.assemble(("Error: ", "red"), error.message), soft_wrap=True)
        if error.hint:
            err.print(Text(error.hint), soft_wrap=True)
        raise SystemExit(1) from None
