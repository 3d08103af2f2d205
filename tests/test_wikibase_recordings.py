"""Every recorded answer of a real Wikibase, replayed to the live client.

`data/recordings.json` says of each recording what is to be made of it: one of the outcomes below, told by its tag.
"""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

import msgspec
import pytest
import requests
from replay_server import ReplayServer

from nedsvc.errors import SourceUnavailable
from nedsvc.pace import Permit, Wait
from nedsvc.sources.wikidata import api
from nedsvc.sources.wikidata.client import WikibaseClient
from nedsvc.sources.wikidata.records import LiveAnswer, LiveItem
from nedsvc.sources.wikidata.transport import Transport
from nedsvc.wikibase import ALL_LANGUAGES, ItemReader

CONTACT = "operator@example.org"
REDIRECTS = {301, 302, 303, 307, 308}


class Hits(msgspec.Struct, frozen=True, tag="hits", tag_field="outcome", forbid_unknown_fields=True):
    """The items that the prefix search found; hits of another kind are left out."""

    ids: tuple[str, ...]

    def seen(self, body: bytes) -> "Hits":
        return Hits(api.search_ids(body))


class Pages(msgspec.Struct, frozen=True, tag="pages", tag_field="outcome", forbid_unknown_fields=True):
    """The items that the full-text search found; pages of another kind are left out."""

    ids: tuple[str, ...]

    def seen(self, body: bytes) -> "Pages":
        return Pages(api.page_ids(body))


class Entities(msgspec.Struct, frozen=True, tag="entities", tag_field="outcome", forbid_unknown_fields=True):
    """What is said of the ids asked for: number, revision (0: not told) and number of labels of each that is there."""

    found: dict[str, tuple[int, int, int]] = {}
    missing: frozenset[str] = frozenset()
    vanished: tuple[str, ...] = ()

    def seen(self, body: bytes) -> "Entities":
        asked = (*self.found, *self.missing, *self.vanished)
        answer = api.entities(body, asked, ItemReader((ALL_LANGUAGES,)), "2026-11-24T03:40:51+00:00")
        assert not answer.broken
        found = {id_: (each.item.number, each.revision, len(each.item.labels)) for id_, each in answer.found.items()}
        return Entities(found, answer.missing, answer.vanished)


class CutOff(msgspec.Struct, frozen=True, tag="cut off", tag_field="outcome", forbid_unknown_fields=True):
    """Hits that are left out because the answer grew too large: not the same as no hits."""

    def seen(self, body: bytes) -> "CutOff":
        with pytest.raises(msgspec.ValidationError, match="too large"):
            api.search_ids(body)
        return self


class Other(msgspec.Struct, frozen=True, tag="other", tag_field="outcome", forbid_unknown_fields=True):
    """JSON that answers nothing which the client asks: it cannot be taken for "nothing found"."""

    def seen(self, body: bytes) -> "Other":
        for read in (api.search_ids, api.page_ids):
            with pytest.raises(msgspec.ValidationError):
                read(body)
        assert api.entities(body, ["Q42"], ItemReader(["en"]), "").vanished == ("Q42",)
        return self


class Again(msgspec.Struct, frozen=True, tag="again", tag_field="outcome", forbid_unknown_fields=True):
    """A passing trouble; the server may want a pause (seconds). The reason is its code, or what is wrong."""

    reason: str
    pause: float | None = None


class Refused(msgspec.Struct, frozen=True, tag="refused", tag_field="outcome", forbid_unknown_fields=True):
    """What another try would not mend. The reason is the code of the API's error, or what is wrong."""

    reason: str


Answered: TypeAlias = Hits | Pages | Entities | CutOff | Other
OUTCOMES = msgspec.json.decode(
    (Path(__file__).parent / "data" / "recordings.json").read_bytes(), type=dict[str, Answered | Again | Refused]
)


class FreePace:
    """Lets so many requests through at any speed, and notes the pauses it is told of."""

    def __init__(self, permits: int = 1) -> None:
        self._left = permits
        self.pauses: list[float] = []

    def ask(self) -> Permit | Wait:
        if not self._left:
            return Wait(3600.0, "no more are let through")
        self._left -= 1
        return Permit("one")

    def give_back(self, permit: Permit) -> None:
        """It is not used again."""

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)


def soon() -> float:
    return time.monotonic() + 30.0


def transport(url: str, pace: FreePace) -> Transport:
    return Transport(url, CONTACT, pace)


def client(url: str) -> WikibaseClient:
    return WikibaseClient(transport(url, FreePace(permits=10)))


@pytest.fixture(scope="module")
def replay(shared: Path) -> Iterator[ReplayServer]:
    with ReplayServer(shared / "wikibase" / "recordings.jsonl") as server:
        yield server


# Every recording


