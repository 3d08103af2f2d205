"""Asking a SPARQL endpoint: who asks, what may enter a query, and every way in which an endpoint fails."""

import re
import time
from collections.abc import Iterator
from importlib.metadata import version

import msgspec
import pyoxigraph
import pytest
from dumps import Json, dump_item, snak_of, statement
from faults import Answer, Fault, Params
from hypothesis import example, given
from hypothesis import strategies as st
from loopback import Asked, LoopbackServer
from servers import free_port
from sparql_server import SparqlServer, sparql_server

from nedsvc.errors import InvalidInput, SourceUnavailable
from nedsvc.sparql import Patience, QueryTooSlow, SparqlEndpoint, literal

CONTACT = "ops@example.org"
QUICK = Patience(first_pause=0.01, longest_pause=0.05)
IMPATIENT = msgspec.structs.replace(QUICK, read=1.0)
LABELS = "SELECT ?item ?label WHERE { ?item rdfs:label ?label } ORDER BY ?item"
NASTY = ['a"b', "a'b", "back\\slash", '\\" . } #', "tab\tline\nend", "\\u0022", "{?x}", "it's # not", "<a>", "é\u2028x"]


def identified(qid: str, *values: str, label: str = "x", property_: str = "P496") -> Json:
    """An item with these identifiers."""
    snaks = [statement(None) | {"mainsnak": snak_of("Q1") | {"datavalue": {"value": value}}} for value in values]
    return dump_item(qid, label, claims={property_: snaks})


ITEMS = [
    identified("Q5", "0000-0001", label="human"),
    identified("Q2", "0000-0002", "shared", label="Earth"),
    identified("Q10", "shared", label="ten"),
    identified("Q9", "shared", label="nine"),
    identified("Q47475003", "0000-0003-4423-4370", label="Charles Tapley Hoyt"),
    *(identified(f"Q{number}", value, property_="P31") for number, value in enumerate(NASTY, 100)),
]


@pytest.fixture(scope="module")
def running() -> Iterator[SparqlServer]:
    with sparql_server(ITEMS) as server:
        yield server


@pytest.fixture
def server(running: SparqlServer) -> SparqlServer:
    """An endpoint that works and has not been asked yet."""
    running.faults = None
    running.clear()
    return running


@pytest.fixture
def endpoint(server: SparqlServer) -> SparqlEndpoint:
    return SparqlEndpoint(server.url, CONTACT, QUICK)


class Says(LoopbackServer):
    """Gives the same answer to whatever it is asked."""

    def __init__(self, status: int, body: str) -> None:
        super().__init__()
        self._answer = Answer(status, {"Content-Type": "application/json"}, body.encode())

    def answer(self, asked: Asked) -> Answer:
        return self._answer


def fail_first(server: LoopbackServer, *faults: Fault | str) -> None:
    """The first requests go wrong in these ways, the others well."""

    def plan(number: int, _: Params) -> Fault | str | None:
        return faults[number] if number < len(faults) else None

    server.faults = plan


def always(server: LoopbackServer, fault: Fault | str) -> None:
    server.faults = lambda *_: fault


# Who asks, and what


def test_the_user_agent_says_who_asks_with_which_libraries(server: SparqlServer, endpoint: SparqlEndpoint) -> None:
    endpoint.query(LABELS)
    agent = server.log[0].user_agent
    libraries = rf"wikidata-client/{re.escape(version('wikidata-client'))} requests/[\d.]+"
    assert re.fullmatch(rf"nedsvc/\S+ \({re.escape(CONTACT)}\) {libraries}", agent)
    assert "gzip" in server.log[0].accept_encoding


@pytest.mark.parametrize("contact", ["", "a\r\nHost: b", "jürgen@example.org", "(me)"])
def test_a_contact_that_no_header_can_hold_is_refused(contact: str) -> None:
    with pytest.raises(InvalidInput, match="contact"):
        SparqlEndpoint("http://localhost/sparql", contact)


