"""What an overlay costs of the processor's time: the start with it, and look-ups and texts with and without.

python benchmarks/overlay.py [--index DIR | --starter] [--lines 10,1000,100000]
"""

import os
import random
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from time import process_time

import msgspec
from common import SEED, chosen_index, gold_sets, index_parser, run

from nedsvc import EntityLinker
from nedsvc.evaluation.report import of_page
from nedsvc.index.reader import Index

OPENINGS = 5
ROUNDS = 3
NAMES = 3_000
TEXTS = 40
LINKS = 4


def lines_of(index: Index, count: int) -> bytes:
    """So many own entities: two words of names each, another name, a description and some links."""
    chance = random.Random(SEED)
    rows = chance.choices(range(len(index)), k=1000)
    ids = [index.id_of(index.number(row)) for row in rows]
    words = [word for row in rows for word in index.entity(row).label.split()]
    found = []
    for number in range(count):
        name = " ".join((*chance.choices(words, k=2), str(number)))
        line = {
            "id": f"own:{number}",
            "names": [name, " ".join(chance.choices(words, k=3))],
            "type": "ORG",
            "description": " ".join(chance.choices(words, k=6)),
            "links": sorted(set(chance.choices(ids, k=LINKS))),
        }
        found.append(msgspec.json.encode(line) + b"\n")
    return b"".join(found)


def opened(index: Path, overlay: Path | None) -> tuple[EntityLinker, float]:
    """A linker, and the milliseconds that opening it took."""
    start = process_time()
    linker = EntityLinker.from_index(index, detector="gazetteer", overlay=overlay)
    return linker, (process_time() - start) * 1000


def microseconds_a_name(index: Path, overlay: Path | None, names: Sequence[str]) -> float:
    """What looking up a name takes that was not asked for before, without ranking."""
    best = float("inf")
    for _ in range(ROUNDS):
        (source,) = opened(index, overlay)[0]._sources
        start = process_time()
        source.search(names, "en", 0.0)
        best = min(best, process_time() - start)
    return best / len(names) * 1e6


def milliseconds_a_text(linker: EntityLinker, texts: Sequence[str]) -> float:
    """What annotating a text takes once its names are known."""
    best = float("inf")
    for _ in range(ROUNDS):
        start = process_time()
        for text in texts:
            linker.annotate(text)
        best = min(best, process_time() - start)
    return best / len(texts) * 1000


def main() -> None:
    """Measure each size and print a table."""
    parser = index_parser((__doc__ or "").partition("\n")[0])
    parser.add_argument("--lines", default="10,1000,100000", help="sizes of overlays")
    arguments = parser.parse_args()
    folder = chosen_index(arguments)
    index = Index.open(folder)
    chance = random.Random(SEED)
    names = [index.entity(row).label for row in chance.sample(range(len(index)), min(NAMES, len(index)))]
    texts = [document.text for gold in gold_sets() for document in gold.documents][:TEXTS]
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        os.environ["NEDSVC_CACHE"] = temporary
        for count in (0, *map(int, arguments.lines.split(","))):
            overlay = Path(temporary) / f"{count}.jsonl" if count else None
            if overlay:
                overlay.write_bytes(lines_of(index, count))
            _, first = opened(folder, overlay)
            later = median(opened(folder, overlay)[1] for _ in range(OPENINGS))
            linker, _ = opened(folder, overlay)
            spent = microseconds_a_name(folder, overlay, names), milliseconds_a_text(linker, texts)
            rows.append((f"{count:,}", f"{first:,.0f}", f"{later:.0f}", f"{spent[0]:.0f}", f"{spent[1]:.1f}"))
    print(of_page(("lines", "first start, ms", "later, ms", "a new name, µs", "a text, ms"), rows))


if __name__ == "__main__":
    run(main)
