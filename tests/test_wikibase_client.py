"""The client of a Wikibase: every id that is asked for is accounted for, whatever the API makes of it."""

import itertools
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeAlias

import pytest
from dumps import Json, dump_item
from wikibase_servers import SampleWikibase

from nedsvc.errors import SourceUnavailable
from nedsvc.pace import Limits
from nedsvc.pace.lockfile import LockFilePace
from nedsvc.sources.wikidata.client import WikibaseClient
from nedsvc.sources.wikidata.records import LiveAnswer, LiveItem
from nedsvc.sources.wikidata.transport import Transport

MakeClient: TypeAlias = Callable[[SampleWikibase], WikibaseClient]
Ask: TypeAlias = Callable[..., dict[str, LiveAnswer]]

ADAMS = dump_item("Q42", "Douglas Adams", description="English author")
BERLIN = dump_item("Q64", "Berlin", description="capital of Germany")
# Ids that would fail all that are asked for with them, and some that are no items.
UNPARSEABLE = ["foo", "", "Q", "Q0", "Q042", " Q42", "Q42 ", "Q42|", "Q42|Q64", "\x1fQ42", "q42", "-1", "Q4²", "Q٤٢"]
BEYOND = ["Q2147483648", "Q9999999999", "Q99999999999"]
NO_ITEMS = ["P31", "L1", "Property:P31", "http://www.wikidata.org/entity/Q42"]


def soon() -> float:
    return time.monotonic() + 20.0


def place(number: int, size: int = 0) -> Json:
    return dump_item(f"Q{number}", f"Place {number}", description="x" * size)


@pytest.fixture
def client(tmp_path: Path) -> MakeClient:
    pace = LockFilePace(tmp_path, "wikibase", Limits(a_minute=1000))
    return lambda server: WikibaseClient(Transport(server.url, "operator@example.org", pace))


@pytest.fixture
def server() -> Iterator[SampleWikibase]:
    redirects = {"Q1000010": "Q42", "Q1000011": "Q1000010", "Q1000012": "Q1000013"}
    with SampleWikibase([ADAMS, BERLIN], redirects=redirects) as running:
        yield running


@pytest.fixture
def ask(client: MakeClient, server: SampleWikibase) -> Ask:
    """Asks the server for items."""
    return lambda *ids: client(server).items(ids, "en", soon())


def numbers(answers: dict[str, LiveAnswer]) -> dict[str, int | None]:
    """The numbers of the items that were found; None where there is none."""
    assert not [answer for answer in answers.values() if isinstance(answer, SourceUnavailable)]
    return {id_: each.item.number if isinstance(each, LiveItem) else None for id_, each in answers.items()}


def sent(server: SampleWikibase) -> list[list[str]]:
    """The ids in each request, in the order of arrival."""
    return [entry.params["ids"].split("|") for entry in server.log]


@pytest.mark.parametrize("id_", UNPARSEABLE + BEYOND + NO_ITEMS)
def test_what_is_no_id_of_an_item_is_not_sent_and_fails_nothing(ask: Ask, server: SampleWikibase, id_: str) -> None:
    assert numbers(ask("Q64", id_, "Q42")) == {"Q64": 64, id_: None, "Q42": 42}
    assert sent(server) == [["Q64", "Q42"]]


def test_nothing_is_sent_where_no_id_can_be(ask: Ask, server: SampleWikibase) -> None:
    assert set(numbers(ask(*UNPARSEABLE, *BEYOND, *NO_ITEMS)).values()) == {None}
    assert not server.log


def test_the_largest_id_that_there_can_be_is_sent(ask: Ask, server: SampleWikibase) -> None:
    assert numbers(ask("Q2147483647")) == {"Q2147483647": None}
    assert sent(server) == [["Q2147483647"]]


def test_a_request_holds_fifty_ids(client: MakeClient) -> None:
    ids = [f"Q{number}" for number in range(101, 152)]
    with SampleWikibase([place(number) for number in range(101, 152)]) as server:
        assert list(numbers(client(server).items(ids[:50], "en", soon())).values()) == list(range(101, 151))
        assert sent(server) == [ids[:50]]
        server.clear()
        assert list(numbers(client(server).items(ids, "en", soon())).values()) == list(range(101, 152))
        assert sorted(sent(server), key=len) == [ids[50:], ids[:50]]


def test_an_id_is_sent_once_however_often_it_is_asked_for(ask: Ask, server: SampleWikibase) -> None:
    assert numbers(ask("Q42", "Q64", "Q42")) == {"Q42": 42, "Q64": 64}
    assert sent(server) == [["Q42", "Q64"]]


def test_what_vanished_is_asked_again_until_all_is_there(client: MakeClient) -> None:
    """Each request asks for what the one before said nothing of, and for nothing else."""
    ids = [f"Q{number}" for number in range(101, 131)]
    with SampleWikibase([place(number, size=500) for number in range(101, 131)], most_bytes=8_000) as server:
        assert list(numbers(client(server).items(ids, "en", soon())).values()) == list(range(101, 131))
        rounds = sent(server)
    assert rounds[0] == ids
    assert len(rounds) > 2
    assert all(later == earlier[-len(later) :] != earlier for earlier, later in itertools.pairwise(rounds))


def test_an_item_that_no_answer_can_hold_is_named_and_costs_the_others_nothing(
    client: MakeClient,
) -> None:
    with SampleWikibase([place(101), place(102), place(103, size=5_000)], most_bytes=4_000) as server:
        found = client(server).items(["Q101", "Q102", "Q103"], "en", soon())
        assert sent(server) == [["Q101", "Q102", "Q103"], ["Q103"]]
    assert isinstance(found["Q103"], SourceUnavailable)
    assert "Q103" in str(found["Q103"])
    assert numbers({id_: found[id_] for id_ in ("Q101", "Q102")}) == {"Q101": 101, "Q102": 102}


def test_a_merged_item_is_found_under_the_id_asked_for_with_the_number_of_its_target(ask: Ask) -> None:
    answers = ask("Q1000010", "Q42")
    assert numbers(answers) == {"Q1000010": 42, "Q42": 42}
    assert answers["Q1000010"] == answers["Q42"]


def test_what_is_unknown_or_leads_to_nothing_does_not_exist(ask: Ask) -> None:
    assert numbers(ask("Q1000011", "Q1000012", "Q1000013", "Q7")) == dict.fromkeys(
        ["Q1000011", "Q1000012", "Q1000013", "Q7"]
    )


def test_a_request_that_fails_costs_the_ids_of_the_others_nothing(
    client: MakeClient,
) -> None:
    def refused(number: int, params: Mapping[str, str]) -> str | None:
        return "403" if params["ids"] == "Q151" else None

    ids = [f"Q{number}" for number in range(101, 152)]
    with SampleWikibase([place(number) for number in range(101, 152)], faults=refused) as server:
        found = client(server).items(ids, "en", soon())
    assert isinstance(found.pop("Q151"), SourceUnavailable)
    assert list(numbers(found).values()) == list(range(101, 151))


def test_names_that_differ_in_spaces_alone_are_asked_for_once(client: MakeClient, server: SampleWikibase) -> None:
    """A trailing space would hide what has just this name."""
    found = client(server).find(["Berlin", " Berlin ", "Berlin\n"], "en", "prefix", soon())
    assert found == dict.fromkeys(["Berlin", " Berlin ", "Berlin\n"], ("Q64",))
    assert [entry.params["search"] for entry in server.log] == ["Berlin"]
