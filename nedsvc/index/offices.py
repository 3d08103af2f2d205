"""Offices in an index: who held them and when, what they belong to, and which city is whose capital."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from nedsvc.index.arrays import Ints


class Tenure(NamedTuple):
    """The row of who held an office, and from when until when: numbers as `tenures.date_number` makes them."""

    holder: int
    start: int
    end: int


class OfficeArrays(msgspec.Struct, frozen=True):
    """The arrays of an open index; everything goes by rows."""

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


def _place(rows: NDArray[np.uint32], row: int) -> int | None:
    place = int(np.searchsorted(rows, np.uint32(row)))
    return place if place < len(rows) and rows[place] == row else None
