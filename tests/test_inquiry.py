"""Several sources: each is asked for what those before it leave unsure, and an outage is no answer."""

import time
from collections.abc import Mapping, Sequence

import pytest
from fakes import JUDGES, FakeDetector, FakeSource, candidate

from nedsvc import Document, EntityLinker, Options, Query, Span
from nedsvc.errors import SourceUnavailable
from nedsvc.models import Candidate, annotation_or_raise
from nedsvc.sources import Candidates, Known

KYIV = candidate(1899, types=["GPE"], popularity=0.9)
KYIV_IN_TENNESSEE = candidate(77, "alias", types=["GPE"], popularity=0.1)
SUMY = candidate(157055, types=["GPE"], popularity=0.6)
OUTAGE = SourceUnavailable("wikidata.example could not be asked: it takes no connection in time")


class FailingSource(FakeSource):
    """Cannot be asked for some names and ids."""

    lasting = False

    def __init__(self, names: Mapping[str, Sequence[Candidate]], failing: Sequence[str]) -> None:
        super().__init__(names)
        self._failing = frozenset(failing)

    def search(self, names: Sequence[str], language: str, until: float) -> dict[str, Candidates]:
        found = super().search(names, language, until)
        return found | {name: OUTAGE for name in names if name in self._failing}

    def fetch(self, ids: Sequence[str], language: str, until: float) -> dict[str, Known]:
        found = super().fetch(ids, language, until)
        return found | {id_: OUTAGE for id_ in ids if id_ in self._failing}


class TimedSource(FakeSource):
    """Notes until when it may be asked."""

    def search(self, names: Sequence[str], language: str, until: float) -> dict[str, Candidates]:
        self.until = until
        return super().search(names, language, until)


def linker(*sources: FakeSource, patience: float = 30.0) -> EntityLinker:
    return EntityLinker(sources, FakeDetector(), JUDGES, lambda text: "de", patience=patience)


def statuses(world: EntityLinker, text: str) -> dict[str, str]:
    return {link.mention.surface: link.status for link in world.annotate(text).links}


def test_a_further_source_is_asked_only_for_what_is_not_linked() -> None:
    first, second = FakeSource({"Kyiv": [KYIV]}), FakeSource({"Sumy": [SUMY]})
    assert statuses(linker(first, second), "from Kyiv to Sumy") == {"Kyiv": "linked", "Sumy": "linked"}
    assert second.searched == [("Sumy",)]


def test_a_further_source_is_left_alone_where_everything_is_linked() -> None:
    first, second = FakeSource({"Kyiv": [KYIV]}), FakeSource({})
    linker(first, second).annotate("in Kyiv")
    assert not second.searched


def test_a_batch_asks_a_further_source_once_for_each_name() -> None:
    first, second = FakeSource({"Kyiv": [KYIV]}), FakeSource({"Sumy": [SUMY]})
    documents = [Document(text="from Kyiv to Sumy"), Document(text="in Sumy"), Document(text="in Kyiv")]
    answers = list(map(annotation_or_raise, linker(first, second).annotate_batch(documents)))
    assert second.searched == [("Sumy",)]
    assert [[link.status for link in answer.links] for answer in answers] == [["linked"] * 2, ["linked"], ["linked"]]


def test_a_text_is_answered_alike_alone_and_in_a_batch() -> None:
    """The other text makes the second source be asked for a name that this one has linked already."""
    shore = candidate(1, popularity=0.5, about="river mud water shore")
    lenders = [candidate(number, popularity=0.5, about="money loan credit interest") for number in range(2, 8)]
    first = FakeSource({"Bank": [shore, *lenders]})
    second = FailingSource({"Sumy": [SUMY]}, failing=["Bank"])
    telling = Document(text="mud and water at the shore of the river: Bank near Sumy")
    assert statuses(linker(first, second), telling.text) == {"Bank": "linked", "Sumy": "linked"}
    answers = list(map(annotation_or_raise, linker(first, second).annotate_batch([telling, Document(text="at Bank")])))
    assert [[link.status for link in answer.links] for answer in answers] == [["linked", "linked"], ["error"]]


