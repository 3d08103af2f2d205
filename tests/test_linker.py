"""What the linker makes of mentions and candidates, over a knowledge source of a few lines."""

from collections.abc import Sequence

import pytest
from fakes import JUDGES, FakeDetector, FakeSource, candidate, linker
from hypothesis import given
from hypothesis import strategies as st

from nedsvc import Annotation, Document, EntityLinker, InvalidInput, Options, Span
from nedsvc.models import annotation_or_raise
from nedsvc.sources import Known

KYIV = candidate(1899, popularity=0.8, types=["GPE"], about="capital and largest city of Ukraine", links=[212])
UKRAINE = candidate(212, popularity=0.9, types=["GPE"], about="country in Eastern Europe", links=[1899])


def ids(annotation: Annotation) -> dict[str, str | None]:
    return {link.mention.surface: link.entity.id if link.entity else None for link in annotation.links}


def test_a_known_name_is_linked_with_its_offsets() -> None:
    annotation = linker({"Kyiv": [KYIV]}).annotate("they met in Kyiv.")
    (link,) = annotation.links
    assert (link.mention.start, link.mention.end, link.mention.surface) == (12, 16, "Kyiv")
    assert (link.status, link.entity and link.entity.id, link.type) == ("linked", "Q1899", "GPE")
    assert annotation.index == "fake-1"


def test_an_unknown_name_is_nil_and_says_so() -> None:
    (link,) = linker({}).annotate("they met in Smallville.").links
    assert (link.status, link.entity, link.confidence) == ("nil", None, 0.0)


def test_the_words_around_a_mention_decide_between_namesakes() -> None:
    river = candidate(1, "label", types=["LOC"], about="river in the Middle East water bank valley")
    player = candidate(2, "label", types=["PERSON"], about="basketball player champion team season points")
    world = linker({"Jordan": [river, player]})
    assert ids(world.annotate("The water of the river Jordan fills the valley."))["Jordan"] == "Q1"
    assert (
        ids(world.annotate("The team won the season as Jordan made 30 points, a basketball champion."))["Jordan"]
        == "Q2"
    )


def test_the_other_entities_of_the_document_decide_between_namesakes() -> None:
    near = candidate(1, types=["GPE"], links=[212])
    far = candidate(2, types=["GPE"], links=[30])
    world = linker({"Odessa": [far, near], "Ukraine": [UKRAINE]})
    assert ids(world.annotate("in Odessa they spoke of Ukraine."))["Odessa"] == "Q1"


def test_a_surname_means_the_person_whom_the_document_names_in_full() -> None:
    person = candidate(1, popularity=0.3, types=["PERSON"])
    town = candidate(2, popularity=0.4, types=["GPE"])
    world = linker({"Mary Lincoln": [person], "Lincoln": [town]}, {"Mary Lincoln": "PERSON", "Lincoln": "PERSON"})
    assert ids(world.annotate("we met Mary Lincoln and later Lincoln left."))["Lincoln"] == "Q1"


def test_an_entity_repairs_the_type_that_the_detector_gave() -> None:
    (link,) = linker({"Kyiv": [KYIV]}, {"Kyiv": "PERSON"}).annotate("they met in Kyiv.").links
    assert link.type == "GPE"


def test_a_demonym_is_a_people_and_links_to_the_country() -> None:
    demonym = candidate(212, "demonym", popularity=0.9, types=["GPE"])
    (link,) = linker({"Ukrainian": [demonym]}).annotate("the Ukrainian army.").links
    assert (link.type, link.entity and link.entity.id) == ("NORP", "Q212")


def test_two_equal_candidates_are_ambiguous_and_both_are_shown() -> None:
    twins = [candidate(number, popularity=0.8, types=["GPE"]) for number in (5, 4)]
    (link,) = linker({"Springfield": twins}).annotate("in Springfield.", options=Options(threshold=0.6)).links
    assert link.status == "ambiguous"
    assert link.entity is None
    assert [one.id for one in link.candidates] == ["Q4", "Q5"]


def test_given_spans_are_the_only_ones_answered_and_may_overlap() -> None:
    world = linker({"Kyiv": [KYIV], "Kyiv region": [candidate(9)], "Ukraine": [UKRAINE]})
    text = "The Kyiv region in Ukraine."
    annotation = world.annotate(text, mentions=[Span(4, 15), Span(4, 8)])
    assert [link.mention.surface for link in annotation.links] == ["Kyiv", "Kyiv region"]


def test_only_the_types_asked_for_are_reported() -> None:
    world = linker({"Kyiv": [KYIV], "Putin": [candidate(7747, popularity=0.8, types=["PERSON"])]})
    assert list(ids(world.annotate("In Kyiv, Putin spoke.", options=Options(types=("PERSON",))))) == ["Putin"]


def test_each_name_of_a_batch_is_asked_for_once() -> None:
    source = FakeSource({"Kyiv": [KYIV]})
    world = EntityLinker([source], FakeDetector(), JUDGES, lambda text: "en")
    assert len(list(world.annotate_batch(Document(text="in Kyiv and Kyiv") for _ in range(3)))) == 3
    assert source.searched == [("Kyiv",)]


def test_documents_keep_their_ids_and_order() -> None:
    documents = [Document(text=f"in Kyiv {number}", id=str(number)) for number in range(600)]
    assert [one.id for one in linker({}).annotate_batch(documents)] == [one.id for one in documents]