def test_every_recording_has_an_outcome(replay: ReplayServer) -> None:
    names = [recording.name for recording in replay.recordings]
    assert len(names) == 378
    assert sorted(OUTCOMES) == sorted(names)


@pytest.mark.parametrize("name", OUTCOMES)
def test_a_recorded_answer_is_taken_for_what_it_says(replay: ReplayServer, name: str) -> None:
    outcome = OUTCOMES[name]
    if isinstance(outcome, Again | Refused):
        check_trouble(replay.url_of(name), outcome)
        return
    pace = FreePace()
    body = transport(replay.url_of(name), pace).get({}, soon())
    assert outcome.seen(body) == outcome
    assert not pace.pauses


def check_trouble(url: str, outcome: Again | Refused) -> None:
    """The answer is told apart as it should be, and where that takes no waiting the transport says so too."""
    response = requests.get(url, allow_redirects=False, timeout=10)
    trouble = api.trouble(response.status_code, response.headers, response.content)
    assert trouble
    assert outcome.reason in trouble.reason
    pause = outcome.pause if isinstance(outcome, Again) else None
    assert (trouble.again, trouble.pause) == (isinstance(outcome, Again), pause)
    if trouble.again and pause is None:
        return  # another try comes only after a while
    if response.status_code in REDIRECTS:
        return  # it leads away from the recordings
    pace = FreePace()
    with pytest.raises(SourceUnavailable) as error:
        transport(url, pace).get({}, soon())
    assert url in str(error.value)
    assert outcome.reason in str(error.value)
    assert pace.pauses == ([] if pause is None else [pause])


# What the client makes of them


def asked_of(replay: ReplayServer, name: str) -> Sequence[dict[str, str]]:
    """The parameters of the requests for a recording, since the last `clear`."""
    path = replay.url_of(name).removeprefix(replay.root)
    return [dict(entry.params) for entry in replay.log if entry.path == path]


@pytest.mark.parametrize("name", ["state/db_down", "state/db_down_search_fv2", "error/no_format_html"])
def test_a_trouble_that_passes_is_asked_again_after_a_while(replay: ReplayServer, name: str) -> None:
    replay.clear()
    pace = FreePace(permits=2)
    with pytest.raises(SourceUnavailable, match=r"HTTP 500 \(internal_api_error|no JSON object"):
        transport(replay.url_of(name), pace).get({}, soon())
    assert len(asked_of(replay, name)) == 2
    assert not pace.pauses


def test_the_pause_that_a_lagging_server_wants_is_kept_by_the_pace(replay: ReplayServer) -> None:
    replay.clear()
    pace = FreePace(permits=3)
    with pytest.raises(SourceUnavailable, match="maxlag: Waiting for wdqs1013"):
        transport(replay.url_of("maxlag/wdqs_5"), pace).get({}, soon())
    assert len(asked_of(replay, "maxlag/wdqs_5")) == 3
    assert pace.pauses == [5.0, 5.0, 5.0]


def test_a_refusal_is_not_asked_again(replay: ReplayServer) -> None:
    replay.clear()
    with pytest.raises(SourceUnavailable, match="badvalue: Unrecognized value"):
        transport(replay.url_of("wbsearchentities/bad_language"), FreePace(permits=3)).get({}, soon())
    assert len(asked_of(replay, "wbsearchentities/bad_language")) == 1


@pytest.mark.parametrize("name", [name for name, outcome in OUTCOMES.items() if isinstance(outcome, Other)])
def test_an_answer_to_something_else_is_an_error_and_no_unknown_name(replay: ReplayServer, name: str) -> None:
    asked = client(replay.url_of(name))
    assert isinstance(asked.find(["Paris"], "en", "prefix", soon())["Paris"], SourceUnavailable)
    assert isinstance(asked.find(["Paris"], "en", "words", soon())["Paris"], SourceUnavailable)
    assert isinstance(asked.items(["Q42"], "en", soon())["Q42"], SourceUnavailable)


def test_hits_that_were_left_out_are_an_error_and_no_unknown_name(replay: ReplayServer) -> None:
    found = client(replay.url_of("wbsearchentities/result_size_overflow")).find(["Zulu"], "en", "prefix", soon())
    assert isinstance(found["Zulu"], SourceUnavailable)
    assert "too large" in str(found["Zulu"])


def test_names_that_are_found_and_names_that_nothing_bears_are_told_apart(replay: ReplayServer) -> None:
    found = client(replay.url_of("wbsearchentities/exact_several_homonyms")).find(["Paris"], "en", "prefix", soon())
    assert found == {"Paris": ("Q90", "Q167646", "Q830149", "Q47899")}
    found = client(replay.url_of("wbsearchentities/no_match_fv2")).find(["zzqqxx"], "en", "prefix", soon())
    assert found == {"zzqqxx": ()}
    found = client(replay.url_of("query_search/paris_fv2")).find(["Paris"], "en", "words", soon())
    assert found == {"Paris": ("Q90", "Q830149", "Q47899", "Q167646")}


