"""How names are read and compared."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nedsvc.names import (
    Shape,
    fold,
    fold_all,
    initials,
    is_acronym,
    shape,
    slash_parts,
    strip_possessive,
    title_length,
    tokenize,
)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("Antony Blinken", "antony blinken"),
        ("KYIV", "kyiv"),
        ("Kyïv", "kyiv"),
        ("U.S.", "us"),
        ("J. R. R. Tolkien", "jrr tolkien"),
        ("J.R.R. Tolkien", "jrr tolkien"),
        ("Côte d’Ivoire", "cote d ivoire"),
        ("Łódź", "lodz"),
        ("Straße", "strasse"),
        ("İstanbul", "istanbul"),
        ("習近平", "習 近 平"),
        ("हिन्दी भाषा", "हिन्दी भाषा"),
        ("Kiev/Kyiv", "kiev kyiv"),
        ("?!", ""),
    ],
)
def test_names_that_readers_take_for_the_same_have_one_key(name: str, key: str) -> None:
    assert fold(name) == key


@given(st.text())
def test_folding_twice_changes_nothing(name: str) -> None:
    assert fold(fold(name)) == fold(name)


WRITTEN = st.text(st.sampled_from("aZé ß.\n\t-_'习ा1")) | st.text()


@given(st.lists(WRITTEN))
def test_many_names_fold_like_each(names: list[str]) -> None:
    assert fold_all(names) == [fold(name) for name in names]


@given(st.text())
def test_a_text_has_the_words_of_its_key(text: str) -> None:
    assert " ".join(token.key for token in tokenize(text)) == fold(text)


@given(st.text())
def test_words_lie_in_order_inside_the_text(text: str) -> None:
    ends = 0
    for token in tokenize(text):
        assert ends <= token.start < token.end <= len(text)
        ends = token.end


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("US", Shape.UPPER),
        ("U.S.", Shape.UPPER),
        ("us", Shape.LOWER),
        ("Us", Shape.TITLE),
        ("X", Shape.TITLE),
        ("iPhone", Shape.TITLE),
        ("習近平", Shape.CASELESS),
        ("2023", Shape.CASELESS),
    ],
)
def test_the_shape_tells_an_acronym_from_a_word(name: str, expected: Shape) -> None:
    assert shape(name) == expected


@pytest.mark.parametrize(
    ("name", "bare"), [("Xi’s", "Xi"), ("Wales'", "Wales"), ("Ukraine's", "Ukraine"), ("Xi", "Xi")]
)
def test_a_possessive_is_no_part_of_the_name(name: str, bare: str) -> None:
    assert strip_possessive(name) == bare


def test_a_slash_form_holds_two_names() -> None:
    assert slash_parts("Kiev/Kyiv") == ("Kiev", "Kyiv")
    assert slash_parts("Kyiv") == ("Kyiv",)


@pytest.mark.parametrize(
    ("words", "length"),
    [("president putin", 1), ("deputy prime minister chernyshenko", 3), ("president", 0), ("putin", 0)],
)
def test_titles_before_a_name_are_counted_and_never_take_the_last_word(words: str, length: int) -> None:
    titles = frozenset({"president", "prime minister", "deputy"})
    assert title_length(words.split(), titles) == length


def test_an_acronym_is_the_initials_of_the_capitalised_words() -> None:
    assert is_acronym("ICC")
    assert is_acronym("U.K.")
    assert not is_acronym("Icc")
    assert initials("International Criminal Court") == "icc"
    assert initials("Bank of England") == "be"
