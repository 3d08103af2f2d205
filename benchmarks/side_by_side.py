"""nedsvc beside what users would otherwise pick, on the same names and texts in one run.

    python benchmarks/side_by_side.py --index DIR [--asked 300] [--epochs 5]

The names and their bearers are those of the index. Each system is built in a process of its own, and asked in another:
exact look-ups, and the slips of `typos.py`, for which it gives 20 names. Found is a slip whose right name is among
them. Systems that take more than 0.2 s for a name are asked a tenth of the names. Memory is what the process takes
(PSS) beyond what it took before the system was opened.

Linking: the gold sets with given spans, counted as in docs/quality.md. spaCy's entity linker has the same names, with a
prior by popularity, and once more after training on half of the documents for the other half and the other way round,
with the vectors that its small English model gives to descriptions. nedsvc's shipped weights were fitted on these sets.
"""

import argparse
import json
import random
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import perf_counter, perf_counter_ns
from typing import Any

from common import (
    SEED,
    chosen_index,
    gold_sets,
    in_own_process,
    index_parser,
    known_ids,
    open_linker,
    own_memory,
    print_table,
    run,
    written_names,
)
from peers import SYSTEMS, write_names
from spacy_linker import predictions as spacy_predictions
from typos import SLIPS, slip

from nedsvc.evaluation.gold import GoldSet
from nedsvc.evaluation.ids import Ids
from nedsvc.evaluation.predictions import Prediction, predict
from nedsvc.evaluation.scores import accuracy
from nedsvc.index.reader import Index
from nedsvc.names import fold

KINDS = tuple(SLIPS)
_SLOW = 200_000_000  # nanoseconds
_FEWEST = 10


def drawn(index: Index, count: int) -> dict[str, list[tuple[str, str]]]:
    """Of each kind so many slips, and names as they are, each with the name that is meant."""
    chance = random.Random(SEED)
    asked: dict[str, dict[str, str]] = {kind: {} for kind in ("exact", *KINDS)}
    for name, _ in written_names(index, 200 * count, chance, well_known=True):
        if len(asked["exact"]) < count:
            asked["exact"][name] = name
        for kind in KINDS:
            slipped = slip(kind, name, chance) if len(asked[kind]) < count else None
            if slipped is not None and (kind == "folded diacritics" or index.postings(fold(slipped)) is None):
                asked[kind][slipped] = name
        if all(len(held) >= count for held in asked.values()):
            break
    return {kind: list(held.items()) for kind, held in asked.items()}


def build_one(system: str, names: Path, folder: Path) -> dict[str, float]:
    """Build a system in this process."""
    start = perf_counter()
    SYSTEMS[system].build(names, folder)
    weight = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return {"seconds": perf_counter() - start, "bytes": weight}


