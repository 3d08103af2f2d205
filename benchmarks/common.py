"""What the measuring scripts share: the gold material, the index to measure, and tables."""

import argparse
import gzip
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from platformdirs import user_cache_path

from nedsvc import EntityLinker
from nedsvc.errors import NedError
from nedsvc.settings import read_settings
from nedsvc.starter import starter_index

QUANTITIES = frozenset({"QUANTITY", "DATETIME"})
PRONOUNS = frozenset(
    [
        "i",
        "me",
        "my",
        "mine",
        "we",
        "us",
        "our",
        "ours",
        "you",
        "your",
        "yours",
        "he",
        "him",
        "his",
        "she",
        "her",
        "hers",
        "it",
        "its",
        "they",
        "them",
        "their",
        "theirs",
        "this",
        "that",
        "these",
        "those",
        "who",
        "whom",
        "whose",
        "which",
        "himself",
        "herself",
        "itself",
        "themselves",
    ]
)

Spans = dict[tuple[int, int], str]


class Label(msgspec.Struct, frozen=True):
    """A gold label of a benchmark document."""

    span: tuple[int, int]
    entity_id: str
    type: str = ""
    optional: bool = False
    coref: Any = None
    parent: int | None = None


class GoldDocument(msgspec.Struct, frozen=True):
    """A benchmark document; only what lies inside `evaluation_span` is annotated."""

    id: int | str
    text: str
    evaluation_span: tuple[int, int]
    labels: tuple[Label, ...]

    def counted(self, known: frozenset[str]) -> Spans:
        """The gold that is counted: span → QID."""
        return {label.span: label.entity_id for label in self.labels if self._counts(label, known)}

    def uncounted(self, known: frozenset[str]) -> list[tuple[int, int]]:
        """The spans of the gold that is not counted."""
        return [label.span for label in self.labels if not self._counts(label, known)]

    def _counts(self, label: Label, known: frozenset[str]) -> bool:
        left_out = label.optional or label.parent is not None or label.coref or label.type in QUANTITIES
        surface = self.text[slice(*label.span)]
        return label.entity_id in known and not left_out and surface.lower() not in PRONOUNS


class GoldSet(msgspec.Struct, frozen=True):
    """A benchmark: its name and its documents."""

    name: str
    documents: tuple[GoldDocument, ...]


def shared_folder() -> Path:
    """The folder of the shared material."""
    folder = os.environ.get("NEDSVC_SHARED")
    if not folder:
        raise SystemExit("set NEDSVC_SHARED to the folder of the shared material")
    return Path(folder)


def gold_sets() -> list[GoldSet]:
    """The open benchmarks."""
    decoder = msgspec.json.Decoder(GoldDocument)
    return [
        GoldSet(file.name.partition(".")[0], tuple(map(decoder.decode, file.read_bytes().splitlines())))
        for file in sorted((shared_folder() / "benchmarks" / "gold").glob("*.jsonl"))
    ]


def known_ids() -> frozenset[str]:
    """The ids of all items of the sample dump; read once and kept in the cache folder."""
    sample = shared_folder() / "wikidata-sample" / "sample.json.gz"
    cache = read_settings(os.environ).cache or user_cache_path("nedsvc")
    kept = cache / f"sample-ids-{sample.stat().st_size}.npy"
    if not kept.exists():
        cache.mkdir(parents=True, exist_ok=True)
        np.save(kept, _read_ids(sample))
    return frozenset(f"Q{number}" for number in np.load(kept).tolist())


class _Identity(msgspec.Struct):
    id: str


def _read_ids(dump: Path) -> NDArray[np.uint32]:
    decoder = msgspec.json.Decoder(_Identity)
    with gzip.open(dump, "rb") as lines:
        content = (line.rstrip(b",\r\n ") for line in lines)
        return np.array([int(decoder.decode(line).id[1:]) for line in content if len(line) > 1], dtype=np.uint32)


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


def run(main: Callable[[], None]) -> None:
    """Run a script; an error of nedsvc is one sentence, as it is for users."""
    try:
        main()
    except NedError as error:
        sys.exit(f"{Path(sys.argv[0]).name}: {error}")


def overlaps(one: tuple[int, int], others: Iterable[tuple[int, int]]) -> bool:
    """Whether the span shares a character with any of the others."""
    return any(one[0] < end and start < one[1] for start, end in others)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Lines of columns, the first to the left, the others to the right."""
    lines = [head, *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join("  ".join(_aligned(line, widths)).rstrip() for line in lines)


def _aligned(line: Sequence[str], widths: Sequence[int]) -> Iterator[str]:
    for position, (cell, width) in enumerate(zip(line, widths, strict=True)):
        yield cell.rjust(width) if position else cell.ljust(width)
