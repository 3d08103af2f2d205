"""How the sentence encoder cuts a text into pieces."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nedsvc.encoders.wordpiece import WordPieces, uncased_english

PIECES = uncased_english()
NUMBERS = {"[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "link": 3, "##ing": 4, "##ed": 5, "a": 6, ".": 7, "京": 8, "uber": 9}
SMALL = WordPieces(NUMBERS)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Linking a", ["link", "##ing", "a"]),
        ("linked.", ["link", "##ed", "."]),
        ("linkage", ["[UNK]"]),
        ("ÜBER a\u200b\tA", ["uber", "a", "a"]),
        ("a京a", ["a", "京", "a"]),
        ("a" * 101, ["[UNK]"]),
        ("", []),
    ],
)
def test_the_longest_known_pieces_are_taken_and_a_word_that_has_none_is_unknown(text: str, expected: list[str]) -> None:
    assert SMALL.read(text, 64) == [1, *(NUMBERS[piece] for piece in expected), 2]


def test_the_pieces_are_those_of_the_published_models() -> None:
    """The numbers are those that the reference tokenizer gives for bert-base-uncased."""
    assert PIECES.read("Hello world!", 64) == [101, 7592, 2088, 999, 102]


@given(st.text(), st.integers(2, 40))
def test_any_text_is_read_within_its_bounds(text: str, most: int) -> None:
    numbers = PIECES.read(text, most)
    assert numbers[0] == 101
    assert numbers[-1] == 102
    assert len(numbers) <= most
