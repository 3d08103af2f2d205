"""Offsets in the units that other languages count in. Inside nedsvc every offset is a code point."""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate

from nedsvc.errors import InvalidInput
from nedsvc.models import Offsets, Span

_SIZES: dict[Offsets, Callable[[str], int]] = {
    "utf16": lambda character: 2 if ord(character) > 0xFFFF else 1,
    "utf8": lambda character: len(character.encode("utf-8", "surrogatepass")),
}


def offset_table(text: str, unit: Offsets) -> Sequence[int]:
    """For each code point position of the text (its end included) the position in the unit asked for."""
    if unit == "codepoint" or text.isascii():
        return range(len(text) + 1)
    return list(accumulate(map(_SIZES[unit], text), initial=0))


def code_point_spans(text: str, spans: Iterable[Span], unit: Offsets) -> list[Span]:
    """The spans, given in this unit, in code points.

    Raises `InvalidInput` for an offset outside the text or inside a character.
    """
    table = offset_table(text, unit)
    return [Span(_code_point(table, span.start, unit), _code_point(table, span.end, unit)) for span in spans]


def _code_point(table: Sequence[int], offset: int, unit: Offsets) -> int:
    position = bisect_left(table, offset)
    if not 0 <= offset <= table[-1]:
        raise InvalidInput("mentions", f"the offset {offset} is outside the text, which ends at {table[-1]} ({unit})")
    if table[position] != offset:
        raise InvalidInput("mentions", f"the offset {offset} ({unit}) is inside a character")
    return position
