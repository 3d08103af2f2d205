"""The servers that stand for Wikidata: what they answer, what goes wrong on demand, and what they note."""

import gzip
import http.client
import json
import re
import socket
import threading
import urllib.parse
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from dumps import Json, claims, dump_item
from faults import Fault, Faults
from loopback import LoopbackServer
from replay_server import ReplayServer
from sample_slices import names_slice, sample_slice
from servers import Reply, wait_until
from wikibase_servers import SampleWikibase

PARIS = dump_item(
    "Q90",
    "Paris",
    description="capital of France",
    labels={"ja": "パリ"},
    aliases=["Lutèce", "City of Light"],
    claims=claims(P31=["Q515", "Q5119"]),
    sitelinks=["enwiki", "dewiki"],
)
PARIS_IN_TEXAS = dump_item("Q830149", "Paris", description="city in Texas", claims=claims(P131="Q90"))
PARISIAN = dump_item(
    "Q2", "Parisian", aliases=["Parisienne"], claims=claims(P19="Q90", P20="Q90", P551="Q90", P27="Q142")
)
DOUGLAS = dump_item("Q463035", None, labels={"mul": "Douglas"}, description="male given name")
ITEMS = (PARIS, PARIS_IN_TEXAS, PARISIAN, DOUGLAS)


def call(url: str, method: str = "GET", body: str | None = None, **headers: str) -> Reply:
    """One request on a connection of its own. Header names are written with _ for -."""
    address = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(address.netloc, timeout=10)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        connection.request(method, f"{address.path}?{address.query}", body, named)
        response = connection.getresponse()
        return Reply(response.status, dict(response.getheaders()), response.read())
    finally:
        connection.close()


def ask(server: SampleWikibase, action: str, **params: Any) -> Any:
    """What the API answers, decoded."""
    query = urllib.parse.urlencode({"action": action, "format": "json", **params})
    return call(f"{server.url}?{query}").json


def found(server: SampleWikibase, search: str, language: str = "en", **params: Any) -> list[str]:
    answer = ask(server, "wbsearchentities", search=search, language=language, **params)
    return [hit["id"] for hit in answer["search"]]


def full_text(server: SampleWikibase, search: str, **params: Any) -> list[str]:
    answer = ask(server, "query", list="search", srsearch=search, **params)
    return [page["title"] for page in answer["query"]["search"]]


@pytest.fixture(scope="module")
def wikibase() -> Iterator[SampleWikibase]:
    with SampleWikibase(ITEMS, redirects={"Q7": "Q90", "Q8": "Q7", "Q9": "Q404"}) as server:
        yield server


# Recorded answers


@pytest.fixture(scope="module")
def replay(shared: Path) -> Iterator[ReplayServer]:
    with ReplayServer(shared / "wikibase" / "recordings.jsonl") as server:
        yield server


def test_every_recording_is_given_as_it_was_to_any_request(replay: ReplayServer) -> None:
    assert len(replay.recordings) == 378
    for recording in replay.recordings:
        for method in ("GET", "POST"):
            reply = call(replay.url_of(recording.name) + "?whatever=1", method)
            assert (reply.status, reply.body) == (recording.status, recording.body), recording.name
            assert {name: reply.headers[name] for name in recording.headers} == recording.headers


def test_a_recorded_answer_is_packed_only_for_who_accepts_it(replay: ReplayServer) -> None:
    name = "wbsearchentities/limit50"
    plain, packed = call(replay.url_of(name)), call(replay.url_of(name), Accept_Encoding="gzip, deflate")
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body


def test_recorded_headers_that_tell_a_client_what_to_do_are_kept(replay: ReplayServer) -> None:
    reply = call(replay.url_of("maxlag/wdqs_5"))
    assert (reply.headers["Retry-After"], reply.headers["MediaWiki-API-Error"]) == ("5", "maxlag")
    assert reply.json["error"]["lag"] == pytest.approx(7.28, abs=0.01)


# The API

