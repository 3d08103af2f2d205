"""Which mentions of a document go together."""

from nedsvc.grouping import chains
from nedsvc.models import EntityType, Mention


def mentions(*names: str, label: EntityType | None = None) -> list[Mention]:
    return [Mention(10 * place, 10 * place + len(name), name, label) for place, name in enumerate(names)]


def expansions(*names: str) -> dict[str, list[str]]:
    found = chains(mentions(*names))
    return {chain.name: [found[longer].name for longer in chain.expansions] for chain in found}


def test_mentions_with_one_surface_form_one_chain() -> None:
    found = chains(mentions("Kyiv", "Moscow", "Kyiv"))
    assert [(chain.name, chain.mentions) for chain in found] == [("Kyiv", (0, 2)), ("Moscow", (1,))]


def test_the_label_of_a_chain_is_the_one_most_often_given() -> None:
    named = [Mention(0, 4, "Kyiv", "PERSON"), Mention(9, 13, "Kyiv", "GPE"), Mention(20, 24, "Kyiv", "GPE")]
    assert chains(named)[0].label == "GPE"


def test_a_surname_may_stand_for_the_full_name_wherever_it_stands() -> None:
    assert expansions("Xi", "Xi Jinping", "Antony Blinken", "Blinken") == {
        "Xi": ["Xi Jinping"],
        "Xi Jinping": [],
        "Antony Blinken": [],
        "Blinken": ["Antony Blinken"],
    }


def test_a_surname_that_two_people_bear_may_stand_for_both() -> None:
    assert expansions("Bill Clinton", "Hillary Clinton", "Clinton")["Clinton"] == [
        "Bill Clinton",
        "Hillary Clinton",
    ]


def test_an_acronym_may_stand_for_the_name_with_its_initials() -> None:
    assert expansions("International Criminal Court", "ICC")["ICC"] == ["International Criminal Court"]


def test_the_middle_of_a_name_is_no_short_form() -> None:
    assert expansions("Martin Luther King", "Luther")["Luther"] == []
