"""The plots of docs/performance.md: lines over sizes, on logarithmic axes."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl

mpl.use("svg")
mpl.rcParams["svg.hashsalt"] = "nedsvc"  # the same figures give the same file

from matplotlib import pyplot as plt  # noqa: E402 (the back end is chosen first)

DOCS = Path(__file__).parents[1] / "docs"
_STYLES = ("o-", "s--", "^-.", "v:", "D-", "x--", "*-.")

Lines = Mapping[str, Sequence[tuple[float, float]]]


def draw_lines(path: Path, lines: Lines, labels: tuple[str, str], goals: Mapping[str, float] | None = None) -> None:
    """Each line through its points, and a thin one across for each goal."""
    figure, axes = plt.subplots(figsize=(6, 4))
    for style, (name, points) in zip(_STYLES * 3, lines.items(), strict=False):
        axes.plot(*zip(*points, strict=True), style, label=name, markersize=4, linewidth=1)
    for name, goal in (goals or {}).items():
        axes.axhline(goal, color="0.7", linewidth=0.8)
        axes.annotate(name, (0.01, goal), xycoords=("axes fraction", "data"), fontsize=7, color="0.4", va="bottom")
    axes.set(xlabel=labels[0], ylabel=labels[1], xscale="log", yscale="log")
    axes.legend(fontsize=7)
    axes.grid(color="0.92")
    figure.savefig(path, bbox_inches="tight", metadata={"Date": None})
    plt.close(figure)