AS_RECORDED = (
    "wbsearchentities/exact_label_fv1",
    "wbsearchentities/exact_label_fv2",
    "wbsearchentities/alias_match",
    "wbsearchentities/id_as_search",
    "wbsearchentities/id_as_uri",
    "wbsearchentities/id_in_text",
    "wbsearchentities/id_missing",
    "wbsearchentities/no_match",
    "wbsearchentities/middle_word_no_match",
    "wbsearchentities/word_order",
    "wbsearchentities/ja",
    "wbsearchentities/de_query_in_de",
    "wbsearchentities/type_nonsense",
    "wbsearchentities/limit3",
    "wbsearchentities/limit0",
    "wbsearchentities/limit_minus1",
    "wbsearchentities/limit_abc",
    "wbsearchentities/continue_past_end",
    "wbsearchentities/missing_search",
    "wbsearchentities/missing_language",
    "wbsearchentities/empty_search",
    "wbsearchentities/space_search",
    "wbsearchentities/bad_language",
    "wbsearchentities/bad_language_fv2",
    "wbsearchentities/unknown_param",
    "wbsearchentities/post",
    "wbgetentities/full_Q42",
    "wbgetentities/full_Q42_fv2",
    "wbgetentities/ids51_error",
    "wbgetentities/ids51_with_duplicates",
    "wbgetentities/duplicates",
    "wbgetentities/missing",
    "wbgetentities/missing_and_found",
    "wbgetentities/redirect",
    "wbgetentities/redirect_fv2_info",
    "wbgetentities/redirect_and_target",
    "wbgetentities/redirects_no",
    "wbgetentities/double_redirect",
    "wbgetentities/redirect_to_deleted",
    "wbgetentities/invalid_id",
    "wbgetentities/invalid_id_fv2",
    "wbgetentities/invalid_among_valid",
    "wbgetentities/id_lowercase",
    "wbgetentities/id_spaces",
    "wbgetentities/id_leading_zero",
    "wbgetentities/id_maxint",
    "wbgetentities/id_overint",
    "wbgetentities/id_trailing_pipe",
    "wbgetentities/id_u001f",
    "wbgetentities/empty_ids",
    "wbgetentities/language_bad",
    "wbgetentities/languages_bad_and_good",
    "wbgetentities/props_empty",
    "wbgetentities/props_info",
    "wbgetentities/props_labels+claims",
    "wbgetentities/props_bad",
    "wbgetentities/sitefilter",
    "wbgetentities/err_errorformat_plaintext_invalid_id",
    "query_search/no_hit",
    "query_search/missing_search",
    "query_search/ns_bad",
    "error/unknown_action",
    "error/unknown_action_fv2",
    "error/unknown_action_errorformat_plaintext",
    "error/unknown_list_module",
    "error/put",
    "maxlag/abc",
    "maxlag/float",
    "maxlag/wdqs_8_ok",
)


def recorded_items(lines: Sequence[Json]) -> dict[str, Json]:
    """The items that recordings show whole."""
    return {
        id_: entity
        for line in lines
        if line["name"].startswith("wbgetentities/") and not re.search(r"(props|languages)=", str(line))
        for id_, entity in line["json"].get("entities", {}).items()
        if entity["id"] == id_ and entity.get("type") == "item"
    }


def essence(answer: Any) -> Any:
    """The answer without what depends on the server."""
    text = re.sub(r"http://127\.0\.0\.1(:\d+)?/", "http://wiki/", json.dumps(answer, sort_keys=True))
    return json.loads(text.replace('"servedby": "vm"', '"servedby": "loopback"'))


def test_the_api_answers_as_a_real_wikibase_did(shared: Path) -> None:
    content = (shared / "wikibase" / "recordings.jsonl").read_bytes()
    lines = {line["name"]: line for line in map(json.loads, content.splitlines())}
    redirects = {"Q1000010": "Q42", "Q1000011": "Q1000010", "Q1000012": "Q1000013"}
    with SampleWikibase(recorded_items(list(lines.values())).values(), redirects=redirects) as server:
        for name in AS_RECORDED:
            line = lines[name]
            form = {"Content_Type": "application/x-www-form-urlencoded"} if line["method"] == "POST" else {}
            query = urllib.parse.urlsplit(line["url"]).query
            reply = call(f"{server.url}?{query}", line["method"], line.get("request_body"), **form)
            assert reply.status == line["status"], name
            assert essence(reply.json) == essence(line["json"]), name
            assert reply.headers.get("MediaWiki-API-Error") == line["headers"].get("MediaWiki-API-Error"), name