def test_of_one_entity_the_candidate_of_the_first_source_counts() -> None:
    weak = candidate(1899, "similar", similarity=0.5, popularity=0.0)
    answer = linker(FakeSource({"Kyiv": [weak]}), FakeSource({"Kyiv": [KYIV, KYIV_IN_TENNESSEE]})).lookup("Kyiv")
    assert sorted(one.id for one in answer.link.candidates) == ["Q1899", "Q77"]


def test_a_name_that_could_not_be_asked_is_an_error_and_the_rest_is_answered() -> None:
    world = linker(FailingSource({"Kyiv": [KYIV]}, failing=["Sumy"]))
    by_name = {link.mention.surface: link for link in world.annotate("from Kyiv to Sumy").links}
    assert by_name["Kyiv"].status == "linked"
    assert by_name["Sumy"].status == "error"
    assert by_name["Sumy"].error == str(OUTAGE)


def test_what_the_index_does_not_know_is_no_nil_while_the_live_source_is_away() -> None:
    world = linker(FakeSource({}), FailingSource({}, failing=["Sumy"]))
    assert statuses(world, "in Sumy") == {"Sumy": "error"}


def test_a_short_name_is_an_error_where_the_longer_one_could_not_be_asked() -> None:
    world = linker(FailingSource({"Smith": [candidate(5)]}, failing=["John Smith"]))
    assert statuses(world, "met John Smith, then Smith left") == {"John Smith": "error", "Smith": "error"}


def test_an_entity_that_could_not_be_fetched_is_an_error() -> None:
    (link,) = linker(FailingSource({"Kyiv": [KYIV]}, failing=["Q1899"])).annotate("in Kyiv").links
    assert (link.status, link.entity, link.error) == ("error", None, str(OUTAGE))


def test_an_entity_is_fetched_from_the_first_source_that_knows_it() -> None:
    class Knowing(FakeSource):
        def fetch(self, ids: Sequence[str], language: str, until: float) -> dict[str, Known]:
            return super().fetch([id_ for id_ in ids if id_ in {"Q1899"}], language, until)

    world = linker(Knowing({}), FailingSource({}, failing=["Q1899", "Q2"]))
    entity = world.entity("Q1899")
    assert entity is not None
    assert entity.id == "Q1899"
    with pytest.raises(SourceUnavailable, match="takes no connection"):
        world.entity("Q2")


def test_a_lookup_of_a_name_that_could_not_be_asked_says_why() -> None:
    answers = linker(FailingSource({"Kyiv": [KYIV]}, failing=["Sumy"])).lookup_batch(
        [Query(mention="Kyiv"), Query(mention="Sumy")]
    )
    assert [(answer.link.status, answer.link.error) for answer in answers] == [("linked", None), ("error", str(OUTAGE))]


def test_a_text_has_its_patience_and_a_batch_that_of_its_texts() -> None:
    source = TimedSource({"Kyiv": [KYIV]})
    world = linker(source, patience=1000.0)
    world.annotate("in Kyiv")
    alone = source.until - time.monotonic()
    list(world.annotate_batch([Document(text="in Kyiv")] * 3))
    assert 900 < alone <= 1000
    assert 2900 < source.until - time.monotonic() <= 3000


def test_the_threshold_says_what_a_further_source_is_asked_for() -> None:
    first, second = FakeSource({"Kyiv": [KYIV]}), FakeSource({})
    linker(first, second).annotate("in Kyiv", options=Options(threshold=1.0))
    assert second.searched == [("Kyiv",)]


def test_a_linker_is_called_after_all_its_sources() -> None:
    assert linker(FakeSource({}), FakeSource({})).index == "fake-1+fake-1"
    assert linker(FakeSource({})).lasting
    assert not linker(FakeSource({}), FailingSource({}, [])).lasting


def test_a_further_source_is_not_asked_for_what_is_only_evidence() -> None:
    first, second = FakeSource({"Kyiv": [KYIV]}), FakeSource({})
    world = linker(first, second)
    text = "from Kyiv to Sumy and Lviv"
    world.annotate(text, mentions=[Span(13, 17)])
    world.lookup("Kyiv", context=text)
    world.lookup("Lviv", context=text)
    assert second.searched == [("Sumy",), ("Lviv",)]
