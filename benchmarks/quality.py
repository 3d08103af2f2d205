"""Writes docs/quality.md with its plots: how right the links are on the open benchmarks, beside other systems.

    python benchmarks/quality.py --index DIR [--raise-floors]

The index is one of the shared sample of Wikidata, whose items are the ids that count. With --raise-floors the figures
below which the tests fail (tests/data/quality_floors.json) rise to what is measured now, less a margin; none falls.
"""

import math
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import msgspec
from common import chosen_index, gold_sets, index_parser, open_linker, run, shared_folder

from nedsvc import EntityLinker
from nedsvc.evaluation.ids import read_ids
from nedsvc.evaluation.peers import read_peers
from nedsvc.evaluation.predictions import predict
from nedsvc.evaluation.report import Evaluated, Report, SpanSource, markdown, report

mpl.use("svg")
mpl.rcParams["svg.hashsalt"] = "nedsvc"  # the same figures give the same file

from matplotlib import pyplot as plt  # noqa: E402 (the back end is chosen first)

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
FLOORS = ROOT / "tests" / "data" / "quality_floors.json"
MARGIN = 0.01  # a mention or two, which another machine or version of a library may decide otherwise

RECALL_AT_100 = {"kore50": 0.97, "msnbc-updated": 0.97}  # goals; .94 for the others
RICH = {"refined__aida": "ReFinED", "rel__2014": "REL", "wat": "WAT"}

INTRODUCTION = """\
# Quality

Written by `make quality`: `nedsvc evaluate` over six open benchmarks with an index of a sample of Wikidata,
{index}. The sample holds the right answer of nearly every mention, but by far not all of Wikidata's
namesakes, and the weights were fitted on the same benchmarks: these figures compare changes and systems on the same
mentions, they are no accuracy on all of Wikidata.

What counts: gold with a QID that the sample has, neither optional nor a part of another label nor a coreference,
pronoun, quantity or date. Each system's accuracy is on the mentions that it found itself, beside ours on the same ones.
Rich items have an English description and a statement in the sample; of many others it knows little but their names.
NIL is whatever was not linked. The expected calibration error is over 15 equally filled bins of the best candidate's
confidence, on gold that has a candidate. The classes of errors are those of `nedsvc/evaluation/errors.py`.
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


def goals(given: Report, found: Report) -> str:
    """The goals as a table: what is asked for, what is measured, and which are missed."""
    least = [
        ("spans given: mean accuracy", 0.8, given.mean_accuracy or 0.0),
        *(
            (f"recall at 100 candidates, {each.name}", RECALL_AT_100.get(each.name, 0.94), each.recall_at["100"])
            for each in given.sets
        ),
        ("recall at 20 candidates, the lowest", 0.9, min(each.recall_at["20"] for each in given.sets)),
        ("spans detected: mean F1 (REL's; ReFinED's is .666)", 0.601, found.mean_f1),
        ("accuracy at 80 % coverage", 0.95, given.accuracy_at_coverage["80%"]),
        *(
            (
                f"accuracy on rich items beside {RICH[str(peer['system'])]}'s",
                float(peer["accuracy"]),
                float(peer["ours"]),
            )
            for peer in given.rich_peers
            if peer["system"] in RICH
        ),
    ]
    error = given.calibration_error or 0.0
    rows = [(what, f"{goal:.3f}", value, value >= goal) for what, goal, value in least]
    rows.append(("expected calibration error", "at most 0.050", error, error <= 0.05))
    lines = [f"| {what} | {goal} | {value:.3f} | {'' if met else 'missed'} |" for what, goal, value, met in rows]
    return "\n".join(["| what | goal | measured | |", "| --- | --- | --- | --- |", *lines]) + "\n"


def raise_floors(given: Report, found: Report) -> None:
    """Let the tests demand what is measured now, less a margin, where that is more than before."""
    floors = msgspec.json.decode(FLOORS.read_bytes(), type=dict[str, dict[str, float]])
    measured = {
        one.name: {"accuracy": one.accuracy or 0.0, "f1": other.f1}
        for one, other in zip(given.sets, found.sets, strict=True)
    }
    raised = {
        name: {key: max(floor, math.floor((measured[name][key] - MARGIN) * 1000) / 1000) for key, floor in keys.items()}
        for name, keys in floors.items()
    }
    FLOORS.write_bytes(msgspec.json.format(msgspec.json.encode(raised), indent=2) + b"\n")


def main() -> None:
    """Measure, draw and write."""
    parser = index_parser((__doc__ or "").partition("\n")[0])
    parser.add_argument("--raise-floors", action="store_true", help="let the tests demand what is measured now")
    arguments = parser.parse_args()
    linker = open_linker(chosen_index(arguments), "both")
    given, found = figures(linker, "gold"), figures(linker, "detected")
    bins = [(each.confidence, each.accuracy) for each in given.reliability]
    draw("reliability.svg", bins, ("confidence of the best candidate", "share that is right"), diagonal=True)
    coverage = [(float(name.rstrip("%")) / 100, value) for name, value in given.accuracy_at_coverage.items()]
    draw("coverage.svg", coverage, ("share of the mentions answered, the surest first", "accuracy"), diagonal=False)
    page = [
        INTRODUCTION.format(index=f"`{given.index}`"),
        "## Goals\n",
        goals(given, found),
        "## Spans given\n",
        markdown(given),
        "![Reliability](reliability.svg) ![Accuracy against coverage](coverage.svg)\n",
        "## Spans detected\n",
        markdown(found),
    ]
    (DOCS / "quality.md").write_text("\n".join(page), encoding="utf-8")
    if arguments.raise_floors:
        raise_floors(given, found)
    print(f"accuracy {given.mean_accuracy:.3f}, F1 {found.mean_f1:.3f}, ECE {given.calibration_error:.3f}")


if __name__ == "__main__":
    run(main)
