"""What was measured, as one HTML page that needs nothing beside it, and the plots on it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from io import StringIO
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from jinja2 import Environment, PackageLoader, StrictUndefined
from matplotlib.figure import Figure as Canvas

from retrieval.errors import BadInput
from retrieval.lexical import Bm25Encoder

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.typing import RcKeyType

    from eval.calibration import Reliability, RiskCoverage


@dataclass(frozen=True, slots=True)
class Figure:
    """One thing that was measured.

    Attributes:
        name: What it is.
        value: How much.
        low: Lower end of its interval; None when it has none.
        high: Upper end.
        note: What it was counted over, or how to read it.
        group: Figures of one group stand under a heading of their own.
    """

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    note: str = ""
    group: str = ""


@dataclass(frozen=True, slots=True)
class Plot:
    """A drawing, as one of the `draw_` functions returns it, and how to read it."""

    title: str
    svg: str
    caption: str


@dataclass(frozen=True, slots=True)
class Found:
    """A passage that was found.

    Attributes:
        place: Its page, then the headings above it, joined with " > ".
        text: The passage.
        score: What passages were ranked by.
        right: Whether it is one of those expected.
        signals: What the score is made of, by name.
        quoted: Whether the reply quotes it, or would have.
    """

    place: str
    text: str
    score: float
    right: bool
    signals: Mapping[str, float]
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class WorstQuestion:
    """A question that went wrong, with what a reader needs to see why.

    Attributes:
        question: As it was asked.
        expected: The texts that answer it; empty when none does.
        found: The passages found, best first.
        verdict: What went wrong, in a few words.
        figure: What the questions are ordered by; `ReportPage.worst_by` names it.
        reply: What the customer read; empty when only retrieval was measured.
    """

    question: str
    expected: tuple[str, ...]
    found: tuple[Found, ...]
    verdict: str
    figure: float
    reply: str = ""


@dataclass(frozen=True, slots=True)
class ReportPage:
    """Everything one page shows.

    Attributes:
        title: What was measured.
        summary: The outcome, in a sentence or two.
        command: What to type to measure it again.
        figures: The most telling ones first: the first four are shown large.
        plots: Drawings.
        worst: Questions that went wrong, the worst first.
        cautions: What keeps the figures from being taken at their word.
        worst_by: The name of `WorstQuestion.figure`.
    """

    title: str
    summary: str
    command: str
    figures: tuple[Figure, ...]
    plots: tuple[Plot, ...]
    worst: tuple[WorstQuestion, ...]
    cautions: tuple[str, ...] = ()
    worst_by: str = "figure"


def check_writable(paths: Iterable[Path]) -> None:
    """Make sure that results can be written, before the minutes of work they take.

    Raises:
        BadInput: A file could not be written.
    """
    for path in paths:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.open("a", encoding="utf-8").close()
        except OSError as error:
            raise BadInput(
                f"{path} cannot be written: {error.strerror}.", hint="Name another file."
            ) from error


def write_page(page: ReportPage, path: Path) -> None:
    """Write the page to `path`, making the folder it is in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    template = _environment().get_template("report.html.j2")
    path.write_text(template.render(page=page), encoding="utf-8")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("eval", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(number=_number, marked=_marked, by_group=_by_group)
    return environment


def _number(value: float) -> str:
    """Three decimals for shares, fewer for what is larger."""
    if abs(value) <= 1:
        return f"{value:.3f}"
    return f"{value:.1f}" if abs(value) < 100 else f"{value:,.0f}"  # noqa: PLR2004


def _by_group(figures: Sequence[Figure]) -> dict[str, list[Figure]]:
    groups: dict[str, list[Figure]] = {}
    for figure in figures:
        groups.setdefault(figure.group, []).append(figure)
    return groups


def _marked(text: str, question: str) -> list[tuple[str, bool]]:
    """The text in pieces, and for each whether it is a word that the question has too."""
    asked = _stems(question)
    pieces = re.split(r"(\w+)", text)
    return [(piece, bool(asked & _stems(piece))) for piece in pieces if piece]


@cache
def _stems(text: str) -> frozenset[int]:
    """What the lexical leg compares: stems, stop words left out."""
    return frozenset(_bm25().question(text).indices)


@cache
def _bm25() -> Bm25Encoder:
    return Bm25Encoder()


# Plots are drawn in these colours and take the page's own from its style sheet, so that one
# drawing suits light and dark.
_INK, _SOFT, _LINE, _ACCENT, _WARN = "#010101", "#020202", "#030303", "#040404", "#050505"
_VARIABLES = {
    _INK: "var(--ink)",
    _SOFT: "var(--soft)",
    _LINE: "var(--line)",
    _ACCENT: "var(--accent)",
    _WARN: "var(--warn)",
}
_STYLE: dict[RcKeyType, Any] = {
    "svg.fonttype": "none",  # text stays text: it is read aloud, searched and copied
    "svg.hashsalt": "answerable",  # the same drawing is the same file
    "text.parse_math": False,  # a "$" in a name is a dollar
    "font.size": 10.5,
    "text.color": _INK,
    "axes.edgecolor": _SOFT,
    "axes.labelcolor": _SOFT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": _LINE,
    "grid.linewidth": 0.8,
    "xtick.color": _SOFT,
    "ytick.color": _SOFT,
}
_WIDTH, _HEIGHT = 5.6, 4.0
_ROW_HEIGHT = 0.36


def draw_intervals(figures: Sequence[Figure], label: str = "") -> str:
    """A row for each figure: a point, and a bar over its interval."""
    axes = _axes(0.9 + _ROW_HEIGHT * len(figures))
    rows = range(len(figures))
    for row, figure in zip(rows, figures, strict=True):
        if figure.low is not None and figure.high is not None:
            axes.plot([figure.low, figure.high], [row, row], color=_ACCENT, alpha=0.35, linewidth=7)
    axes.plot([figure.value for figure in figures], list(rows), "o", color=_ACCENT)
    axes.set_yticks(list(rows), [figure.name for figure in figures])
    axes.set(ylim=(len(figures) - 0.4, -0.6), xlabel=label)
    axes.grid(visible=False, axis="y")
    if any(figure.low is not None and figure.low < 0 for figure in figures):
        axes.axvline(0, color=_SOFT, linewidth=1)
    return _svg(axes)


def draw_reliability(measured: Reliability, threshold: float) -> str:
    """Confidence against the share that is right: the diagonal is a confidence that holds."""
    axes = _axes(_HEIGHT)
    _reliability(axes, measured, threshold)
    return _svg(axes)


def save_reliability(measured: Reliability, path: Path, threshold: float) -> None:
    """The reliability plot as a picture file; its suffix says which kind."""
    with mpl.rc_context({"font.size": 10.5}):
        canvas = Canvas(figsize=(5, 5), layout="constrained")
        axes = canvas.add_subplot()
    _reliability(axes, measured, threshold, accent="#0b6e4f", soft="0.6", warn="#b3541e")
    auroc = f", AUROC {measured.auroc_right.value:.3f}" if measured.auroc_right else ""
    axes.set_title(f"ECE {measured.ece:.3f}{auroc}")
    canvas.savefig(path, dpi=150)


def draw_risk_coverage(curve: RiskCoverage) -> str:
    """How often replies are wrong when only the surest share of questions is answered."""
    axes = _axes(_HEIGHT)
    axes.plot(curve.coverage, curve.risk, color=_ACCENT)
    axes.axhline(curve.risk[-1], color=_SOFT, linestyle="--", linewidth=1.2)
    axes.text(0.02, curve.risk[-1], "all of them answered", color=_SOFT, va="bottom")
    for risk, reached in curve.coverage_at.items():
        coverage = reached.value
        axes.plot(coverage, risk, "o", color=_WARN)
        axes.annotate(
            f"{coverage:.0%} at {risk:.0%} risk",
            (coverage, risk),
            (8, -12),
            color=_INK,
            textcoords="offset points",
        )
    axes.set(xlim=(0, 1), xlabel="share of questions answered, surest first")
    axes.set(ylim=(0, 1.12 * max(*curve.risk, 0.1)), ylabel="share of those that are wrong")
    return _svg(axes)


def draw_precision(curves: Mapping[str, tuple[Sequence[float], Sequence[float]]]) -> str:
    """For each name, what share of pairs is served and what share of those is right."""
    axes = _axes(_HEIGHT)
    for (name, (served, right)), colour in zip(curves.items(), (_ACCENT, _WARN), strict=True):
        axes.plot(served, right, color=colour, label=name)
    axes.set(xlabel="share of pairs served", ylabel="share of those that are right")
    axes.set(xlim=(0, None), ylim=(None, 1.005))
    _legend(axes)
    return _svg(axes)


def draw_histogram(values: Sequence[float], label: str, span: tuple[float, float] = (0, 1)) -> str:
    """How many questions had which value, in twenty bins over `span`."""
    axes = _axes(_HEIGHT)
    axes.hist(values, bins=20, range=span, color=_ACCENT, rwidth=0.9)
    axes.set(xlim=span, xlabel=label, ylabel="questions")
    axes.grid(visible=False, axis="x")
    axes.locator_params(axis="y", integer=True)
    return _svg(axes)


def draw_differences(differences: Sequence[float], label: str) -> str:
    """A bar for each question that two runs differ on, from the worst loss to the best gain."""
    moved = sorted(difference for difference in differences if difference)
    axes = _axes(_HEIGHT)
    colours = [_ACCENT if difference > 0 else _WARN for difference in moved]
    axes.bar(range(len(moved)), moved, width=1, color=colours)
    axes.axhline(0, color=_SOFT, linewidth=1)
    lost = sum(difference < 0 for difference in moved)
    same = len(differences) - len(moved)
    axes.set_xlabel(
        f"{len(moved) - lost} questions better, {lost} worse, {same} the same (not drawn)"
    )
    axes.set(ylabel=label, xticks=[])
    return _svg(axes)


def _reliability(
    axes: Axes,
    measured: Reliability,
    threshold: float,
    *,
    accent: str = _ACCENT,
    soft: str = _SOFT,
    warn: str = _WARN,
) -> None:
    axes.plot([0, 1], [0, 1], linestyle="--", color=soft, linewidth=1.2, label="perfect")
    axes.plot(measured.confidence, measured.accuracy, marker="o", color=accent, label="measured")
    axes.axvline(threshold, color=warn, linewidth=1.2, label=f"a person below {threshold:.2f}")
    axes.set(xlim=(0, 1), ylim=(0, 1.02), ylabel="share whose cited passage is right")
    axes.set_xlabel("confidence (mean of each tenth of the replies)")
    _legend(axes, soft)


def _legend(axes: Axes, colour: str = _SOFT) -> None:
    axes.legend(loc="upper left", frameon=False, labelcolor=colour)


def _axes(height: float) -> Axes:
    with mpl.rc_context(_STYLE):
        return Canvas(figsize=(_WIDTH, height), layout="constrained").add_subplot()


def _svg(axes: Axes) -> str:
    drawn = StringIO()
    with mpl.rc_context(_STYLE):
        nameless = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        axes.get_figure(root=True).savefig(  # type: ignore[union-attr] # made with one
            drawn, format="svg", transparent=True, metadata=nameless
        )
    return _inline(drawn.getvalue())


def _inline(svg: str) -> str:
    """The drawing as a part of a page: its ids are its own, its colours and width the page's."""
    svg = svg[svg.index("<svg") :].strip()
    # This rule of matplotlib's is for every element, and would be for the whole page.
    svg = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", svg, count=1, flags=re.DOTALL)
    svg = re.sub(r"font-family: [^;]*; ?", "", svg)
    svg = re.sub(r'^(<svg[^>]*?) width="[^"]*" height="[^"]*"', r"\1", svg)
    prefix = blake2b(svg.encode(), digest_size=4).hexdigest()
    svg = re.sub(r'(\bid="|href="#|url\(#)', rf"\1p{prefix}-", svg)
    return re.sub("|".join(_VARIABLES), lambda colour: _VARIABLES[colour[0]], svg)
