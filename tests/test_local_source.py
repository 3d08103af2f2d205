"""The candidates that an index gives for a name."""

from pathlib import Path

import pytest
from dumps import Json, claims, dump_item, make_index
from hypothesis import given
from hypothesis import strategies as st

from nedsvc.models import Candidate
from nedsvc.sources.local import MOST_BY_INITIALS, MOST_NAMESAKES, MOST_PARTIAL, LocalSource
from nedsvc.variants import Spelling

SPELLING = Spelling(
    titles=frozenset({"president"}), nicknames={"bob": ("robert",)}, company_forms=frozenset({"corp", "corporation"})
)
IDLE = frozenset({"of", "the"})

# The ids are made up; of two entities the one with the lower number is the better known.
ITEMS = [
    dump_item("Q100", "Target Corporation", claims=claims(P31="Q783794")),
    dump_item("Q101", "Target", claims=claims(P31="Q783794")),
    dump_item("Q110", "Lille", claims=claims(P31="Q515")),
    dump_item("Q120", "Robert Nardelli", claims=claims(P31="Q5")),
    dump_item("Q130", "Recording Industry Association of America"),
    dump_item("Q131", "RIAA certification"),
    dump_item("Q132", "World of Warcraft"),
    dump_item("Q140", "Antony Blinken", aliases=["Tony Blinken"], claims=claims(P31="Q5")),
    dump_item("Q141", "Donald Blinken", claims=claims(P31="Q5")),
    dump_item("Q150", "Michigan State Spartans football"),
    dump_item("Q151", "Michigan State University"),
    dump_item("Q152", "Michigan", claims=claims(P31="Q515")),
    dump_item("Q161", "Mela"),
    dump_item("Q170", "the President of Peru", claims=claims(P31="Q4164871")),
    dump_item("Q180", "Apple", claims=claims(P31="Q783794")),
    dump_item("Q181", "apple"),
]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> LocalSource:
    return source_of(tmp_path_factory.mktemp("local"), ITEMS)


def source_of(folder: Path, items: list[Json]) -> LocalSource:
    return LocalSource(make_index(folder, items), SPELLING, IDLE)


def search(source: LocalSource, name: str) -> tuple[Candidate, ...]:
    found = source.search([name], "en", 0.0)[name]
    assert isinstance(found, tuple)
    return found


def kinds(source: LocalSource, name: str) -> dict[str, str]:
    return {candidate.id: candidate.kind for candidate in search(source, name)}


def similarities(source: LocalSource, name: str) -> dict[str, float]:
    return {candidate.id: candidate.similarity for candidate in search(source, name)}


def test_a_name_means_its_bearers_and_then_those_whose_longer_names_hold_it(source: LocalSource) -> None:
    assert kinds(source, "Target") == {"Q101": "label", "Q100": "partial"}
    assert similarities(source, "Target") == {"Q101": 1.0, "Q100": 0.6}


@pytest.mark.parametrize(
    ("name", "qid"), [("Lille, France", "Q110"), ("Bob Nardelli", "Q120"), ("Antony Blinkens", "Q140")]
)
def test_a_name_that_is_written_in_another_way_is_borne_and_a_little_less_similar(
    source: LocalSource, name: str, qid: str
) -> None:
    best = search(source, name)[0]
    assert (best.id, best.kind, best.similarity) == (qid, "label", 0.9)


def test_who_bears_the_name_as_it_stands_comes_before_who_bears_a_variant(source: LocalSource) -> None:
    assert list(similarities(source, "Target Corporation").items())[:2] == [("Q100", 1.0), ("Q101", 0.9)]


@pytest.mark.parametrize("name", ["RIAA", "R.I.A.A."])
def test_initials_mean_those_whose_names_have_them(source: LocalSource, name: str) -> None:
    assert kinds(source, name) == {"Q130": "acronym", "Q131": "partial"}


def test_a_word_with_several_capitals_may_be_initials_and_another_one_is_none(source: LocalSource) -> None:
    assert kinds(source, "WoW") == {"Q132": "acronym"}
    assert "acronym" not in {*kinds(source, "Wow").values(), *kinds(source, "riaa").values()}


def test_not_all_that_have_the_same_initials_are_candidates(tmp_path: Path) -> None:
    items = [dump_item(f"Q{500 + number}", f"Alpha B{number}") for number in range(MOST_BY_INITIALS + 5)]
    assert list(kinds(source_of(tmp_path, items), "AB")) == [f"Q{500 + number}" for number in range(MOST_BY_INITIALS)]


def test_a_surname_means_those_who_bear_it_the_best_known_first(source: LocalSource) -> None:
    assert list(kinds(source, "Blinken").items()) == [("Q140", "partial"), ("Q141", "partial")]
    assert list(kinds(source, "President Blinken's").items())[:2] == [("Q140", "partial"), ("Q141", "partial")]


def test_a_nickname_alone_means_those_with_the_full_name_too(source: LocalSource) -> None:
    (found,) = search(source, "Bob")
    assert (found.id, found.kind) == ("Q120", "partial")
    assert 0 < found.similarity < 0.6


