"""Offices in an index: who held them and when, what they belong to, and which city is whose capital."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from nedsvc.index.arrays import Ints, starts
from nedsvc.index.columns import Columns
from nedsvc.index.entities import Entities, rows_of
from nedsvc.index.format import OFFICE, TYPE_BITS


class Tenure(NamedTuple):
    """The row of who held an office, and from when until when: numbers as `tenures.date_number` makes them."""

    holder: int
    start: int
    end: int


class OfficeArrays(msgspec.Struct, frozen=True):
    """The arrays of an open index that `office_columns` made; everything goes by rows."""

    offices: NDArray[np.uint32]
    tenure_start: Ints
    tenures: NDArray[np.uint32]
    owners: NDArray[np.uint32]
    owned_start: Ints
    owned: NDArray[np.uint32]
    capitals: NDArray[np.uint32]

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]]) -> "OfficeArrays":
        """Those among the arrays of an index."""
        return cls(*(arrays[f"office_{name}"] for name in cls.__struct_fields__))

    def is_office(self, row: int) -> bool:
        """Whether the row is an office."""
        return _place(self.offices, row) is not None

    def held(self, office: int) -> tuple[Tenure, ...]:
        """Who held the office, by the day on which they began."""
        place = _place(self.offices, office)
        if place is None:
            return ()
        part = self.tenures[self.tenure_start[place] : self.tenure_start[place + 1]]
        return tuple(Tenure(*tenure) for tenure in part.tolist())

    def of_owner(self, row: int) -> tuple[int, ...]:
        """The offices that are linked with a country, a region or an organisation."""
        place = _place(self.owners, row)
        return (
            () if place is None else tuple(self.owned[self.owned_start[place] : self.owned_start[place + 1]].tolist())
        )

    def capital_of(self, row: int) -> tuple[int, ...]:
        """What the city is the capital of."""
        low, high = np.searchsorted(self.capitals[:, 0], (row, row + 1)).tolist()
        return tuple(self.capitals[low:high, 1].tolist())


def office_columns(columns: Columns, entities: Entities) -> dict[str, Ints]:
    """The arrays of offices, tenures, owners and capitals.

    An office is what was held, and what its classes say is a position. It belongs to what it is linked with in either
    direction, but for people: these hold it.
    """
    held = _known(entities, columns.tenures, width=4, rows=2)
    is_office = entities.types.astype(np.uint32) & OFFICE > 0
    is_office[held[:, 1]] = True
    offices = np.flatnonzero(is_office)
    held = held[np.lexsort((held[:, 0], held[:, 3], held[:, 2], held[:, 1]))]
    owners, owned = _owners(entities, is_office)
    found, places = np.unique(owners, return_inverse=True)
    arrays = {
        "offices": offices,
        "tenure_start": starts(np.searchsorted(offices, held[:, 1]), len(offices)),
        "tenures": held[:, (0, 2, 3)],
        "owners": found,
        "owned_start": starts(places, len(found)),
        "owned": owned,
        "capitals": _known(entities, columns.capitals, width=2, rows=2),
    }
    return {f"office_{name}": _unsigned(array) for name, array in arrays.items()}


def _known(entities: Entities, flat: Any, width: int, rows: int) -> Ints:
    """The distinct lines of a table whose first columns are numbers of entities, these as rows; others are left out."""
    table = np.array(flat, dtype=np.int64).reshape(-1, width)
    table[:, :rows] = rows_of(entities.numbers, table[:, :rows].ravel()).reshape(-1, rows)
    return np.unique(table[(table[:, :rows] >= 0).all(axis=1)], axis=0)


def _owners(entities: Entities, is_office: Ints) -> tuple[Ints, Ints]:
    """Each owner with an office of its, sorted."""
    sources, targets = entities.link_rows, entities.links
    may_own = ~is_office & (entities.types.astype(np.uint32) & TYPE_BITS["PERSON"] == 0)
    forward = is_office[sources] & may_own[targets]
    backward = is_office[targets] & may_own[sources]
    pairs = np.concatenate(
        (
            np.stack((targets[forward], sources[forward]), axis=1),
            np.stack((sources[backward], targets[backward]), axis=1),
        )
    )
    pairs = np.unique(pairs.astype(np.int64), axis=0)
    return pairs[:, 0], pairs[:, 1]


def _unsigned(array: Ints) -> Ints:
    return array if array.dtype == np.uint64 else array.astype(np.uint32)


def _place(rows: NDArray[np.uint32], row: int) -> int | None:
    place = int(np.searchsorted(rows, np.uint32(row)))
    return place if place < len(rows) and rows[place] == row else None