def ask_one(system: str, names: Path, folder: Path, asked: Mapping[str, Sequence[tuple[str, str]]]) -> dict[str, Any]:
    """Open a system in this process and ask it everything."""
    before = own_memory()["Pss"]
    start = perf_counter()
    finder = SYSTEMS[system].open(names, folder)
    opened = perf_counter() - start
    exact = [_timed(finder.exact, name)[0] for name, _ in asked["exact"]]
    found, times = {}, []
    for kind in KINDS if finder.similar else ():
        hits = 0
        few = max(_FEWEST, len(asked[kind]) // 10)
        for number, (slipped, name) in enumerate(asked[kind], 1):
            took, similar = _timed(finder.similar, slipped)
            times.append(took)
            hits += fold(name) in set(map(fold, similar))
            if number >= few and statistics.median(times) > _SLOW:
                break
        found[kind] = hits / number
    return {"opened": opened, "exact": exact, "similar": times, "found": found, "memory": own_memory()["Pss"] - before}


def _timed(ask: Any, name: str) -> tuple[int, Any]:
    start = perf_counter_ns()
    found = ask(name)
    return perf_counter_ns() - start, found


def look_ups(index: Path, count: int) -> None:
    """Build and ask each system, and print what it took."""
    rows = []
    with tempfile.TemporaryDirectory() as place:
        names, asked = Path(place) / "names.tsv", Path(place) / "asked.json"
        opened = Index.open(index)
        write_names(opened, names)
        asked.write_text(json.dumps(drawn(opened, count)))
        for number, system in enumerate(SYSTEMS):
            folder = Path(place) / str(number)
            folder.mkdir()
            built = in_own_process(__file__, "--one", "build", system, names, folder, asked)
            rows.append(_row(system, built, in_own_process(__file__, "--one", "ask", system, names, folder, asked)))
            print(*rows[-1], sep="; ", file=sys.stderr)
    head = ("build, s", "open, s", "on disk, MB", "memory, MB", "exact, µs", "similar, ms")
    print("Look-ups: median / 99th percentile; share of the slips of which the right name is among 20\n")
    print_table(("system", *head, *KINDS), rows)


def _row(system: str, built: Mapping[str, float], asked: Mapping[str, Any]) -> list[str]:
    return [
        *(system, f"{built['seconds']:.1f}", f"{asked['opened']:.2f}", f"{built['bytes'] / 1e6:,.0f}"),
        *(f"{asked['memory']:,.0f}", _times(asked["exact"], 1e3), _times(asked["similar"], 1e6)),
        *(f"{asked['found'][kind]:.3f}" if kind in asked["found"] else "" for kind in KINDS),
    ]


def _times(nanoseconds: Sequence[int], unit: float) -> str:
    if not nanoseconds:
        return ""
    cuts = statistics.quantiles(nanoseconds, n=100)
    return f"{cuts[49] / unit:,.1f} / {cuts[98] / unit:,.1f}"


def linking(folder: Path, epochs: int) -> None:
    """Accuracy on the gold sets, spans given."""
    sets, ids = gold_sets(), known_ids()
    index, linker = Index.open(folder), open_linker(folder, "gazetteer")
    with tempfile.TemporaryDirectory() as place:
        names = Path(place) / "names.tsv"
        write_names(index, names)
        by_system: dict[str, list[list[Prediction]]] = {
            "nedsvc": [predict(linker, gold, given=True) for gold in sets],
            "spaCy, prior only": spacy_predictions(index, names, sets, ids, 0),
        }
        if epochs:
            by_system[f"spaCy, trained, {epochs} epochs"] = spacy_predictions(index, names, sets, ids, epochs)
    print("\nLinking: accuracy on given spans\n")
    rows = [[system, *_accuracies(sets, predicted, ids)] for system, predicted in by_system.items()]
    print_table(("system", *(gold.name for gold in sets), "mean"), rows)


def _accuracies(sets: Sequence[GoldSet], predicted: Sequence[Sequence[Prediction]], ids: Ids) -> list[str]:
    shares = [accuracy(gold, held, ids).share for gold, held in zip(sets, predicted, strict=True)]
    return [f"{share:.3f}" for share in (*shares, statistics.mean(shares))]


def main() -> None:
    """Compare, or do in a process of its own what is compared."""
    parser = index_parser((__doc__ or "").partition("\n")[0])
    parser.add_argument("--asked", type=int, default=300, help="how many names of each kind")
    parser.add_argument("--epochs", type=int, default=5, help="of the training of spaCy's linker (0: prior only)")
    parser.add_argument("--only", choices=("look-ups", "linking"))
    parser.add_argument("--one", nargs=5, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        what, system, names, folder, asked = arguments.one
        if what == "build":
            print(json.dumps(build_one(system, Path(names), Path(folder))))
        else:
            print(json.dumps(ask_one(system, Path(names), Path(folder), json.loads(Path(asked).read_bytes()))))
        return
    index = chosen_index(arguments)
    if arguments.only != "linking":
        look_ups(index, arguments.asked)
    if arguments.only != "look-ups":
        linking(index, arguments.epochs)


if __name__ == "__main__":
    run(main)
