"""Offsets in other units than code points."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nedsvc.errors import InvalidInput
from nedsvc.models import Offsets, Span
from nedsvc.offsets import code_point_spans, offset_table

UNITS: tuple[Offsets, ...] = ("codepoint", "utf16", "utf8")


@given(st.text(st.characters(exclude_categories=["Cs"])), st.sampled_from(UNITS))
def test_offsets_are_the_lengths_of_the_encoded_prefixes(text: str, unit: Offsets) -> None:
    assert list(offset_table(text, unit)) == [length(text[:end], unit) for end in range(len(text) + 1)]


def length(text: str, unit: Offsets) -> int:
    if unit == "utf16":
        return len(text.encode("utf-16-le")) // 2
    return len(text.encode()) if unit == "utf8" else len(text)


@given(st.text(min_size=1), st.sampled_from(UNITS))
def test_a_span_comes_back_from_its_unit(text: str, unit: Offsets) -> None:
    table = offset_table(text, unit)
    given_span = Span(table[0], table[len(text)])
    assert code_point_spans(text, [given_span], unit) == [Span(0, len(text))]


def test_an_offset_inside_a_character_is_refused_by_name() -> None:
    with pytest.raises(InvalidInput, match=r"mentions: the offset 1 \(utf16\) is inside a character"):
        code_point_spans("😀 Kyiv", [Span(1, 4)], "utf16")


def test_an_offset_outside_the_text_is_refused_by_name() -> None:
    with pytest.raises(InvalidInput, match=r"the offset 9 is outside the text, which ends at 4 \(codepoint\)"):
        code_point_spans("Kyiv", [Span(0, 9)], "codepoint")
