"""Names that are nearly the one asked for."""

from pathlib import Path

import numpy as np
import pytest
from dumps import dump_item, make_index
from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz.distance import DamerauLevenshtein

from nedsvc.index.fuzzy import (
    LONGEST,
    LONGEST_WITH_TWO,
    SHORTEST,
    SHORTEST_WITH_TWO,
    deletion_hashes,
    deletion_table,
    similar_words,
    words_at_two_edits,
)
from nedsvc.index.reader import Index

WORDS = st.text(st.characters(categories=["Ll", "Lo"]), min_size=SHORTEST, max_size=LONGEST)

NAMES = [
    "Power of Siberia 2", "Power of Siberia", "Antony Blinken", "Donald Blinken", "Anthony Albanese",
    "Volodymyr Zelensky", "Volodymyr Groysman", "New York Times", "New York", "Xi Jinping", "Mark Rutte",
    "Marc Chagall", "Siberia", "2 Pallas",
]  # fmt: skip


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    # The ids are made up.
    items = [dump_item(f"Q{900_000_000 + number}", name) for number, name in enumerate(NAMES)]
    return make_index(tmp_path_factory.mktemp("fuzzy"), items)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("power 2 gas pipeline of siberia", "power of siberia 2"),
        ("anthony blinken", "antony blinken"),
        ("volodymyr zelenskiy", "volodymyr zelensky"),
        ("zelenskiy", "volodymyr zelensky"),
        ("blinken antony", "antony blinken"),
        ("antony john blinken", "antony blinken"),
        ("new yrok times", "new york times"),
        ("the new york times", "new york times"),
    ],
)
def test_misspelt_swapped_and_longer_names_are_found(index: Index, asked: str, found: str) -> None:
    best, similarity = index.similar_names(asked, 5)[0]
    assert best == found
    assert 0.5 <= similarity < 1 or sorted(asked.split()) == sorted(found.split())


def test_the_name_itself_is_wholly_similar(index: Index) -> None:
    assert index.similar_names("xi jinping", 3)[0] == ("xi jinping", 1.0)


@pytest.mark.parametrize("asked", ["", "xyzzy", "1999", "zzzz qqqq"])
def test_what_is_like_nothing_finds_nothing(index: Index, asked: str) -> None:
    assert index.similar_names(asked, 5) == []


def test_no_more_than_asked_for_and_always_in_the_same_order(index: Index) -> None:
    found = index.similar_names("new york", 2)
    assert [name for name, _ in found] == ["new york", "new york times"]
    assert found == index.similar_names("new york", 2)


@given(st.text(max_size=60))
def test_any_text_may_be_asked_for(index: Index, text: str) -> None:
    found = index.similar_names(text, 3)
    assert len(found) <= 3
    assert all(0.5 <= similarity <= 1 and name in index.names for name, similarity in found)


def slow_hash(word: str) -> int:
    """The sum that `deletion_hashes` is to give, character by character."""
    return sum(ord(char) * pow(0x9E3779B97F4A7C15, place, 1 << 64) for place, char in enumerate(word)) % (1 << 64)


@given(st.lists(WORDS, max_size=5))
def test_deletion_hashes_are_those_of_the_shortened_words(words: list[str]) -> None:
    hashes, owners = deletion_hashes(words)
    expected = [(slow_hash(word), owner) for owner, word in enumerate(words)]
    expected += [
        (slow_hash(word[:place] + word[place + 1 :]), owner)
        for owner, word in enumerate(words)
        for place in range(len(word))
    ]
    assert list(zip(hashes.tolist(), owners.tolist(), strict=True)) == expected


@given(st.lists(WORDS, min_size=1, max_size=8, unique=True), st.data())
def test_every_word_at_one_edit_is_found(words: list[str], data: st.DataObject) -> None:
    number = data.draw(st.integers(0, len(words) - 1))
    word = words[number]
    place = data.draw(st.integers(0, len(word) - 1))
    edited = data.draw(
        st.sampled_from(
            [
                word[:place] + word[place + 1 :],
                word[:place] + "x" + word[place:],
                word[:place] + "x" + word[place + 1 :],
                word[:place] + word[place + 1 : place + 2] + word[place] + word[place + 2 :],
            ]
        )
    )
    if SHORTEST < len(edited) <= LONGEST or SHORTEST == len(edited) < len(word):
        assert DamerauLevenshtein.distance(word, edited) <= 1
        assert number in similar_words(deletion_table(words), edited)


@given(st.lists(st.text("abc", min_size=SHORTEST, max_size=9), min_size=1, max_size=20, unique=True), st.text("abc"))
def test_words_at_two_edits_are_those_of_the_obvious_search(words: list[str], asked: str) -> None:
    # Few letters, so that edits meet in one place.
    near = {number for number, word in enumerate(words) if DamerauLevenshtein.distance(asked, word) == 2}
    found = set(words_at_two_edits(deletion_table(words), asked))
    assert near <= found or not SHORTEST_WITH_TWO <= len(asked) <= LONGEST_WITH_TWO


