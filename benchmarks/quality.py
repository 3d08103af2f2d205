"""Writes docs/quality.md with its plots: how right the links are on the open benchmarks, beside other systems.

    python benchmarks/quality.py --index DIR

The index is one of the shared sample of Wikidata, whose items are the ids that count.
"""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from common import chosen_index, gold_sets, index_parser, open_linker, run, shared_folder

from nedsvc import EntityLinker
from nedsvc.evaluation.ids import read_ids
from nedsvc.evaluation.peers import read_peers
from nedsvc.evaluation.predictions import predict
from nedsvc.evaluation.report import Evaluated, Report, SpanSource, markdown, report

mpl.use("svg")
mpl.rcParams["svg.hashsalt"] = "nedsvc"  # the same figures give the same file

from matplotlib import pyplot as plt  # noqa: E402 (the back end is chosen first)

DOCS = Path(__file__).parents[1] / "docs"
INTRODUCTION = """\
# Quality

Written by `make quality`: `nedsvc evaluate` over six open benchmarks with an index of a sample of Wikidata,
{index}. The sample holds the right answer of nearly every mention, but by far not all of Wikidata's
namesakes, and the weights were fitted on the same benchmarks: these figures compare changes and systems on the same
mentions, they are no accuracy on all of Wikidata.

What counts: gold with a QID that the sample has, neither optional nor a part of another label nor a coreference,
pronoun, quantity or date. Each system's accuracy is on the mentions that it found itself, beside ours on the same ones.
"""


def figures(linker: EntityLinker, spans: SpanSource) -> Report:
    """All figures of a linker."""
    shared = shared_folder()
    known = read_ids(shared / "wikidata-sample" / "sample.json.gz")
    evaluated = [
        Evaluated(
            gold,
            predict(linker, gold, given=spans == "gold"),
            read_peers(shared / "benchmarks" / "peers" / f"{gold.name}.tsv"),
        )
        for gold in gold_sets()
    ]
    return report(evaluated, known, spans, linker.index, linker.entity)


def draw(name: str, points: Sequence[tuple[float, float]], labels: tuple[str, str], diagonal: bool) -> None:
    """A plot of points joined by a line."""
    figure, axes = plt.subplots(figsize=(4, 4))
    if diagonal:
        axes.plot((0, 1), (0, 1), color="0.8")
    axes.plot(*zip(*points, strict=True), marker="o", color="0.2")
    axes.set(xlabel=labels[0], ylabel=labels[1], xlim=(0, 1.02), ylim=(0, 1.02))
    figure.savefig(DOCS / name, bbox_inches="tight", metadata={"Date": None})
    plt.close(figure)


def main() -> None:
    """Measure, draw and write."""
    arguments = index_parser((__doc__ or "").partition("\n")[0]).parse_args()
    linker = open_linker(chosen_index(arguments), "both")
    given, found = figures(linker, "gold"), figures(linker, "detected")
    bins = [(each.confidence, each.accuracy) for each in given.reliability]
    draw("reliability.svg", bins, ("confidence of the best candidate", "share that is right"), diagonal=True)
    coverage = [(float(name.rstrip("%")) / 100, value) for name, value in given.accuracy_at_coverage.items()]
    draw("coverage.svg", coverage, ("share of the mentions answered, the surest first", "accuracy"), diagonal=False)
    page = [
        INTRODUCTION.format(index=f"`{given.index}`"),
        "## Spans given\n",
        markdown(given),
        "![Reliability](reliability.svg) ![Accuracy against coverage](coverage.svg)\n",
        "## Spans detected\n",
        markdown(found),
    ]
    (DOCS / "quality.md").write_text("\n".join(page), encoding="utf-8")
    print(f"accuracy {given.mean_accuracy:.3f}, F1 {found.mean_f1:.3f}, ECE {given.calibration_error:.3f}")


if __name__ == "__main__":
    run(main)