@pytest.mark.parametrize("search", ["paris", "PARIS", "Pàris", " Paris "])
def test_the_exact_name_comes_first_then_the_more_popular(wikibase: SampleWikibase, search: str) -> None:
    assert found(wikibase, search) == ["Q90", "Q830149", "Q2"]


def test_the_prefix_search_knows_all_languages_unless_told_otherwise(wikibase: SampleWikibase) -> None:
    assert found(wikibase, "パリ") == ["Q90"]
    assert found(wikibase, "パリ", strictlanguage=1) == []
    assert found(wikibase, "パリ", "ja", strictlanguage=1) == ["Q90"]
    assert found(wikibase, "Doug", "de") == ["Q463035"]


def test_a_hit_shows_the_name_for_which_it_was_found(wikibase: SampleWikibase) -> None:
    (hit,) = ask(wikibase, "wbsearchentities", search="lutece", language="de", uselang="ja")["search"]
    assert hit["match"] == {"type": "alias", "language": "en", "text": "Lutèce"}
    assert (hit["label"], hit["aliases"]) == ("パリ", ["Lutèce"])
    assert hit["display"]["description"] == {"value": "capital of France", "language": "en"}


def test_hits_come_in_pages_of_which_the_last_says_nothing_more() -> None:
    with SampleWikibase([dump_item(f"Q{n}", f"Zulu {n:02}") for n in range(1, 71)]) as server:
        page = ask(server, "wbsearchentities", search="Zulu", language="en")
        assert (len(page["search"]), page["search-continue"]) == (7, 7)
        page = ask(server, "wbsearchentities", search="Zulu", language="en", **{"continue": 49})
        assert len(page["search"]) == 7
        assert "search-continue" not in page
        assert len(found(server, "Zulu", limit=500)) == 50


def test_full_text_wants_all_words_anywhere_and_puts_the_exact_name_first(wikibase: SampleWikibase) -> None:
    assert full_text(wikibase, "light CITY") == ["Q90"]
    assert full_text(wikibase, "paris texas") == ["Q830149"]
    assert full_text(wikibase, "paris") == ["Q90", "Q830149"]
    assert full_text(wikibase, "parisian") == ["Q2"]
    assert full_text(wikibase, "paris tokyo") == []


def test_full_text_comes_in_pages(wikibase: SampleWikibase) -> None:
    answer = ask(wikibase, "query", list="search", srsearch="paris", srlimit=1)
    assert answer["continue"] == {"sroffset": 1, "continue": "-||"}
    assert answer["query"]["searchinfo"] == {"totalhits": 2}
    assert full_text(wikibase, "paris", srlimit=1, sroffset=1) == ["Q830149"]


def test_entities_that_make_the_answer_too_large_are_left_out_with_a_warning() -> None:
    with SampleWikibase(ITEMS, most_bytes=2_000) as server:
        answer = ask(server, "wbgetentities", ids="Q90|Q830149|Q2|Q463035")
    assert list(answer["entities"]) == ["Q90", "Q830149"]
    assert "larger than the limit of 2,000 bytes" in answer["warnings"]["result"]["*"]


def test_a_text_in_another_language_stands_in_where_that_is_wanted(wikibase: SampleWikibase) -> None:
    asked = {"ids": "Q463035", "props": "labels", "languages": "de-ch"}
    assert ask(wikibase, "wbgetentities", **asked)["entities"]["Q463035"]["labels"] == {}
    answer = ask(wikibase, "wbgetentities", **asked, languagefallback=1)
    assert answer["entities"]["Q463035"]["labels"] == {
        "de-ch": {"value": "Douglas", "language": "mul", "for-language": "de-ch"}
    }


def test_without_a_format_the_answer_is_a_page(wikibase: SampleWikibase) -> None:
    reply = call(f"{wikibase.url}?action=wbgetentities&ids=Q90")
    assert (reply.status, reply.headers["Content-Type"][:9]) == (200, "text/html")


