"""What the measuring scripts share: the gold material and the index to measure."""

import argparse
import os
import random
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from nedsvc import EntityLinker
from nedsvc.errors import NedError
from nedsvc.evaluation.gold import GoldSet, read_gold
from nedsvc.evaluation.ids import Ids, read_ids
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
