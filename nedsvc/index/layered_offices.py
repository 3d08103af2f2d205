"""The offices of an index and of an overlay over it."""

from bisect import bisect_left
from collections.abc import Callable, Container, Sequence

import numpy as np
from numpy.typing import NDArray

from nedsvc.index.offices import Tenure
from nedsvc.index.view import Offices

Listed = Callable[[int], Sequence[int]]


class RowMap:
    """Which row of an overlay's index stands for which row of the whole, of which the first ones are those below."""

    def __init__(self, rows: NDArray[np.int64], begin: int) -> None:
        self._rows = rows
        self._begin = begin
        below = np.flatnonzero(rows < begin)
        order = np.argsort(rows[below])
        self._below: NDArray[np.int64] = rows[below][order]
        self._places: NDArray[np.int64] = below[order]

    def is_below(self, row: int) -> bool:
        """Whether the index below has the row."""
        return row < self._begin

    def above(self, place: int) -> int:
        """The row of the whole for one of the overlay's."""
        return int(self._rows[place])

    def place(self, row: int) -> int | None:
        """The overlay's row for one of the whole, if it has one."""
        if row >= self._begin:
            return row - self._begin
        place = bisect_left(self._below, row)
        known = place < len(self._below) and self._below[place] == row
        return int(self._places[place]) if known else None


class LayeredOffices:
    """Offices and their holders. Of those that are `changed`, only the overlay knows what they held."""

    def __init__(
        self,
        base: Offices,
        layer: Offices,
        rows: RowMap,
        changed: Container[int],
        is_there: Callable[[int], bool],
    ) -> None:
        self._base = base
        self._layer = layer
        self._rows = rows
        self._changed = changed
        self._is_there = is_there

    def is_office(self, row: int) -> bool:
        """Whether the row is an office."""
        if self._rows.is_below(row) and self._base.is_office(row):
            return True
        place = self._rows.place(row)
        return place is not None and self._layer.is_office(place)

    def held(self, office: int) -> tuple[Tenure, ...]:
        """Who held the office, by the day on which they began."""
        place = self._rows.place(office)
        below = self._base.held(office) if self._rows.is_below(office) else ()
        own = self._layer.held(place) if place is not None else ()
        found = (
            *(tenure for tenure in below if tenure.holder not in self._changed),
            *(tenure._replace(holder=self._rows.above(tenure.holder)) for tenure in own),
        )
        kept = (tenure for tenure in found if self._is_there(tenure.holder))
        return tuple(sorted(kept, key=lambda one: (one.start, one.end, one.holder)))

    def of_owner(self, row: int) -> tuple[int, ...]:
        """The offices that are linked with a country, a region or an organisation."""
        return self._of_both(row, self._base.of_owner, self._layer.of_owner)

    def capital_of(self, row: int) -> tuple[int, ...]:
        """What the city is the capital of."""
        return self._of_both(row, self._base.capital_of, self._layer.capital_of)

    def _of_both(self, row: int, below: Listed, own: Listed) -> tuple[int, ...]:
        place = self._rows.place(row)
        known = below(row) if self._rows.is_below(row) else ()
        more = map(self._rows.above, own(place)) if place is not None else ()
        return tuple(filter(self._is_there, dict.fromkeys((*known, *more))))
