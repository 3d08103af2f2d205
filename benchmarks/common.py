"""What the measuring scripts share: the gold material and the index to measure."""

import argparse
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from nedsvc import EntityLinker
from nedsvc.errors import NedError
from nedsvc.evaluation.gold import GoldSet, read_gold
from nedsvc.evaluation.ids import Ids, read_ids
from nedsvc.index.reader import Index
from nedsvc.settings import read_settings
from nedsvc.starter import starter_index

SEED = 7
SHORTEST_PARAGRAPH = 30  # characters


def shared_folder() -> Path:
    """The folder of the shared material."""
    folder = os.environ.get("NEDSVC_SHARED")
    if not folder:
        raise SystemExit("set NEDSVC_SHARED to the folder of the shared material")
    return Path(folder)


def gold_sets() -> list[GoldSet]:
    """The open benchmarks."""
    return list(map(read_gold, sorted((shared_folder() / "benchmarks" / "gold").glob("*.jsonl"))))


def document_lines(count: int, paragraphs: int) -> Iterator[bytes]:
    """So many JSON lines, each a document of some paragraphs of the benchmarks' texts, chosen by chance, with an id.

    Each also has its number, so that no two are the same.
    """
    chance = random.Random(SEED)
    texts = [document.text for gold in gold_sets() for document in gold.documents]
    known = [part for text in texts for part in text.splitlines() if len(part) >= SHORTEST_PARAGRAPH]
    for number in range(count):
        text = "\n".join(chance.choices(known, k=paragraphs))
        yield msgspec.json.encode({"id": str(number), "text": f"{text} ({number})"}) + b"\n"


def write_documents(path: Path, count: int, paragraphs: int) -> None:
    """A file of `document_lines`."""
    with path.open("wb") as file:
        file.writelines(document_lines(count, paragraphs))


def known_ids() -> Ids:
    """The ids of the sample of Wikidata, by which gold and links count."""
    return read_ids(shared_folder() / "wikidata-sample" / "sample.json.gz")


def index_parser(description: str | None) -> argparse.ArgumentParser:
    """A parser of the command line with the choice of the index."""
    parser = argparse.ArgumentParser(description=description)
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--index", type=Path, metavar="DIR", help="the index (default: NEDSVC_INDEX, else the starter)")
    choice.add_argument("--starter", action="store_true", help="the starter index, whatever NEDSVC_INDEX says")
    return parser


def chosen_index(arguments: argparse.Namespace) -> Path:
    """The folder of the index that the command line chooses; the starter index is built if need be."""
    settings = read_settings(os.environ)
    named: Path | None = None if arguments.starter else arguments.index or settings.index
    return named or starter_index(settings.cache)


def open_linker(index: Path, detector: str) -> EntityLinker:
    """A linker over the index."""
    return EntityLinker.from_index(index, detector=detector)


def written_names(index: Index, count: int, chance: random.Random, well_known: bool) -> Iterator[tuple[str, int]]:
    """Names of entities by chance, as they are written, each with its row; well known ones are the likelier."""
    rows = np.arange(len(index))
    by_popularity = np.argsort(-index.popularities(rows), kind="stable") if well_known else rows
    total = len(by_popularity)
    for _ in range(count):
        place = int(total ** chance.random()) - 1 if well_known else chance.randrange(total)
        row = int(by_popularity[place])
        record = index.record(row)
        names = [*record.labels.values(), *(alias for held in record.aliases.values() for alias in held)]
        yield chance.choice(names), row


def in_own_process(script: str, *arguments: object) -> Any:
    """What the script prints as JSON when it is run with these arguments."""
    command = [sys.executable, script, *map(str, arguments)]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def own_memory() -> dict[str, float]:
    """The MB of this process by the names of /proc/self/smaps_rollup: Rss, Pss, Anonymous and others.

    What is not anonymous is of files, which all processes that map them share.
    """
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()[1:]
    return {name: int(value) * 1024 / 1e6 for name, value, *_ in (line.replace(":", "").split() for line in lines)}


def forget_pages(folder: Path) -> None:
    """Have the system drop what it holds of the folder's files in memory, as after a start of the machine."""
    for path in folder.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def folder_size(folder: Path) -> int:
    """The bytes of the folder's files."""
    return sum(path.stat().st_size for path in folder.iterdir())


def print_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table in Markdown, as docs/performance.md has them."""
    for cells in (head, ["---"] * len(head), *rows):
        print(f"| {' | '.join(cells)} |".replace("|  |", "| |").replace("|  |", "| |"))


def run(main: Callable[[], None]) -> None:
    """Run a script; an error of nedsvc is one sentence, as it is for users."""
    try:
        main()
    except NedError as error:
        sys.exit(f"{Path(sys.argv[0]).name}: {error}")
