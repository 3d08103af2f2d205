"""The REST service without a server: every route, every refusal, and what the cache may and may not change."""

import json
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jsonschema  # type: ignore[import-untyped]
import msgspec
import pytest
from fakes import JUDGES, FakeDetector, FakeSource, candidate
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openapi_spec_validator import OpenAPIV31SpecValidator
from servers import CountingProxy, RedisServer
from werkzeug.test import TestResponse

from nedsvc import EntityLinker
from nedsvc.cache import ANNOTATION, LOOKUP, Cache, Entry, Outcome
from nedsvc.cache.memory import MemoryCache
from nedsvc.cache.redis import RedisCache
from nedsvc.models import ENTITY_TYPES, Options, Query
from nedsvc.ranking import Judges, default_ranker, judges_without_vectors
from nedsvc.sources import Candidates, Known
from nedsvc.web.app import create_app
from nedsvc.web.openapi import OPERATIONS, openapi_document
from nedsvc.web.requests import MOST_CANDIDATES, MOST_QUERIES
from nedsvc.web.service import Service

MOST = 1000  # bytes of a text, here
EMOJI = "😀 𝔎𝔶𝔦𝔳 Kyiv 👩‍👩‍👧 Kyiv 𐌀"
NAMES = {
    "Kyiv": [candidate(1899, types=("GPE",), popularity=0.9)],
    "Jordan": [candidate(810, types=("GPE",), popularity=0.9), candidate(41421, types=("PERSON",), popularity=0.8)],
}


class NoCache:
    """Keeps nothing: what it answers is always computed."""

    def get_many(self, keys: Sequence[str]) -> tuple[list[bytes | None], Outcome]:
        return [None] * len(keys), "bypass"

    def set_many(self, entries: Mapping[str, Entry]) -> None:
        pass

    def get_or_compute(self, key: str, compute: Any, wait: float | None = None) -> tuple[bytes, Outcome]:
        return compute().body, "bypass"

    def claim(self, keys: Sequence[str], seconds: float) -> list[bool]:
        return [False] * len(keys)

    def state(self) -> str:
        return "redis cannot be reached; answers are not cached"


