"""Roles by date: which words name an office, whose it is, and who held it on the day of the text."""

import json
from datetime import date
from pathlib import Path

import msgspec
import pytest
from dumps import Json, claims, dump_item, make_index, statement

from nedsvc import Document, EntityLinker, InvalidInput, Options, Span
from nedsvc.answers import document_answer
from nedsvc.dating import date_in
from nedsvc.factory import linker_from_index
from nedsvc.index.reader import Index
from nedsvc.index.tenures import date_number, latest
from nedsvc.models import Role

ROLES = Options(roles=True)
TODAY = date(2024, 5, 1)


def held(office: str, start: tuple[str, int] | None = None, end: tuple[str, int] | None = None) -> Json:
    """A statement of an office held; a date is given with its precision."""
    dates = {"P580": start, "P582": end}
    qualifiers = {
        name: [{"datavalue": {"value": dict(zip(("time", "precision"), when, strict=True))}}]
        for name, when in dates.items()
        if when
    }
    return statement(office, qualifiers=qualifiers)


def day(iso: str) -> tuple[str, int]:
    """A day as the dumps write it."""
    return f"+{iso}T00:00:00Z", 11


def year(number: int) -> tuple[str, int]:
    """A year as the dumps write it."""
    return f"+{number}-00-00T00:00:00Z", 9


def person(qid: str, name: str, *offices: Json, **more: object) -> Json:
    return dump_item(qid, name, claims={**claims(P31="Q5", **more), "P39": list(offices)})


def office(qid: str, name: str, *aliases: str, of: str | None = None) -> Json:
    return dump_item(qid, name, aliases=aliases, claims=claims(P31="Q4164871", **({"P1001": of} if of else {})))


COUNTRY = claims(P31="Q6256")
ITEMS = [
    dump_item("Q17", "Japan", claims=COUNTRY, sitelinks=["enwiki"]),
    dump_item("Q159", "Russia", claims=COUNTRY, sitelinks=["enwiki"]),
    dump_item("Q38", "Italy", claims=COUNTRY, sitelinks=["enwiki"]),
    dump_item("Q1345566", "Kremlin", claims=claims(P31="Q16560"), sitelinks=["enwiki"]),
    dump_item("Q649", "Moscow", description="capital of Russia", claims=claims(P31="Q515", P17="Q159")),
    dump_item("Q7184", "NATO", description="military alliance", claims=claims(P31="Q484652"), sitelinks=["enwiki"]),
    dump_item("Q515", "city"),
    dump_item("Q9", "The Japanese", claims=claims(P31="Q11424"), sitelinks=["enwiki", "dewiki"]),
    office("Q1", "Prime Minister of Japan", "Japanese PM", of="Q17"),
    office("Q2", "Minister for Foreign Affairs", of="Q17"),
    office("Q3", "President of Russia", of="Q159"),
    office("Q4", "Deputy Prime Minister of Russia", of="Q159"),
    office("Q5", "Secretary General of NATO"),
    office("Q6", "Prime Minister of Italy", of="Q38"),
    office("Q7", "Acting President of Russia", of="Q159"),
    office("Q8", "Minister of Finance", of="Q38"),
    person(
        "Q11",
        "Ichiro Aoki",
        held("Q1", day("2020-09-16"), day("2021-10-04")),
        held("Q2", day("2012-12-26"), day("2017-08-03")),
    ),
    person("Q12", "Jiro Kato", held("Q1", day("2021-10-04"), day("2023-10-01"))),
    person(
        "Q13",
        "Ivan Volkov",
        held("Q3", day("2000-05-07"), day("2008-05-07")),
        held("Q3", year(2012)),
        held("Q7", day("1999-12-31"), day("2000-05-07")),
    ),
    person("Q14", "Oleg Orlov", held("Q4", day("2018-05-18"))),
    person("Q15", "Pavel Belov", held("Q4", day("2020-01-21"))),
    person("Q16", "Sven Berg", held("Q5", day("2014-10-01"))),
    person("Q18", "Carla Bruni Rossi", held("Q6", year(2019), year(2021))),
    person("Q19", "Marco Verdi", held("Q8", day("1990-01-01")), P570=("+1995-03-01T00:00:00Z", 11)),
    person("Q20", "Anna Neri", held("Q8")),
]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> EntityLinker:
    """A linker over a few countries, offices and people; none of these people ever held one."""
    return linker_from_index(make_index(tmp_path_factory.mktemp("roles"), ITEMS).path, "gazetteer")