def test_a_batch_gives_what_each_text_gives_alone() -> None:
    world = linker({"Kyiv": [KYIV], "Ukraine": [UKRAINE]})
    texts = ["In Kyiv.", "Ukraine and Kyiv.", "Nothing here."]
    assert [annotation_or_raise(one).links for one in world.annotate_batch(Document(text=text) for text in texts)] == [
        world.annotate(text).links for text in texts
    ]


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(str.strip))
def test_every_mention_is_the_text_between_its_offsets(text: str) -> None:
    links = linker({"Kyiv": [KYIV]}).annotate(text).links
    assert all(text[link.mention.start : link.mention.end] == link.mention.surface for link in links)


def test_a_look_up_answers_by_the_name_and_its_context() -> None:
    river = candidate(1, types=["LOC"], about="river in the Middle East")
    country = candidate(2, types=["GPE"], about="kingdom with the capital Amman")
    world = linker({"Jordan": [river, country]})
    assert world.lookup("Jordan", context="the river in the east").link.candidates[0].id == "Q1"
    assert world.lookup("Jordan", context="a kingdom, capital Amman").link.candidates[0].id == "Q2"
    assert world.lookup("Jordan", type="GPE").link.candidates[0].id == "Q2"


def test_the_language_of_a_text_can_be_guessed() -> None:
    assert linker({}).annotate("Guten Tag.", language="auto").language == "de"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"text": ""}, "text: is empty"),
        ({"text": " \n"}, "text: is empty"),
        ({"text": 5}, "text: must be a string, not int"),
        (
            {"text": "Kyiv", "mentions": [Span(0, 9)]},
            r"mentions: the span 0-9 is not inside the text of 4 characters",
        ),
        ({"text": "Kyiv", "mentions": [Span(2, 2)]}, "mentions: the span 2-2"),
        (
            {"text": "Kyiv", "language": "xx"},
            r"language: 'xx' is not known here; choose from en, de \(or auto\)",
        ),
    ],
)
def test_bad_input_is_refused_by_field_and_reason(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        linker({}).annotate(**arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"types": ("CITY",)}, "types: 'CITY' is unknown; choose from PERSON, ORG"),
        ({"threshold": 1.5}, "threshold: must be a number from 0 to 1"),
        ({"limit": 0}, "limit: must be a whole number of 1 or more"),
        ({"offsets": "bytes"}, "offsets: 'bytes' is unknown"),
    ],
)
def test_bad_options_are_refused_by_field_and_reason(options: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        Options(**options)  # type: ignore[arg-type]


def test_an_empty_name_is_refused() -> None:
    with pytest.raises(InvalidInput, match="mention: is empty"):
        linker({}).lookup(" ")


class Forgetful(FakeSource):
    """A source that knows names but cannot show the entities, as a live one may not after a merge."""

    def fetch(self, ids: Sequence[str], language: str, until: float) -> dict[str, Known]:
        return {}


def test_an_entity_that_cannot_be_shown_is_not_linked() -> None:
    world = EntityLinker([Forgetful({"Kyiv": [KYIV]})], FakeDetector(), JUDGES, lambda text: "en")
    (link,) = world.annotate("in Kyiv").links
    assert (link.status, link.entity, link.candidates[0].id) == ("nil", None, "Q1899")
    assert world.lookup("Kyiv").link.status == "nil"


def test_a_type_keeps_out_what_a_longer_name_of_the_context_lends() -> None:
    person, city = candidate(23, types=["PERSON"]), candidate(61, types=["GPE"])
    world = linker({"George Washington": [person], "Washington": [city]})
    answer = world.lookup("Washington", context="We met George Washington there.", type="GPE")
    assert [one.id for one in answer.link.candidates] == ["Q61"]


def test_a_name_is_not_looked_for_inside_other_words_of_its_context() -> None:
    world = linker({"Iran": [candidate(794)], "Iranian": [candidate(9)]})
    assert world.lookup("Iran", context="The Iranian army").link.candidates[0].id == "Q794"


def test_a_span_that_is_given_twice_is_answered_once() -> None:
    assert len(linker({"Kyiv": [KYIV]}).annotate("Kyiv", mentions=[Span(0, 4), Span(0, 4)]).links) == 1


@pytest.mark.parametrize("options", [{"threshold": "0.5"}, {"threshold": True}, {"limit": 2.5}, {"limit": "5"}])
def test_options_of_the_wrong_type_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(InvalidInput, match=next(iter(options))):
        Options(**options)  # type: ignore[arg-type]


@pytest.mark.parametrize("span", [(0, 4), Span(4, 5)])
def test_a_span_that_is_none_or_holds_no_word_is_refused(span: object) -> None:
    with pytest.raises(InvalidInput, match="mentions"):
        Document(text="Kyiv fell", mentions=[span])  # type: ignore[list-item]


def test_an_entity_is_found_by_its_id_and_a_malformed_id_is_refused() -> None:
    entity = linker({}).entity("Q2")
    assert entity is not None
    assert entity.id == "Q2"
    for qid in ("foo", "P30", "Q0", "Q042", "Q99999999999", "q2", " Q2"):
        with pytest.raises(InvalidInput, match="no Wikidata item id"):
            linker({}).entity(qid)


@pytest.mark.parametrize("text", ["Kyiv \ud800", "\udfff"])
def test_half_a_surrogate_pair_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="half a surrogate pair"):
        linker({}).annotate(text)
    with pytest.raises(InvalidInput, match="half a surrogate pair"):
        linker({}).lookup("Kyiv", context=text)


def test_what_is_no_document_or_options_is_refused_by_name() -> None:
    with pytest.raises(InvalidInput, match="documents: must hold Document"):
        list(linker({}).annotate_batch(["Kyiv"]))  # type: ignore[list-item]
    with pytest.raises(InvalidInput, match="options: must be Options"):
        linker({}).annotate("Kyiv", options={"limit": 3})  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="types: must be a list"):
        Options(types="PERSON")  # type: ignore[arg-type]