class NotingCache(NoCache):
    """Notes the keys that it is asked for and the lifetimes that it is given."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.seconds: list[float] = []

    def get_many(self, keys: Sequence[str]) -> tuple[list[bytes | None], Outcome]:
        self.keys += keys
        return super().get_many(keys)

    def set_many(self, entries: Mapping[str, Entry]) -> None:
        self.seconds += [entry.seconds for entry in entries.values()]

    def get_or_compute(self, key: str, compute: Any, wait: float | None = None) -> tuple[bytes, Outcome]:
        self.keys.append(key)
        entry = compute()
        self.seconds.append(entry.seconds)
        return entry.body, "miss"


class OtherSource(FakeSource):
    """The same names in another index."""

    id = "fake-2"


class BrokenSource(FakeSource):
    """Knows nothing and fails with a secret."""

    def search(self, names: Sequence[str], language: str, until: float) -> dict[str, Candidates]:
        raise RuntimeError("the password is sesame")

    def fetch(self, ids: Sequence[str], language: str, until: float) -> dict[str, Known]:
        raise RuntimeError("the password is sesame")


class KnowingSource(FakeSource):
    """Knows the entities that its names mean and no others."""

    def fetch(self, ids: Sequence[str], language: str, until: float) -> dict[str, Known]:
        known = [id_ for id_ in ids if id_ in {"Q1899", "Q810", "Q41421"}]
        return super().fetch(known, language, until)


def linker(source: FakeSource | None = None, judges: Judges = JUDGES, name: str = "") -> EntityLinker:
    source = source or KnowingSource(NAMES)
    detector = FakeDetector({"Kyiv": "GPE"})
    return EntityLinker([source], detector, judges, lambda text: "de", name=name)


@dataclass
class Client:
    """Talks to an application in this process."""

    flask: FlaskClient

    def get(self, path: str, **headers: str) -> TestResponse:
        return self.flask.get(path, headers=headers, buffered=True)

    def post(self, path: str, body: object) -> TestResponse:
        return self.flask.post(path, data=body if isinstance(body, bytes) else json.dumps(body), buffered=True)

    def annotate(self, text: object = "in Kyiv", **rest: object) -> TestResponse:
        return self.post("/v1/annotate", {"text": text, **rest})

    def lookup(self, mention: str, **rest: object) -> TestResponse:
        return self.get(
            "/v1/lookup?" + "&".join(f"{k}={quote(str(v))}" for k, v in {"mention": mention, **rest}.items())
        )

    def batch(self, *mentions: str, **rest: object) -> TestResponse:
        return self.post("/v1/lookup/batch", {"queries": [{"mention": mention} for mention in mentions], **rest})


def client_of(linker_: EntityLinker, cache: Cache, most: int = MOST) -> Client:
    return Client(create_app(Service(linker_, cache, most), most).test_client())


@pytest.fixture
def client() -> Client:
    """A service over a handful of made-up names."""
    return client_of(linker(), MemoryCache())


@pytest.fixture(scope="module")
def starter_client(gazetteer_linker: EntityLinker) -> Client:
    """A service over the starter index."""
    return client_of(gazetteer_linker, MemoryCache(), 1_000_000)


def refused(response: TestResponse, status: int, field: str | None, *reasons: str) -> bool:
    """Whether the answer is a problem of this kind that names the field and the reason, and no more than that."""
    problem = response.get_json()
    assert response.status_code == status, response.text
    assert response.content_type == "application/problem+json"
    assert set(problem) <= {"title", "status", "detail", "field"}
    assert (problem["status"], problem.get("field")) == (status, field), problem
    assert all(reason in problem["detail"] for reason in reasons), problem
    assert "Traceback" not in response.text
    assert response.headers["X-Request-Id"]
    assert "X-Nedsvc-Cache" not in response.headers
    return True


# Routes


def test_a_text_is_annotated(starter_client: Client) -> None:
    response = starter_client.annotate("Putin was in Zzyzx and Kiev.")
    document = response.get_json()
    assert response.content_type == "application/json"
    assert set(document) == {"id", "language", "index", "mentions"}
    assert (document["id"], document["language"], document["index"][:8]) == (None, "en", "starter-")
    putin, *_, kiev = document["mentions"]
    assert 0 < putin.pop("confidence") <= 1
    assert putin.pop("entity").pop("description")
    assert putin == {"start": 0, "end": 5, "surface": "Putin", "type": "PERSON", "status": "linked"}
    assert kiev["entity"] == {
        "id": "Q1899",
        "label": "Kyiv",
        "description": kiev["entity"]["description"],
        "url": "https://www.wikidata.org/wiki/Q1899",
        "wikipedia": "https://en.wikipedia.org/wiki/Kyiv",
    }


def test_only_given_mentions_are_answered(starter_client: Client) -> None:
    document = starter_client.annotate("Putin in Kiev.", mentions=[{"start": 9, "end": 13}]).get_json()
    assert [(one["surface"], one["entity"]["id"]) for one in document["mentions"]] == [("Kiev", "Q1899")]
    assert starter_client.annotate("Putin in Kiev.", mentions=[]).get_json()["mentions"] == []


def test_options_change_what_is_answered(client: Client) -> None:
    plain = client.annotate("in Jordan").get_json()["mentions"][0]
    assert not {"candidates", "explanation"} & set(plain)
    options: dict[str, Any] = {"candidates": True, "explain": True, "limit": 1, "threshold": 1.0}
    (full,) = client.annotate("in Jordan", options=options).get_json()["mentions"]
    assert [set(one) for one in full["candidates"]] == [{"id", "label", "score"}]
    assert {"similarity", "popularity"} <= set(full["explanation"])
    assert full["entity"] is None
    assert client.annotate("in Jordan", options={"types": ["LAW"]}).get_json()["mentions"] == []


def test_the_language_can_be_guessed(client: Client) -> None:
    assert client.annotate("in Kyiv", language="auto").get_json()["language"] == "de"
    assert client.lookup("Kyiv", language="auto").status_code == 200


def test_a_name_is_looked_up(starter_client: Client) -> None:
    answer = starter_client.lookup("Blinken", context="The State Department.", type="PERSON", limit=1).get_json()
    assert set(answer) == {"mention", "status", "confidence", "entity", "candidates"}
    assert (answer["mention"], answer["status"], answer["entity"]["id"]) == ("Blinken", "linked", "Q7821917")
    assert [set(one) for one in answer["candidates"]] == [{"id", "label", "description", "score"}]


def test_an_unknown_name_is_nil(client: Client) -> None:
    answer = client.lookup("Zzyzx").get_json()
    assert answer == {"mention": "Zzyzx", "status": "nil", "confidence": 0.0, "entity": None, "candidates": []}


@pytest.mark.parametrize("name", ["Kiev/Kyiv", "Київ", "a&b=c", "100%", "a+b", "😀", "x\x00y"])
def test_any_name_survives_the_address(starter_client: Client, name: str) -> None:
    assert starter_client.lookup(name).get_json()["mention"] == name


def test_many_names_are_answered_in_their_order_with_duplicates(client: Client) -> None:
    names = ["Jordan", "Zzyzx", "Kyiv", "Jordan", "Kyiv"]
    results = client.batch(*names).get_json()["results"]
    assert [one["mention"] for one in results] == names
    assert [one["entity"] and one["entity"]["id"] for one in results][1:4] == [
        None,
        "Q1899",
        results[0]["entity"]["id"],
    ]
    assert results[0] == results[3]


def test_no_names_give_no_results(client: Client) -> None:
    assert client.batch().get_json() == {"results": []}


def test_a_duplicate_is_searched_once() -> None:
    source = KnowingSource(NAMES)
    client_of(linker(source), MemoryCache()).batch("Kyiv", "Kyiv", "Jordan", "Kyiv")
    assert source.searched == [("Kyiv", "Jordan")]


def test_an_entity_is_shown(starter_client: Client) -> None:
    response = starter_client.get("/v1/entities/Q7747")
    assert response.headers["X-Nedsvc-Cache"] == "bypass"
    entity = response.get_json()
    own = {"id", "label", "description", "url", "wikipedia"}
    assert set(entity) == own | {"types", "names", "offices", "dates"}
    assert (entity["id"], entity["label"], entity["types"]) == ("Q7747", "Vladimir Putin", ["PERSON"])
    assert entity["names"]["en"][0] == "Vladimir Putin"


def test_health_and_readiness(client: Client) -> None:
    assert client.get("/healthz").get_json() == {"status": "ok"}
    assert client.get("/readyz").get_json() == {"status": "ready", "index": "fake-1", "cache": "memory"}


def test_readiness_says_that_a_reload_failed_until_one_succeeds() -> None:
    failed = [True]
    service = Service(linker(), MemoryCache(), MOST, reload_failed=lambda: failed[0])
    assert service.readiness() == {
        "status": "degraded",
        "index": "fake-1",
        "cache": "memory",
        "reload": "failed, so what was served before still is; the log says why",
    }
    failed[0] = False
    assert service.readiness()["status"] == "ready"


def test_readiness_says_what_is_degraded_and_stays_200() -> None:
    response = client_of(linker(), NoCache()).get("/readyz")
    assert response.status_code == 200
    reason = "redis cannot be reached; answers are not cached"
    assert response.get_json() == {"status": "degraded", "index": "fake-1", "cache": reason}


# Offsets


@pytest.mark.parametrize("unit", ["codepoint", "utf16", "utf8"])
def test_offsets_count_in_the_unit_asked_for_beyond_the_bmp(client: Client, unit: str) -> None:
    encoding, size = {"codepoint": ("utf-32-le", 4), "utf16": ("utf-16-le", 2), "utf8": ("utf-8", 1)}[unit]
    encoded = EMOJI.encode(encoding)
    mentions = client.annotate(EMOJI, options={"offsets": unit}).get_json()["mentions"]
    spans = [(one["start"], one["end"]) for one in mentions]
    assert [encoded[start * size : end * size].decode(encoding) for start, end in spans] == ["Kyiv", "Kyiv"]
    given_spans = [{"start": start, "end": end} for start, end in spans]
    again = client.annotate(EMOJI, mentions=given_spans, options={"offsets": unit}).get_json()["mentions"]
    assert again == mentions


@pytest.mark.parametrize(("unit", "end"), [("codepoint", 1), ("utf16", 2), ("utf8", 4)])
def test_a_span_inside_a_character_is_refused(client: Client, unit: str, end: int) -> None:
    assert client.annotate("😀", mentions=[{"start": 0, "end": end}], options={"offsets": unit}).status_code == 200
    for start, inside in [(0, middle) for middle in range(1, end)] + [(middle, end) for middle in range(1, end)]:
        response = client.annotate("😀", mentions=[{"start": start, "end": inside}], options={"offsets": unit})
        assert refused(response, 422, "mentions", f"({unit}) is inside a character")


@pytest.mark.parametrize("unit", ["codepoint", "utf16", "utf8"])
@pytest.mark.parametrize(
    ("start", "end"), [(0, 999), (-1, 3), (3, 3), (4, 2), (10**30, 10**31), (-(10**30), 2), (2, 3)]
)
def test_a_span_outside_the_text_or_without_a_word_is_refused(client: Client, unit: str, start: int, end: int) -> None:
    response = client.annotate("in Kyiv", mentions=[{"start": start, "end": end}], options={"offsets": unit})
    assert refused(response, 422, "mentions")


# What the cache may and may not change


@pytest.fixture(params=["memory", "redis"])
def cache(request: pytest.FixtureRequest) -> Cache:
    """Either cache."""
    if request.param == "memory":
        return MemoryCache()
    return RedisCache(request.getfixturevalue("redis_server").url)


TEXTS = st.lists(st.sampled_from([*NAMES, "in", "😀", "Zzyzx", "𝔎", "\n", '"', "\\", "İ"]), min_size=1).map(" ".join)
OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "types": st.lists(st.sampled_from(ENTITY_TYPES), max_size=3),
        "threshold": st.floats(0, 1),
        "limit": st.integers(1, 5),
        "candidates": st.booleans(),
        "explain": st.booleans(),
        "offsets": st.sampled_from(["codepoint", "utf16", "utf8"]),
    },
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(text=TEXTS.filter(str.strip), options=OPTIONS)
def test_a_cached_annotation_is_the_uncached_one_byte_for_byte(
    cache: Cache, text: str, options: dict[str, object]
) -> None:
    cached, uncached = client_of(linker(), cache), client_of(linker(), NoCache())
    answers = [one.annotate(text, options=options) for one in (cached, cached, uncached)]
    assert [answer.status_code for answer in answers] == [200] * 3
    assert len({answer.data for answer in answers}) == 1
    assert answers[1].headers["X-Nedsvc-Cache"] == "hit"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(names=st.lists(TEXTS.filter(str.strip), max_size=5), limit=st.integers(1, 5))
def test_cached_lookups_are_the_uncached_ones_byte_for_byte(cache: Cache, names: list[str], limit: int) -> None:
    cached, uncached = client_of(linker(), cache), client_of(linker(), NoCache())
    singles = [cached.lookup(name, limit=limit).data for name in names]
    whole = b'{"results":[' + b",".join(singles) + b"]}"
    assert [one.batch(*names, limit=limit).data for one in (cached, cached, uncached)] == [whole] * 3


def test_the_header_says_where_an_answer_came_from(client: Client) -> None:
    asked: list[Callable[[], TestResponse]] = [
        lambda: client.annotate("in Kyiv"),
        lambda: client.lookup("Kyiv"),
        lambda: client.batch("Jordan", "Kyiv"),
    ]
    outcomes = [[ask().headers["X-Nedsvc-Cache"] for _ in range(2)] for ask in asked]
    assert outcomes == [["miss", "hit"]] * 3
    assert client_of(linker(), NoCache()).annotate().headers["X-Nedsvc-Cache"] == "bypass"
    assert client_of(linker(), NoCache()).batch("Kyiv").headers["X-Nedsvc-Cache"] == "bypass"


def test_single_and_batch_lookups_share_their_answers(client: Client) -> None:
    client.lookup("Kyiv")
    client.batch("Jordan")
    assert client.batch("Kyiv", "Jordan").headers["X-Nedsvc-Cache"] == "hit"
    assert client.lookup("Jordan").headers["X-Nedsvc-Cache"] == "hit"


def keys_of(linker_: EntityLinker) -> tuple[str, str]:
    """The keys under which a linker's answers to one text and one name are kept."""
    cache = NotingCache()
    client = client_of(linker_, cache)
    client.annotate("in Kyiv")
    client.lookup("Kyiv")
    annotation, lookup = cache.keys
    return annotation, lookup


