"""The command line: `answerable demo | serve | ask | doctor`, and the commands it joins."""

from __future__ import annotations

import asyncio
import logging
import sys
from typing import TYPE_CHECKING, Annotated

import typer
from rich.logging import RichHandler
from rich.markup import escape

from app.console import err, errors_explained, out, settings_with
from app.knowledge_cli import add_knowledge_commands
from app.training_cli import train_cli
from retrieval.types import Reader

if TYPE_CHECKING:
    from rich.console import Console

    from app.api.schemas import ChatResponse

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


def main() -> None:
    """Entry point of the `answerable` command."""
    _log_to_stderr()
    from eval.cli import cli as eval_cli  # noqa: PLC0415 - the one door from app to eval

    add_knowledge_commands(cli)
    cli.add_typer(train_cli, name="train")
    cli.add_typer(eval_cli, name="eval")
    with errors_explained():
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

    asyncio.run(run(settings_with(host=host, port=port), announce))


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

    settings = settings_with(**DEMO_SETTINGS)

    def show(url: str, reply: ChatResponse) -> None:
        out.print(f"\n[bold]{escape(question)}[/]\n")
        print_reply(reply, out)
        if not once:
            out.print(f"\nThe chat page is at [bold]{url}[/]. Press Ctrl-C to stop.")

    asyncio.run(run_demo(settings, question, show=show, console=err, once=once))


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
    reply = asyncio.run(ask_once(settings_with(), question, reader))
    if as_json:
        sys.stdout.write(reply.model_dump_json() + "\n")
    else:
        print_reply(reply, out)


@cli.command()
def doctor() -> None:
    """Say what is installed, which parts are active, what is wrong and how to mend it."""
    from app.doctor import examine  # noqa: PLC0415

    findings = asyncio.run(examine(settings_with()))
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
