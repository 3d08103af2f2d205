"""Whether two names that are written differently are one name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nedsvc.similarity import name_similarity

IDLE = frozenset({"of", "the", "and"})


def similarity(asked: str, known: str, description: str = "") -> float:
    return name_similarity(asked, known, lambda word: word in description.split(), IDLE)


@pytest.mark.parametrize(
    ("asked", "known"),
    [
        ("anthony blinken", "antony blinken"),
        ("blinken antony", "antony blinken"),
        ("blnken", "blinken"),
        ("volodymyr zelenskiy", "volodymyr zelensky"),
        ("george bush", "george walker bush"),
        ("united nations organisation", "united nations organization"),
        ("republic the gambia", "republic of the gambia"),
    ],
)
def test_a_typo_or_another_order_or_a_missing_word_is_the_same_name(asked: str, known: str) -> None:
    assert similarity(asked, known) > 0.5


@pytest.mark.parametrize(
    ("asked", "known"),
    [
        ("brian kemp", "brian may"),
        ("lower austria", "austria"),
        ("chicago bulls", "chicago"),
        ("perm", "peru"),
        ("kazan", "gazan"),
        ("boeing 747", "boeing 737"),
        ("austria", "lower austria"),
    ],
)
def test_names_that_differ_in_a_word_are_two_names(asked: str, known: str) -> None:
    assert similarity(asked, known) == 0


def test_words_that_describe_the_entity_may_stand_in_its_name() -> None:
    asked, known = "power 2 gas pipeline of siberia", "power of siberia 2"
    assert similarity(asked, known) == 0
    assert 0.5 < similarity(asked, known, "planned gas pipeline to china") < 1


names = st.lists(st.text("abcdef", min_size=1, max_size=8), min_size=1, max_size=5).map(" ".join)


@given(names)
def test_a_name_is_itself(name: str) -> None:
    assert similarity(name, name) == 1


@given(names, names)
def test_similarity_lies_between_none_and_all(asked: str, known: str) -> None:
    assert 0 <= similarity(asked, known, known) <= 1