def test_keys_carry_the_content_id_of_the_index() -> None:
    annotation, lookup = keys_of(linker())
    assert re.fullmatch(r"nedsvc:v1:annotation:fake-1:[0-9a-f]{32}", annotation)
    assert re.fullmatch(r"nedsvc:v1:lookup:fake-1:[0-9a-f]{32}", lookup)


def test_another_index_detector_or_weight_is_another_key() -> None:
    ranker = default_ranker()
    weights = {name: weight + (name == "popularity") for name, weight in ranker.weights.items()}
    linkers = [
        linker(),
        linker(OtherSource(NAMES)),
        linker(name="0.1.0 spacy None"),
        linker(name="0.1.0 both None"),
        linker(judges=judges_without_vectors(msgspec.structs.replace(ranker, weights=weights))),
        linker(judges=judges_without_vectors(msgspec.structs.replace(ranker, nil=ranker.nil + 1))),
    ]
    keys = [key for one in linkers for key in keys_of(one)]
    assert len(set(keys)) == 2 * len(linkers)
    assert keys_of(linker()) == keys_of(linker())


def test_every_option_is_part_of_the_key() -> None:
    cache = NotingCache()
    client = client_of(linker(), cache)
    changed: dict[str, object] = {
        "types": ["GPE"],
        "threshold": 0.5,
        "limit": 2,
        "candidates": True,
        "explain": True,
        "offsets": "utf16",
        "roles": True,
        "metonymy": "referent",
        "ranker": "accurate",
    }
    assert set(changed) == set(Options.__struct_fields__), "a new option needs a value here"
    client.annotate()
    for name, value in changed.items():
        client.annotate(options={name: value})
    client.annotate(language="de")
    client.annotate(date="2023-03-21", options={"roles": True})
    client.annotate(mentions=[])
    client.annotate(mentions=[{"start": 3, "end": 7}])
    client.annotate("in  Kyiv")
    client.annotate("<article><p>in Kyiv</p></article>")
    client.annotate("<article><p>in Kyiv</p></article>", input="html")
    assert len(set(cache.keys)) == len(cache.keys) == len(changed) + 8


