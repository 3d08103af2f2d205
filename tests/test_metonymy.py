"""Metonymy: where a capital acts, it may stand for the government."""

import pytest
from dumps import claims, dump_item, make_index, statement

from nedsvc import EntityLinker, InvalidInput, Options
from nedsvc.factory import linker_from_index

ITEMS = [
    dump_item("Q6256", "country"),
    dump_item("Q515", "city"),
    dump_item("Q159", "Russia", claims=claims(P31="Q6256"), sitelinks=["enwiki"]),
    dump_item(
        "Q142",
        "France",
        claims=claims(P31="Q6256") | {"P36": [statement("Q183910"), statement("Q90", "preferred")]},
        sitelinks=["enwiki"],
    ),
    dump_item(
        "Q649", "Moscow", description="capital of Russia", claims=claims(P31="Q515", P17="Q159"), sitelinks=["enwiki"]
    ),
    dump_item("Q90", "Paris", claims=claims(P31="Q515", P17="Q142"), sitelinks=["enwiki"]),
    dump_item("Q183910", "Tours", claims=claims(P31="Q515", P17="Q142"), sitelinks=["enwiki"]),
    dump_item("Q656", "Lyon", claims=claims(P31="Q515", P17="Q142"), sitelinks=["enwiki"]),
    dump_item("Q1140115", "Government of Russia", claims=claims(P31="Q35798", P17="Q159")),
]
REFERENT = Options(metonymy="referent")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> EntityLinker:
    """A linker over two countries, with a government known for one of them."""
    return linker_from_index(make_index(tmp_path_factory.mktemp("metonymy"), ITEMS).path, "gazetteer")


def meant(world: EntityLinker, text: str, options: Options = REFERENT) -> list[str | None]:
    """What each mention of the text means."""
    return [link.entity.id if link.entity else None for link in world.annotate(text, options=options).links]


@pytest.mark.parametrize(
    "text",
    [
        "Moscow backed the plan.",
        "On Monday Moscow said that it would come.",
        "Moscow has repeatedly rejected the offer.",
        "Moscow will not accept it.",
        "Moscow's demands were heard.",
        "It was Moscow's new policy.",
    ],
)
def test_a_capital_that_acts_is_the_government(world: EntityLinker, text: str) -> None:
    assert meant(world, text) == ["Q1140115"]


@pytest.mark.parametrize(
    "text",
    [
        "They met in Moscow.",
        "Moscow has twelve million inhabitants.",
        "People in Moscow said no.",
        "The mayor of Moscow rejected it.",
        "Moscow's streets were empty.",
        "Moscow, said the guide, is old.",
    ],
)
def test_a_capital_that_is_a_place_stays_the_city(world: EntityLinker, text: str) -> None:
    assert meant(world, text) == ["Q649"]


def test_without_a_known_government_it_is_the_state(world: EntityLinker) -> None:
    assert meant(world, "Paris backed the plan.") == ["Q142"]


def test_two_capitals_act_together(world: EntityLinker) -> None:
    assert meant(world, "Paris and Moscow agreed on it.") == ["Q142", "Q1140115"]
    assert meant(world, "People in Paris and Moscow agreed on it.") == ["Q90", "Q649"]


def test_other_cities_and_former_capitals_stay_cities(world: EntityLinker) -> None:
    assert meant(world, "Lyon backed the plan. Tours rejected it.") == ["Q656", "Q183910"]


def test_each_mention_of_a_capital_is_read_by_itself(world: EntityLinker) -> None:
    annotation = world.annotate("They met in Moscow. Moscow said no.", options=REFERENT)
    assert [(link.entity and link.entity.id, link.type) for link in annotation.links] == [
        ("Q649", "GPE"),
        ("Q1140115", "ORG"),
    ]
    assert [candidate.id for candidate in annotation.links[1].candidates] == ["Q1140115", "Q649"]


def test_by_default_a_capital_is_the_city(world: EntityLinker) -> None:
    assert meant(world, "Moscow backed the plan.", Options()) == ["Q649"]


def test_another_value_is_refused() -> None:
    with pytest.raises(InvalidInput, match="metonymy: 'both' is unknown; choose from literal, referent"):
        Options(metonymy="both")  # type: ignore[arg-type]
