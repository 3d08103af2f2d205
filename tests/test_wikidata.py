"""Live Wikidata: names and entities asked over the API, served here by a Wikibase over a few items."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from dumps import claims, dump_item, statement
from fakes import JUDGES, FakeDetector
from faults import Answer, Fault, Faults
from servers import RedisServer, wait_until
from wikibase_servers import SampleWikibase

from nedsvc import Annotation, EntityLinker
from nedsvc.cache import ITEM, NAME, Cache, Entry
from nedsvc.cache.memory import MemoryCache
from nedsvc.cache.redis import RedisCache
from nedsvc.errors import SourceUnavailable
from nedsvc.models import Entity
from nedsvc.pace import Limits, Pace, Permit
from nedsvc.pace.lockfile import LockFilePace
from nedsvc.sources.wikidata.cached import CachedWikibase
from nedsvc.sources.wikidata.client import WikibaseClient
from nedsvc.sources.wikidata.source import WikidataSource
from nedsvc.sources.wikidata.transport import TimeOuts, Transport

SITES = [f"{code}wiki" for code in ("en", "de", "fr", "ru", "uk", "es", "it", "pl", "nl", "ja")]
ITEMS = [
    dump_item("Q212", "Ukraine", description="country in Eastern Europe", claims=claims(P31="Q6256"), sitelinks=SITES),
    dump_item(
        "Q1899",
        "Kyiv",
        description="capital of Ukraine",
        aliases=["Kiev"],
        labels={"de": "Kiew"},
        claims=claims(P31="Q515", P17="Q212"),
        sitelinks=SITES,
    ),
    dump_item("Q1", "Kyiv", description="Wikimedia disambiguation page", claims=claims(P31="Q4167410")),
    dump_item("Q30", "United States", aliases=["USA"], claims=claims(P31="Q6256"), sitelinks=SITES),
    dump_item(
        "Q7821917",
        "Antony Blinken",
        description="American diplomat",
        claims=claims(P31="Q5", P27="Q30")
        | {"P39": [statement("Q14213", qualifiers={"P580": [statement(("+2021-01-26T00:00:00Z", 11))["mainsnak"]]})]},
        sitelinks=SITES,
    ),
    dump_item("Q102", "Blinken Street", description="street", claims=claims(P31="Q79007")),
    dump_item("Q101", "Blinken", description="family name", claims=claims(P31="Q101352")),
    dump_item(
        "Q2147483001",
        "Power of Siberia 2",
        description="proposed gas pipeline from Russia to China",
        claims=claims(P31="Q44377"),
        sitelinks=SITES[:3],
    ),
]


class NoLandmarks:
    """Knows no entity."""

    def popularity_of(self, number: int) -> float:
        return 0.0

    def label_of(self, number: int) -> str | None:
        return None


class World:
    """A linker that asks a server, and what it takes to make another one."""

    def __init__(self, server: SampleWikibase, pace: Pace, cache: Cache) -> None:
        self.server = server
        self._pace = pace
        self.cache = cache

    def source(self, clock: Callable[[], float] = time.time, timeouts: TimeOuts | None = None) -> WikidataSource:
        transport = Transport(self.server.url, "operator@example.org", self._pace, timeouts or TimeOuts(1.0, 1.0))
        cached = CachedWikibase(WikibaseClient(transport), self.cache, "wikibase.example", clock)
        return WikidataSource(cached, NoLandmarks(), "wikibase.example", "https://wikibase.example/entity/")

    def linker(self, patience: float = 20.0, **options: Any) -> EntityLinker:
        return EntityLinker([self.source(**options)], FakeDetector(), JUDGES, lambda text: "de", patience=patience)

    def annotate(self, text: str, patience: float = 20.0, language: str = "en") -> Annotation:
        return self.linker(patience).annotate(text, language=language)


@pytest.fixture
def server() -> Iterator[SampleWikibase]:
    with SampleWikibase(ITEMS) as running:
        yield running


@pytest.fixture(params=["memory", "redis"])
def world(server: SampleWikibase, request: pytest.FixtureRequest, tmp_path: Path, redis_server: RedisServer) -> World:
    cache = MemoryCache() if request.param == "memory" else RedisCache(redis_server.url, flight=20.0)
    return World(server, LockFilePace(tmp_path, "server", Limits(a_minute=1000)), cache)


def links(annotation: Annotation) -> dict[str, str]:
    return {link.mention.surface: link.entity.id if link.entity else link.status for link in annotation.links}


def test_what_a_text_names_is_linked_live(world: World) -> None:
    answer = world.annotate("talks between Kiev and USA in Nowhere")
    assert links(answer) == {"Kiev": "Q1899", "USA": "Q30", "Nowhere": "nil"}
    assert answer.index == "wikibase.example"


def test_an_entity_comes_with_what_the_index_would_say_and_where_it_is_from(world: World) -> None:
    entity = world.linker().entity("Q7821917")
    assert isinstance(entity, Entity)
    assert (entity.label, entity.description, entity.types) == ("Antony Blinken", "American diplomat", ("PERSON",))
    assert [(office.id, office.start) for office in entity.offices] == [("Q14213", "2021-01-26")]
    assert entity.wikipedia == "Antony Blinken"
    assert entity.url == "https://wikibase.example/entity/Q7821917"
    assert entity.provenance
    assert entity.provenance.source == "wikibase.example"
    assert entity.provenance.revision > 0
    assert entity.provenance.retrieved.endswith("+00:00")


def test_what_no_mention_means_is_no_candidate(world: World) -> None:
    candidates = world.linker().lookup("Kyiv", limit=10).link.candidates
    assert [candidate.id for candidate in candidates] == ["Q1899"]


def test_a_name_that_no_entity_bears_is_searched_by_its_words(world: World) -> None:
    answer = world.linker().lookup("Blinken")
    assert [candidate.id for candidate in answer.link.candidates] == ["Q7821917", "Q102"]
    assert [entry.params["action"] for entry in world.server.log] == [
        "wbsearchentities", "wbgetentities", "query", "wbgetentities",
    ]  # fmt: skip


def test_a_name_in_disorder_is_found_by_its_words(world: World) -> None:
    answer = world.linker().lookup("Power 2 gas pipeline of Siberia")
    assert answer.link.candidates[0].id == "Q2147483001"


def test_names_in_the_language_of_the_text_count_in_full(world: World) -> None:
    candidate = world.source().search(["Kiew"], "de", time.monotonic() + 10)["Kiew"]
    assert not isinstance(candidate, SourceUnavailable)
    assert [(one.id, one.kind, one.similarity) for one in candidate] == [("Q1899", "label", 1.0)]
    searches = [entry.params for entry in world.server.log if entry.params["action"] == "wbsearchentities"]
    assert [(params["language"], params["uselang"]) for params in searches] == [("de", "de")]
    (fetch,) = (entry.params for entry in world.server.log if entry.params["action"] == "wbgetentities")
    assert set(fetch["languages"].split("|")) == {"de", "mul", "en"}


def test_each_name_is_asked_once_and_warm_nothing_is(world: World) -> None:
    text = "Kyiv and Ukraine, Kyiv again, Nowhere"
    cold = world.annotate(text)
    asked = [entry.params.get("search") for entry in world.server.log if entry.params["action"] == "wbsearchentities"]
    assert sorted(filter(None, asked)) == ["Kyiv", "Nowhere", "Ukraine"]
    world.server.clear()
    assert world.annotate(text) == cold
    assert not world.server.log


def test_names_that_differ_only_by_spaces_or_a_possessive_are_asked_once(world: World) -> None:
    names = ["Kyiv", "Kyiv's", "Antony  Blinken", "Antony\nBlinken"]
    found = world.source().search(names, "en", time.monotonic() + 10)
    assert all(found.values())
    asked = [entry.params["search"] for entry in world.server.log if "search" in entry.params]
    assert sorted(asked) == ["Antony Blinken", "Kyiv"]


def test_requests_say_who_sends_them_and_take_gzip(world: World) -> None:
    world.annotate("in Kyiv")
    agents = {(entry.user_agent, entry.accept_encoding) for entry in world.server.log}
    ((agent, encoding),) = agents
    assert agent.startswith("nedsvc/")
    assert "(operator@example.org) requests/" in agent
    assert encoding == "gzip"


def test_an_outage_is_an_error_that_says_why_and_no_nil(world: World) -> None:
    world.server.faults = lambda number, params: "503"
    (link,) = world.annotate("in Kyiv", patience=1.5).links
    assert (link.status, link.entity) == ("error", None)
    assert link.error
    assert "HTTP 503" in link.error
    with pytest.raises(SourceUnavailable, match="HTTP 503"):
        world.linker(patience=1.5).entity("Q1899")


def test_an_outage_is_forgotten_when_it_is_over(world: World) -> None:
    world.server.faults = lambda number, params: "503"
    assert links(world.annotate("in Kyiv", patience=0.3)) == {"Kyiv": "error"}
    world.server.faults = None
    assert links(world.annotate("in Kyiv")) == {"Kyiv": "Q1899"}


def test_an_outage_is_waited_for_once_and_not_by_every_text(world: World) -> None:
    world.server.faults = lambda number, params: "503"
    linker = world.linker(patience=0.5, timeouts=TimeOuts(1.0, 1.0, outage=0.3, alone=3.0))

    def error() -> str:
        (link,) = linker.annotate("in Kyiv").links
        return link.error or ""

    wait_until(lambda: "left alone" in error(), 20.0)
    world.server.clear()
    assert "left alone" in error()
    assert not world.server.log
    world.server.faults = None
    wait_until(lambda: links(linker.annotate("in Kyiv")) == {"Kyiv": "Q1899"}, 20.0)


def test_names_that_fail_to_the_end_do_not_cost_the_others_their_items(world: World) -> None:
    """The server is left alone by then, but what other names led to is fetched."""
    world.server.faults = lambda number, params: "503" if params.get("search") == "Sumy" else None
    linker = world.linker(patience=4.0, timeouts=TimeOuts(1.0, 1.0, outage=0.2, alone=10.0))
    assert links(linker.annotate("from Kyiv to Sumy")) == {"Kyiv": "Q1899", "Sumy": "error"}


def test_what_can_be_asked_is_answered_beside_what_cannot(world: World) -> None:
    world.server.faults = lambda number, params: "503" if params.get("search") == "Ukraine" else None
    assert links(world.annotate("from Kyiv, Ukraine", patience=1.0)) == {"Kyiv": "Q1899", "Ukraine": "error"}


def test_a_client_that_is_refused_is_told_so_at_once(world: World) -> None:
    world.server.faults = lambda number, params: "403"
    (link,) = world.annotate("in Kyiv", patience=60.0).links
    assert link.error
    assert "refuses this client" in link.error
    assert len(world.server.log) == 1


@pytest.mark.parametrize("kind", ["429", "503", "500", "maxlag", "html", "half", "hang", "reset"])
def test_a_passing_fault_is_tried_again(world: World, kind: str) -> None:
    """The first answer to each kind of request is faulty."""
    fault = Fault(kind, retry_after="0", seconds=5.0)
    first: set[str] = set()

    def once(number: int, params: Any) -> Fault | None:
        if params["action"] in first:
            return None
        first.add(params["action"])
        return fault

    world.server.faults = once
    assert links(world.annotate("in Kyiv")) == {"Kyiv": "Q1899"}


def test_the_server_is_left_alone_for_as_long_as_it_asks(world: World) -> None:
    world.server.faults = lambda number, params: Fault("429", retry_after="1") if number == 0 else None
    assert links(world.annotate("in Kyiv")) == {"Kyiv": "Q1899"}
    first, second, *_ = world.server.log
    assert second.arrived - first.arrived >= 1.0


def test_a_server_that_says_to_come_back_at_once_is_left_alone_longer_each_time(world: World) -> None:
    world.server.faults = lambda number, params: Fault("503", retry_after="0")
    assert links(world.annotate("in Kyiv", patience=2.0)) == {"Kyiv": "error"}
    assert len(world.server.log) < 20


def test_what_is_not_asked_for_want_of_time_takes_nothing_of_the_budget(server: SampleWikibase, tmp_path: Path) -> None:
    pace = LockFilePace(tmp_path, "server", Limits(a_minute=50))
    server.latency = 0.3
    names = [f"Name {number}" for number in range(100)]
    found = World(server, pace, MemoryCache()).source().search(names, "en", time.monotonic() + 0.5)
    assert any(isinstance(answer, SourceUnavailable) for answer in found.values())
    assert isinstance(pace.ask(), Permit)


def test_no_one_waits_for_a_pause_that_is_longer_than_there_is_time(world: World) -> None:
    world.server.faults = lambda number, params: Fault("429", retry_after="100")
    begin = time.monotonic()
    answer = world.annotate("from Kyiv to Ukraine", patience=30.0)
    assert links(answer) == {"Kyiv": "error", "Ukraine": "error"}
    assert time.monotonic() - begin < 10
    assert len(world.server.log) <= 2


def test_with_a_part_of_the_answers_faulty_everything_is_linked_or_named(world: World) -> None:
    text = "Kyiv, Ukraine, USA, Antony Blinken, Nowhere"
    clean = links(world.annotate(text))
    for seed in range(3):
        world.cache = MemoryCache()
        world.server.faults = Faults(share=0.3, seed=seed, retry_after="0", seconds=2.0)
        found = links(world.annotate(text, patience=30.0))
        assert all(found[name] in {clean[name], "error"} for name in clean), (seed, found)


def test_ids_that_vanish_from_a_large_answer_are_asked_again(tmp_path: Path) -> None:
    items = [dump_item(f"Q{1000 + number}", f"Place {number}", description="x" * 500) for number in range(60)]
    ids = [item["id"] for item in items]
    with SampleWikibase(items, most_bytes=20_000) as server:
        world = World(server, LockFilePace(tmp_path, "x", Limits(a_minute=1000)), MemoryCache())
        found = world.source().fetch(ids, "en", time.monotonic() + 20)
        assert sorted(found) == sorted(ids)
        assert all(isinstance(entity, Entity) for entity in found.values())
        assert server.count("wbgetentities") > 2


def test_what_cannot_be_an_id_is_never_sent(world: World) -> None:
    ids = ["Q1899", "foo", "Q0", "Q01899", "Q99999999999", "Q212|Q30", " Q30", "q30", "", "Q²"]
    found = world.source().fetch(ids, "en", time.monotonic() + 10)
    assert sorted(found) == ["Q1899"]
    assert [entry.params["ids"] for entry in world.server.log] == ["Q1899"]


def test_an_item_that_was_merged_is_found_under_its_old_id(tmp_path: Path) -> None:
    with SampleWikibase(ITEMS, redirects={"Q555": "Q1899"}) as server:
        world = World(server, LockFilePace(tmp_path, "x", Limits()), MemoryCache())
        entity = world.source().fetch(["Q555"], "en", time.monotonic() + 10)["Q555"]
        assert isinstance(entity, Entity)
        assert entity.id == "Q1899"


def test_a_name_that_nothing_can_be_called_is_not_sent(world: World) -> None:
    found = world.source().search(["\x00", " ", "x" * 300, "!!!"], "en", time.monotonic() + 10)
    assert set(found.values()) == {()}
    assert not world.server.log


def test_one_of_many_who_miss_a_name_asks_for_it(world: World) -> None:
    world.server.latency = 0.2
    source = world.source()
    found: list[object] = []
    threads = [
        threading.Thread(target=lambda: found.append(source.search(["Kyiv"], "en", time.monotonic() + 10)))
        for _ in range(5)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 5
    assert world.server.count("wbsearchentities") == 1


def test_no_one_waits_for_what_another_asks_for_until_the_time_is_over(world: World) -> None:
    """The first has more time than the second and gets no answer."""
    world.server.faults = lambda number, params: Fault("hang", seconds=30.0) if number == 0 else None
    patient = world.source(timeouts=TimeOuts(1.0, 30.0))
    thread = threading.Thread(target=lambda: patient.search(["Kyiv"], "en", time.monotonic() + 12))
    thread.start()
    while not world.server.log:
        time.sleep(0.01)
    for source in (patient, world.source()):
        found = source.search(["Kyiv"], "en", time.monotonic() + 6)["Kyiv"]
        assert not isinstance(found, SourceUnavailable)
        assert [candidate.id for candidate in found] == ["Q1899"]
    thread.join()


@pytest.mark.parametrize("kept", [b"", b"\xc1", b"\x93\x01\x02", b"\x92\xcb\x00\x00\x00\x00\x00\x00\x00\x00\x05"])
def test_what_cannot_be_read_in_the_cache_is_asked_for_and_kept_anew(world: World, kept: bytes) -> None:
    """As after an update, or a downgrade."""
    world.cache.set_many(
        {
            NAME.key("wikibase.example", ("Kyiv", "en", "prefix")): Entry(kept, 60.0),
            ITEM.key("wikibase.example", ("Q1899", "en")): Entry(kept, 60.0),
        }
    )
    assert links(world.annotate("in Kyiv")) == {"Kyiv": "Q1899"}
    world.server.clear()
    assert links(world.annotate("in Kyiv")) == {"Kyiv": "Q1899"}
    assert not world.server.log


def test_old_entries_are_served_and_asked_again_by_one_process(world: World) -> None:
    """Three days later the answer is there at once, and is renewed behind it."""
    world.annotate("in Kyiv")
    world.server.clear()
    day_three = lambda: time.time() + 3 * 86_400.0  # noqa: E731
    processes = [world.source(clock=day_three) for _ in range(3)]
    for source in processes:
        found = source.search(["Kyiv"], "en", time.monotonic() + 10)["Kyiv"]
        assert not isinstance(found, SourceUnavailable)
        assert [candidate.id for candidate in found] == ["Q1899"]
    deadline = time.monotonic() + 10
    while world.server.count() < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.2)
    assert world.server.count("wbsearchentities") == 1
    assert world.server.count("wbgetentities") == 1


def test_old_entries_are_served_while_the_server_is_away(world: World) -> None:
    world.annotate("in Kyiv")
    world.server.faults = lambda number, params: "reset"
    source = world.source(clock=lambda: time.time() + 3 * 86_400.0)
    found = source.search(["Kyiv"], "en", time.monotonic() + 1)["Kyiv"]
    assert not isinstance(found, SourceUnavailable)
    assert [candidate.id for candidate in found] == ["Q1899"]


@pytest.mark.parametrize(("status", "reason"), [(301, "HTTP 301"), (404, "is this the address of its api.php")])
def test_an_address_that_is_not_the_api_is_told_at_once(world: World, status: int, reason: str) -> None:
    """A redirect is not followed: it may lead to somebody else."""
    world.server.answer = lambda asked: Answer(status, {"Location": "http://127.0.0.1:9/w/api.php"}, b"")  # type: ignore[method-assign]
    (link,) = world.annotate("in Kyiv").links
    assert link.error
    assert reason in link.error
    assert len(world.server.log) == 1


@pytest.mark.parametrize("status", ["200 OK", "302 Found\r\nLocation: /"])
def test_an_answer_that_drips_is_not_waited_for_beyond_the_time(tmp_path: Path, status: str) -> None:
    with dripping(f"HTTP/1.1 {status}\r\nContent-Length: 5000\r\n\r\n".encode()) as url:
        pace = LockFilePace(tmp_path, "x", Limits())
        transport = Transport(url, "operator@example.org", pace, TimeOuts(1.0, 1.0))
        begin = time.monotonic()
        with pytest.raises(SourceUnavailable, match="in time"):
            transport.get({"action": "query"}, begin + 1.5)
        assert time.monotonic() - begin < 5


def test_cookies_are_not_sent_back(tmp_path: Path) -> None:
    sent: list[str | None] = []

    class Baking(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            sent.append(self.headers["Cookie"])
            self.send_response(200)
            self.send_header("Set-Cookie", "WMF-Uniq=1; Path=/")
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Baking) as http:
        threading.Thread(target=http.serve_forever, args=(0.05,), daemon=True).start()
        address = f"http://127.0.0.1:{http.server_address[1]}/w/api.php"
        transport = Transport(address, "operator@example.org", LockFilePace(tmp_path, "x", Limits()))
        for _ in range(2):
            transport.get({"action": "query"}, time.monotonic() + 5)
        http.shutdown()
    assert sent == [None, None]


@contextmanager
def dripping(head: bytes) -> Iterator[str]:
    """The address of a server that sends a byte every now and then, and never comes to its end."""
    stopped = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))

    def respond() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection:
                    connection.sendall(head)
                    while not stopped.wait(0.05):
                        connection.sendall(b" ")

    threading.Thread(target=respond, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/w/api.php"
    finally:
        stopped.set()
        listener.close()


def test_json_that_is_nested_without_end_is_an_error(world: World) -> None:
    nested = b'{"search":' + b"[" * 200_000 + b"]" * 200_000 + b"}"
    world.server.answer = lambda asked: Answer(200, {}, nested)  # type: ignore[method-assign]
    (link,) = world.annotate("in Kyiv", patience=1.0).links
    assert link.error
    assert "no JSON" in link.error


def test_an_item_that_cannot_be_kept_costs_the_others_nothing(tmp_path: Path) -> None:
    odd = dump_item("Q2", "Odd") | {"lastrevid": 2**70}
    with SampleWikibase([*ITEMS, odd]) as server:
        world = World(server, LockFilePace(tmp_path, "x", Limits()), MemoryCache())
        found = world.source().fetch(["Q2", "Q1899"], "en", time.monotonic() + 10)
        assert isinstance(found["Q2"], SourceUnavailable)
        assert isinstance(found["Q1899"], Entity)


def test_a_server_that_lists_more_than_it_was_asked_for_is_cut_short(world: World) -> None:
    hits = b",".join(b'{"id":"Q%d"}' % number for number in range(1, 5000))
    listing = Answer(200, {}, b'{"search":[' + hits + b"]}")
    answer = world.server.answer
    world.server.answer = lambda asked: listing if "search" in asked.params else answer(asked)  # type: ignore[method-assign]
    world.source().search(["Kyiv"], "en", time.monotonic() + 10)
    assert world.server.count("wbgetentities") <= 2


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("\u0928\u0930\u0947\u0928\u094d\u0926\u094d\u0930 \u092e\u094b\u0926\u0940", None),
        ("e\u0301cole", None),
        ("haswbstatement:P31=Q5", "haswbstatement~ P31 Q5"),
        ('-"Kyiv" ~intitle:x|y_z', "Kyiv intitle~ x y z"),
    ],
)
def test_the_words_of_a_name_are_searched_whole_and_without_operators(
    world: World, name: str, words: str | None
) -> None:
    """Vowel signs and accents belong to the words."""
    world.source().search([name], "en", time.monotonic() + 10)
    assert [entry.params["srsearch"] for entry in world.server.log if "srsearch" in entry.params] == [words or name]


def test_an_answer_of_another_api_is_no_unknown_name(world: World) -> None:
    """A page that is JSON but no answer of a Wikibase is an error, which names the address."""
    with SampleWikibase([]) as other:
        other.answer = lambda asked: other.__class__.answer(other, asked)._replace(body=b'{"batchcomplete":true}')  # type: ignore[method-assign]
        lost = World(other, world._pace, MemoryCache())
        (link,) = lost.annotate("in Kyiv", patience=5.0).links
        assert link.error
        assert "answers in a way that is not known" in link.error
        assert other.url in link.error