@pytest.mark.parametrize(
    "letters", ["abcdefghijklmnopqrstuvwxyz", "αβγδεζηθικλμνξοπρστυφχψω", "абвгдежзийклмнопрстуфхцчшщыьэюя"]
)
@given(data=st.data())
def test_any_word_with_two_edits_is_found(letters: str, data: st.DataObject) -> None:
    word = data.draw(st.text(letters, min_size=SHORTEST_WITH_TWO, max_size=LONGEST_WITH_TWO))
    edited = word
    for _ in range(2):
        place = data.draw(st.integers(0, len(edited) - 1))
        other = data.draw(st.sampled_from(letters))
        before, letter, after = edited[:place], edited[place], edited[place + 1 :]
        edited = data.draw(
            st.sampled_from(
                [
                    before + after,
                    before + other + letter + after,
                    before + other + after,
                    before + after[:1] + letter + after[1:],
                ]
            )
        )
    if DamerauLevenshtein.distance(word, edited) == 2 and SHORTEST_WITH_TWO <= len(edited) <= LONGEST_WITH_TWO:
        assert words_at_two_edits(deletion_table(["other", word]), edited) == [1]


def test_the_search_at_two_edits_takes_any_word() -> None:
    assert words_at_two_edits(deletion_table([]), "abcdef") == []
    assert words_at_two_edits(deletion_table(["abcdef"]), "123456") == []
    # No alphabet is known: a letter may still be left out, or swapped, as well as put right with those of the word.
    assert words_at_two_edits(deletion_table(["東京都港区六本木"]), "京東都港区六本木木") == [0]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("sbieriaa", "siberia"),  # two edits in a name of one word
        ("volodymyr groismaan", "volodymyr groysman"),
        ("antony blnknen", "antony blinken"),
        ("mrk rutte", "mark rutte"),  # a word of three letters
        ("marc rutte", "mark rutte"),  # a typo that is another known word
        ("york new", "new york"),
    ],
)
def test_names_with_two_typos_short_words_and_known_typos_are_found(index: Index, asked: str, found: str) -> None:
    assert index.similar_names(asked, 5)[0][0] == found


def test_a_rare_word_leads_to_its_name_beside_words_of_very_many(tmp_path: Path) -> None:
    many = [dump_item(f"Q{number}", f"North Survey J{number}", sitelinks=["enwiki"]) for number in range(1000, 2300)]
    wanted = dump_item("Q5", "North Survey Plate Kelvinside")
    index = make_index(tmp_path, [*many, wanted])
    assert index.similar_names("north survey kelvinside", 1)[0][0] == "north survey plate kelvinside"
    assert index.similar_names("survey north j2299", 1)[0][0] == "north survey j2299"


def test_numbers_are_no_misspellings_of_each_other() -> None:
    assert similar_words(deletion_table(["1998", "word"]), "1999") == []
    assert similar_words(deletion_table([]), "word") == []
    assert np.all(np.diff(deletion_table(["some", "words", "here"]).astype(np.float64)) > 0)


def test_ties_go_to_the_better_known_name_then_to_the_alphabet(tmp_path: Path) -> None:
    items = [
        dump_item("Q30", "Alpha Bravo"),
        dump_item("Q20", "Alpha Cairo"),
        dump_item("Q10", "Alpha Delta", sitelinks=["enwiki"]),
    ]
    found = make_index(tmp_path, items).similar_names("alpha xxxxx", 5)
    assert [name for name, _ in found] == ["alpha delta", "alpha cairo", "alpha bravo"]


@pytest.mark.parametrize(
    ("asked", "longer"),
    [
        ("siberia", ["power of siberia", "power of siberia 2"]),
        ("siberia power", ["power of siberia", "power of siberia 2"]),
        ("power of siberia", ["power of siberia 2"]),
        ("new york times", []),
        ("new rutte", []),
        ("siberia gas", []),
        ("", []),
    ],
)
def test_longer_names_hold_all_words_and_more(index: Index, asked: str, longer: list[str]) -> None:
    assert sorted(index.longer_names(asked, 5)) == longer


def test_longer_names_of_the_best_known_come_first_and_no_more_than_asked_for(tmp_path: Path) -> None:
    items = [
        dump_item("Q30", "Alpha Bravo"),
        dump_item("Q20", "Alpha Cairo", sitelinks=["dewiki", "enwiki"]),
        dump_item("Q10", "Delta Alpha", sitelinks=["enwiki"]),
    ]
    index = make_index(tmp_path, items)
    assert index.longer_names("alpha", 5) == ["alpha cairo", "delta alpha", "alpha bravo"]
    assert index.longer_names("alpha", 2) == ["alpha cairo", "delta alpha"]


@given(st.lists(st.sampled_from(["power", "of", "siberia", "2", "new", "york", "blinken", "zzz"]), max_size=20))
def test_longer_names_are_those_of_the_obvious_search(index: Index, words: list[str]) -> None:
    known = {name.lower() for name in NAMES}
    holding = {name for name in known if set(words) <= set(name.split()) and name.count(" ") >= len(words)}
    assert set(index.longer_names(" ".join(words), 50)) == (holding if words else set())