def test_every_part_of_a_query_is_part_of_the_key() -> None:
    cache = NotingCache()
    client = client_of(linker(), cache)
    changed: dict[str, object] = {"context": "in Kyiv", "type": "GPE", "language": "de", "limit": 2}
    assert set(Query.__struct_fields__) == {"mention", "context", "type"}, "a new part of a query needs a value here"
    client.lookup("Kyiv")
    for name, value in changed.items():
        client.lookup("Kyiv", **{name: value})
    client.lookup("Jordan")
    assert len(set(cache.keys)) == len(cache.keys) == 6


def test_defaults_that_are_given_are_the_same_request() -> None:
    cache = NotingCache()
    client = client_of(linker(), cache)
    client.lookup("Kyiv")
    client.lookup("Kyiv", limit=5, language="en")
    client.annotate()
    client.annotate(options={"limit": 5, "types": []}, language="en")
    assert len(set(cache.keys)) == 2


def test_answers_that_found_nothing_are_kept_for_a_short_time() -> None:
    cache = NotingCache()
    client = client_of(linker(), cache)
    client.lookup("Zzyzx")
    client.annotate("Zzyzx")
    client.batch("Zzyzx")
    client.lookup("Kyiv")
    client.annotate("Kyiv")
    assert all(0.9 * 600 <= seconds <= 1.1 * 600 for seconds in cache.seconds[:3])
    assert cache.seconds[3] > 0.9 * LOOKUP.known
    assert cache.seconds[4] > 0.9 * ANNOTATION.known


