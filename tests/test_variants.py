"""Other ways to write a name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nedsvc.names import fold
from nedsvc.variants import LONGEST_VARIANT, Spelling, bare_key, variants

SPELLING = Spelling(
    titles=frozenset({"president", "prime minister"}),
    nicknames={"bob": ("robert",), "al": ("albert", "alan")},
    company_forms=frozenset({"corp", "co", "inc"}),
)

WORD = st.sampled_from(["The", "Inc.", "Co", "President", "Bob", "St.", "1", "Jürgen", "Mueller's", "習近平", "Ponies"])
MARK = st.sampled_from([" ", ",", "(", ")", '"', "„", "“", "'s", "’s", "."])
NAME = st.text() | st.lists(WORD | MARK, max_size=20).map("".join) | st.lists(WORD, max_size=6).map(" ".join)


def keys(name: str) -> list[str]:
    return list(variants(name, SPELLING))


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("Lille, France", "lille"),
        ("Washington, D.C., United States", "washington"),
        ("Mercury (planet)", "mercury"),
        ('Dwayne "The Rock" Johnson', "dwayne johnson"),
        ("Edward “Ted” Kennedy", "edward kennedy"),
        ("Manfred „Manni“ Burgsmüller", "manfred burgsmuller"),
        ("François «Papa Doc» Duvalier", "francois duvalier"),
        ("Johnson (Dwayne) of Hayward", "johnson of hayward"),
    ],
)
def test_what_stands_after_a_comma_or_in_brackets_or_quotes_may_be_left_out(name: str, key: str) -> None:
    assert key in keys(name)


@pytest.mark.parametrize(
    ("name", "key"),
    [("HillaryClinton", "hillary clinton"), ("ÉcoleNormaleSupérieure", "ecole normale superieure")],
)
def test_words_written_together_are_taken_apart_at_their_capitals(name: str, key: str) -> None:
    assert key in keys(name)


@pytest.mark.parametrize("name", ["UNESCO", "USAir", "iOS", "hillaryclinton"])
def test_capitals_side_by_side_or_none_do_not_part_a_word(name: str) -> None:
    assert all(" " not in key for key in keys(name))


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("Target Corp.", "target"),
        ("Procter & Gamble Co. Inc.", "procter gamble"),
        ("the Beatles", "beatles"),
        ("President Abraham Lincoln", "abraham lincoln"),
        ("The Prime Minister Bob Hawke", "bob hawke"),
    ],
)
def test_an_article_a_title_and_the_form_of_a_company_may_be_left_out(name: str, key: str) -> None:
    assert key in keys(name)


def test_a_company_may_be_called_after_an_owner() -> None:
    assert keys("McDonald's Corp.")[1:3] == ["mcdonald s", "mcdonald"]


@pytest.mark.parametrize(
    ("name", "key"),
    [("Bob Nardelli", "robert nardelli"), ("Al Capone", "albert capone"), ("Al Capone", "alan capone")],
)
def test_a_nickname_before_a_surname_stands_for_the_full_names(name: str, key: str) -> None:
    assert key in keys(name)


def test_a_nickname_alone_or_at_the_end_stands_for_itself() -> None:
    assert not any("robert" in key for key in [*keys("Bob"), *keys("Silent Bob")])


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("Formula 1", "formula one"),
        ("Formula One", "formula 1"),
        ("Big 10", "big ten"),
        ("St. Petersburg", "saint petersburg"),
        ("Saint Petersburg", "st petersburg"),
        ("Mt. Everest", "mount everest"),
        ("Fort Worth", "ft worth"),
    ],
)
def test_small_numbers_and_saints_mounts_and_forts_are_written_out_and_short(name: str, key: str) -> None:
    assert key in keys(name)


@pytest.mark.parametrize("name", ["1", "One", "Formula 11"])
def test_a_number_alone_or_above_ten_is_written_in_one_way(name: str) -> None:
    assert not {"1", "one", "formula eleven"} & set(keys(name))


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("Marines", "marine"),
        ("Kurd", "kurds"),
        ("Olympic Games", "olympic game"),
        ("Grammies", "grammy"),
        ("Tory", "tories"),
        ("Churches", "church"),
        ("New York Yankee", "new york yankees"),
    ],
)
def test_the_last_word_may_stand_in_the_other_number(name: str, key: str) -> None:
    assert key in keys(name)


@pytest.mark.parametrize("name", ["USA", "G20s", "1980", "習近平"])
def test_short_words_and_those_that_are_not_only_letters_have_no_other_number(name: str) -> None:
    assert keys(name) == []


def test_a_name_in_capitals_has_no_other_number() -> None:
    assert keys("NIKKEI") == keys("US MARINES") == []


def test_german_umlauts_may_be_written_with_an_e() -> None:
    assert keys("Gerd Mueller")[-1] == "gerd muller"
    assert keys("Koenig Aelfred")[-1] == "konig alfred"


def test_the_closest_variant_comes_first() -> None:
    assert keys("The Bob (US) Co.")[:2] == ["the bob co", "bob us"]


def test_a_sentence_is_only_cut_where_its_marks_say_so() -> None:
    name = " ".join(["Bob", *["Ponies"] * (LONGEST_VARIANT - 1)])
    assert keys(name)
    assert keys(f"{name} Ponies") == []
    assert keys(f"Lille, {name}") == ["lille"]


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("Target Corp.", "target"),
        ("the Obama's", "obama"),
        ("China’s Communist Party", "china communist party"),
        ("President Lincoln", "lincoln"),
        ("The Prime Minister's Office", "office"),
        ("Kyiv", "kyiv"),
        ("'sHertogenbosch", "shertogenbosch"),
    ],
)
def test_a_bare_key_has_no_article_title_possessive_or_form_of_a_company(name: str, key: str) -> None:
    assert bare_key(name, SPELLING) == key


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("The", "the"),
        ("Inc.", "inc"),
        ("Co. Inc.", "co"),
        ("The Co.", "co"),
        ("President", "president"),
        ("the Prime Minister", "prime minister"),
        ("'s", "s"),
    ],
)
def test_a_name_is_never_stripped_of_all_its_words(name: str, key: str) -> None:
    assert bare_key(name, SPELLING) == key


@given(NAME)
def test_a_bare_key_is_folded_and_empty_only_for_what_has_no_word(name: str) -> None:
    key = bare_key(name, SPELLING)
    assert key == fold(key)
    assert bool(key) == bool(fold(name))


@given(NAME)
def test_the_variants_of_any_text_are_folded_and_distinct_and_not_its_own_key(name: str) -> None:
    found = keys(name)
    assert all(key == fold(key) for key in found)
    assert len({"", fold(name), *found}) == len({"", fold(name)}) + len(found)


@pytest.mark.parametrize("part", ["(", "„", " ", "“", "a(", "aB", "'s", "a, "])
def test_a_long_text_takes_no_time(part: str) -> None:
    name = part * 100_000 + "x"
    assert len(keys(name)) < 10
    assert bare_key(name, SPELLING)
