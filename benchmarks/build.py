"""How fast an index is built, beside `orjson.loads` on the same lines.

Run with NEDSVC_SHARED set: `python benchmarks/build.py [--rounds 3]`. Two inputs: the sample of Wikidata, whose items
are small, and whole items as in a real dump (the sample's longest, repeated under new ids). Each build and each pass of
orjson has a process of its own, in turn; the build's time is all of it, from the compressed file to the synced folder.
"""

import argparse
import gc
import json
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import orjson
from isal import igzip

from nedsvc.index.build import build_index
from nedsvc.index.options import BuildOptions

LONGEST = 1025
WHOLE_ITEMS = 20_000
FIRST_NEW_ID = 1_000_000_000
_OWN_ID = re.compile(rb'"id":"Q\d+"')


def main() -> None:
    """Measure both inputs, or, in a process of its own, do what is measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--one", nargs=3, metavar=("WHAT", "DUMP", "OUT"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        what, dump, out = arguments.one
        print(json.dumps(_baseline(Path(dump)) if what == "orjson" else _build(Path(dump), Path(out))))
        return
    sample = _sample()
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder) / "whole.json.gz"
        write_whole_items(sample, whole)
        for title, dump in ((f"the sample, {sample.name}", sample), (f"{WHOLE_ITEMS:,} whole items", whole)):
            _measure(title, dump, Path(folder) / "index", arguments.rounds)


def _sample() -> Path:
    shared = os.environ.get("NEDSVC_SHARED")
    if not shared:
        sys.exit("Set NEDSVC_SHARED to the folder that holds wikidata-sample/sample.json.gz.")
    return Path(shared) / "wikidata-sample" / "sample.json.gz"


def _lines(dump: Path) -> Iterator[bytes]:
    with igzip.open(dump) as file:
        for line in file:
            text = line.strip(b" \t\r\n,")
            if len(text) > 1:
                yield text


def write_whole_items(sample: Path, target: Path, count: int = WHOLE_ITEMS) -> None:
    """A dump of the sample's longest items, repeated under new ids."""
    longest = sorted(_lines(sample), key=len)[-LONGEST:]
    with igzip.open(target, "wb", compresslevel=1) as file:
        file.write(b"[\n")
        for number in range(count):
            new_id = b'"id":"Q%d"' % (FIRST_NEW_ID + number)
            file.write(_OWN_ID.sub(new_id, longest[number % len(longest)], count=1) + b",\n")
        file.write(b"]\n")


def _baseline(dump: Path) -> dict[str, float]:
    lines = list(_lines(dump))
    gc.disable()
    start = time.perf_counter()
    for line in lines:
        orjson.loads(line)
    return {"seconds": time.perf_counter() - start, "bytes": sum(map(len, lines)), "lines": len(lines)}


def _build(dump: Path, out: Path) -> dict[str, Any]:
    start = time.perf_counter()
    manifest = build_index([dump], out, BuildOptions())
    return {
        "seconds": time.perf_counter() - start,
        "rss": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "entities": manifest.counts.entities,
        "files": {name: file.bytes for name, file in manifest.files.items()},
    }


def _in_own_process(what: str, dump: Path, out: Path) -> dict[str, Any]:
    done = subprocess.run([sys.executable, __file__, "--one", what, dump, out], check=True, stdout=subprocess.PIPE)
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def _measure(title: str, dump: Path, out: Path, rounds: int) -> None:
    parsed, built = [], []
    for _ in range(rounds):
        parsed.append(_in_own_process("orjson", dump, out))
        built.append(_in_own_process("build", dump, out))
    parse, build = _median(parsed), _median(built)
    ratio = statistics.median(b["seconds"] / p["seconds"] for p, b in zip(parsed, built, strict=True))
    size = parsed[0]["bytes"] / 1e6
    print(f"{title}: {parsed[0]['lines']:,} lines, {size:,.0f} MB")
    print(f"  orjson.loads  {parse:7.2f} s  {size / parse:7.0f} MB/s")
    print(f"  index build   {build:7.2f} s  {size / build:7.0f} MB/s  {ratio:.2f} times the time of orjson.loads")
    print(f"  peak memory {max(run['rss'] for run in built) / 1e6:,.0f} MB, {built[0]['entities']:,} entities")
    files = built[0]["files"]
    print(f"  folder {sum(files.values()) / 1e6:,.1f} MB")
    for name, count in sorted(files.items(), key=lambda entry: -entry[1]):
        print(f"    {count / 1e6:8.2f} MB  {name}")


def _median(runs: Iterable[dict[str, Any]]) -> float:
    return float(statistics.median(run["seconds"] for run in runs))


if __name__ == "__main__":
    main()