def test_a_batch_asks_redis_once_and_keeps_once(redis_server: RedisServer) -> None:
    with CountingProxy(redis_server) as proxy:
        client = client_of(linker(), RedisCache(proxy.url))
        client.get("/readyz")  # connects
        names = [f"name {number}" for number in range(500)]
        trips = []
        for _ in range(2):
            before = proxy.trips
            client.batch(*names, *names[:100])
            trips.append(proxy.trips - before)
    assert trips == [2, 1]
    assert redis_server.commands()["mget"] == 2


@pytest.mark.parametrize("call", ["annotate", "lookup"])
def test_single_requests_ask_redis_at_most_twice(redis_server: RedisServer, call: str) -> None:
    with CountingProxy(redis_server) as proxy:
        client = client_of(linker(), RedisCache(proxy.url))
        client.get("/readyz")  # connects
        trips = []
        for _ in range(2):
            before = proxy.trips
            getattr(client, call)("Kyiv")
            trips.append(proxy.trips - before)
    assert trips == [2, 1]


# Refusals


@pytest.mark.parametrize("call", ["/v1/annotate", "/v1/lookup/batch"])
@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"not json", b"\xff\xfe", b'{"text":"\xff"}', rb'{"text":"\ud800"}', b"\x1f\x8b\x08\x00", b"{}{}"],
)
def test_a_body_that_is_not_json_is_refused(client: Client, call: str, body: bytes) -> None:
    response = client.post(call, body)
    assert 400 <= response.status_code < 500
    assert response.get_json()["detail"]
    assert response.get_json()["field"]


@pytest.mark.parametrize("body", [b"[]", b"null", b'"text"', b"1", b"[" * 100_000])
def test_a_body_that_is_no_object_is_refused(client: Client, body: bytes) -> None:
    assert refused(client.post("/v1/annotate", body), 422, "body")


@pytest.mark.parametrize(
    ("request_", "field", "reason"),
    [
        ({}, "text", "is missing"),
        ({"text": ""}, "text", "is empty"),
        ({"text": " \n\t\u2003"}, "text", "is empty"),
        ({"text": None}, "text", "expected `str`"),
        ({"text": 5}, "text", "expected `str`"),
        ({"text": ["Kyiv"]}, "text", "expected `str`"),
        ({"text": "Kyiv", "colour": "red"}, "colour", "is unknown"),
        ({"text": "Kyiv", "language": "xx"}, "language", "'xx' is not known here"),
        ({"text": "Kyiv", "language": ""}, "language", "is not known here"),
        ({"text": "Kyiv", "language": None}, "language", "expected `str`"),
        ({"text": "Kyiv", "options": []}, "options", "expected `object`"),
        ({"text": "Kyiv", "options": {"colour": 1}}, "options.colour", "is unknown"),
        ({"text": "Kyiv", "options": {"types": ["CITY"]}}, "options.types[0]", "CITY"),
        ({"text": "Kyiv", "options": {"types": "GPE"}}, "options.types", "expected `array`"),
        ({"text": "Kyiv", "options": {"threshold": 1.5}}, "options.threshold", "from 0 to 1"),
        ({"text": "Kyiv", "options": {"threshold": "high"}}, "options.threshold", "expected `float`"),
        ({"text": "Kyiv", "options": {"limit": 0}}, "options.limit", "1"),
        ({"text": "Kyiv", "options": {"limit": MOST_CANDIDATES + 1}}, "options.limit", "from 1 to 100"),
        ({"text": "Kyiv", "options": {"limit": 10**400}}, "options.limit", "from 1 to 100"),
        ({"text": "Kyiv", "options": {"limit": 1.5}}, "options.limit", "expected `int`"),
        ({"text": "Kyiv", "options": {"candidates": "yes"}}, "options.candidates", "expected `bool`"),
        ({"text": "Kyiv", "options": {"offsets": "bytes"}}, "options.offsets", "bytes"),
        ({"text": "Kyiv", "mentions": {}}, "mentions", "expected `array"),
        ({"text": "Kyiv", "mentions": [{"start": 0}]}, "mentions[0].end", "is missing"),
        ({"text": "Kyiv", "mentions": [{"start": "0", "end": 4}]}, "mentions[0].start", "expected `int`"),
        ({"text": "Kyiv", "mentions": [{"start": 0, "end": 4, "qid": "Q1"}]}, "mentions[0].qid", "is unknown"),
    ],
)
def test_an_annotation_is_refused_with_field_and_reason(
    client: Client, request_: dict[str, object], field: str, reason: str
) -> None:
    assert refused(client.post("/v1/annotate", request_), 422, field, reason)


