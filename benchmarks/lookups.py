"""How long look-ups take by the size of the index, and how much memory.

    python benchmarks/lookups.py build DIR [--entities 10000 100000] [--profile news]
    python benchmarks/lookups.py measure DIR [--names 2000] [--plot]

`build` makes an index of each size from made dumps (`made_dumps.py`), lean ones unless --whole is given. `measure` asks
each index in DIR for names that are drawn from it, half of them from all and half from the well known, each once, so
that no memory of earlier answers helps: exact, folded (other case, no diacritics), token (a word of a longer name) and
fuzzy (a typo, words swapped, a middle name missing; known names are left out). Index: who bears the name, who bears
the word, the 20 most similar names; source: all candidates of the name (`LocalSource.search`); linker: the decided
answer (`EntityLinker.lookup`). Cold: the first look-ups after the index's files were dropped from memory; warm: after
all of them were read once. Each index has a process of its own.
"""

import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from time import perf_counter_ns
from typing import Any

from common import SEED, folder_size, forget_pages, in_own_process, own_memory, print_table, run, written_names
from plots import DOCS, draw_lines
from typos import slip

from nedsvc import EntityLinker
from nedsvc.factory import parts_of_index
from nedsvc.index.format import read_manifest
from nedsvc.index.reader import Index
from nedsvc.names import fold

SIZES = (10_000, 100_000)
LEVELS = ("index", "source", "linker")
KINDS = ("exact", "folded", "token", "fuzzy")
SLIPS = ("one edit", "swapped words", "missing middle name")
KEPT = {"news": 0.58, "all": 0.94}  # the share of a made dump's items that an index of it has
COLD = 100
OPENINGS = 9
GOALS = {"exact": 20.0, "fuzzy": 5000.0}
Ask = Callable[[str], object]


def build(folder: Path, entities: int, profile: str, whole: bool, first: Sequence[Path]) -> None:
    """An index with about so many entities; none where there is one."""
    out = folder / str(entities)
    if (out / "manifest.json").is_file():
        return
    items = round(entities / KEPT[profile])
    script = str(Path(__file__).with_name("made_dumps.py"))
    made = subprocess.Popen(
        [sys.executable, script, "--items", str(items), *([] if whole else ["--lean"])], stdout=subprocess.PIPE
    )
    dumps = [*map(str, first), "-"]
    command = [sys.executable, "-m", "nedsvc", "index", "build", *dumps, "--profile", profile, "-o", str(out)]
    subprocess.run(command, stdin=made.stdout, check=True)
    if made.wait():
        raise SystemExit("made_dumps.py failed")


def draw(folder: Path, count: int) -> dict[str, list[str]]:
    """Names to ask for, of each kind, none of them twice."""
    index, chance = Index.open(folder), random.Random(SEED)
    drawn: dict[str, dict[str, None]] = {kind: {} for kind in KINDS}
    tries = 20 * count
    for well_known in (True, False):
        for name, _ in written_names(index, tries, chance, well_known):
            enough = count if not well_known else count // 2
            for kind in KINDS:
                asked = _asked(index, kind, name, chance) if len(drawn[kind]) < enough else None
                if asked:
                    drawn[kind][asked] = None
            if all(len(names) >= enough for names in drawn.values()):
                break
    return {kind: chance.sample(list(names), len(names)) for kind, names in drawn.items()}


def _asked(index: Index, kind: str, name: str, chance: random.Random) -> str | None:
    if kind == "exact":
        return name
    if kind == "folded":
        folded = slip("folded diacritics", name, chance) or chance.choice((name.upper(), name.lower()))
        return None if folded == name else folded
    if kind == "token":
        words = [word for word in name.split() if len(word) > 2 and word.isalpha()]
        return chance.choice(words) if len(words) > 1 else None
    slipped = slip(chance.choice(SLIPS), fold(name), chance)
    return None if slipped is None or index.postings(slipped) is not None else slipped.title()