# What goes wrong on demand


def fetch_paris(server: SampleWikibase, **headers: str) -> Reply:
    return call(f"{server.url}?action=wbgetentities&ids=Q90&format=json", **headers)


@pytest.mark.parametrize(
    ("fault", "status", "content_type", "retry_after"),
    [
        (Fault("429"), 429, "text/html", "18"),
        (Fault("429", retry_after="1"), 429, "text/html", "1"),
        (Fault("503"), 503, "text/html", None),
        (Fault("503", retry_after="2"), 503, "text/html", "2"),
        (Fault("500"), 500, "text/html", None),
        (Fault("403"), 403, "text/plain", None),
        (Fault("html"), 200, "text/html", None),
        (Fault("maxlag"), 200, "application/json", "5"),
        (Fault("maxlag", retry_after="1"), 200, "application/json", "1"),
    ],
)
def test_a_refusal_comes_with_its_status_and_headers(
    fault: Fault, status: int, content_type: str, retry_after: str | None
) -> None:
    with SampleWikibase(ITEMS, faults=lambda *_: fault) as server:
        reply = fetch_paris(server)
    assert (reply.status, reply.headers.get("Retry-After")) == (status, retry_after)
    assert reply.headers["Content-Type"].startswith(content_type)
    assert [(entry.status, entry.fault) for entry in server.log] == [(status, fault.kind)]


def test_maxlag_is_said_as_recorded(shared: Path) -> None:
    with ReplayServer(shared / "wikibase" / "recordings.jsonl") as replay:
        recorded = call(replay.url_of("maxlag/wdqs_5"))
    with SampleWikibase(ITEMS, faults=lambda *_: "maxlag") as server:
        assert essence(fetch_paris(server).json) == essence(recorded.json)


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_half_a_body_ends_in_the_middle(encoding: str) -> None:
    with SampleWikibase(ITEMS, faults=lambda *_: "half") as server, pytest.raises(http.client.IncompleteRead) as caught:
        fetch_paris(server, Accept_Encoding=encoding)
    assert 0 < len(caught.value.partial) <= (caught.value.expected or 0) + 1


def test_a_reset_breaks_the_connection() -> None:
    with SampleWikibase(ITEMS, faults=lambda *_: "reset") as server, pytest.raises(ConnectionResetError):
        fetch_paris(server)


def test_a_server_that_hangs_hangs_up_in_the_end() -> None:
    with (
        SampleWikibase(ITEMS, faults=lambda *_: Fault("hang", seconds=0.1)) as server,
        pytest.raises(http.client.RemoteDisconnected),
    ):
        fetch_paris(server)


def test_who_waits_for_a_server_that_hangs_is_let_go_when_it_stops() -> None:
    with ThreadPoolExecutor(1) as pool:
        with SampleWikibase(ITEMS, faults=lambda *_: "hang") as server:
            waiting = pool.submit(fetch_paris, server)
            wait_until(server.count, within=10)
        with pytest.raises(ConnectionError):
            waiting.result()


def test_faults_are_a_share_and_depend_on_the_seed_alone() -> None:
    faults = Faults(share=0.3, seed=7, retry_after="1")
    kinds = [fault and fault.kind for fault in (faults(number, {}) for number in range(2_000))]
    assert kinds == [fault and fault.kind for fault in (faults(number, {}) for number in range(2_000))]
    assert 500 < sum(map(bool, kinds)) < 700
    assert {*faults.kinds, None} == set(kinds)
    assert kinds != [
        fault and fault.kind for fault in (Faults(share=0.3, seed=8)(number, {}) for number in range(2_000))
    ]


def test_faults_can_be_chosen_by_number_and_parameters_and_changed_at_any_time(wikibase: SampleWikibase) -> None:
    wikibase.clear()
    wikibase.faults = lambda number, params: "503" if number == 1 and params["ids"] == "Q90" else None
    assert [fetch_paris(wikibase).status for _ in range(3)] == [200, 503, 200]
    wikibase.faults = None
    assert fetch_paris(wikibase).status == 200