@pytest.mark.parametrize(
    ("parameters", "field", "reason"),
    [
        ("", "mention", "is missing"),
        ("mention=", "mention", "is empty"),
        ("mention=%20", "mention", "is empty"),
        ("mention=Kyiv&colour=red", "colour", "is unknown"),
        ("mention=Kyiv&mention=Jordan", "mention", "2 times"),
        ("mention=Kyiv&limit=1&limit=2", "limit", "2 times"),
        ("mention=Kyiv&limit=many", "limit", "expected `int`"),
        ("mention=Kyiv&limit=", "limit", "expected `int`"),
        ("mention=Kyiv&limit=0", "limit", "from 1 to 100"),
        ("mention=Kyiv&limit=-3", "limit", "from 1 to 100"),
        ("mention=Kyiv&limit=101", "limit", "from 1 to 100"),
        ("mention=Kyiv&type=CITY", "type", "CITY"),
        ("mention=Kyiv&type=", "type", "''"),
        ("mention=Kyiv&language=xx", "language", "'xx' is not known here"),
    ],
)
def test_a_lookup_is_refused_with_field_and_reason(client: Client, parameters: str, field: str, reason: str) -> None:
    assert refused(client.get(f"/v1/lookup?{parameters}"), 422, field, reason)


@pytest.mark.parametrize(
    ("request_", "field", "reason"),
    [
        ({}, "queries", "is missing"),
        ({"queries": {}}, "queries", "expected `array`"),
        ({"queries": ["Kyiv"]}, "queries[0]", "expected `object`"),
        ({"queries": [{"mention": "Kyiv"}, {"mention": " "}]}, "queries[1].mention", "is empty"),
        ({"queries": [{"mention": "Kyiv"}, {"context": "Kyiv"}]}, "queries[1].mention", "is missing"),
        ({"queries": [{"mention": "Kyiv", "colour": 1}]}, "queries[0].colour", "is unknown"),
        ({"queries": [{"mention": "Kyiv", "type": "CITY"}]}, "queries[0].type", "CITY"),
        ({"queries": [{"mention": "Kyiv"}], "limit": 0}, "limit", "from 1 to 100"),
        ({"queries": [{"mention": "Kyiv"}], "language": "xx"}, "language", "'xx' is not known here"),
        ({"queries": [{"mention": "Kyiv"}], "options": {}}, "options", "is unknown"),
    ],
)
def test_a_batch_is_refused_with_field_and_reason(
    client: Client, request_: dict[str, object], field: str, reason: str
) -> None:
    assert refused(client.post("/v1/lookup/batch", request_), 422, field, reason)


