"""What counts as a mention, over the starter index: the gazetteer alone, and together with spaCy."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nedsvc import EntityLinker
from nedsvc.detect.union import longest
from nedsvc.models import Mention


def found(linker: EntityLinker, text: str, language: str = "en") -> list[tuple[str, str]]:
    """The linked mentions with the labels of their entities."""
    links = linker.annotate(text, language=language).links
    return [(link.mention.surface, link.entity.label) for link in links if link.entity]


@pytest.mark.parametrize(
    "text",
    [
        "May he come? Will he go? We told us. The state will march.",
        "It happened in May, on a Monday in March.",
        "State of the art; art for the state.",
        "Give us this day. He said: Us and them.",
        "Will you come? asked Will, who may.",
    ],
)
def test_common_words_and_dates_are_no_names(gazetteer_linker: EntityLinker, text: str) -> None:
    assert found(gazetteer_linker, text) == []


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("he went to New York City by train", ["New York City"]),
        ("the Bank of England and England", ["Bank of England", "England"]),
        ("in Ukraine’s capital, Kyiv", ["Ukraine", "Kyiv"]),
        ("the city of “Kharkiv” fell", ["Kharkiv"]),
        ("the U.S. and the UK", ["U.S.", "UK"]),
        ("talks on Kiev/Kyiv", ["Kiev", "Kyiv"]),
        ("Russia-China relations", ["Russia", "China"]),
        ("judges in The Hague", ["The Hague"]),
        ("The Kremlin said no.", ["Kremlin"]),
        ("as the West watched", ["West"]),
        ("west of the river", []),
        ("a Nato summit", ["Nato"]),
        ("PUTIN IN KYIV", ["PUTIN", "KYIV"]),
        ("Parisienne life", []),
    ],
)
def test_the_gazetteer_takes_the_longest_name_as_it_is_written(
    gazetteer_linker: EntityLinker, text: str, names: list[str]
) -> None:
    assert [name for name, _ in found(gazetteer_linker, text)] == names


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("Reuters berichtet aus Kiew.", "de", ("Kiew", "Kyiv")),
        ("Він приїхав у Київ.", "uk", ("Київ", "Kyiv")),
        ("习近平访问莫斯科", "zh", ("莫斯科", "Moscow")),
    ],
)
def test_the_gazetteer_needs_no_model_for_other_languages(
    gazetteer_linker: EntityLinker, text: str, language: str, expected: tuple[str, str]
) -> None:
    assert expected in found(gazetteer_linker, text, language)


@pytest.mark.parametrize(
    ("text", "name", "entity"),
    [
        ("We met President Putin there.", "Putin", "Vladimir Putin"),
        ("US Secretary of State Antony Blinken spoke.", "Antony Blinken", "Antony Blinken"),
        ("US Secretary of State Antony Blinken spoke.", "US", "United States"),
        ("Then Anthony Blinken left for home.", "Anthony Blinken", "Antony Blinken"),
        ("Chinese officials spoke.", "Chinese", "China"),
        ("Ukrainian forces advanced.", "Ukrainian", "Ukraine"),
        ("He wrote on Twitter that day.", "Twitter", "Twitter"),
        ("It was drawn up without Kiev.", "Kiev", "Kyiv"),
        ("Reports by President Volodymyr Zelenskiy’s office.", "Volodymyr Zelenskiy", "Volodymyr Zelenskyy"),
        ("King Charles III arrived.", "King Charles III", "Charles III"),
    ],
)
def test_names_are_freed_of_what_stands_around_them(
    default_linker: EntityLinker, text: str, name: str, entity: str
) -> None:
    assert (name, entity) in found(default_linker, text)


def test_the_small_model_and_the_gazetteer_repair_each_other(default_linker: EntityLinker) -> None:
    types = {link.mention.surface: link.type for link in default_linker.annotate("It was drawn up without Kiev.").links}
    assert types == {"Kiev": "GPE"}


def test_a_title_without_a_name_is_no_mention(default_linker: EntityLinker) -> None:
    surfaces = [
        link.mention.surface for link in default_linker.annotate("The US Secretary of State Blinken spoke.").links
    ]
    assert surfaces == ["US", "Blinken"]


def test_a_person_named_in_full_is_found_by_one_name_everywhere(default_linker: EntityLinker) -> None:
    text = "Xi Jinping left on Monday. A note about Xi’s arrivalHe noted that Xi smiled."
    assert [name for name, label in found(default_linker, text) if label == "Xi Jinping"] == ["Xi Jinping", "Xi", "Xi"]


def test_an_acronym_is_its_expansion_in_the_document(gazetteer_linker: EntityLinker) -> None:
    text = "The International Criminal Court sat. The ICC adjourned."
    assert found(gazetteer_linker, text) == [
        ("International Criminal Court", "International Criminal Court"),
        ("ICC", "International Criminal Court"),
    ]


def test_a_name_that_no_index_holds_is_nil(default_linker: EntityLinker) -> None:
    (link,) = [
        link
        for link in default_linker.annotate("They agreed on Power of Siberia 2 in Moscow.").links
        if link.mention.surface != "Moscow"
    ]
    assert (link.mention.surface, link.status) == ("Power of Siberia 2", "nil")


spans = st.tuples(st.integers(0, 30), st.integers(1, 8)).map(lambda pair: Mention(pair[0], sum(pair), ""))


@given(st.lists(spans, max_size=12))
def test_what_remains_of_overlapping_mentions_is_the_longest_first(mentions: list[Mention]) -> None:
    chosen: list[Mention] = []
    for mention in sorted(mentions, key=lambda one: (one.start - one.end, one.start)):
        if all(mention.end <= other.start or other.end <= mention.start for other in chosen):
            chosen.append(mention)
    assert longest(mentions) == sorted(chosen, key=lambda one: one.start)


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("Reuters berichtet aus Kiew.", "de", ("Kiew", "Kyiv")),
        ("习近平访问莫斯科，并会见普京。", "zh", ("习近平", "Xi Jinping")),
    ],
)
def test_an_english_model_keeps_out_of_texts_in_other_languages(
    default_linker: EntityLinker, text: str, language: str, expected: tuple[str, str]
) -> None:
    assert expected in found(default_linker, text, language)
    assert all(link.mention.label is None for link in default_linker.annotate(text, language=language).links)


def test_a_mention_ends_at_the_end_of_its_line(default_linker: EntityLinker) -> None:
    assert [name for name, _ in found(default_linker, "Blinken in Kiev.\nKyiv\nNATO")] == [
        "Blinken",
        "Kiev",
        "Kyiv",
        "NATO",
    ]


def test_a_long_text_is_read_in_pieces_without_losing_its_offsets(default_linker: EntityLinker) -> None:
    sentence = "Then Sergey Lavrov flew to Kharkiv with Smallville Airlines. "
    links = default_linker.annotate(sentence * 700).links
    assert len(links) % 700 == 0
    assert {link.mention.start % len(sentence) for link in links} == {
        link.mention.start for link in default_linker.annotate(sentence).links
    }