def test_a_server_that_cannot_make_an_answer_says_so_at_the_end() -> None:
    class Broken(LoopbackServer):
        def answer(self, asked: object) -> Any:
            raise ValueError("no idea")

    with pytest.raises(ValueError, match="no idea"), Broken() as server, pytest.raises(http.client.RemoteDisconnected):
        call(server.root + "/")


# What is noted


def test_the_log_holds_what_was_asked_by_whom_and_when() -> None:
    with SampleWikibase(ITEMS) as server:
        call(
            server.url,
            "POST",
            "action=wbgetentities&ids=Q90&format=json",
            Content_Type="application/x-www-form-urlencoded",
        )
        call(server.url, User_Agent="somebody", Accept_Encoding="gzip")
    first, second = server.log
    assert (first.params, first.status) == ({"action": "wbgetentities", "ids": "Q90", "format": "json"}, 200)
    assert (second.user_agent, second.accept_encoding) == ("somebody", "gzip")
    assert first.ended is not None
    assert first.arrived <= first.ended <= second.arrived
    assert (server.count(), server.count("wbgetentities"), server.count("query")) == (2, 1, 0)
    assert (server.most_in_flight(), server.most_in_a_window(), server.most_in_a_window(0.0)) == (1, 2, 0)


def test_requests_that_overlap_are_counted_as_in_flight() -> None:
    with ThreadPoolExecutor(3) as pool, SampleWikibase(ITEMS, latency=0.2) as server:
        list(pool.map(lambda _: fetch_paris(server), range(3)))
        assert server.most_in_flight() == 3
        server.clear()
        fetch_paris(server)
        assert (server.most_in_flight(), len(server.log)) == (1, 1)


def test_a_request_that_the_client_gave_up_is_in_flight_no_more() -> None:
    with SampleWikibase(ITEMS, faults=lambda number, _: "hang" if number < 5 else None) as server:
        for _ in range(5):
            with socket.create_connection(("127.0.0.1", int(server.root.rpartition(":")[2]))) as connection:
                before = server.count()
                connection.sendall(b"GET /w/api.php HTTP/1.1\r\nHost: x\r\n\r\n")
                wait_until(lambda before=before: server.count() > before, within=10)  # type: ignore[misc]
        fetch_paris(server)
    assert server.most_in_flight() == 1


def test_many_clients_on_lasting_connections_are_served_at_once(wikibase: SampleWikibase) -> None:
    wikibase.clear()

    def ask_often() -> None:
        connection = http.client.HTTPConnection(urllib.parse.urlsplit(wikibase.url).netloc, timeout=10)
        for _ in range(50):
            connection.request("GET", "/w/api.php?action=wbgetentities&ids=Q90&format=json")
            assert json.loads(connection.getresponse().read())["success"] == 1
        connection.close()

    threads = [threading.Thread(target=ask_often) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(wikibase.log) == 400
    assert all(entry.status == 200 for entry in wikibase.log)


# Slices of the sample


def test_items_are_picked_from_the_sample_by_id(shared: Path) -> None:
    assert {item["id"] for item in sample_slice(shared, {"Q42", "Q64", "Q999999999"})} == {"Q42", "Q64"}


def test_items_are_picked_from_the_sample_by_what_they_hold(shared: Path) -> None:
    berlins = sample_slice(shared, lambda item: item["labels"].get("en", {}).get("value") == "Berlin")
    assert "Q64" in {item["id"] for item in berlins}


def test_the_names_of_a_text_pick_what_a_search_for_them_may_find(shared: Path) -> None:
    gold = json.loads((shared / "seed" / "gold.json").read_bytes())["mentions"]
    names = {mention["surface"] for mention in gold}
    items = names_slice(shared, names, extra=["Q1"])
    assert "Q1" in {item["id"] for item in items}
    assert len(items) < 3_000
    with SampleWikibase(items) as server:
        assert found(server, "Xi Jinping")[0] == "Q15031"
        assert found(server, "vladimir putin")[0] == "Q7747"
        assert full_text(server, "Putin Vladimir")[0] == "Q7747"
        assert found(server, "Ukraine")[0] == "Q212"
