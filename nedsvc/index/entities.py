"""Rows of an index: which items become entities, their types, links and popularity."""

from collections.abc import Sequence

import msgspec
import numpy as np

from nedsvc.classes import Hierarchy, coarse_types
from nedsvc.index.arrays import Ints, positions_in_group
from nedsvc.index.columns import Columns, Facts
from nedsvc.index.format import MAX_LINKS
from nedsvc.popularity import popularity
from nedsvc.tables import Root


class Selection(msgspec.Struct, frozen=True):
    """The items that become entities. `order`: the item of each row; `row_of`: the row of each item, or -1."""

    facts: Facts
    order: Ints
    row_of: Ints
    duplicates: int
    outside_classes: int

    def rows(self, counts: Ints) -> tuple[Ints, Ints]:
        """For parts, so many of each item: which belong to an entity, and the row of each of those."""
        rows = np.repeat(self.row_of, counts)
        kept = rows >= 0
        return kept, rows[kept]


class Entities(msgspec.Struct, frozen=True):
    """What is known of each row. `standing` is the place by popularity, `by_standing` the rows in that order."""

    numbers: Ints
    types: Ints
    popularity: Ints
    standing: Ints
    by_standing: Ints
    class_rows: Ints
    classes: Ints
    link_rows: Ints
    links: Ints


def select(columns: Columns, hierarchy: Hierarchy, classes: Sequence[int]) -> Selection:
    """The first item of each number, where it is an instance of one of the classes (no class: all are)."""
    facts = columns.facts()
    numbers = facts.numbers
    order = np.argsort(numbers, kind="stable")
    ordered = numbers[order]
    first = np.concatenate((np.ones(min(1, len(order)), dtype=bool), ordered[1:] != ordered[:-1]))
    order = order[first]
    inside = (
        _inside(facts, columns.classes, hierarchy.below(classes))[order] if classes else np.ones(len(order), dtype=bool)
    )
    kept = order[inside]
    row_of = np.full(len(numbers), -1, dtype=np.int64)
    row_of[kept] = np.arange(len(kept))
    return Selection(facts, kept, row_of, int((~first).sum()), int((~inside).sum()))


def _inside(facts: Facts, classes: Sequence[int], wanted: frozenset[int]) -> Ints:
    ends = np.cumsum(facts.classes, dtype=np.int64)
    wanted_classes = np.isin(np.asarray(classes), np.fromiter(wanted, dtype=np.uint32))
    hits = np.concatenate(([0], np.cumsum(wanted_classes)))
    found: Ints = hits[ends] > hits[ends - facts.classes]
    return found & facts.is_instance.astype(bool)  # type: ignore[no-any-return]


def lay_entities(columns: Columns, selection: Selection, hierarchy: Hierarchy, roots: Sequence[Root]) -> Entities:
    """The rows with their types, links within the index, and popularity."""
    facts, order = selection.facts, selection.order
    numbers = facts.numbers[order]
    kept, link_rows = selection.rows(facts.links)
    link_rows, links = _within(numbers, link_rows, np.asarray(columns.links)[kept])
    kept, class_rows = selection.rows(facts.classes)
    classes = np.asarray(columns.classes)[kept]
    known = popularity(
        facts.sitelinks[order], facts.statements[order], np.bincount(links, minlength=len(numbers)), numbers
    )
    by_standing = np.argsort(-known, kind="stable")
    standing = np.empty(len(numbers), dtype=np.uint32)
    standing[by_standing] = np.arange(len(numbers), dtype=np.uint32)
    return Entities(
        numbers=numbers,
        types=_types(facts.types[order].astype(np.uint16), class_rows, classes, hierarchy.types(roots)),
        popularity=known,
        standing=standing,
        by_standing=by_standing.astype(np.uint32),
        class_rows=class_rows,
        classes=classes,
        link_rows=link_rows,
        links=links,
    )


def rows_of(numbers: Ints, wanted: Ints) -> Ints:
    """The row of each wanted number, or -1."""
    if not len(numbers):
        return np.full(len(wanted), -1, dtype=np.int64)
    places = np.minimum(np.searchsorted(numbers, wanted), len(numbers) - 1)
    return np.where(numbers[places] == wanted, places, -1)


def _within(numbers: Ints, rows: Ints, targets: Ints) -> tuple[Ints, Ints]:
    """The links to entities of the index, as rows, but no more than are kept of one entity."""
    places = rows_of(numbers, targets)
    kept = (places >= 0) & (places != rows)
    rows, places = rows[kept], places[kept]
    few = positions_in_group(rows) < MAX_LINKS
    return rows[few], places[few]


def _types(given: Ints, rows: Ints, classes: Ints, masks: dict[int, int]) -> Ints:
    seen, places = np.unique(classes, return_inverse=True)
    of_class = np.fromiter((masks.get(class_, 0) for class_ in seen.tolist()), dtype=np.uint32, count=len(seen))
    return given | coarse_types(len(given), rows, of_class[places])
