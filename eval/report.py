"""Pictures of what was measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt

if TYPE_CHECKING:
    from pathlib import Path

    from eval.calibration import Reliability


def draw_reliability(measured: Reliability, path: Path, threshold: float) -> None:
    """A reliability plot: points on the diagonal can be taken at their word."""
    figure, axes = plt.subplots(figsize=(5, 5), layout="constrained")
    axes.plot([0, 1], [0, 1], linestyle="--", color="0.6", label="perfect")
    axes.plot(measured.confidence, measured.accuracy, marker="o", color="#0b6e4f", label="measured")
    axes.axvline(threshold, color="#b3541e", linewidth=1, label=f"a person below {threshold:.2f}")
    axes.set(
        xlim=(0, 1),
        ylim=(0, 1),
        xlabel="confidence (mean of each tenth of the replies)",
        ylabel="share whose cited passage is right",
        title=f"ECE {measured.ece:.3f}, AUROC {measured.auroc_right:.3f}",
    )
    axes.legend(loc="upper left", frameon=False)
    figure.savefig(path, dpi=150)
    plt.close(figure)
