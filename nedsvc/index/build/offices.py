"""Laying out offices: who held them and when, what they belong to, and which city is whose capital."""

import numpy as np

from nedsvc.index.arrays import Ints, rows_of, starts
from nedsvc.index.build.entities import RowTask, row_tasks
from nedsvc.index.build.stages import Result, Stage
from nedsvc.index.build.workspace import Workspace
from nedsvc.index.format import OFFICE, TYPE_BITS


def office_columns(work: Workspace, workers: int) -> dict[str, Ints]:
    """The arrays of offices, tenures, owners and capitals.

    An office is what was held, and what its classes say is a position. It belongs to what it is linked with in either
    direction, but for people: these hold it.
    """
    numbers = work.rows("numbers")
    held = _known(numbers, work.column("tenures"), width=4, rows=2)
    is_office = work.rows("types") & OFFICE > 0
    is_office[held[:, 1]] = True
    work.keep("is_office", is_office)
    offices = np.flatnonzero(is_office)
    held = held[np.lexsort((held[:, 0], held[:, 3], held[:, 2], held[:, 1]))]
    owning = Stage(work.folder, "owners").run(_own, row_tasks(work), workers)
    pairs = np.unique(owning.joined("pairs"), axis=0)
    found, places = np.unique(pairs[:, 0], return_inverse=True)
    arrays = {
        "offices": offices,
        "tenure_start": starts(np.searchsorted(offices, held[:, 1]), len(offices)),
        "tenures": held[:, (0, 2, 3)],
        "owners": found,
        "owned_start": starts(places, len(found)),
        "owned": pairs[:, 1],
        "capitals": _known(numbers, work.column("capitals"), width=2, rows=2),
    }
    return {f"office_{name}": _unsigned(array) for name, array in arrays.items()}


def _known(numbers: Ints, flat: Ints, width: int, rows: int) -> Ints:
    """The distinct lines of a table whose first columns are numbers of entities, these as rows; others are left out."""
    table = flat.astype(np.int64).reshape(-1, width)
    table[:, :rows] = rows_of(numbers, table[:, :rows].ravel()).reshape(-1, rows)
    return np.unique(table[(table[:, :rows] >= 0).all(axis=1)], axis=0)


def _own(task: RowTask) -> Result:
    """Pairs of an owner and an office of its, by the links of some rows."""
    work = Workspace(task.folder)
    entities, types, is_office = work.stage("entities"), work.rows("types"), work.rows("is_office")
    targets = entities.of(task.part, "link_rows").astype(np.int64)
    sources = np.repeat(np.arange(task.begin, task.end), entities.of(task.part, "link_counts"))
    owners = [_may_own(types, is_office, rows) for rows in (sources, targets)]
    forward = is_office[sources] & owners[1]
    backward = is_office[targets] & owners[0]
    pairs = (
        np.stack((targets[forward], sources[forward]), axis=1),
        np.stack((sources[backward], targets[backward]), axis=1),
    )
    return {"pairs": np.concatenate(pairs)}


def _may_own(types: Ints, is_office: Ints, rows: Ints) -> Ints:
    return ~is_office[rows] & (types[rows] & TYPE_BITS["PERSON"] == 0)  # type: ignore[no-any-return]


def _unsigned(array: Ints) -> Ints:
    return array if array.dtype == np.uint64 else array.astype(np.uint32)
