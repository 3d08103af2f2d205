"""From columns to the files of an index."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from nedsvc.classes import Hierarchy
from nedsvc.index import acronyms, naming, offices, surroundings
from nedsvc.index.arrays import Ints, starts, starts_of
from nedsvc.index.columns import Columns
from nedsvc.index.entities import Entities, Selection, lay_entities, select
from nedsvc.index.files import HashedFile, write_array, write_bytes
from nedsvc.index.format import NAMES, RECORDS, TOKENS, FileEntry, Kind
from nedsvc.index.fuzzy import deletion_table
from nedsvc.tables import Root, TableName


class Tables(msgspec.Struct, frozen=True):
    """What the packaged tables add to the items."""

    roots: Sequence[Root]
    demonyms: Sequence[TableName]
    shorthand: Sequence[TableName]
    stop_words: frozenset[str]


class Laid(msgspec.Struct, frozen=True):
    """The files of a finished index and how much they hold."""

    files: dict[str, FileEntry]
    entities: int
    names: int
    tokens: int
    postings: int
    links: int
    duplicates: int
    outside_classes: int


def lay_out(columns: Columns, folder: Path, classes: Sequence[int], tables: Tables) -> Laid:
    """Write all files of the index but its manifest."""
    columns.work()
    hierarchy = Hierarchy(np.asarray(columns.subclasses), np.asarray(columns.superclasses))
    selection = select(columns, hierarchy, classes)
    entities = lay_entities(columns, selection, hierarchy, tables.roots)
    named = ((Kind.DEMONYM, tables.demonyms), (Kind.SHORTHAND, tables.shorthand))
    names = naming.lay_naming(columns, selection, entities, named)
    keys = names.keys
    parts: tuple[dict[str, Ints], ...] = (
        _entity_columns(entities),
        naming.posting_columns(names),
        naming.word_columns(names, entities),
        {"deletions": deletion_table(keys.words)},
        acronyms.acronym_columns(names, entities, tables.stop_words),
        offices.office_columns(columns, entities),
        surroundings.word_columns(columns, selection, entities, names, tables.stop_words),
    )
    records, record_columns = _close_records(columns, selection, folder / RECORDS)
    files = {
        RECORDS: records,
        NAMES: write_bytes(folder / NAMES, keys.trie.tobytes()),
        TOKENS: write_bytes(folder / TOKENS, keys.word_trie.tobytes()),
    }
    for part in (*parts, record_columns):
        for name, array in part.items():
            files[f"{name}.npy"] = write_array(folder / f"{name}.npy", array)
    return Laid(
        files=files,
        entities=len(entities.numbers),
        names=len(keys),
        tokens=len(keys.words),
        postings=len(names.postings.keys),
        links=len(entities.links),
        duplicates=selection.duplicates,
        outside_classes=selection.outside_classes,
    )


def _entity_columns(entities: Entities) -> dict[str, Ints]:
    order = np.argsort(entities.link_rows, kind="stable")
    return {
        "numbers": entities.numbers,
        "popularity": entities.popularity,
        "types": entities.types,
        "link_start": starts(entities.link_rows, len(entities.numbers)),
        "links": entities.numbers[entities.links[order]],
    }


def _close_records(columns: Columns, selection: Selection, path: Path) -> tuple[FileEntry, dict[str, Ints]]:
    """Finish the file of records, where each row's is in it, without those of items that are no entity."""
    entry = columns.records.close()
    all_sizes = selection.facts.record_sizes
    sizes = all_sizes[selection.order]
    begin = starts_of(all_sizes)[selection.order]
    if len(sizes) < len(all_sizes):
        entry = _rewrite(path, begin.tolist(), sizes.tolist())
        begin = starts_of(sizes)
    return entry, {"record_start": begin.astype(np.uint64), "record_size": sizes}


def _rewrite(path: Path, begin: list[int], sizes: list[int]) -> FileEntry:
    shorter = path.with_suffix(".new")
    with path.open("rb") as old, HashedFile(shorter) as new:
        for place, size in zip(begin, sizes, strict=True):
            old.seek(place)
            new.write(old.read(size))
        entry = new.close()
    shorter.replace(path)
    return entry
