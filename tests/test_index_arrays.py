"""Lists of lists as flat arrays, against the plain way."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from nedsvc.index.arrays import Ints, distinct, expand, pack, positions_in_group, starts, unpack

LISTS = st.lists(st.lists(st.integers(0, 1000), max_size=6), max_size=12)
NUMBERS = st.lists(st.integers(0, (1 << 32) - 1), max_size=50)


def flat(lists: list[list[int]]) -> tuple[Ints, Ints]:
    rows = np.array([row for row, values in enumerate(lists) for _ in values], dtype=np.int64)
    return starts(rows, len(lists)), np.array([value for values in lists for value in values], dtype=np.int64)


@given(LISTS)
def test_starts_give_each_row_its_part(lists: list[list[int]]) -> None:
    begin, parts = flat(lists)
    assert [parts[begin[row] : begin[row + 1]].tolist() for row in range(len(lists))] == lists


@given(LISTS, st.data())
def test_expand_gives_the_parts_of_the_chosen_rows(lists: list[list[int]], data: st.DataObject) -> None:
    chosen = data.draw(st.lists(st.integers(0, len(lists) - 1), max_size=10)) if lists else []
    parts, owners = expand(*flat(lists), np.array(chosen, dtype=np.int64))
    expected = [(value, place) for place, row in enumerate(chosen) for value in lists[row]]
    assert list(zip(parts.tolist(), owners.tolist(), strict=True)) == expected


@given(LISTS)
def test_positions_count_within_each_group(lists: list[list[int]]) -> None:
    groups = np.array([row for row, values in enumerate(lists) for _ in values], dtype=np.int64)
    assert positions_in_group(groups).tolist() == [place for values in lists for place in range(len(values))]


@given(NUMBERS, st.integers(0, (1 << 32) - 1))
def test_what_is_packed_comes_out_again(numbers: list[int], low: int) -> None:
    high = np.array(numbers, dtype=np.uint64)
    first, second = unpack(pack(high, np.full(len(high), low, dtype=np.uint64)))
    assert (first.tolist(), set(second.tolist())) == (numbers, {low} if numbers else set())


@given(NUMBERS)
def test_distinct_values_are_sorted(numbers: list[int]) -> None:
    assert distinct(np.array(numbers, dtype=np.uint64)).tolist() == sorted(set(numbers))
