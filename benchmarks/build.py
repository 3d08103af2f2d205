"""How fast an index is built, what memory that takes by the size of the dump, and how large it is.

    python benchmarks/build.py rates [--items 50000] [--rounds 3]
    python benchmarks/build.py scaling [--items 100000] [--rounds 3]
    python benchmarks/build.py memory [--sizes 10000 100000] [--plot]
    python benchmarks/build.py sizes DIR...

The dumps are made (`made_dumps.py`), with the proportions of Wikidata's; `rates` also takes the sample of Wikidata, of
which items are small (NEDSVC_SHARED). A build is the whole command, from the packed file to the synced folder, with one
worker unless said otherwise. `orjson.loads` has the same lines in memory, and once more unpacks them itself. `scaling`
compares two workers with two builds of half of the dump each at the same time. `memory` streams dumps of any size
through a pipe and samples what all processes of the build have (PSS). Each measurement has processes of its own, in
turns.
"""

import argparse
import bz2
import gc
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, NamedTuple

import orjson
from common import folder_size, in_own_process, print_table, run
from isal import igzip
from plots import DOCS, draw_lines
from processes import tree_memory

from nedsvc.index.format import read_manifest

FULL_ITEMS, FULL_BYTES = 118_000_000, 1.6e12  # Wikidata's dump, unpacked (see made_dumps.py)
CORES = 16
_PART = re.compile(r"-\d{4}(?=\.)")  # of a file that has parts
_EVERY = 0.2  # seconds between two samples of memory
_DUMPS = str(Path(__file__).with_name("made_dumps.py"))


class Built(NamedTuple):
    """A build: how long it took, what it took of the processors, and the most memory (MB) that its processes had.

    Memory that is no file's cannot be given back while it is used; all is with the pages of files that it had read.
    """

    seconds: float
    processor_seconds: float
    memory: float = 0.0
    with_files: float = 0.0


