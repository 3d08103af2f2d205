"""Names of an index: spread over parts by their first word, and in each part their keys and who bears these."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import count
from pathlib import Path

import marisa_trie
import msgspec
import numpy as np

from nedsvc.index.arrays import Ints, is_first, pack, rows_of
from nedsvc.index.build.columns import KIND_BITS
from nedsvc.index.build.entities import NO_ROW
from nedsvc.index.build.priors import anchor_columns, spread_anchors
from nedsvc.index.build.spellings import spell
from nedsvc.index.build.stages import Result, Stage, chunks
from nedsvc.index.build.texts import part_begins, texts_by_part, texts_of
from nedsvc.index.build.workspace import Effort, Workspace
from nedsvc.index.format import Kind
from nedsvc.index.tries import first_word_hash, parts_of
from nedsvc.tables import TableName

TRIE = "trie.marisa"
_LEVELS = 1  # without further levels a trie is half as large again, and built and read faster


class Names(msgspec.Struct, frozen=True):
    """Some names: their keys, and of each whose it is, its mark, how it is written, and whether it is a label."""

    keys: list[str]
    rows: Ints
    marks: Ints
    shapes: Ints
    accents: Ints
    labels: Ints


_COLUMNS = ("rows", "marks", "shapes", "accents", "labels")


class SpreadTask(msgspec.Struct, frozen=True):
    """Some items, whose names go to so many parts."""

    folder: Path
    begin: int
    end: int
    parts: int


class PartTask(msgspec.Struct, frozen=True):
    """One part of the names or words of the index that is built in this folder."""

    folder: Path
    part: int
    parts: int


def part_tasks(work: Workspace, parts: int) -> list[PartTask]:
    """A task for each part."""
    return [PartTask(work.folder, part, parts) for part in range(parts)]


def lay_names(
    work: Workspace, tables: Iterable[tuple[Kind, Sequence[TableName]]], anchors: Path | None, effort: Effort
) -> Stage:
    """The keys and postings of each part: a stage of which each task has a trie and the columns `posting_*`.

    It also has what words are made of: the distinct `words` of the part by the part that they are in themselves, and
    the places in these of the words of each key.
    """
    parts = 1 + len(work.column("marks")) // effort.names
    tasks = [
        SpreadTask(work.folder, part.start, part.stop, parts) for part in chunks(len(work.fact("names")), effort.rows)
    ]
    Stage(work.folder, "spread").run(_spread, tasks, effort.workers)
    Stage(work.folder, "tables").run(_spread_tables, [(work.folder, parts, tuple(tables))], 1)
    if anchors:
        spread_anchors(work, anchors, parts)
    return Stage(work.folder, "names").run(_lay_part, part_tasks(work, parts), effort.workers)


def _spread(task: SpreadTask) -> Result:
    work = Workspace(task.folder)
    names, keys = (
        slice(*work.rows(f"{column}_begin")[[task.begin, task.end]].tolist()) for column in ("names", "keys")
    )
    counts = work.fact("names")[task.begin : task.end]
    rows = np.repeat(work.rows("row_of")[task.begin : task.end], counts)
    labels = np.zeros(len(rows), dtype=np.uint8)
    labels[np.cumsum(counts, dtype=np.int64) - counts] = 1
    spread = Names(
        keys=work.column("keys")[keys].tobytes().decode().split("\n")[:-1],
        rows=rows,
        marks=work.column("marks")[names],
        shapes=work.column("shapes")[names],
        accents=work.column("accents")[names],
        labels=labels,
    )
    return _by_part(spread, work.column("heads")[names], task.parts)


def _spread_tables(task: tuple[Path, int, tuple[tuple[Kind, Sequence[TableName]], ...]]) -> Result:
    """The names that tables give."""
    folder, parts, tables = task
    named = [(kind, name) for kind, names in tables for name in names]
    spelt = spell([name.name for _, name in named])
    numbers = np.array([name.number for _, name in named], dtype=np.uint32)
    spread = Names(
        keys=spelt.keys,
        rows=rows_of(Workspace(folder).rows("numbers"), numbers).astype(np.uint32),
        marks=np.array([kind for kind, _ in named], dtype=np.uint32),
        shapes=np.frombuffer(spelt.shapes, dtype=np.uint8),
        accents=np.frombuffer(spelt.accents, dtype=np.uint8),
        labels=np.zeros(len(named), dtype=np.uint8),
    )
    return _by_part(spread, np.array(spelt.heads, dtype=np.uint32), parts)


def _by_part(names: Names, heads: Ints, parts: int) -> Result:
    """The names of entities that have a key, in the order of their parts, and where each part begins."""
    named = np.fromiter(map(bool, names.keys), dtype=bool, count=len(names.keys))
    kept = np.flatnonzero(named & (names.rows != NO_ROW))
    part = parts_of(heads[kept], parts)
    order = kept[np.argsort(part, kind="stable")]
    begins = part_begins(part, parts)
    return {
        "begin": begins,
        **{name: getattr(names, name)[order] for name in _COLUMNS},
        **texts_by_part([names.keys[place] for place in order.tolist()], begins, "keys"),
    }


def _names_of(work: Workspace, part: int) -> Names:
    """All names of a part."""
    stages = [
        (stage, number) for stage in (work.stage("spread"), work.stage("tables")) for number in range(stage.count)
    ]
    found: dict[str, list[Ints]] = defaultdict(list)
    keys: list[str] = []
    for stage, number in stages:
        of_part = stage.part(number, "begin", part)
        keys += texts_of(stage, number, "keys", part)
        for name in _COLUMNS:
            found[name].append(stage.of(number, name)[of_part])
    return Names(keys, **{name: np.concatenate(found[name]) for name in _COLUMNS})


def _lay_part(task: PartTask) -> Result:
    work = Workspace(task.folder)
    names = _names_of(work, task.part)
    trie, numbers = trie_of(names.keys)
    places = np.zeros(len(trie), dtype=np.int64)
    places[numbers] = np.arange(len(numbers))
    order = _postings(names, numbers, work.rows("standing"))
    keys, rows, shapes = numbers[order], names.rows[order], names.shapes[order]
    proper = work.rows("proper")[rows]
    key_shapes = np.zeros(len(trie), dtype=np.uint8)
    np.bitwise_or.at(key_shapes, keys[proper], np.left_shift(1, shapes[proper]).astype(np.uint8))
    labels = np.flatnonzero(names.labels)
    return {
        TRIE: trie.tobytes(),
        "posting_counts": np.bincount(keys, minlength=len(trie)).astype(np.uint32),
        "posting_rows": rows,
        "posting_kinds": _kinds(names.marks[order]),
        "posting_languages": (names.marks[order] >> KIND_BITS).astype(np.uint16),
        "posting_shapes": shapes,
        "posting_accents": names.accents[order],
        "key_shapes": key_shapes,
        "label_rows": names.rows[labels],
        "label_keys": numbers[labels].astype(np.uint32),
        **_words([names.keys[place] for place in places.tolist()], task.parts),
        **anchor_columns(work, task.part, trie, pack(keys, work.rows("standing")[rows])),
    }


def trie_of(texts: Sequence[str]) -> tuple[marisa_trie.Trie, Ints]:
    """A trie of the texts and the number that it gives each."""
    trie = marisa_trie.Trie(texts, num_tries=_LEVELS)
    return trie, np.fromiter(map(trie.get, texts), dtype=np.int64, count=len(texts))


def _kinds(marks: Ints) -> Ints:
    return (marks & (1 << KIND_BITS) - 1).astype(np.uint8)


def _postings(names: Names, keys: Ints, standing: Ints) -> Ints:
    """One name for each key and entity: its closest kind of name, then the one in the first language.

    They come by key and then by the popularity of the entity.
    """
    by_key = pack(keys, standing[names.rows])
    closeness = _kinds(names.marks).astype(np.uint16) << 14 | (names.marks >> KIND_BITS).astype(np.uint16)
    order = np.lexsort((closeness, by_key))
    return np.asarray(order)[is_first(by_key[order])]


def _words(keys: Sequence[str], parts: int) -> Result:
    """The distinct words of the keys by the part that each is in, and the words of each key."""
    numbers: defaultdict[str, int] = defaultdict(count().__next__)
    found = np.fromiter(map(numbers.__getitem__, " ".join(keys).split()), dtype=np.int64)
    words = list(numbers)
    part = parts_of(np.array(list(map(first_word_hash, words)), dtype=np.uint32), parts)
    order = np.argsort(part, kind="stable")
    place = np.empty(len(words), dtype=np.uint32)
    place[order] = np.arange(len(words), dtype=np.uint32)
    begins = part_begins(part, parts)
    return {
        "key_word_counts": np.fromiter((key.count(" ") + 1 for key in keys), dtype=np.uint32, count=len(keys)),
        "key_words": place[found] if words else np.zeros(0, dtype=np.uint32),
        **texts_by_part([words[number] for number in order.tolist()], begins, "words"),
    }
