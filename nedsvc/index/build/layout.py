"""From the columns of items to the files of an index, stage by stage."""

import os
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import msgspec
import numpy as np

from nedsvc import tables
from nedsvc.classes import Hierarchy
from nedsvc.index.acronyms import CODES, best_known
from nedsvc.index.arrays import Ints, distinct, unpack
from nedsvc.index.build.entities import lay_entities, row_tasks, select
from nedsvc.index.build.names import TRIE, lay_names
from nedsvc.index.build.offices import office_columns
from nedsvc.index.build.priors import ANCHOR_COLUMNS
from nedsvc.index.build.stages import Stage
from nedsvc.index.build.surroundings import lay_surroundings
from nedsvc.index.build.words import lay_words
from nedsvc.index.build.workspace import Effort, Workspace
from nedsvc.index.files import file_entry, joined_array, write_array
from nedsvc.index.format import NAMES, RECORDS, WORDS, FileEntry, Kind, trie_file
from nedsvc.index.part import IF_KILLED
from nedsvc.processes import in_order

Arrays = dict[str, Iterator[Ints]]  # those of a file one after the other, by its name

_POSTINGS = ("rows", "kinds", "languages", "shapes", "accents")


class Laid(msgspec.Struct, frozen=True):
    """How much an index that is laid out holds, and which items are none of its entities."""

    entities: int
    names: int
    words: int
    postings: int
    links: int
    duplicates: int
    outside_classes: int


def lay_out(work: Workspace, folder: Path, classes: Sequence[int], effort: Effort, anchors: Path | None = None) -> Laid:
    """Write all files of the index but its manifest."""
    workers = effort.workers
    pairs = work.column("superclasses").reshape(-1, 2)
    hierarchy = Hierarchy(pairs[:, 0], pairs[:, 1])
    selection = select(work, hierarchy, classes, effort.rows)
    entities = lay_entities(work, hierarchy, tables.roots(), workers)
    names = lay_names(work, ((Kind.DEMONYM, tables.demonyms()), (Kind.SHORTHAND, tables.shorthand())), anchors, effort)
    words = lay_words(work, workers)
    surroundings = lay_surroundings(work, workers)
    parts = {**_of_entities(entities, surroundings), **_of_names(work, names), **_of_words(work, words)}
    parts["record_start"] = _lay_records(work, folder / RECORDS)
    if anchors:
        parts |= {name: names.each(name) for name in ANCHOR_COLUMNS}
    counts = {name: joined_array(folder / f"{name}.npy", arrays) for name, arrays in parts.items()}
    whole = {name: work.rows(name) for name in ("numbers", "popularity", "types")}
    for name, array in (whole | office_columns(work, workers) | _acronym_columns(work)).items():
        write_array(folder / f"{name}.npy", array)
    _copy_tries(names, folder, NAMES)
    _copy_tries(work.stage("words"), folder, WORDS)
    return Laid(
        entities=selection.entities,
        names=counts["key_shapes"],
        words=counts["word_weights"],
        postings=counts["posting_rows"],
        links=counts["links"],
        duplicates=selection.duplicates,
        outside_classes=selection.outside_classes,
    )


def _of_entities(entities: Stage, surroundings: Stage) -> Arrays:
    return {
        "link_start": _starts(entities, "link_counts"),
        "links": entities.each("links"),
        "words_start": _starts(surroundings, "word_counts"),
        "words": surroundings.each("words"),
    }


def _of_names(work: Workspace, names: Stage) -> Arrays:
    return {
        "posting_start": _starts(names, "posting_counts"),
        **{f"posting_{name}": names.each(f"posting_{name}") for name in _POSTINGS},
        "key_shapes": names.each("key_shapes"),
        "key_word_start": _starts(names, "key_word_counts"),
        "key_words": work.stage("leading").each("key_words"),
    }


def _of_words(work: Workspace, words: Stage) -> Arrays:
    return {
        "word_key_start": _starts(words, "word_key_counts"),
        "word_keys": words.each("word_keys"),
        "word_weights": words.each("word_weights"),
        "bearer_start": _starts(words, "bearer_counts"),
        "bearer_rows": words.each("bearer_rows"),
        "deletions": work.stage("deletions").each("deletions"),
    }


def entries(folder: Path, workers: int) -> dict[str, FileEntry]:
    """What the manifest says of each file in the folder."""
    paths = sorted(folder.iterdir(), key=lambda path: path.name)
    return dict(in_order(file_entry, ((path.name, path) for path in paths), workers, IF_KILLED))


def _starts(stage: Stage, name: str) -> Iterator[Ints]:
    """Where each row's part begins by how many it has, and after the last where all end."""
    total = sum(int(counts.sum(dtype=np.int64)) for counts in stage.each(name))
    type_ = np.uint32 if total < 1 << 32 else np.uint64
    end = np.zeros(1, dtype=type_)
    yield end
    for counts in stage.each(name):
        ends = end[-1] + np.cumsum(counts, dtype=type_)
        yield ends
        end = np.concatenate((end, ends))[-1:]


def _lay_records(work: Workspace, path: Path) -> Iterator[Ints]:
    """Write the records in the order of the rows; where each begins, and where the last one ends."""
    order, begins, records = work.rows("order"), work.rows("records_begin"), work.column("records").data
    end = 0
    with path.open("wb") as file:
        for task in row_tasks(work):
            items = order[task.begin : task.end]
            low, high = begins[items], begins[items + 1]
            file.writelines(records[a:b] for a, b in zip(low.tolist(), high.tolist(), strict=True))
            yield np.uint64(end) + np.cumsum(high - low, dtype=np.uint64) - (high - low)
            end = file.tell()
    yield np.array([end], dtype=np.uint64)


def _acronym_columns(work: Workspace) -> dict[str, Ints]:
    """Initials, and the best known of the entities whose names have them."""
    leading = work.stage("leading")
    found = []
    for low, high in pairwise(CODES * part // leading.count for part in range(leading.count + 1)):
        ends = np.array([low << 32, high << 32], dtype=np.uint64)
        parts = [packed[slice(*np.searchsorted(packed, ends).tolist())] for packed in leading.each("initials")]
        found.append(best_known(distinct(np.concatenate(parts))))
    codes, standing = unpack(np.concatenate(found))
    acronyms, begin = np.unique(codes, return_index=True)
    return {
        "acronyms": acronyms.astype(np.uint32),
        "acronym_start": np.append(begin, len(codes)).astype(np.uint32),
        "acronym_rows": work.rows("by_standing")[standing.astype(np.int64)],
    }


def _copy_tries(stage: Stage, folder: Path, name: str) -> None:
    for number in range(stage.count):
        os.link(stage.path(number, TRIE), folder / trie_file(name, number))