def items(replay: ReplayServer, name: str, *ids: str, language: str = "en") -> dict[str, LiveAnswer]:
    return client(replay.url_of(name)).items(ids, language, soon())


def test_a_merged_item_is_found_under_the_id_asked_for(replay: ReplayServer) -> None:
    found = items(replay, "wbgetentities/redirect_fv2_info", "Q1000010")["Q1000010"]
    assert isinstance(found, LiveItem)
    assert (found.item.number, found.revision, found.item.labels) == (42, 21, {"en": "Douglas Adams"})


@pytest.mark.parametrize("id_", ["Q1000011", "Q1000012", "Q1000013", "Q99999999"])
def test_what_was_deleted_or_leads_to_nothing_does_not_exist(replay: ReplayServer, id_: str) -> None:
    """The first leads to an id that leads further, which this API does not follow."""
    recordings = {
        "Q1000011": "wbgetentities/double_redirect",
        "Q1000012": "wbgetentities/redirect_to_deleted",
        "Q1000013": "wbgetentities/deleted",
        "Q99999999": "wbgetentities/missing",
    }
    assert items(replay, recordings[id_], id_) == {id_: None}


def test_an_item_that_comes_under_another_id_is_an_error_and_not_missing(replay: ReplayServer) -> None:
    found = items(replay, "entitydata/redirect", "Q1000010")
    assert isinstance(found["Q1000010"], SourceUnavailable)


@pytest.mark.parametrize("name", ["wbgetentities/result_size_overflow", "wbgetentities/result_size_overflow_fv2"])
def test_what_vanished_is_asked_again_and_is_an_error_where_it_vanishes_again(replay: ReplayServer, name: str) -> None:
    """The recording says each time the same of fifteen items, and nothing of five."""
    outcome = OUTCOMES[name]
    assert isinstance(outcome, Entities)
    replay.clear()
    found = items(replay, name, *outcome.found, *outcome.vanished)
    assert [id_ for id_, each in found.items() if isinstance(each, LiveItem)] == list(outcome.found)
    assert [id_ for id_, each in found.items() if isinstance(each, SourceUnavailable)] == list(outcome.vanished)
    first, second = asked_of(replay, name)
    assert first["ids"].split("|") == [*outcome.found, *outcome.vanished]
    assert second["ids"].split("|") == list(outcome.vanished)


def test_a_name_in_another_language_stands_in_for_one_that_is_lacking(replay: ReplayServer) -> None:
    """The first has a German label, the next one for all languages, an English one, none that Germans read."""
    ids = ("Q42", "Q463035", "Q16402", "Q1000002")
    found = items(replay, "wbgetentities/languagefallback_de", *ids, language="de")
    labels = [each.item.labels for each in found.values() if isinstance(each, LiveItem)]
    assert labels == [{"de": "Douglas Adams"}, {"de": "Douglas"}, {"de": "Monty Python"}, {}]


def test_names_for_all_languages_are_read_beside_those_in_the_language(replay: ReplayServer) -> None:
    found = items(replay, "wbgetentities/languages_en_mul_fv2", "Q64", "Q463035")
    berlin, douglas = (each.item for each in found.values() if isinstance(each, LiveItem))
    assert (berlin.labels, berlin.aliases) == (
        {"en": "Berlin", "mul": "Berlin"},
        {"en": ["Berlin, Germany"], "mul": ["DE-BE"]},
    )
    assert (douglas.labels, douglas.aliases) == ({"mul": "Douglas"}, {"mul": ["Doug"]})


def test_an_item_without_any_names_is_an_item(replay: ReplayServer) -> None:
    found = items(replay, "wbgetentities/empty_item_all_fv2", "Q1000003")["Q1000003"]
    assert isinstance(found, LiveItem)
    assert (found.item.labels, found.item.classes, found.item.sitelinks) == ({}, [515], 0)


def test_a_date_that_is_unknown_or_known_not_to_be_is_no_date(replay: ReplayServer) -> None:
    found = items(replay, "wbgetentities/full_Q167646_somevalue_novalue", "Q167646")["Q167646"]
    assert isinstance(found, LiveItem)
    assert (found.item.dates, found.item.classes, found.item.statements) == ({}, [22988604], 3)


def test_values_of_an_unknown_kind_cost_an_item_its_statements_but_not_its_names(replay: ReplayServer) -> None:
    """In this Wikibase the short name (P1813) is a string without a language."""
    found = items(replay, "wbgetentities/full_Q64_fv2", "Q64")["Q64"]
    assert isinstance(found, LiveItem)
    assert (found.item.labels["en"], found.item.statements, found.item.sitelinks) == ("Berlin", 0, 2)