def test_what_is_over_the_limit_is_too_large(client: Client) -> None:
    assert client.annotate("é" * (MOST // 2)).status_code == 200
    assert refused(client.annotate("é" * (MOST // 2) + "x"), 413, "text", "NEDSVC_MAX_TEXT")
    assert refused(client.lookup("x" * (MOST + 1)), 413, "mention")
    assert refused(client.lookup("x", context="x" * (MOST + 1)), 413, "context")
    assert refused(client.batch("x", "x" * (MOST + 1)), 413, "queries[1].mention")
    assert refused(client.batch(*["x"] * (MOST_QUERIES + 1)), 413, "queries", "1000")
    assert client.batch(*["x"] * MOST_QUERIES).status_code == 200


def test_a_body_far_over_the_limit_is_not_even_read(client: Client) -> None:
    body = json.dumps({"text": "x" * 2_000_000}).encode()
    assert refused(client.post("/v1/annotate", body), 413, "body")


def test_a_text_of_escapes_within_the_limit_is_read(client: Client) -> None:
    assert client.post("/v1/annotate", b'{"text":"' + rb"\u0041" * MOST + b'"}').status_code == 200


@pytest.mark.parametrize(
    "qid", ["q42", "Q0", "Q042", "42", "P31", "Q", "Q4x", "Q99999999999", "Q٤", "Q4%0A", "%F0%9F%98%80"]
)
def test_a_malformed_qid_is_refused(client: Client, qid: str) -> None:
    assert refused(client.get(f"/v1/entities/{qid}"), 422, "qid", "is no Wikidata item id")


def test_an_unknown_qid_is_not_found(client: Client) -> None:
    assert refused(client.get("/v1/entities/Q2147483647"), 404, "qid", "Q2147483647")


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/v1",
        "/v1/annotate/",
        "/v2/lookup",
        "//healthz//",
        "/v1//lookup",
        "/v1/entities/",
        "/docs/assets/../app.py",
    ],
)
def test_an_unknown_path_is_not_found(client: Client, path: str) -> None:
    assert refused(client.get(path), 404, None)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/v1/annotate", "POST"),
        ("DELETE", "/v1/annotate", "POST"),
        ("POST", "/v1/lookup", "GET"),
        ("PUT", "/v1/lookup/batch", "POST"),
        ("PATCH", "/v1/entities/Q42", "GET"),
        ("POST", "/healthz", "GET"),
        ("FROB", "/readyz", "GET"),
    ],
)
def test_another_method_is_not_allowed_and_told_which_is(client: Client, method: str, path: str, allowed: str) -> None:
    response = client.flask.open(path, method=method)
    assert refused(response, 405, None)
    assert allowed in response.headers["Allow"].split(", ")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
FIELDS = ["text", "language", "mentions", "options", "queries", "limit", "mention", "context", "type", "start", "end"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
@given(
    path=st.sampled_from(["/v1/annotate", "/v1/lookup/batch"]),
    sound=st.fixed_dictionaries(
        {}, optional={"text": st.text(), "queries": st.lists(st.text().map(lambda m: {"mention": m}))}
    ),
    odd=st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=3),
)
def test_no_body_makes_the_service_fail(client: Client, path: str, sound: dict[str, Any], odd: dict[str, Any]) -> None:
    response = client.post(path, sound | odd)
    assert response.status_code in {200, 413, 422}
    assert response.get_json()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=80, deadline=None)
@given(st.dictionaries(st.sampled_from(["mention", "context", "type", "language", "limit"]), st.text()))
def test_no_parameters_make_the_service_fail(client: Client, parameters: dict[str, str]) -> None:
    response = client.flask.get("/v1/lookup", query_string=parameters)
    assert response.status_code in {200, 413, 422}


# Faults and names of requests


@pytest.mark.parametrize("ask", ["annotate", "lookup", "batch", "entity"])
def test_a_fault_is_told_without_what_is_inside_and_logged_under_the_requests_name(
    ask: str, caplog: pytest.LogCaptureFixture
) -> None:
    client = client_of(linker(BrokenSource({})), MemoryCache())
    calls: dict[str, Any] = {
        "annotate": client.annotate,
        "lookup": lambda: client.lookup("Kyiv"),
        "batch": lambda: client.batch("Kyiv"),
        "entity": lambda: client.get("/v1/entities/Q42"),
    }
    with caplog.at_level(logging.ERROR):
        response = calls[ask]()
    assert refused(response, 500, None)
    name = response.headers["X-Request-Id"]
    assert name in response.get_json()["detail"]
    assert not any(part in response.text for part in ("sesame", "RuntimeError", "Traceback", ".py"))
    assert f"request {name}" in caplog.text
    assert "sesame" in caplog.text


def test_a_fault_is_not_kept() -> None:
    cache = MemoryCache()
    assert client_of(linker(BrokenSource(NAMES)), cache).annotate().status_code == 500
    assert client_of(linker(), cache).annotate().headers["X-Nedsvc-Cache"] == "miss"


@pytest.mark.parametrize("name", ["a", "0b5d-41.x_Y", "x" * 64])
def test_a_requests_name_is_sent_back(client: Client, name: str) -> None:
    for path in ("/healthz", "/v1/lookup?mention=Kyiv", "/v1/lookup", "/nowhere"):
        assert client.get(path, **{"X-Request-Id": name}).headers["X-Request-Id"] == name


@pytest.mark.parametrize("name", ["", "x" * 65, "a b", "a\tb", "<script>", "é", "a;b", "a,b"])
def test_a_malformed_name_is_not_echoed(client: Client, name: str) -> None:
    answers = [client.get("/healthz", **{"X-Request-Id": name}).headers["X-Request-Id"] for _ in range(2)]
    assert all(re.fullmatch("[0-9a-f]{16}", answer) for answer in answers)
    assert len(set(answers)) == 2


# The OpenAPI document and its pages


def document() -> dict[str, Any]:
    response = client_of(linker(), MemoryCache()).get("/openapi.json")
    content: dict[str, Any] = response.get_json()
    return content


def test_the_document_is_valid_openapi() -> None:
    OpenAPIV31SpecValidator(document()).validate()
    assert document() == json.loads(json.dumps(openapi_document()))


def test_the_document_says_what_each_parameter_is_and_when_to_ask_again() -> None:
    described = document()["paths"]["/v1/lookup"]["get"]
    assert all(parameter["description"] for parameter in described["parameters"])
    assert "Retry-After" in described["responses"]["503"]["headers"]
    assert "headers" not in described["responses"]["422"]