def measure_cold(folder: Path, drawn: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """The first look-ups in an index of which nothing is in memory."""
    forget_pages(folder)
    asks = _asks_of_index(Index.open(folder))
    return {kind: _figures(_times(asks[kind], drawn[kind][:COLD])) for kind in KINDS}


def measure_warm(folder: Path, drawn: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Opening, memory with one linker, and look-ups, in an index that was read once."""
    _read_all(folder)
    before = own_memory()
    start = perf_counter_ns()
    linker = EntityLinker.from_index(folder, detector="gazetteer")
    first = (perf_counter_ns() - start) / 1e6
    opened = own_memory()
    warm = {"linker": {kind: _figures(_times(linker.lookup, drawn[kind])) for kind in KINDS}}
    asked = own_memory()
    asks = _asks_of_index(Index.open(folder))
    warm["index"] = {kind: _figures(_times(asks[kind], drawn[kind])) for kind in KINDS}
    source = parts_of_index(folder, "gazetteer").source
    for kind in KINDS:
        times = _times(lambda name: source.search([name], "en", float("inf")), drawn[kind])
        warm.setdefault("source", {})[kind] = _figures(times)
    openings = [_opening(folder) for _ in range(OPENINGS)]
    return {
        "open": {"first": first, "median": statistics.median(openings)},
        "memory": {"before": before, "opened": opened, "asked": asked},
        "warm": warm,
    }


def _asks_of_index(index: Index) -> Mapping[str, Ask]:
    return {
        "exact": lambda name: index.postings(fold(name)),
        "folded": lambda name: index.postings(fold(name)),
        "token": lambda name: index.bearers(fold(name)),
        "fuzzy": lambda name: index.similar_names(fold(name), 20),
    }


def _times(ask: Ask, names: Iterable[str]) -> list[int]:
    """The nanoseconds of each look-up."""
    return [_time(ask, name) for name in names]


def _time(ask: Ask, name: str) -> int:
    start = perf_counter_ns()
    ask(name)
    return perf_counter_ns() - start


def _figures(times: Sequence[int]) -> tuple[float, float]:
    """The median and the 99th percentile in microseconds."""
    cuts = statistics.quantiles(times, n=100)
    return cuts[49] / 1000, cuts[98] / 1000


def _opening(folder: Path) -> float:
    start = perf_counter_ns()
    EntityLinker.from_index(folder, detector="gazetteer")
    return (perf_counter_ns() - start) / 1e6


def _read_all(folder: Path) -> None:
    """Read the files once, so that the system has them in memory."""
    for path in folder.iterdir():
        with path.open("rb") as file:
            while file.read(1 << 24):
                pass


def measure(folder: Path, count: int) -> dict[int, dict[str, Any]]:
    """The figures of each index in the folder, by its number of entities."""
    found = {}
    for path in sorted(folder.iterdir(), key=lambda path: read_manifest(path).counts.entities):
        with tempfile.NamedTemporaryFile(suffix=".json") as names:
            Path(names.name).write_text(json.dumps(in_own_process(__file__, "draw", path, "--names", count)))
            figures = in_own_process(__file__, "warm", path, names.name)
            figures["cold"] = in_own_process(__file__, "cold", path, names.name)
        counts = read_manifest(path).counts
        figures |= {"names": counts.names, "bytes": folder_size(path)}
        found[counts.entities] = figures
    return found


def tables(found: Mapping[int, dict[str, Any]]) -> None:
    """Print all of it."""
    for level in LEVELS:
        print(f"\n{level.capitalize()}: microseconds, median / 99th percentile, warm\n")
        rows = [[f"{n:,}", f"{of['names']:,}", *_pairs(of["warm"][level])] for n, of in found.items()]
        print_table(("entities", "names", *KINDS), rows)
    print(f"\nIndex: microseconds of the first {COLD}, cold\n")
    print_table(("entities", *KINDS), [[f"{n:,}", *_pairs(of["cold"])] for n, of in found.items()])
    print("\nOpening (ms) and memory of a linker (MB): before it was opened, opened, after all look-ups\n")
    memory = ("before", "opened", "asked", "of it private", "of files", "on disk")
    print_table(("entities", "first opening", "later", *memory), [[f"{n:,}", *_memory(of)] for n, of in found.items()])
    largest, small = list(found)[-1], _hundredth(list(found))
    exact = {size: found[size]["warm"]["index"]["exact"][0] for size in (small, largest)}
    print(f"\nExact: {exact[largest] / exact[small]:.2f} times as long at {largest:,} as at {small:,} entities")


def _hundredth(sizes: Sequence[int]) -> int:
    """The size that is nearest to a hundredth of the largest."""
    return min(sizes, key=lambda size: abs(size - sizes[-1] / 100))


def _pairs(kinds: Mapping[str, tuple[float, float]]) -> list[str]:
    return [f"{kinds[kind][0]:,.1f} / {kinds[kind][1]:,.0f}" for kind in KINDS]


def _memory(of: Mapping[str, Any]) -> list[str]:
    before, opened, asked = (of["memory"][when] for when in ("before", "opened", "asked"))
    private = asked["Anonymous"]
    figures = (before["Rss"], opened["Rss"], asked["Rss"], private, asked["Rss"] - private, of["bytes"] / 1e6)
    return [f"{of['open']['first']:.1f}", f"{of['open']['median']:.1f}", *(f"{figure:,.0f}" for figure in figures)]


def plot(found: Mapping[int, dict[str, Any]]) -> None:
    """Draw docs/lookups.svg."""
    lines = {
        f"{level}, {kind}": [(size, of["warm"][level][kind][0]) for size, of in found.items()]
        for level, kinds in (("index", KINDS), ("linker", ("exact", "fuzzy")))
        for kind in kinds
    }
    goals = {f"goal, {kind}": goal for kind, goal in GOALS.items()}
    draw_lines(DOCS / "lookups.svg", lines, ("entities", "median, microseconds"), goals)


def main() -> None:
    """Build, measure, or do what is measured in a process of its own."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("what", choices=("build", "measure", "draw", "warm", "cold"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("drawn", type=Path, nargs="?", help=argparse.SUPPRESS)
    parser.add_argument("--entities", type=int, nargs="+", default=SIZES)
    parser.add_argument("--profile", choices=tuple(KEPT), default="news")
    parser.add_argument("--whole", action="store_true", help="from whole items, not lean ones")
    parser.add_argument("--first", type=Path, nargs="*", default=(), metavar="DUMP", help="goes before the made items")
    parser.add_argument("--names", type=int, default=2000)
    parser.add_argument("--plot", action="store_true", help="draw docs/lookups.svg")
    arguments = parser.parse_args()
    if arguments.what == "build":
        arguments.folder.mkdir(parents=True, exist_ok=True)
        for entities in arguments.entities:
            build(arguments.folder, entities, arguments.profile, arguments.whole, arguments.first)
    elif arguments.what == "draw":
        print(json.dumps(draw(arguments.folder, arguments.names)))
    elif arguments.what in ("warm", "cold"):
        measured = measure_warm if arguments.what == "warm" else measure_cold
        print(json.dumps(measured(arguments.folder, json.loads(arguments.drawn.read_bytes()))))
    else:
        found = measure(arguments.folder, arguments.names)
        tables(found)
        if arguments.plot:
            plot(found)


if __name__ == "__main__":
    run(main)