def main() -> None:
    """Measure, or do in a process of its own what is measured."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("what", choices=("rates", "scaling", "memory", "sizes", "parse", "unpack"))
    parser.add_argument("paths", type=Path, nargs="*", metavar="DIR")
    parser.add_argument("--items", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sizes", type=int, nargs="+", default=(10_000, 100_000))
    parser.add_argument("--workers", type=int, default=1, help="of the builds whose memory is measured")
    parser.add_argument("--plot", action="store_true", help="draw docs/build_memory.svg")
    arguments = parser.parse_args()
    if arguments.what == "parse":
        print(json.dumps(_parse(arguments.paths[0])))
    elif arguments.what == "unpack":
        print(json.dumps(_unpack(arguments.paths[0])))
    elif arguments.what == "sizes":
        sizes(arguments.paths)
    else:
        with tempfile.TemporaryDirectory() as folder:
            _measure(arguments, Path(folder))


def _measure(arguments: argparse.Namespace, folder: Path) -> None:
    if arguments.what == "rates":
        rates(folder, arguments.items, arguments.rounds)
    elif arguments.what == "scaling":
        scaling(folder, arguments.items, arguments.rounds)
    else:
        memory(folder, arguments.sizes, arguments.workers, arguments.plot)


# ------------------------------------------------------------------------------------------------- parsing alone


def _lines(dump: Path) -> Iterator[bytes]:
    opener: Callable[[Path], IO[bytes]] = {".gz": igzip.open, ".bz2": bz2.open}[dump.suffix]
    with opener(dump) as file:
        for line in file:
            text = line.strip(b" \t\r\n,")
            if len(text) > 1:
                yield text


def _parse(dump: Path) -> dict[str, float]:
    lines = list(_lines(dump))
    gc.disable()
    start = time.perf_counter()
    for line in lines:
        orjson.loads(line)
    return {"seconds": time.perf_counter() - start, "bytes": sum(map(len, lines)), "lines": len(lines)}


def _unpack(dump: Path) -> dict[str, float]:
    gc.disable()
    start = time.perf_counter()
    for line in _lines(dump):
        orjson.loads(line)
    return {"seconds": time.perf_counter() - start}


# ----------------------------------------------------------------------------------------------------- the builds


def _started(dump: Path | None, out: Path, workers: int = 1) -> subprocess.Popen[bytes]:
    """The command, running; without a dump it reads one from its standard input."""
    options = ["-o", str(out), "--workers", str(workers)]
    command = [sys.executable, "-m", "nedsvc", "index", "build", str(dump or "-"), *options]
    stdin = None if dump else subprocess.PIPE
    return subprocess.Popen(command, stdin=stdin, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def build(dumps: Sequence[Path], folder: Path, workers: int = 1) -> Built:
    """Build an index of each of the dumps at the same time."""
    start = time.perf_counter()
    builds = [_started(dump, folder / f"index-{number}", workers) for number, dump in enumerate(dumps)]
    processor = 0.0
    for running in builds:
        _, status, used = os.wait4(running.pid, 0)
        running.returncode = status
        processor += used.ru_utime + used.ru_stime
    if any(running.returncode for running in builds):
        raise SystemExit("a build failed")
    return Built(time.perf_counter() - start, processor)


def build_streamed(items: int, out: Path, workers: int) -> Built:
    """Build an index of a made dump that comes through a pipe, and sample the memory meanwhile."""
    start = time.perf_counter()
    building = _started(None, out, workers)
    making = subprocess.Popen([sys.executable, _DUMPS, "--items", str(items)], stdout=building.stdin)
    if building.stdin:
        building.stdin.close()
    most = most_with_files = 0.0
    while building.poll() is None:
        most = max(most, tree_memory(building.pid, "Pss_Anon"))
        most_with_files = max(most_with_files, tree_memory(building.pid, "Pss"))
        time.sleep(_EVERY)
    if building.returncode or making.wait():
        raise SystemExit("the build failed")
    return Built(time.perf_counter() - start, 0.0, most, most_with_files)


def _made(target: Path, items: int, part: str = "1/1") -> Path:
    subprocess.run([sys.executable, _DUMPS, "--items", str(items), "--part", part, "-o", target], check=True)
    return target


def rates(folder: Path, items: int, rounds: int) -> None:
    """MB a second of the build, beside parsing alone, with the packings that dumps come in."""
    dumps = {
        f"made, {items:,} items, gzip": _made(folder / "dump.json.gz", items),
        f"made, {items:,} items, bzip2": _made(folder / "dump.json.bz2", items),
    }
    if shared := os.environ.get("NEDSVC_SHARED"):
        dumps["the sample, gzip"] = Path(shared) / "wikidata-sample" / "sample.json.gz"
    rows, fastest = [], 0.0
    for title, dump in dumps.items():
        parsed, unpacked, built = [], [], []
        for _ in range(rounds):
            parsed.append(in_own_process(__file__, "parse", dump))
            unpacked.append(in_own_process(__file__, "unpack", dump)["seconds"])
            built.append(build([dump], folder))
        size = parsed[0]["bytes"] / 1e6
        ratios = [b.seconds / p["seconds"] for b, p in zip(built, parsed, strict=True)]
        figures = (
            *(size / statistics.median(p["seconds"] for p in parsed), size / statistics.median(unpacked)),
            *(
                size / statistics.median(b.seconds for b in built),
                size / statistics.median(b.processor_seconds for b in built),
            ),
        )
        if title.startswith("made"):
            fastest = max(fastest, figures[2])
        rows.append(
            (title, f"{size:,.0f}", *(f"{figure:,.0f}" for figure in figures), f"{statistics.median(ratios):.2f}")
        )
    print("MB (of JSON) a second, one worker, medians\n")
    head = ("orjson.loads", "with unpacking", "build", "build, by processor time", "time of build / orjson.loads")
    print_table(("dump", "MB", *head), rows)
    extrapolate(fastest)


def extrapolate(rate: float, efficiency: float = 0.9) -> None:
    """The full dump on many cores, with the arithmetic."""
    seconds = FULL_BYTES / 1e6 / (rate * CORES * efficiency)
    print(
        f"\nThe full dump: {FULL_ITEMS / 1e6:,.0f} million items, {FULL_BYTES / 1e6:,.0f} MB of JSON; "
        f"{FULL_BYTES / 1e6:,.0f} / ({rate:,.0f} MB/s × {CORES} cores × {efficiency}) = {seconds:,.0f} s, "
        f"{seconds / 60:.0f} minutes, if the disk gives {150_000 / seconds:,.0f} MB/s (150 GB of gzip)."
    )


def scaling(folder: Path, items: int, rounds: int) -> None:
    """Two workers beside one, and beside two builds of half of the dump each."""
    whole = _made(folder / "whole.json.gz", items)
    halves = [_made(folder / f"half-{part}.json.gz", items, f"{part}/2") for part in (1, 2)]
    manners: Mapping[str, Callable[[], Built]] = {
        "one worker": lambda: build([whole], folder),
        "two workers": lambda: build([whole], folder, 2),
        "two apart": lambda: build(halves, folder),
    }
    built: dict[str, list[Built]] = {name: [] for name in manners}
    for _ in range(rounds):
        for name, manner in manners.items():
            built[name].append(manner())
    seconds = {name: statistics.median(each.seconds for each in runs) for name, runs in built.items()}
    processor = {name: statistics.median(each.processor_seconds for each in runs) for name, runs in built.items()}
    print(f"A dump of {items:,} items; seconds, and seconds of processors, medians of {rounds}\n")
    print_table(tuple(seconds), [[f"{seconds[name]:.1f} ({processor[name]:.1f})" for name in seconds]])
    beside = seconds["two apart"] / seconds["two workers"]
    print(f"\ntwo workers beside two apart: {beside:.2f} (goal .9); two beside one: ", end="")
    print(f"{seconds['one worker'] / seconds['two workers']:.2f}")


def memory(folder: Path, items_of: Sequence[int], workers: int, plot: bool) -> None:
    """The most memory by the size of the dump, and what the index weighs."""
    rows, points = [], []
    for items in items_of:
        out = folder / "streamed"
        built = build_streamed(items, out, workers)
        counts = read_manifest(out).counts
        weight = folder_size(out)
        points.append((items, built.memory))
        row = (items, counts.entities, counts.names, built.seconds, built.memory, built.with_files, weight / 1e6)
        rows.append([*(f"{figure:,.0f}" for figure in row), *_each(weight, counts.entities, counts.names)])
        print(f"{items:,} items: {built.seconds:,.0f} s, {built.memory:,.0f} MB", file=sys.stderr)
    head = (
        "seconds, the making of the dump included",
        "peak memory (MB)",
        "with pages of files (MB)",
        "index (MB)",
        "bytes an entity",
        "bytes a name",
    )
    print_table(("items", "entities", "names", *head), rows)
    if plot:
        draw_lines(DOCS / "build_memory.svg", {"peak memory": points}, ("items in the dump", "MB (PSS)"))


def sizes(folders: Sequence[Path]) -> None:
    """What each file of indexes weighs for each entity and each name."""
    for folder in folders:
        manifest = read_manifest(folder)
        counts = manifest.counts
        print(f"{folder.name}: {counts.entities:,} entities, {counts.names:,} names\n")
        weighed: Counter[str] = Counter()
        for name, file in manifest.files.items():
            weighed[_PART.sub("-*", name)] += file.bytes
        weights = [("all", weighed.total()), *weighed.most_common()]
        rows = [
            (name, f"{bytes_ / 1e6:,.2f}", *_each(bytes_, counts.entities, counts.names)) for name, bytes_ in weights
        ]
        print_table(("file", "MB", "bytes an entity", "bytes a name"), rows)


def _each(weight: int, entities: int, names: int) -> tuple[str, str]:
    return f"{weight / entities:,.1f}", f"{weight / names:,.1f}"


if __name__ == "__main__":
    run(main)