@pytest.mark.parametrize("url", ["", "localhost/sparql", "file:///etc/passwd", "http://", "http://a/sparql?query=x"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput, match="endpoint"):
        SparqlEndpoint(url, CONTACT)


def test_rows_are_texts_by_variable_and_items_are_their_ids(endpoint: SparqlEndpoint) -> None:
    rows = endpoint.query("SELECT ?item ?label ?none WHERE { ?item rdfs:label ?label FILTER(?item = wd:Q5) }")
    assert rows == [{"item": "Q5", "label": "human"}]


# Items by an identifier


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("0000-0003-4423-4370", ["Q47475003"]),
        ("0000-0001", ["Q5"]),
        ("0000-0002", ["Q2"]),
        ("shared", ["Q2", "Q9", "Q10"]),
        (" shared\n", ["Q2", "Q9", "Q10"]),
        ("unknown", []),
    ],
)
def test_items_are_found_by_an_identifier_lowest_first(endpoint: SparqlEndpoint, value: str, found: list[str]) -> None:
    assert endpoint.items_with("P496", value) == found


def test_no_more_items_are_given_than_asked_for(endpoint: SparqlEndpoint) -> None:
    assert endpoint.items_with("P496", "shared", limit=2) == ["Q2", "Q9"]


@pytest.mark.parametrize("value", NASTY)
def test_an_identifier_may_hold_any_sign(endpoint: SparqlEndpoint, value: str) -> None:
    assert endpoint.items_with("P31", value) == [f"Q{100 + NASTY.index(value)}"]


def test_an_identifier_is_found_however_its_accents_are_composed(endpoint: SparqlEndpoint) -> None:
    assert endpoint.items_with("P31", "e\u0301\u2028x") == [f"Q{99 + len(NASTY)}"]


