"""Live Wikidata through the command line, the service and the library, wired as users have it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from dumps import claims, dump_item, statement
from faults import Fault
from servers import NedService, RedisServer
from sparql_server import SparqlServer
from wikibase_servers import SampleWikibase

from nedsvc import EntityLinker, InvalidInput

SITES = [f"{code}wiki" for code in ("en", "de", "fr", "ru", "uk", "es", "it", "pl", "nl", "ja")]
ORCID = "0000-0002-1825-0097"


def identifier(value: str) -> dict[str, Any]:
    """A statement with a string."""
    held = statement({"en": value})
    held["mainsnak"]["datavalue"] = {"value": value, "type": "string"}
    return held


ITEMS = [
    dump_item("Q2147483001", "Power of Siberia 2", description="planned gas pipeline", sitelinks=SITES),
    dump_item("Q5", "human", description="any member of Homo sapiens", claims={"P496": [identifier("five")]}),
    dump_item("Q2147483002", "Ada Example", claims=claims(P31="Q5") | {"P496": [identifier(ORCID)]}),
    dump_item("Q2147483003", "Twin One", claims={"P214": [identifier("twins")]}),
    dump_item("Q2147483004", "Twin Two", claims={"P214": [identifier("twins")]}),
]


@pytest.fixture(scope="module")
def wikibase() -> Iterator[SampleWikibase]:
    with SampleWikibase(ITEMS) as server:
        yield server


@pytest.fixture(scope="module")
def sparql() -> Iterator[SparqlServer]:
    with SparqlServer(ITEMS) as server:
        yield server


@pytest.fixture
def environment(wikibase: SampleWikibase, sparql: SparqlServer, starter: Path, tmp_path: Path) -> dict[str, str]:
    """What a user would set to ask these servers."""
    wikibase.faults = sparql.faults = None
    wikibase.clear()
    sparql.clear()
    return {
        "NEDSVC_INDEX": str(starter),
        "NEDSVC_CACHE": str(tmp_path),
        "NEDSVC_CONTACT": "operator@example.org",
        "NEDSVC_WIKIDATA_URL": wikibase.url,
        "NEDSVC_SPARQL_URL": sparql.url,
        "NEDSVC_REDIS_URL": "",
        "NEDSVC_SOURCE": "",
    }


def nedsvc(environment: dict[str, str], *arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from nedsvc.cli import main; main()", *arguments],
        input=text,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def annotate(environment: dict[str, str], text: str, *options: str) -> subprocess.CompletedProcess[str]:
    return nedsvc(environment, "annotate", "--format", "json", "--detector", "gazetteer", *options, text=text)


def given(text: str, surface: str, folder: Path) -> list[str]:
    """The options that have just this surface linked."""
    file = folder / "mentions.json"
    start = text.index(surface)
    file.write_bytes(msgspec.json.encode([{"start": start, "end": start + len(surface)}]))
    return ["--mentions", str(file)]


def test_live_wikidata_is_refused_without_a_contact(environment: dict[str, str]) -> None:
    done = annotate(environment | {"NEDSVC_CONTACT": ""}, "Kyiv", "--source", "wikidata")
    assert done.returncode == 2
    assert "NEDSVC_CONTACT" in done.stderr
    assert "mail address" in done.stderr


def test_auto_without_a_contact_is_the_index_alone(environment: dict[str, str], wikibase: SampleWikibase) -> None:
    done = nedsvc(environment | {"NEDSVC_CONTACT": ""}, "lookup", "Power of Siberia 2", "--format", "json")
    assert msgspec.json.decode(done.stdout)["status"] == "nil"
    assert not wikibase.log


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("NEDSVC_CONTACT", "me", "must be a mail address"),
        ("NEDSVC_CONTACT", "me (at) example.org", "must be a mail address"),
        ("NEDSVC_SOURCE", "dbpedia", "choose from auto, index, wikidata"),
        ("NEDSVC_WIKIDATA_URL", "www.wikidata.org", "must be an address"),
        ("NEDSVC_WIKIDATA_RATE", "0", "must be a whole number"),
        ("NEDSVC_WIKIDATA_DEADLINE", "never", "must be a number of seconds"),
        ("NEDSVC_SPARQL_URL", "file:///etc/passwd", "must be an address"),
    ],
)
def test_a_setting_that_cannot_be_is_refused(environment: dict[str, str], name: str, value: str, reason: str) -> None:
    done = annotate(environment | {name: value}, "Kyiv")
    assert done.returncode == 2
    assert done.stderr.startswith(f"nedsvc: {name}: ")
    assert reason in done.stderr


def test_auto_asks_wikidata_for_what_the_index_does_not_link(
    environment: dict[str, str], wikibase: SampleWikibase, tmp_path: Path
) -> None:
    text = "Power of Siberia 2 passes Kyiv."
    done = annotate(environment, text, *given(text, "Power of Siberia 2", tmp_path))
    assert done.returncode == 0, done.stderr
    answer = msgspec.json.decode(done.stdout)
    assert [mention["entity"]["id"] for mention in answer["mentions"]] == ["Q2147483001"]
    assert answer["index"].startswith("starter-")
    assert "+127.0.0.1:" in answer["index"]
    assert {entry.params.get("search") for entry in wikibase.log} == {"Power of Siberia 2", None}


OWN = """
{"id": "acme:1", "names": ["Power of Siberia 2"], "popularity": 0.9}
{"id": "Q2147483002", "names": ["Ada Example"], "description": "our Ada"}
{"never": true, "id": "Q2147483003"}
{"never": true, "names": ["Twin Two"]}
"""


@pytest.mark.parametrize("source", ["auto", "wikidata"])
def test_an_overlay_goes_before_what_wikidata_says_and_what_it_forbids_is_not_linked(
    environment: dict[str, str], tmp_path: Path, source: str
) -> None:
    overlay = tmp_path / "own.jsonl"
    overlay.write_text(OWN)
    names = ("Power of Siberia 2", "Ada Example", "Twin One", "Twin Two", "human")
    chosen = ("--format", "json", "--source", source, "--overlay", str(overlay))
    done = nedsvc(environment, "lookup", *chosen, *names)
    assert done.returncode == 0, done.stderr
    answers = [msgspec.json.decode(line) for line in done.stdout.splitlines()]
    assert [answer["entity"] and answer["entity"]["id"] for answer in answers][:4] == [
        "acme:1",
        "Q2147483002",
        None,
        None,
    ]
    assert answers[1]["entity"]["description"] == "our Ada"
    assert "Q2147483003" not in {one["id"] for answer in answers for one in answer["candidates"]}
    assert answers[3]["candidates"] == []
    assert "Q5" in {one["id"] for one in answers[4]["candidates"]}
    done = nedsvc(environment, "lookup", *chosen, "--property", "P214", "--value", "twins")
    assert "Q2147483004" in done.stdout
    assert "Q2147483003" not in done.stdout


def test_an_outage_is_told_and_ends_the_command_with_an_error(
    environment: dict[str, str], wikibase: SampleWikibase
) -> None:
    wikibase.faults = lambda number, params: "503"
    done = nedsvc(environment | {"NEDSVC_WIKIDATA_DEADLINE": "1"}, "lookup", "Nowhere", "--format", "json")
    assert done.returncode == 1
    answer = msgspec.json.decode(done.stdout)
    assert (answer["status"], answer["entity"]) == ("error", None)
    assert "HTTP 503" in answer["error"]
    assert "Nowhere" in done.stderr
    assert "HTTP 503" in done.stderr


def test_wikis_of_one_host_are_not_mixed_up_in_the_cache(
    environment: dict[str, str], wikibase: SampleWikibase, redis_server: RedisServer
) -> None:
    """At the other address there is nothing, and what the first one said is not taken for its answer."""
    kept = environment | {"NEDSVC_REDIS_URL": redis_server.url, "NEDSVC_SOURCE": "wikidata"}
    assert nedsvc(kept, "lookup", "Ada Example").returncode == 0
    other = kept | {"NEDSVC_WIKIDATA_URL": wikibase.url.replace("/w/", "/other/w/")}
    done = nedsvc(other, "lookup", "Ada Example")
    assert done.returncode == 1
    assert "HTTP 404" in done.stderr


def test_an_interrupted_command_ends_at_once_and_leaves_no_request_in_flight(
    environment: dict[str, str], wikibase: SampleWikibase
) -> None:
    wikibase.faults = lambda number, params: Fault("hang", seconds=60.0)
    patient = environment | {"NEDSVC_WIKIDATA_DEADLINE": "600"}
    arguments = ["lookup", "--source", "wikidata", "Nowhere", "Nobody", "Nothing", "Never"]
    command = [sys.executable, "-c", "from nedsvc.cli import main; main()", *arguments]
    with subprocess.Popen(command, env=os.environ | patient, stderr=subprocess.PIPE, text=True) as process:
        while len(wikibase.log) < 3 and process.poll() is None:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=9)  # a request alone waits for ten seconds
    assert process.returncode == 1
    assert "interrupted" in said
    wikibase.faults = None
    done = nedsvc(environment | {"NEDSVC_WIKIDATA_DEADLINE": "15"}, "lookup", "--source", "wikidata", "Ada Example")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("property_", "value", "status", "ids"),
    [
        ("P496", ORCID, "linked", ["Q2147483002"]),
        ("P496", "five", "linked", ["Q5"]),
        ("P214", "twins", "ambiguous", ["Q2147483003", "Q2147483004"]),
        ("P214", 'no"body', "nil", []),
    ],
)
def test_an_identifier_is_looked_up(
    environment: dict[str, str], property_: str, value: str, status: str, ids: list[str]
) -> None:
    done = nedsvc(environment, "lookup", "--property", property_, "--value", value, "--format", "json")
    assert done.returncode == 0, done.stderr
    answer = msgspec.json.decode(done.stdout)
    assert (answer["mention"], answer["status"]) == (value, status)
    assert [candidate["id"] for candidate in answer["candidates"]] == ids
    assert (answer["entity"] or {}).get("id") == (ids[0] if status == "linked" else None)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--property", "P496"), "--property: goes with --value"),
        (("--property", "Q5", "--value", "x"), "property: 'Q5' is no Wikidata property"),
        (("--property", "P496", "--value", "x", "Kyiv"), "--property: goes with --value, and with no name"),
        ((), "MENTION: is missing"),
    ],
)
def test_what_cannot_be_looked_up_is_refused(
    environment: dict[str, str], arguments: tuple[str, ...], reason: str
) -> None:
    done = nedsvc(environment, "lookup", *arguments)
    assert done.returncode == 2
    assert reason in done.stderr


def test_an_identifier_that_cannot_be_asked_is_an_error(environment: dict[str, str], sparql: SparqlServer) -> None:
    sparql.faults = lambda number, params: "503"
    slow = environment | {"NEDSVC_WIKIDATA_DEADLINE": "3"}
    done = nedsvc(slow, "lookup", "--property", "P496", "--value", ORCID)
    assert done.returncode == 1
    assert "HTTP 503" in done.stderr


def test_the_library_asks_as_the_environment_says(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, wikibase: SampleWikibase
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    linker = EntityLinker.from_index(detector="gazetteer", source="wikidata")
    entity = linker.lookup("Power of Siberia 2").link.entity
    assert entity
    assert entity.id == "Q2147483001"
    assert entity.url == f"{wikibase.root}/entity/Q2147483001"
    assert (
        EntityLinker.from_index(detector="gazetteer", source="index").lookup("Power of Siberia 2").link.status == "nil"
    )
    with pytest.raises(InvalidInput, match="source"):
        EntityLinker.from_index(detector="gazetteer", source="dbpedia")


def test_the_service_asks_wikidata_and_says_what_it_could_not_ask(
    environment: dict[str, str], wikibase: SampleWikibase, starter: Path, redis_server: RedisServer, tmp_path: Path
) -> None:
    live = environment | {"NEDSVC_REDIS_URL": redis_server.url, "NEDSVC_WIKIDATA_DEADLINE": "1.5"}
    with NedService(starter, tmp_path, "--workers", "2", **live) as service:
        first = service.lookup("Power%20of%20Siberia%202")
        assert (first.json["status"], first.cache) == ("linked", "miss")
        assert service.lookup("Power%20of%20Siberia%202").cache == "hit"
        entity = service.get("/v1/entities/Q2147483001").json
        assert entity["provenance"]["source"] == wikibase.url.split("/")[2]
        assert entity["provenance"]["revision"] > 0

        found = service.get(f"/v1/lookup?property=P496&value={ORCID}")
        assert (found.json["entity"]["id"], found.cache) == ("Q2147483002", "miss")
        assert service.get("/v1/lookup?property=P496").status == 422
        assert service.get("/v1/lookup?mention=Kyiv&property=P496&value=1").status == 422

        wikibase.faults = lambda number, params: "503"
        lost = service.annotate("Power of Siberia 2 and Nowhere", mentions=[{"start": 23, "end": 30}])
        (mention,) = lost.json["mentions"]
        assert (lost.status, mention["status"]) == (200, "error")
        assert "HTTP 503" in mention["error"]
        unknown = service.get("/v1/entities/Q99999999")
        assert (unknown.status, unknown.json["title"]) == (503, "Source unavailable")
        assert int(unknown.headers["retry-after"]) > 0
        wikibase.faults = None
        again = service.annotate("Power of Siberia 2 and Nowhere", mentions=[{"start": 23, "end": 30}])
        assert again.json["mentions"][0]["status"] == "nil"


@pytest.mark.parametrize("source", ["auto", "index"])
def test_a_service_asks_once_for_an_item_that_a_name_and_an_identifier_lead_to(
    environment: dict[str, str], wikibase: SampleWikibase, starter: Path, tmp_path: Path, source: str
) -> None:
    with NedService(starter, tmp_path, **environment | {"NEDSVC_SOURCE": source}) as service:
        named = service.lookup("Ada%20Example").json
        assert (named["entity"] or {}).get("id") == ("Q2147483002" if source == "auto" else None)
        assert service.get(f"/v1/lookup?property=P496&value={ORCID}").json["entity"]["id"] == "Q2147483002"
    fetched = [entry.params["ids"] for entry in wikibase.log if "ids" in entry.params]
    assert sum("Q2147483002" in ids.split("|") for ids in fetched) == 1


def test_a_service_without_a_contact_says_that_it_cannot_look_identifiers_up(
    environment: dict[str, str], starter: Path, tmp_path: Path
) -> None:
    with NedService(starter, tmp_path, **environment | {"NEDSVC_CONTACT": ""}) as service:
        answer = service.get("/v1/lookup?property=P496&value=1")
        assert answer.status == 422
        assert "NEDSVC_CONTACT" in answer.json["detail"]