def roles(world: EntityLinker, text: str, on: str | None = "2022-06-01") -> list[Role]:
    return list(world.annotate(text, date=on, options=ROLES).roles)


def told(world: EntityLinker, text: str, on: str | None = "2022-06-01") -> dict[str, str | None]:
    """The holder of each role of the text, or its status where it is not linked."""
    return {role.mention.surface: role.entity.id if role.entity else role.status for role in roles(world, text, on)}


@pytest.mark.parametrize(
    ("phrase", "holder"),
    [
        ("the Japanese prime minister", "Q12"),
        ("Japan's prime minister", "Q12"),
        ("Japan’s premier", "Q12"),
        ("the Prime Minister of Japan", "Q12"),
        ("the Japanese leader", "Q12"),
        ("the Russian president", "Q13"),
        ("the Kremlin leader", "Q13"),
        ("Moscow's leader", "Q13"),
        ("the secretary-general of NATO", "Q16"),
        ("the NATO chief", "Q16"),
        ("the head of NATO", "Q16"),
    ],
)
def test_an_office_is_named_with_whose_it_is(world: EntityLinker, phrase: str, holder: str) -> None:
    assert told(world, f"It was said that {phrase} would come.") == {phrase: holder}


def test_a_role_has_the_office_beside_the_holder(world: EntityLinker) -> None:
    (role,) = roles(world, "They met the Japanese prime minister.")
    assert role.office is not None
    assert (role.office.id, role.office.label) == ("Q1", "Prime Minister of Japan")
    assert role.status == "linked"
    assert role.confidence > 0.5


def test_an_office_that_is_called_without_its_country_is_found_by_its_link(world: EntityLinker) -> None:
    assert told(world, "They met the Japanese foreign minister.", "2015-01-01") == {
        "the Japanese foreign minister": "Q11"
    }


@pytest.mark.parametrize(
    ("on", "holder"),
    [("2020-09-15", "nil"), ("2020-09-16", "Q11"), ("2021-10-03", "Q11"), ("2021-10-05", "Q12"), ("2023-10-02", "nil")],
)
def test_the_day_decides_who_is_meant(world: EntityLinker, on: str, holder: str) -> None:
    assert told(world, "They met the Japanese prime minister.", on) == {"the Japanese prime minister": holder}


def test_both_are_candidates_on_the_day_of_a_handover(world: EntityLinker) -> None:
    (role,) = roles(world, "They met the Japanese prime minister.", "2021-10-04")
    assert (role.status, role.entity) == ("ambiguous", None)
    assert {candidate.id for candidate in role.candidates} == {"Q11", "Q12"}
    assert {candidate.entity.label for candidate in role.candidates if candidate.entity} == {"Ichiro Aoki", "Jiro Kato"}


def test_several_holders_at_once_are_ambiguous_unless_a_name_stands_beside(world: EntityLinker) -> None:
    assert told(world, "They met the Russian deputy prime minister.") == {
        "the Russian deputy prime minister": "ambiguous"
    }
    assert told(world, "They met Russian Deputy Prime Minister Pavel Belov.") == {
        "Russian Deputy Prime Minister": "Q15"
    }
    text = "They met Oleg Orlov, the Russian deputy prime minister, and left."
    assert told(world, text) == {"the Russian deputy prime minister": "Q14"}


def test_a_year_says_nothing_of_the_days_in_it(world: EntityLinker) -> None:
    text = "They met the Italian prime minister."
    assert [
        told(world, text, on)["the Italian prime minister"] for on in ("2019-06-01", "2020-06-01", "2021-06-01")
    ] == [
        "ambiguous",
        "Q18",
        "ambiguous",
    ]


