"""Rows of an index: which items become entities, their types, links and popularity."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import msgspec
import numpy as np

from nedsvc.classes import Hierarchy, coarse_types
from nedsvc.index.arrays import Ints, expand, is_first, positions_in_group, rows_of
from nedsvc.index.build.stages import Result, Stage, chunks
from nedsvc.index.build.views import Views
from nedsvc.index.build.workspace import Workspace
from nedsvc.index.format import MAX_LINKS, OFFICE
from nedsvc.popularity import popularity
from nedsvc.tables import Root

NO_ROW = (1 << 32) - 1
_AT_ONCE = 1 << 18


class Selection(msgspec.Struct, frozen=True):
    """How many items are entities, have the number of an earlier one, or are no instance of the chosen classes."""

    entities: int
    duplicates: int
    outside_classes: int


class RowTask(msgspec.Struct, frozen=True):
    """Some rows of the index that is built in this folder."""

    folder: Path
    part: int
    begin: int
    end: int


def row_tasks(work: Workspace) -> list[RowTask]:
    """A task for each part of the rows."""
    parts = pairwise(work.rows("row_parts").tolist())
    return [RowTask(work.folder, part, begin, end) for part, (begin, end) in enumerate(parts)]


def select(work: Workspace, hierarchy: Hierarchy, classes: Sequence[int], at_once: int) -> Selection:
    """Keep the `numbers` of the entities, sorted, the item of each row (`order`), and the row of each item (`row_of`).

    An entity is the first item of its number, if it is an instance of one of the classes (no class: all are). So many
    of them go into a task (`row_parts`).
    """
    numbers = work.fact("numbers")
    order = np.argsort(numbers, kind="stable").astype(np.uint32)
    first = is_first(numbers[order])
    duplicates = len(order) - int(first.sum())
    order = order[first]
    if classes:
        order = order[_instances(work, hierarchy.below(classes))[order]]
    row_of = np.full(len(numbers), NO_ROW, dtype=np.uint32)
    row_of[order] = np.arange(len(order), dtype=np.uint32)
    work.keep("row_parts", np.array([0, *(part.stop for part in chunks(len(order), at_once))]))
    work.keep("numbers", numbers[order])
    work.keep("order", order)
    work.keep("row_of", row_of)
    for name in ("links", "classes", "descriptions", "records", "names", "keys"):
        _keep_begins(work, name)
    return Selection(len(order), duplicates, len(numbers) - duplicates - len(order))


def _instances(work: Workspace, wanted: frozenset[int]) -> Ints:
    """Which items are instances of these classes."""
    counts, classes = work.fact("classes"), work.column("classes")
    numbers = np.fromiter(sorted(wanted), dtype=np.uint32)
    found = np.zeros(len(counts), dtype=bool)
    begin = 0
    for part in chunks(len(counts), _AT_ONCE):
        of_part = counts[part.start : part.stop]
        end = begin + int(of_part.sum(dtype=np.int64))
        items = np.repeat(np.arange(part.start, part.stop), of_part)
        found[items[np.isin(classes[begin:end], numbers)]] = True
        begin = end
    found &= work.fact("is_instance").astype(bool)
    return found


def _keep_begins(work: Workspace, name: str) -> None:
    """Keep where each item's part of a column begins, and where the last one ends."""
    counts = work.fact(name)
    begins = work.grown(f"{name}_begin", np.uint64, len(counts) + 1)
    begins[0] = 0
    for part in chunks(len(counts), _AT_ONCE):
        ends = np.cumsum(counts[part.start : part.stop], dtype=np.uint64)
        begins[part.start + 1 : part.stop + 1] = ends + begins[part.start]
    begins.flush()


def values_of(work: Workspace, name: str, task: RowTask) -> tuple[Ints, Ints]:
    """What the items of these rows have in a column, and the row of each value."""
    items = work.rows("order")[task.begin : task.end]
    values, owners = expand(work.rows(f"{name}_begin"), work.column(name), items)
    return values, owners + task.begin


def lay_entities(work: Workspace, hierarchy: Hierarchy, roots: Sequence[Root], workers: int) -> Stage:
    """Types, links and popularity of the entities.

    Kept for later stages: `types`, `popularity`, `standing` (the place by popularity), `by_standing` (the rows in that
    order) and `proper` (no offices, nothing with a label in lower case). The stage has `links` (as numbers),
    `link_rows` (as rows) and `link_counts`.
    """
    classes = hierarchy.types(roots)
    numbers = np.array(sorted(classes), dtype=np.uint32)
    work.keep("class_numbers", numbers)
    work.keep("class_masks", np.array([classes[number] for number in numbers.tolist()], dtype=np.uint32))
    stage = Stage(work.folder, "entities").run(_lay_rows, row_tasks(work), workers)
    work.keep("types", stage.joined("types"))
    _keep_popularity(work, stage)
    return stage


def _lay_rows(task: RowTask) -> Result:
    work = Workspace(task.folder)
    numbers, order = work.rows("numbers"), work.rows("order")
    targets, rows = values_of(work, "links", task)
    rows, links = _within(numbers, rows, targets)
    classes, class_rows = values_of(work, "classes", task)
    masks = _masks(work, classes)
    items = order[task.begin : task.end]
    given = work.fact("types")[items].astype(np.uint16)
    return {
        "types": given | coarse_types(len(items), class_rows - task.begin, masks),
        "links": numbers[links],
        "link_rows": links.astype(np.uint32),
        "link_counts": np.bincount(rows - task.begin, minlength=len(items)).astype(np.uint32),
    }


def _masks(work: Workspace, classes: Ints) -> Ints:
    """The types that each class gives."""
    places = rows_of(work.rows("class_numbers"), classes)
    masks = work.rows("class_masks")
    return np.where(places >= 0, masks[places] if len(masks) else 0, 0).astype(np.uint32)


def _within(numbers: Ints, rows: Ints, targets: Ints) -> tuple[Ints, Ints]:
    """The links to entities of the index, as rows, but no more than are kept of one entity."""
    places = rows_of(numbers, targets)
    kept = (places >= 0) & (places != rows)
    rows, places = rows[kept], places[kept]
    few = positions_in_group(rows) < MAX_LINKS
    return rows[few], places[few]


def _keep_popularity(work: Workspace, stage: Stage) -> None:
    views = Views.kept(work)
    numbers, order, types = work.rows("numbers"), work.rows("order"), work.rows("types")
    in_degree = np.zeros(len(numbers), dtype=np.uint32)
    for links in stage.each("link_rows"):
        np.add.at(in_degree, links, 1)
    known = np.zeros(len(numbers), dtype=np.float32)
    proper = np.zeros(len(numbers), dtype=bool)
    for task in row_tasks(work):
        rows = slice(task.begin, task.end)
        items = order[rows]
        seen = views.of(numbers[rows]) if views else None
        counted = popularity(
            work.fact("sitelinks")[items], work.fact("statements")[items], in_degree[rows], numbers[rows], seen
        )
        told = work.fact("popularity")[items]
        known[rows] = np.where(np.isnan(told), counted, told)
        proper[rows] = (work.fact("low")[items] == 0) & (types[rows] & OFFICE == 0)
    work.keep("popularity", known)
    work.keep("proper", proper)
    del in_degree, proper
    by_standing = np.argsort(-known, kind="stable").astype(np.uint32)
    standing = np.empty(len(numbers), dtype=np.uint32)
    standing[by_standing] = np.arange(len(numbers), dtype=np.uint32)
    work.keep("by_standing", by_standing)
    work.keep("standing", standing)