def test_every_route_is_in_the_document_and_the_reverse() -> None:
    app = create_app(Service(linker(), MemoryCache(), MOST), MOST)
    routes = {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method.lower())
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if not rule.endpoint.startswith("pages.") and rule.rule != "/openapi.json"
    }
    described = {(path, method) for path, methods in document()["paths"].items() for method in methods}
    assert routes == described == {(operation.path, operation.method) for operation in OPERATIONS}


def described_schema(path: str, method: str, status: int) -> dict[str, Any]:
    """What the document says of an answer, with all that it refers to."""
    whole = document()
    responses = whole["paths"][path][method]["responses"]
    ((_, content),) = responses.get(str(status), responses["default"])["content"].items()
    return {"components": whole["components"], **content["schema"]}


@pytest.mark.parametrize(
    ("path", "method", "call"),
    [
        ("/v1/annotate", "post", lambda c: c.annotate("Putin met Blinken in Kiev.")),
        ("/v1/annotate", "post", lambda c: c.annotate("in Jordan", options={"candidates": True, "explain": True})),
        ("/v1/annotate", "post", lambda c: c.annotate("Zzyzx", mentions=[{"start": 0, "end": 5}])),
        ("/v1/annotate", "post", lambda c: c.annotate("")),
        ("/v1/annotate", "post", lambda c: c.annotate("x" * 1_000_001)),
        ("/v1/annotate", "post", lambda c: c.post("/v1/annotate", b"x" * 8_000_000)),
        ("/v1/annotate", "post", lambda c: c.get("/v1/annotate")),
        ("/v1/lookup", "get", lambda c: c.lookup("Kiev", type="GPE")),
        ("/v1/lookup", "get", lambda c: c.lookup("Zzyzx")),
        ("/v1/lookup", "get", lambda c: c.get("/v1/lookup")),
        ("/v1/lookup/batch", "post", lambda c: c.batch("Kiev", "Zzyzx")),
        ("/v1/lookup/batch", "post", lambda c: c.batch(" ")),
        ("/v1/entities/{qid}", "get", lambda c: c.get("/v1/entities/Q7747")),
        ("/v1/entities/{qid}", "get", lambda c: c.get("/v1/entities/Q2147483647")),
        ("/v1/entities/{qid}", "get", lambda c: c.get("/v1/entities/x")),
        ("/healthz", "get", lambda c: c.get("/healthz")),
        ("/readyz", "get", lambda c: c.get("/readyz")),
    ],
)
def test_answers_are_what_the_document_says(starter_client: Client, path: str, method: str, call: Any) -> None:
    response = call(starter_client)
    schema = described_schema(path, method, response.status_code)
    validator = jsonschema.Draft202012Validator(closed(schema))
    validator.validate(response.get_json())


def closed(schema: Any) -> Any:
    """The schema with nothing allowed that it does not name."""
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    inner: dict[str, Any] = {name: closed(part) for name, part in schema.items()}
    return {"additionalProperties": False, **inner} if "properties" in schema else inner


def test_requests_that_work_are_what_the_document_says() -> None:
    whole = document()
    bodies: list[tuple[str, dict[str, Any]]] = [
        ("/v1/annotate", {"text": "in Kyiv", "mentions": [{"start": 3, "end": 7}], "options": {"types": ["GPE"]}}),
        ("/v1/lookup/batch", {"queries": [{"mention": "Kyiv", "context": None, "type": "GPE"}], "limit": 3}),
    ]
    for path, body in bodies:
        content = whole["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]
        validator = jsonschema.Draft202012Validator({"components": whole["components"], **content})
        validator.validate(body)
        assert not validator.is_valid({**body, "colour": "red"})


def test_the_documentation_page_loads_only_what_is_served_here(client: Client) -> None:
    page = client.get("/docs")
    assert page.content_type == "text/html; charset=utf-8"
    assert page.headers["Content-Security-Policy"].startswith("default-src 'self'")
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(loaded) == 3
    for address in loaded:
        assert not re.match(r"\w+:|//|/", address), "it would not work behind a prefix, or from elsewhere"
        assert client.get(f"/{address}").status_code == 200, address
    start = client.get("/docs/start.js").text
    assert 'url: "openapi.json"' in start
    assert "validatorUrl: null" in start, "else Swagger UI asks a server elsewhere"
    assert "url(http" not in client.get("/docs/assets/swagger-ui.css").text


def test_assets_come_from_their_folder_only(client: Client) -> None:
    for name in ("../__init__.py", "%2e%2e/__init__.py", "..%2f__init__.py", "/etc/passwd", "no.js"):
        assert client.get(f"/docs/assets/{name}").status_code == 404


def test_the_folder_of_an_index_is_never_told(starter_client: Client, starter: Path) -> None:
    paths = ("/readyz", "/openapi.json", "/v1/lookup?mention=Kiev", "/v1/entities/x", "/nowhere")
    assert not any(str(starter.parent) in starter_client.get(path).text for path in paths)