def test_nobody_holds_an_office_after_death(world: EntityLinker) -> None:
    text = "They met the Italian finance minister."
    assert told(world, text, "1994-01-01") == {"the Italian finance minister": "Q19"}
    assert told(world, text, "2000-01-01") == {
        "the Italian finance minister": "ambiguous"
    }  # one of unknown dates is left


def test_who_acts_for_an_office_is_told_apart(world: EntityLinker) -> None:
    text = "They met the acting Russian president."
    assert told(world, text, "2000-02-01") == {"the acting Russian president": "Q13"}


def test_a_title_is_a_role_of_the_person_named(world: EntityLinker) -> None:
    (role,) = roles(world, "Later President Ivan Volkov spoke.", "2015-01-01")
    assert (role.mention.surface, role.entity and role.entity.id) == ("President", "Q13")
    assert role.office is not None
    assert role.office.id == "Q3"


def test_a_former_holder_is_known_by_name_only(world: EntityLinker) -> None:
    assert told(world, "The former Japanese prime minister spoke.") == {}
    text = "The former Japanese prime minister Ichiro Aoki spoke."
    assert told(world, text) == {"The former Japanese prime minister": "Q11"}


def test_a_noun_stands_for_the_organisation_named_before(world: EntityLinker) -> None:
    text = "Japan wrote to NATO. The alliance's secretary-general replied; the country's prime minister did not."
    assert told(world, text) == {"The alliance's secretary-general": "Q16", "the country's prime minister": "Q12"}


def test_a_counterpart_holds_the_same_office_elsewhere(world: EntityLinker) -> None:
    text = "The Italian prime minister met his Japanese counterpart."
    assert told(world, text, "2020-10-10")["his Japanese counterpart"] == "Q11"


def test_a_work_with_the_name_of_a_people_owns_no_office(world: EntityLinker) -> None:
    assert told(world, "The Japanese prime minister spoke.") == {"The Japanese prime minister": "Q12"}


def test_an_office_that_is_not_known_has_no_holder(world: EntityLinker) -> None:
    (role,) = roles(world, "They met the mayor of Moscow.")
    assert (role.status, role.office, role.candidates) == ("nil", None, ())


@pytest.mark.parametrize(
    "text",
    [
        "The prime minister said no.",
        "A Japanese prime minister said no.",
        "The prime ministers of Japan and Italy said no.",
        "Japanese forces and the prime minister said no.",
        "He was elected president of Russia.",
        "They met the 4th president of Russia.",
        "NATO's chief economist and the head coach said no.",
    ],
)
def test_words_that_mean_no_holder_are_no_roles(world: EntityLinker, text: str) -> None:
    assert told(world, text) == {}


def test_without_a_date_the_text_tells_it_and_else_it_is_today(world: EntityLinker) -> None:
    assert told(world, "ROME, June 1, 2020 - The Italian prime minister spoke.", None) == {
        "The Italian prime minister": "Q18"
    }
    annotation = world.annotate("The Italian prime minister spoke.", options=ROLES)
    assert annotation.date == date.today().isoformat()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2023-03-21 (AP) They met.", date(2023, 3, 21)),
        ("LONDON, March 21, 2023 - They met.", date(2023, 3, 21)),
        ("LONDON, 21st March 2023: They met.", date(2023, 3, 21)),
        ("LONDON, Sept. 2, 2022 - They met on March 21, 2023.", date(2022, 9, 2)),
        ("x" * 300 + " born May 3, 1950, they met on 4 May 2023.", date(2023, 5, 4)),
        ("They will meet on March 21, 2030.", None),
        ("They met on February 30, 2023 and in May 2022.", None),
        ("They met.", None),
    ],
)
def test_the_date_in_a_text(text: str, expected: date | None) -> None:
    assert date_in(text, TODAY) == expected


@pytest.mark.parametrize("value", ["2023", "2023-3-21", "2023-02-30", "21.03.2023", "", "20230321"])
def test_a_date_that_is_no_day_is_refused(value: str) -> None:
    with pytest.raises(InvalidInput, match="date: must be a day as in 2023-03-21"):
        Document(text="They met.", date=value)


