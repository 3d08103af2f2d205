"""Small numpy tools for lists of lists: flat parts with the place where each row's part begins."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Ints = NDArray[Any]


def starts(rows: Ints, count: int) -> NDArray[np.uint64] | NDArray[np.uint32]:
    """Where each row's part begins in values that are sorted by row, and after the last where all end."""
    ends = np.zeros(count + 1, dtype=np.uint64)
    np.cumsum(np.bincount(rows, minlength=count), out=ends[1:])
    return ends.astype(np.uint32) if ends[-1] < 1 << 32 else ends


def starts_of(counts: Ints) -> NDArray[np.int64]:
    """Where each row's part begins when each has so many."""
    return np.cumsum(counts, dtype=np.int64) - counts


def is_first(*groups: Ints) -> NDArray[np.bool_]:
    """For values sorted by group, or by several things: which are the first of theirs."""
    first = np.zeros(len(groups[0]), dtype=bool)
    first[:1] = True
    for each in groups:
        first[1:] |= each[1:] != each[:-1]
    return first


def bounds_of(counts: ArrayLike) -> NDArray[np.int64]:
    """Where each row's part begins when each has so many, and where the last one ends."""
    return np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(counts, dtype=np.int64)))


def positions_in_group(groups: Ints) -> Ints:
    """For values sorted by group: how many of the same group stand before each."""
    places = np.arange(len(groups))
    return places - np.maximum.accumulate(np.where(is_first(groups), places, 0))


def expand(begin: Ints, parts: Ints, chosen: Ints) -> tuple[Ints, Ints]:
    """The parts of the chosen rows one after the other, and for each the position in `chosen` it belongs to."""
    low = begin[chosen].astype(np.int64)
    counts = begin[chosen + 1].astype(np.int64) - low
    owners = np.repeat(np.arange(len(chosen)), counts)
    ends = np.cumsum(counts)
    places = np.arange(ends[-1] if len(ends) else 0) + np.repeat(low - ends + counts, counts)
    return parts[places], owners


def pack(high: Ints, low: Ints, bits: int = 32) -> NDArray[np.uint64]:
    """Two numbers in one, so that one sort orders by both."""
    return (high.astype(np.uint64) << np.uint64(bits)) | low.astype(np.uint64)


def unpack(packed: NDArray[np.uint64], bits: int = 32) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """What `pack` put together."""
    return packed >> np.uint64(bits), packed & np.uint64((1 << bits) - 1)


def distinct(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The distinct values, sorted; the array itself is sorted in place."""
    values.sort()
    return values[is_first(values)]


def rows_of(numbers: Ints, wanted: Ints) -> Ints:
    """The place of each wanted number in those that are sorted, or -1."""
    if not len(numbers):
        return np.full(len(wanted), -1, dtype=np.int64)
    places = np.minimum(np.searchsorted(numbers, wanted), len(numbers) - 1)
    return np.where(numbers[places] == wanted, places, -1)