def test_several_words_mean_those_whose_longer_names_hold_them_all_by_their_share(tmp_path: Path) -> None:
    names = {
        "Q1": "Michigan State",
        "Q2": "Michigan State University",
        "Q3": "State Fair of Michigan",
        "Q4": "Michigan",
    }
    source = source_of(tmp_path, [dump_item(qid, name) for qid, name in names.items()])
    assert kinds(source, "Michigan State") == {"Q1": "label", "Q2": "partial", "Q3": "partial"}
    assert similarities(source, "Michigan State") == {"Q1": 1.0, "Q2": 2 / 3, "Q3": 2 / 4}


def test_a_lower_case_word_or_a_title_is_no_name_of_a_person(source: LocalSource) -> None:
    assert similarities(source, "blinken")["Q140"] == 1 / 2
    assert kinds(source, "President")["Q170"] == "partial"


def test_there_are_more_candidates_for_a_name_of_people_than_for_another_word(tmp_path: Path) -> None:
    people = [dump_item(f"Q{1000 + number}", f"P{number} Smith", claims=claims(P31="Q5")) for number in range(150)]
    places = [dump_item(f"Q{2000 + number}", f"P{number} Hill", claims=claims(P31="Q515")) for number in range(150)]
    source = source_of(tmp_path, people + places)
    assert list(kinds(source, "Smith")) == [f"Q{1000 + number}" for number in range(MOST_NAMESAKES)]
    assert list(kinds(source, "Hill")) == [f"Q{2000 + number}" for number in range(MOST_PARTIAL)]


@pytest.fixture(scope="module")
def fairs(tmp_path_factory: pytest.TempPathFactory) -> LocalSource:
    """Names with words that so many have that they make no two of them similar."""
    names = ["Mela", "The", *(f"The {place} Mela" for place in ("Kumbh", "Pushkar", "Sonepur", "Ganga", "Nauchandi"))]
    items = [dump_item(f"Q{10 + number}", name) for number, name in enumerate(names)]
    return source_of(tmp_path_factory.mktemp("fairs"), items)


def test_where_nobody_bears_a_name_those_whose_names_are_half_of_it_or_more_are_candidates(fairs: LocalSource) -> None:
    assert kinds(fairs, "Incomprehensible Mela") == {"Q10": "inner"}
    assert kinds(fairs, "Incomprehensible Mela Extraordinaire") == {}


def test_an_inner_name_counts_little_and_by_its_share(fairs: LocalSource) -> None:
    assert similarities(fairs, "Incomprehensible Mela") == {"Q10": 0.4 / 2}


def test_an_idle_word_is_no_inner_name(fairs: LocalSource) -> None:
    assert kinds(fairs, "Incomprehensible The") == {}


def test_a_misspelt_name_means_who_bears_the_one_that_is_right(source: LocalSource) -> None:
    best = search(source, "Anthony Blinken")[0]
    assert (best.id, best.kind) == ("Q140", "similar")
    assert best.similarity > 0.5


def test_a_name_that_only_shares_words_is_akin_and_counts_little(source: LocalSource) -> None:
    found = {one.id: one for one in search(source, "Michigan State Wolverines")}
    assert found["Q151"].kind == "akin"
    assert 0 < found["Q151"].similarity < 0.4


def test_where_nobody_bears_the_name_the_most_similar_comes_first(source: LocalSource) -> None:
    found = list(similarities(source, "Anthony Michigan State Blinken").values())
    assert len(found) > 2
    assert found == sorted(found, reverse=True)


@pytest.mark.parametrize("name", ["Antony Blinken", "Mela", "Bob Nardelli", "RIAA"])
def test_inner_similar_and_akin_names_only_count_where_nobody_bears_the_name(source: LocalSource, name: str) -> None:
    assert not {"inner", "similar", "akin"} & set(kinds(source, name).values())


def test_a_name_in_lower_case_is_less_like_one_in_capitals(source: LocalSource) -> None:
    found = similarities(source, "apple")
    assert found["Q181"] == 1.0 > found["Q180"]


def test_an_entity_is_a_candidate_once_by_the_best_of_its_names(source: LocalSource) -> None:
    assert [one.id for one in search(source, "Tony Blinken")] == ["Q140"]


def test_a_candidate_carries_what_the_index_knows_of_it(source: LocalSource) -> None:
    (found,) = search(source, "Lille")
    assert (found.number, found.types) == (110, frozenset({"GPE"}))
    assert found.popularity > 0
    assert found.vector is None


PARTS = st.sampled_from(
    ["Target", "Corp.", "Bob", "'s", "RIAA", "Michigan", "State", "President", "the", "of", ", ", "(", "?"]
)


@given(st.text(max_size=40) | st.lists(PARTS, max_size=20).map(" ".join) | st.lists(PARTS, max_size=4).map("".join))
def test_any_text_may_be_asked_for_and_no_candidate_comes_twice(source: LocalSource, name: str) -> None:
    found = search(source, name)
    assert len({one.id for one in found}) == len(found)
    assert all(0 < one.similarity <= 1 for one in found)
