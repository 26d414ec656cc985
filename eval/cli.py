"""`answerable eval ...`: measures the service."""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from app.settings import Settings
from retrieval.errors import BadInput

EXAMPLES = Path(__file__).parent.parent / "examples"
DEFAULT_CHUNKS = 5000

cli = typer.Typer(help="Measure quality and speed.", no_args_is_help=True)
out = Console()
err = Console(stderr=True)


@cli.command()
def answers(  # noqa: PLR0913 - options
    golden: Annotated[Path | None, typer.Option(help="Golden questions, as JSON lines.")] = None,
    documents: Annotated[Path | None, typer.Option(help="The documents they are about.")] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="Instead: a data set, in BEIR's form, CLAPnq's or Chroma's."),
    ] = None,
    *,
    pages: Annotated[
        bool, typer.Option("--pages", help="Ingest the set's raw pages and search those.")
    ] = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write figures here.")] = None,
    html_file: Annotated[Path | None, typer.Option("--html", help="Write a report here.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Write a reliability plot here.")] = None,
    judge: Annotated[
        str, typer.Option(help="Ask a model about each reply: an OpenAI-compatible server's URL.")
    ] = "",
    judge_model: Annotated[str, typer.Option(help="The judge's name there.")] = "default",
) -> None:
    """Is the right passage cited, is the rest handed over, is the confidence honest?

    A judge's key is read from ANSWERABLE_JUDGE_KEY.
    """
    from eval.answers_report import AnswerOutputs, show  # noqa: PLC0415 - --help skips seconds
    from eval.judge import KEY_VARIABLE, Judge  # noqa: PLC0415
    from eval.run import AnswerTask, measure_answers  # noqa: PLC0415

    asked = Judge.at(judge, judge_model, os.environ.get(KEY_VARIABLE, "")) if judge else None
    task = AnswerTask(golden, documents, data, pages, asked)
    outputs = AnswerOutputs(json_file, html_file, plot)
    outputs.check()
    report = asyncio.run(measure_answers(Settings(), task, err))
    outputs.write(report)
    show(report, out)


@cli.command()
def calibrate(
    golden: Annotated[Path, typer.Option(help="Golden questions, as JSON lines.")],
    documents: Annotated[Path, typer.Option(help="The documents they are about.")],
    out_file: Annotated[Path, typer.Option("--out", help="Where to write the calibration.")],
    data: Annotated[
        list[Path] | None,
        typer.Option(
            help="Fit weights to this data set too; give it again for another. One without "
            "unanswerable questions is searched without the answers to half of them."
        ),
    ] = None,
    plot: Annotated[Path | None, typer.Option(help="Write a reliability plot here.")] = None,
) -> None:
    """Fit the confidence on golden questions; figures are of questions it was not fitted on.

    Name the file in ANSWERABLE_CALIBRATION to use it. Without --data the weights that come with
    the service are kept, with another intercept and slope, unless weights of your own are better.
    """
    from eval.answers_report import show_fitting  # noqa: PLC0415
    from eval.report import check_writable, save_reliability  # noqa: PLC0415
    from eval.run import calibrate_on  # noqa: PLC0415

    check_writable([path for path in (out_file, plot) if path])
    settings = Settings()
    fitting = asyncio.run(calibrate_on(settings, golden, documents, data or [], err))
    out_file.write_text(json.dumps(asdict(fitting.calibration), indent=2) + "\n")
    out.print(f"{out_file}: {fitting.calibration}")
    show_fitting(fitting, out)
    if plot:
        save_reliability(fitting.sets[0].unseen, plot, settings.threshold)


@cli.command()
def tune(
    out_file: Annotated[Path, typer.Option("--out", help="Where to write the weights.")],
    golden: Annotated[Path | None, typer.Option(help="Golden questions, as JSON lines.")] = None,
    documents: Annotated[Path | None, typer.Option(help="The documents they are about.")] = None,
    data: Annotated[
        Path | None, typer.Option(help="Instead: a data set, in BEIR's form, CLAPnq's or Chroma's.")
    ] = None,
) -> None:
    """Fit how the search's signals are weighed to questions of your own, if that helps.

    Name the file in ANSWERABLE_FUSION to use it. Nothing is written when the shipped weights are
    as good on questions left out of the fit.
    """
    from eval.report import check_writable  # noqa: PLC0415
    from eval.run import AnswerTask, tune_fusion  # noqa: PLC0415

    check_writable([out_file])
    tuning = asyncio.run(tune_fusion(Settings(), AnswerTask(golden, documents, data), err))
    gain = tuning.gain
    out.print(
        f"{tuning.questions} questions, nDCG@10 of the shipped weights {tuning.shipped:.3f}; "
        f"fitted ones add {gain.value:+.3f} ({gain.low:+.3f} to {gain.high:+.3f}) unseen"
    )
    if not tuning.adopted:
        out.print("The shipped weights stay: what fitting adds may be chance.")
        return
    out_file.write_text(json.dumps(asdict(tuning.weights), indent=2) + "\n")
    out.print(f"{out_file}: {tuning.weights}")