@pytest.mark.parametrize(
    ("property_", "value", "limit", "field"),
    [
        ("496", "x", 1, "property"),
        ("P0496", "x", 1, "property"),
        ("P496 ?x", "x", 1, "property"),
        ("P496\n", "x", 1, "property"),
        ("P٤", "x", 1, "property"),
        ("P496", " \n", 1, "value"),
        ("P496", "x" * 1501, 1, "value"),
        ("P496", "half \ud83d pair", 1, "value"),
        ("P496", "x", 0, "limit"),
        ("P496", "x", 1001, "limit"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_sent(
    server: SparqlServer, endpoint: SparqlEndpoint, property_: str, value: str, limit: int, field: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        endpoint.items_with(property_, value, limit)
    assert caught.value.field == field
    assert server.count() == 0


@given(text=st.text(st.characters(exclude_categories=["Cs"])))
@example('"""')
@example("\\")
@example('\\" } UNION { ?s ?p ?o } #')
@example("\\u0022\\U00000022")
@example("".join(map(chr, range(0xA1))))
def test_a_text_comes_out_of_a_query_as_it_went_in_and_stays_one_text(text: str) -> None:
    solutions = pyoxigraph.Store().query(f"SELECT ({literal(text)} AS ?text) WHERE {{}}")
    assert isinstance(solutions, pyoxigraph.QuerySolutions)
    assert [solution["text"].value for solution in solutions] == [text]


# An endpoint in trouble


@pytest.mark.parametrize("kind", ["429", "503", "500", "html", "half", "hang", "reset"])
def test_what_may_pass_is_tried_again(server: SparqlServer, kind: str) -> None:
    endpoint = SparqlEndpoint(server.url, CONTACT, IMPATIENT)
    fail_first(server, Fault(kind, retry_after="0"))
    assert endpoint.items_with("P496", "0000-0001") == ["Q5"]
    assert server.count() == 2


def test_it_is_tried_until_it_works(server: SparqlServer, endpoint: SparqlEndpoint) -> None:
    fail_first(server, *(Fault(kind, retry_after="0") for kind in ("503", "reset", "half", "html", "429", "500")))
    assert endpoint.items_with("P496", "0000-0001") == ["Q5"]
    assert server.count() == 7


@pytest.mark.parametrize("kind", ["429", "503"])
def test_the_pause_that_is_asked_for_is_kept(server: SparqlServer, endpoint: SparqlEndpoint, kind: str) -> None:
    fail_first(server, Fault(kind, retry_after="1"))
    endpoint.query(LABELS)
    refused, answered = server.log
    assert refused.ended is not None
    assert answered.arrived - refused.ended >= 1.0


def test_a_pause_beyond_the_end_is_not_waited_for(server: SparqlServer, endpoint: SparqlEndpoint) -> None:
    always(server, Fault("429", retry_after="3600"))
    begin = time.monotonic()
    with pytest.raises(SourceUnavailable, match=r"HTTP 429; it asks for a pause of 3600 s$"):
        endpoint.query(LABELS)
    assert server.count() == 1
    assert time.monotonic() - begin < QUICK.total


@pytest.mark.parametrize("kind", ["503", "html", "half", "reset"])
def test_an_outage_ends_with_an_error_at_the_deadline(
    server: SparqlServer, endpoint: SparqlEndpoint, kind: str
) -> None:
    always(server, kind)
    until = time.monotonic() + 0.3
    with pytest.raises(SourceUnavailable, match=re.escape(server.url)):
        endpoint.items_with("P496", "0000-0001", until=until)
    assert server.count() >= 1


def test_nothing_is_sent_after_the_deadline(server: SparqlServer, endpoint: SparqlEndpoint) -> None:
    with pytest.raises(SourceUnavailable, match="no time left"):
        endpoint.query(LABELS, until=time.monotonic())
    assert server.count() == 0


def test_an_endpoint_that_is_not_there_is_an_error() -> None:
    endpoint = SparqlEndpoint(f"http://127.0.0.1:{free_port()}/sparql", CONTACT, QUICK)
    with pytest.raises(SourceUnavailable, match="could not be asked"):
        endpoint.query(LABELS, until=time.monotonic() + 0.2)


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (
            400,
            "SPARQL-QUERY: queryStr=SELECT\nMalformedQueryException",
            "does not take the query .*: SPARQL-QUERY: query",
        ),
        (
            403,
            "Please set a user-agent\nand respect our policy.",
            "refuses this client .* set a user-agent and respect",
        ),
        (401, "", "refuses this client"),
        (404, "<html>", "HTTP 404; is this the address of a SPARQL endpoint"),
        (414, "<html>", "HTTP 414"),
        (200, "{}", "no result of a query"),
        (200, "[]", "no result of a query"),
        (200, "null", "no result of a query"),
        (200, '{"head": {}, "boolean": true}', "no result of a query"),
        (200, '{"results": {"bindings": 5}}', "no result of a query"),
        (200, '{"results": {"bindings": [5]}}', "no result of a query"),
        (200, '{"results": {"bindings": [{"item": "Q5"}]}}', "no result of a query"),
        (200, '{"results": {"bindings": [{"item": {"value": ["Q5"]}}]}}', "no result of a query"),
        (200, "[" * 200_000, "no JSON that can be read"),
    ],
)
def test_what_will_not_pass_is_an_error_at_once(status: int, body: str, message: str) -> None:
    with Says(status, body) as server:
        endpoint = SparqlEndpoint(f"{server.root}/sparql", CONTACT, QUICK)
        with pytest.raises(SourceUnavailable, match=message):
            endpoint.query(LABELS)
        assert server.count() == 1


@pytest.mark.parametrize("binding", [{}, {"x": "Q5"}, {"item": "http://example.org/5"}, {"item": "P31"}])
def test_what_are_no_items_is_an_error(binding: dict[str, str]) -> None:
    rows = [{name: {"value": value} for name, value in binding.items()}]
    with Says(200, msgspec.json.encode({"results": {"bindings": rows}}).decode()) as server:
        endpoint = SparqlEndpoint(f"{server.root}/sparql", CONTACT, QUICK)
        with pytest.raises(SourceUnavailable, match="no result"):
            endpoint.items_with("P496", "x")


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, "SPARQL-QUERY: …\njava.util.concurrent.TimeoutException\n\tat …"),
        (504, "<title>upstream request timeout</title>"),
        (200, '{"head": {}, "results": {"bindings": [\njava.util.concurrent.TimeoutException\n\tat …'),
    ],
)
def test_a_query_that_takes_too_long_is_told_from_an_outage(status: int, body: str) -> None:
    with Says(status, body) as server:
        endpoint = SparqlEndpoint(f"{server.root}/sparql", CONTACT, QUICK)
        with pytest.raises(QueryTooSlow):
            endpoint.query(LABELS)
        assert server.count() == 2


def test_an_endpoint_that_never_answers_has_a_query_that_is_too_slow(server: SparqlServer) -> None:
    always(server, "hang")
    with pytest.raises(QueryTooSlow, match="did not answer in time"):
        SparqlEndpoint(server.url, CONTACT, IMPATIENT).query(LABELS)
    assert server.count() == 2