def test_roles_are_there_only_where_they_are_asked_for(world: EntityLinker) -> None:
    text = "They met the Japanese prime minister."
    plain = world.annotate(text)
    answer = msgspec.to_builtins(document_answer(plain, Options()))
    assert (plain.roles, plain.date) == ((), None)
    assert {"roles", "date"}.isdisjoint(answer)
    assert (
        msgspec.to_builtins(document_answer(world.annotate(text, options=ROLES), ROLES))["mentions"]
        == answer["mentions"]
    )


def test_the_answer_shows_candidates_where_the_role_is_ambiguous(world: EntityLinker) -> None:
    annotation = world.annotate("🙂 They met the Japanese prime minister.", date="2021-10-04", options=ROLES)
    (role,) = msgspec.to_builtins(document_answer(annotation, ROLES))["roles"]
    assert (role["start"], role["surface"], role["type"]) == (11, "the Japanese prime minister", "PERSON")
    assert role["office"] == {"id": "Q1", "label": "Prime Minister of Japan"}
    assert [candidate["label"] for candidate in role["candidates"]] == ["Ichiro Aoki", "Jiro Kato"]
    utf16 = Options(roles=True, offsets="utf16")
    assert msgspec.to_builtins(document_answer(annotation, utf16))["roles"][0]["start"] == 12


def test_given_spans_and_types_choose_among_the_roles(world: EntityLinker) -> None:
    text = "The Japanese prime minister met the Russian president."
    annotation = world.annotate(text, mentions=[Span(0, 27)], date="2022-06-01", options=ROLES)
    assert [role.mention.surface for role in annotation.roles] == ["The Japanese prime minister"]
    assert world.annotate(text, options=Options(roles=True, types=("ORG",))).roles == ()


def test_a_role_below_the_threshold_is_not_linked(world: EntityLinker) -> None:
    strict = Options(roles=True, threshold=0.96)
    (role,) = world.annotate("Japan's prime minister spoke.", date="2022-06-01", options=strict).roles
    assert (role.status, role.entity) == ("ambiguous", None)


def test_texts_in_other_languages_have_no_roles(tmp_path: Path) -> None:
    world = linker_from_index(make_index(tmp_path, ITEMS, languages=("en", "de")).path, "gazetteer")
    text = "the Japanese prime minister"
    assert world.annotate(text, date="2022-06-01", options=ROLES).roles
    assert world.annotate(text, date="2022-06-01", options=ROLES, language="de").roles == ()


def test_dates_as_numbers_tell_what_is_known() -> None:
    assert [date_number(text) for text in ("2023-03-21", "2023-03", "2023", "-0044-03-15", None, "x")] == [
        20230321,
        20230300,
        20230000,
        1,
        0,
        0,
    ]
    assert [latest(number) for number in (20230321, 20230300, 20230000)] == [20230321, 20230331, 20231231]


def test_an_index_knows_offices_of_owners_and_their_holders_by_date(tmp_path: Path) -> None:
    index = make_index(tmp_path, ITEMS)
    row, japan = index.row(1), index.row(17)
    assert row is not None
    assert japan is not None
    assert [(index.number(one.holder), one.start, one.end) for one in index.offices.held(row)] == [
        (11, 20200916, 20211004),
        (12, 20211004, 20231001),
    ]
    assert {index.number(one) for one in index.offices.of_owner(japan)} == {1, 2}
    assert index.offices.is_office(row)
    assert not index.offices.is_office(japan)
    assert index.offices.held(japan) == ()


def test_roles_of_the_seed_article(shared: Path, sample_index: Index) -> None:
    """At least 15 of the 17 mentions whose holder has a dated office in the sample."""
    gold = json.loads((shared / "seed" / "gold.json").read_bytes())["roles"]
    counted = {
        (one["start"], one["end"]): one["qid"]
        for one in gold
        if one["kind"] in {"role", "title"} and one["qid"] != "Q57665"
    }
    text = (shared / "seed" / "article.txt").read_bytes().decode()
    found = linker_from_index(sample_index.path).annotate(text, date="2023-03-21", options=ROLES).roles
    right = [
        role for role in found if role.entity and counted.get((role.mention.start, role.mention.end)) == role.entity.id
    ]
    assert len(counted) == 17
    assert len(right) >= 15