@cli.command()
def speed(
    documents: Annotated[Path, typer.Option(help="Documents to search.")] = EXAMPLES
    / "help-centre",
    questions: Annotated[
        Path, typer.Option(help="Questions, as JSON lines with `text` or `question`.")
    ] = EXAMPLES / "golden.jsonl",
    most: Annotated[int, typer.Option(help="Time at most this many questions.")] = 200,
) -> None:
    """Time retrieval and the whole chat request, as ratios to one encode of the question."""
    from eval.golden import load_texts  # noqa: PLC0415
    from eval.speed import measure  # noqa: PLC0415

    report = asyncio.run(measure(Settings(), documents, load_texts(questions)[:most], err))
    table = Table("", "p50 ms", "p95 ms", "encodes (p50)", box=None)
    for timing in report.timings:
        ratio = f"{report.ratio(timing):.1f}"
        table.add_row(timing.name, f"{timing.p50:.2f}", f"{timing.p95:.2f}", ratio)
    out.print(f"{report.questions} questions over {report.passages} passages")
    out.print(table)
    out.print(
        f"ingestion: {report.passages / report.ingestion.seconds:.0f} passages/s, "
        f"{report.encoder_share:.0%} of the time in the encoder"
    )


@cli.command()
def scale(
    chunks: Annotated[
        list[int] | None,
        typer.Option(help="How many chunks an index holds; give it again for another size."),
    ] = None,
    documents: Annotated[Path, typer.Option(help="Documents to take passages from.")] = EXAMPLES
    / "help-centre",
    questions: Annotated[
        Path, typer.Option(help="Questions, as JSON lines with `text` or `question`.")
    ] = EXAMPLES / "golden.jsonl",
    most: Annotated[int, typer.Option(help="Ask at most this many questions.")] = 200,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write figures here.")] = None,
) -> None:
    """How fast and how exact is the search in an index of 5,000 chunks, or of any number?"""
    from eval.golden import load_texts  # noqa: PLC0415
    from eval.report import check_writable  # noqa: PLC0415
    from eval.scale import ScaleTask, measure, show, to_json  # noqa: PLC0415

    task = ScaleTask(documents, load_texts(questions)[:most], tuple(chunks or [DEFAULT_CHUNKS]))
    check_writable([json_file] if json_file else [])
    report = asyncio.run(measure(Settings(), task, err))
    show(report, out)
    if json_file:
        json_file.write_text(to_json(report), encoding="utf-8")


@cli.command()
def nightly(
    documents: Annotated[Path, typer.Option(help="Real pages to make others of.")] = EXAMPLES
    / "help-centre",
    pages: Annotated[int, typer.Option(min=1, help="How many pages to make.")] = 1000,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write figures here.")] = None,
) -> None:
    """What does a nightly run cost: the first one, one with nothing new, one with 1% changed?"""
    from eval.nightly import measure, show, to_json  # noqa: PLC0415
    from eval.report import check_writable  # noqa: PLC0415

    check_writable([json_file] if json_file else [])
    runs = measure(Settings(), documents, pages, err)
    show(runs, out)
    if json_file:
        json_file.write_text(to_json(runs), encoding="utf-8")


@cli.command()
def retrieval(  # noqa: PLR0913 - options
    data: Annotated[
        Path, typer.Option(help="A data set: a folder in BEIR's form, CLAPnq's or Chroma's.")
    ],
    json_file: Annotated[Path | None, typer.Option("--json", help="Write figures here.")] = None,
    html_file: Annotated[Path | None, typer.Option("--html", help="Write a report here.")] = None,
    run_file: Annotated[
        Path | None, typer.Option("--run", help="Write what was found here, as a TREC run.")
    ] = None,
    baseline: Annotated[
        Path | None, typer.Option("--compare", help="A run to compare with, as --run wrote it.")
    ] = None,
    *,
    pages: Annotated[
        bool, typer.Option("--pages", help="Ingest the set's raw pages and search those.")
    ] = False,
    legs: Annotated[
        bool, typer.Option("--legs", help="Measure each part of the search alone too.")
    ] = False,
) -> None:
    """Are the right passages found? nDCG@10, recall and MRR, with their intervals."""
    from eval.retrieval import Task, measure  # noqa: PLC0415
    from eval.retrieval_report import Outputs, show  # noqa: PLC0415

    outputs = Outputs(json_file, html_file, run_file)
    outputs.check()
    report = asyncio.run(measure(Settings(), Task(data, pages, legs, baseline), err))
    show(report, out)
    outputs.write(report)


