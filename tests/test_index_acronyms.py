"""From initials to those whose names have them."""

import re
import string
from collections.abc import Sequence
from pathlib import Path

import pytest
from dumps import Json, claims, dump_item, make_index
from hypothesis import given, settings
from hypothesis import strategies as st

from nedsvc.index.acronyms import LONGEST, MOST_NAMED, SHORTEST, acronym_code
from nedsvc.index.reader import Index
from nedsvc.names import fold
from nedsvc.tables import stop_words

ALPHABET = " " + string.ascii_lowercase
NAMES = [
    "Recording Industry Association of America", "Bank of England", "The Who",
    "Women's National Basketball Association", "Islamic State of Iraq and the Levant", "Formula 1 Cup",
    "Новая Газета", "Ålesund Fotballklubb", "Kyiv",
    "One Two Three Four Five Six", "One Two Three Four Five Six Seven", "Ten of Eleven and Twelve at Thirteen by Noon",
    "J. R. R. Tolkien Society",
]  # fmt: skip

# The ids are made up.
FIRST = 900_000_000


def numbered(names: Sequence[str]) -> list[Json]:
    return [dump_item(f"Q{FIRST + number}", name) for number, name in enumerate(names)]


def named(index: Index, letters: str) -> list[str]:
    """The labels of those with these initials."""
    return [index.entity(row).label for row in index.bearers_of_initials(letters).tolist()]


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    return make_index(tmp_path_factory.mktemp("acronyms"), numbered(NAMES))


@pytest.mark.parametrize(
    ("letters", "name"),
    [
        ("riaa", "Recording Industry Association of America"),
        ("riaoa", "Recording Industry Association of America"),
        ("boe", "Bank of England"),
        ("be", "Bank of England"),
        ("tw", "The Who"),
        ("isil", "Islamic State of Iraq and the Levant"),
        ("wnba", "Women's National Basketball Association"),
        ("af", "Ålesund Fotballklubb"),
        ("ottffs", "One Two Three Four Five Six"),
        ("tettn", "Ten of Eleven and Twelve at Thirteen by Noon"),
        ("jts", "J. R. R. Tolkien Society"),
    ],
)
def test_initials_are_those_of_all_words_or_of_those_that_say_something(index: Index, letters: str, name: str) -> None:
    assert named(index, letters) == [name]


@pytest.mark.parametrize("letters", ["w", "k", "f1c", "fc", "нг", "ottffss", "isoiatl", "xyz", "", "BE", "be ", "b.e"])
def test_what_is_too_long_or_short_or_has_no_plain_letters_are_no_initials(index: Index, letters: str) -> None:
    assert named(index, letters) == []


def test_the_best_known_come_first_and_no_more_than_can_be_told_apart(tmp_path: Path) -> None:
    items = numbered([f"Alpha B{number}" for number in range(MOST_NAMED)])
    items += [
        dump_item("Q800", "Azure Bay"),
        dump_item("Q900", "Amber Boat", sitelinks=["dewiki", "enwiki"]),
        dump_item("Q700", "Adria Bank", aliases=["Atlas Bank"], sitelinks=["enwiki"]),
    ]
    found = named(make_index(tmp_path, items), "ab")
    assert found[:4] == ["Amber Boat", "Adria Bank", "Azure Bay", "Alpha B0"]
    assert len(found) == MOST_NAMED


def test_an_alias_has_initials_too(tmp_path: Path) -> None:
    index = make_index(tmp_path, [dump_item("Q84", "London", aliases=["Big Smoke"])])
    assert named(index, "bs") == ["London"]


def test_offices_and_what_has_no_proper_name_have_no_initials(tmp_path: Path) -> None:
    items = [
        dump_item("Q14213", "Secretary of State", claims=claims(P31="Q4164871")),
        dump_item("Q1", "solid state", aliases=["Solid State"]),
    ]
    assert named(make_index(tmp_path, items), "ss") == []


def test_shorthand_and_demonyms_have_no_initials(tmp_path: Path) -> None:
    index = make_index(tmp_path, [dump_item("Q11268", "United States Congress"), dump_item("Q258", "South Africa")])
    assert index.postings("capitol hill") is not None
    assert index.postings("south african") is not None
    assert named(index, "ch") == []
    assert named(index, "sa") == ["South Africa"]


def test_an_index_without_longer_names_knows_no_initials(tmp_path: Path) -> None:
    assert named(make_index(tmp_path, numbered(["Kyiv"])), "ky") == []


def slow_code(letters: str) -> int | None:
    """The letters as a number that is written backwards, with 32 for ten."""
    if not re.fullmatch(f"[a-z]{{{SHORTEST},{LONGEST}}}", letters):
        return None
    return sum(ALPHABET.index(letter) << 5 * place for place, letter in enumerate(letters))


LETTERS = st.text(string.ascii_lowercase, max_size=8) | st.text(max_size=8)


@given(LETTERS)
def test_initials_are_numbered_by_their_letters(letters: str) -> None:
    assert acronym_code(letters) == slow_code(letters)


@given(LETTERS, LETTERS)
def test_no_two_initials_have_one_number_and_all_fit_in_32_bits(letters: str, others: str) -> None:
    code = acronym_code(letters)
    assert code is None or code < 1 << 32
    assert code is None or (code == acronym_code(others)) == (letters == others)


def slow_initials(name: str) -> set[str]:
    """The initials of the name with and without the words that say nothing."""
    words = fold(name).split()
    telling = [word for word in words if word not in stop_words() and word != "s"]
    both = ("".join(word[0] for word in some) for some in (words, telling))
    return {letters for letters in both if slow_code(letters) is not None}


WORDS = st.lists(st.sampled_from(["Of", "The", "Bank's", "Sun", "1st", "Ö", "Д", "of"]), min_size=1, max_size=8)


@settings(max_examples=20, deadline=None)
@given(
    names=st.lists(WORDS.map(" ".join).filter(lambda name: name[0].isupper()), min_size=1, max_size=8, unique_by=fold)
)
def test_those_with_some_initials_are_those_of_the_obvious_search(
    tmp_path_factory: pytest.TempPathFactory, names: list[str]
) -> None:
    index = make_index(tmp_path_factory.mktemp("names"), numbered(names))
    expected = {name: slow_initials(name) for name in names}
    for letters in set().union(*expected.values(), {"bs", "tb"}):
        assert set(named(index, letters)) == {name for name in names if letters in expected[name]}