@cli.command()
def intent(
    data: Annotated[
        list[Path],
        typer.Option(
            help="CSV with the columns text and intent, or the folder of a published set; give it "
            "again for another."
        ),
    ],
    model: Annotated[
        str,
        typer.Option(help='A trained model\'s folder, or "support" for ours; else one is trained.'),
    ] = "",
    keep: Annotated[
        Path | None, typer.Option(help="Leave trained models here, and go on when killed.")
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="The most times each utterance is seen.")
    ] = None,
    seed: Annotated[int, typer.Option(help="The same one gives the same model.")] = 0,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write figures here.")] = None,
) -> None:
    """Are intents found, questions about something else told, and how fast?

    Without --model, one is trained on each set, and a baseline beside it. Thresholds come from
    utterances that are neither learned from nor measured on.
    """
    from app.router.recipe import Recipe  # noqa: PLC0415
    from eval.intent import IntentTask, measure, show, to_json  # noqa: PLC0415
    from eval.report import check_writable  # noqa: PLC0415

    check_writable([json_file] if json_file else [])
    recipe = Recipe(seed=seed) if epochs is None else Recipe(seed=seed, epochs=epochs)
    figures = measure(Settings(), IntentTask(tuple(data), recipe, model, keep), err)
    show(figures, out)
    if json_file:
        json_file.write_text(to_json(figures), encoding="utf-8")


@cli.command("cache")
def cached(  # noqa: PLR0913, PLR0917 - options
    pairs: Annotated[
        list[Path] | None,
        typer.Option(
            help="JSON lines a, b, label, or the folder of a set of intents; give it again for "
            "another."
        ),
    ] = None,
    log: Annotated[
        Path | None, typer.Option(help="Replay a log: JSON lines question, meaning.")
    ] = None,
    chosen_on: Annotated[
        list[Path] | None,
        typer.Option(
            help="Choose the thresholds for --budget on these pairs, not the shipped one."
        ),
    ] = None,
    budget: Annotated[
        float, typer.Option(min=0, max=1, help="Share of served answers that may be wrong.")
    ] = 0.02,
    score: Annotated[
        Path | None, typer.Option(help="A pair score that calibrate-cache wrote; else ours.")
    ] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write figures here.")] = None,
    html_file: Annotated[Path | None, typer.Option("--html", help="Write a report here.")] = None,
) -> None:
    """How often are repeats answered from the cache, and how often wrongly?

    With --chosen-on, pairs that hold a question of --pairs are left out of what is chosen on.
    """
    from eval.cache import CacheTask, measure, measure_log  # noqa: PLC0415
    from eval.cache_report import CacheOutputs, show, show_replay  # noqa: PLC0415

    if not pairs and not log:
        raise BadInput("There is nothing to measure.", hint="Give --pairs, --log or both.")
    outputs = CacheOutputs(json_file, html_file)
    outputs.check()
    if pairs:
        task = CacheTask(tuple(pairs), tuple(chosen_on or ()), budget, score)
        report = measure(Settings(), task, err)
        show(report, out)
        outputs.write(report)
    if log:
        show_replay(asyncio.run(measure_log(Settings(), log, score, err)), out)


@cli.command("calibrate-cache")
def calibrate_cache(
    pairs: Annotated[
        list[Path],
        typer.Option(
            help="JSON lines a, b, label, or the folder of a set of intents; give it again for "
            "another."
        ),
    ],
    out_file: Annotated[Path, typer.Option("--out", help="Where to write the pair score.")],
    budget: Annotated[
        float, typer.Option(min=0, max=1, help="Share of served answers that may be wrong.")
    ] = 0.01,
    without: Annotated[
        list[Path] | None,
        typer.Option(help="Leave out pairs with a question of these, which you measure on."),
    ] = None,
) -> None:
    """Fit the cache's verifier to pairs of questions; serve only what keeps to the budget.

    The threshold is the lowest that keeps to it at 95% confidence on pairs left out of the fit.
    """
    from eval.cache import calibrate  # noqa: PLC0415
    from eval.report import check_writable  # noqa: PLC0415

    check_writable([out_file])
    fitting = calibrate(Settings(), pairs, without or [], budget, err)
    out_file.write_text(json.dumps(asdict(fitting.pair_score), indent=2) + "\n")
    rates = fitting.rates
    out.print(f"{out_file}: {fitting.pair_score}")
    out.print(
        f"left out of the fit: {rates.right} served rightly, {rates.wrong} wrongly, "
        f"{rates.missed} repeats not served"
    )


@cli.command("cache-speed")
def cache_speed(
    url: Annotated[str, typer.Option(help="memory: or redis://HOST:6379, one of your own.")],
    entries: Annotated[
        list[int] | None, typer.Option(help="How many entries; give it again for another size.")
    ] = None,
) -> None:
    """How long does a look-up take in a cache of a thousand entries, of a hundred thousand?"""
    from eval.cache_speed import measure  # noqa: PLC0415
    from ingestion.progress import open_meter  # noqa: PLC0415

    with open_meter(err) as meter:
        timed = asyncio.run(measure(url, entries or [1000, 100_000], meter))
    table = Table("entries", "exact, p50 ms", "close, p50 ms", "p95 ms", box=None)
    for one in timed:
        table.add_row(str(one.entries), f"{one.exact_ms:.2f}", f"{one.p50:.2f}", f"{one.p95:.2f}")
    out.print(table)
    out.print(f"close ones, largest to smallest: {timed[-1].p50 / timed[0].p50:.2f}")
