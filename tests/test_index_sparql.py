"""An index of what a SPARQL endpoint gives: the same as of a dump, page by page, through faults and interruptions."""

import copy
import fcntl
import os
import re
import signal
import subprocess
import sys
import urllib.parse
from collections.abc import Iterator, Sequence
from datetime import date
from itertools import product
from pathlib import Path
from string import ascii_lowercase
from typing import Any, NamedTuple

import msgspec
import pytest
from click.testing import CliRunner, Result
from dumps import Json, claims, dump_item, make_dump, snak_of, statement
from faults import Answer, Fault, Faults
from hypothesis import given
from hypothesis import strategies as st
from loopback import Asked
from sample_slices import sample_slice
from servers import wait_until
from sparql_server import JULIAN, LONGEST_ADDRESS, SparqlServer, rdf_time, sparql_server

from nedsvc.cli_index import index as commands
from nedsvc.errors import BuildError, InvalidInput
from nedsvc.index.build import build_index
from nedsvc.index.format import Manifest
from nedsvc.index.options import BuildOptions
from nedsvc.index.part import part_folder
from nedsvc.index.queries import details, iso_date, listed, superclasses
from nedsvc.index.reader import Index
from nedsvc.index.sparql import Fetched, Sizes, build_from_endpoint
from nedsvc.models import qid_number
from nedsvc.sparql import Patience, SparqlEndpoint
from nedsvc.wikibase import RELATIONS, Item, ItemReader

CONTACT = "ops@example.org"
QUICK = Patience(first_pause=0.01, longest_pause=0.02)
SMALL = Sizes(listed=4, classes=2, items=3)
CHOSEN = BuildOptions(classes=("Q5", "Q43229"), min_sitelinks=20, languages=("en", "de"))
ALL_SITES = ["enwiki", *(f"{a}{b}wiki" for a, b in product(ascii_lowercase, repeat=2) if f"{a}{b}" != "en")]


def known(qid: str, label: str, class_: str, sitelinks: int, **rest: Any) -> Json:
    """An instance of a class with so many sitelinks."""
    statements = claims(P31=class_) | rest.pop("claims", {})
    return dump_item(qid, label, claims=statements, sitelinks=ALL_SITES[:sitelinks], **rest)


CLASSES = [
    dump_item("Q5", "human", claims=claims(P279="Q215627")),
    dump_item("Q215627", "person"),
    dump_item("Q43229", "organization"),
    dump_item("Q4830453", "business", claims=claims(P279=["Q43229", "Q4830453"])),
    dump_item("Q891723", "public company", claims=claims(P279="Q4830453")),
    dump_item("Q515", "city"),
    dump_item("Q11173", "chemical compound"),
]
OFFICE = {"P580": [snak_of(("+2000-05-07T00:00:00Z", 11))], "P582": [snak_of(("+2008-00-00T00:00:00Z", 9))]}
HELD = {"P39": [statement("Q218295", qualifiers=OFFICE)]}
ITEMS = [
    *CLASSES,
    *(known(f"Q{1000 + number}", f"Person {number}", "Q5", 20 + number % 7) for number in range(20)),
    known("Q7747", "Vladimir Putin", "Q5", 300, claims=HELD, modified="2026-11-20T10:00:00Z"),
    known("Q95", "Google", "Q891723", 150, claims=claims(P17="Q30"), modified="2026-11-21T10:00:00Z"),
    known("Q312", "Apple", "Q4830453", 200, claims=claims(P17="Q30", P112="Q19837")),
    known("Q380", "Meta", "Q891723", 19),
    known("Q64", "Berlin", "Q515", 320),
    known("Q283", "water", "Q11173", 21),
]


@pytest.fixture(scope="module")
def running() -> Iterator[SparqlServer]:
    with sparql_server(ITEMS) as server:
        yield server


class Whole(NamedTuple):
    """What comes of a build that nothing disturbs: the index, and how many requests it takes."""

    content_id: str
    requests: int


@pytest.fixture(scope="module")
def whole(running: SparqlServer, tmp_path_factory: pytest.TempPathFactory) -> Whole:
    content_id = build(running, tmp_path_factory.mktemp("whole") / "index").content_id
    return Whole(content_id, running.count())


@pytest.fixture
def server(running: SparqlServer, whole: Whole) -> SparqlServer:
    """An endpoint over `ITEMS` that works and has not been asked yet."""
    running.faults = None
    running.clear()
    return running


def build(server: SparqlServer, out: Path, options: BuildOptions = CHOSEN, **rest: Any) -> Manifest:
    return build_from_endpoint(SparqlEndpoint(server.url, CONTACT, QUICK), out, options, **{"sizes": SMALL} | rest)


def fetched(items: Sequence[Json], languages: Sequence[str]) -> list[Item]:
    """The items as they are fetched from an endpoint over them."""
    with sparql_server(items) as server:
        ask = SparqlEndpoint(server.url, CONTACT, QUICK).query
        return details(ask, [qid_number(item["id"]) for item in items], languages).items


def read(items: Sequence[Json], languages: Sequence[str]) -> list[Item | None]:
    """The items as they are read from a dump that has everything in the order in which it is fetched."""
    reader = ItemReader(languages)
    return [reader.read(msgspec.json.encode(in_order(item))) for item in items]


def in_order(item: Json) -> Json:
    """The item with what RDF gives no order in the order in which it is fetched."""
    item = copy.deepcopy(item)
    for aliases in (item["aliases"] or {}).values():
        aliases.sort(key=lambda alias: alias["value"])
    for statements in (item["claims"] or {}).values():
        statements.sort(key=_place)
    return item


def _place(one: Json) -> tuple[Any, ...]:
    value = one["mainsnak"].get("datavalue", {}).get("value")
    if not isinstance(value, dict):
        return (0,)
    if "time" in value:
        return 1, -value["precision"], value["time"]
    if "text" in value:
        return 2, value["language"], value["text"]
    ends = [_end(one, name) for name in ("P580", "P582")]
    return 3, value.get("numeric-id", 0), *ends


def _end(one: Json, name: str) -> str:
    snaks = (one.get("qualifiers") or {}).get(name) or [{}]
    return str(snaks[0].get("datavalue", {}).get("value", {}).get("time", ""))


def fields(item: Item | None) -> Json:
    """What an item holds, by the names of its fields, and the label that is shown."""
    held: Json = msgspec.json.decode(msgspec.json.encode(item))
    return held | {"shown": next(iter(held["labels"]), None)}


def assert_same(items: Sequence[Json], languages: Sequence[str]) -> None:
    from_dump, from_endpoint = read(items, languages), fetched(items, languages)
    assert len(from_endpoint) == len(items)
    for one, other in zip(from_dump, from_endpoint, strict=True):
        assert fields(other) == fields(one)


# Items


UNKNOWN = snak_of(None)
WHOLE = dump_item(
    "Q7747",
    "Vladimir Putin",
    description="president",
    aliases=["Putin", "V. V. Putin"],
    labels={"de": "Wladimir Putin", "mul": "Putin", "fr": "Poutine", "zh-cn": "普京", "sr-ec": "Путин"},
    sitelinks=["enwiki", "dewiki", "commonswiki"],
    claims={
        "P31": [statement("Q5"), statement("Q6", "deprecated"), statement(None), statement("Q7", "preferred")],
        "P279": [statement("Q9"), statement("Q8")],
        "P27": [statement("Q159"), statement("Q15180"), statement("Q999", "deprecated")],
        "P17": [statement("Q159")],
        "P39": [
            statement("Q218295", qualifiers=OFFICE),
            statement("Q218295", "preferred", {"P580": [snak_of(("+2012-05-07T00:00:00Z", 11))], "P582": [UNKNOWN]}),
            statement("Q1", "deprecated"),
            statement("Q2", qualifiers={"P582": [snak_of(("+1999-08-00T00:00:00Z", 10))]}),
            statement(None, qualifiers=OFFICE),
        ],
        "P569": [
            statement(("+1900-01-01T00:00:00Z", 11), "deprecated"),
            statement(("+1952-10-07T00:00:00Z", 11)),
            statement(("+1952-00-00T00:00:00Z", 9), "preferred"),
        ],
        "P570": [statement(("+2100-00-00T00:00:00Z", 7)), statement(None)],
        "P571": [statement(("+1999-02-00T00:00:00Z", 10)), statement(("+1998-02-03T00:00:00Z", 11))],
        "P1813": [statement({"en": "VVP"}), statement({"ru": "ВВП"}), statement({"en": "Putin"})],
        "P1448": [statement({"de": "Präsident"})],
        "P1705": [statement({"mul": "Putin"}), statement({"en": "gone"}, "deprecated")],
        "P1549": [statement({"en": "Putinist"}), statement({"de": "Putinist"}), statement(None)],
    },
)
BARE = dump_item("Q2", None)


@pytest.mark.parametrize("languages", [["en"], ["de", "en"], ["zh-cn", "sr-ec"], ["fr"], ["all"]])
def test_an_item_is_the_same_as_from_a_dump(languages: list[str]) -> None:
    assert_same([WHOLE, BARE], languages)


def test_items_of_wikidata_are_the_same_as_from_a_dump(shared: Path) -> None:
    """Apart from order, which RDF does not have; and from old codes of languages, which share a tag with new ones."""
    qids = "Q5 Q30 Q142 Q183 Q42 Q64 Q142 Q159 Q212 Q1048 Q1405 Q7747 Q9960 Q859 Q692 Q1067 Q1899 Q2283 Q7184 Q1065"
    items = sample_slice(shared, frozenset(qids.split()))
    assert len(items) > 15
    assert_same(items, ["en", "de", "uk", "mul", "zh-hans"])


@pytest.mark.parametrize(
    ("time", "precision", "calendar", "expected"),
    [
        ("1952-10-07T00:00:00Z", 11, "Q1985727", "1952-10-07"),
        ("1952-10-01T00:00:00Z", 10, "Q1985727", "1952-10"),
        ("1952-01-01T00:00:00Z", 9, "Q1985727", "1952"),
        ("1950-01-01T00:00:00Z", 8, "Q1985727", None),
        ("1616-05-03T00:00:00Z", 11, "Q1985786", "1616-04-23"),
        ("1616-04-01T00:00:00Z", 10, "Q1985786", "1616-04"),
        ("-0043-03-13T00:00:00Z", 11, "Q1985786", "-0044-03-15"),
        ("0000-01-01T00:00:00Z", 9, "Q1985727", "-0001"),
        ("-0099-01-01T00:00:00Z", 9, "Q1985727", "-0100"),
        ("12026-01-01T00:00:00Z", 9, "Q1985727", "12026"),
        ("+99999-00-00T00:00:00Z", 9, "Q1985727", None),
        (".well-known/genid/1", 11, "Q1985727", None),
    ],
)
def test_dates_of_rdf_become_those_of_a_dump(time: str, precision: int, calendar: str, expected: str | None) -> None:
    assert iso_date(time, precision, calendar) == expected


@given(day=st.dates(), is_julian=st.booleans(), precision=st.integers(9, 11), is_early=st.booleans())
def test_every_date_survives_rdf(day: date, is_julian: bool, precision: int, is_early: bool) -> None:
    calendar = JULIAN if is_julian else "http://www.wikidata.org/entity/Q1985727"
    written = day.isoformat()
    value = {
        "time": f"{'-' if is_early else '+'}{written}T00:00:00Z",
        "precision": precision,
        "calendarmodel": calendar,
    }
    as_known = "-".join(written.split("-")[: precision - 8])
    assert iso_date(rdf_time(value), precision, calendar) == ("-" if is_early else "") + as_known


def test_an_item_that_is_gone_is_left_out(server: SparqlServer) -> None:
    ask = SparqlEndpoint(server.url, CONTACT, QUICK).query
    assert [item.number for item in details(ask, [95, 96, 312], ["en"]).items] == [95, 312]


def test_the_addresses_of_the_largest_requests_are_short_enough() -> None:
    lengths: list[int] = []

    def ask(query: str) -> list[dict[str, str]]:
        lengths.append(len(urllib.parse.urlencode({"query": query, "format": "json"})) + 800)  # with the prefixes
        return []

    numbers = range(2_000_000_000, 2_000_000_200)
    listed(ask, range(910, 1001), "Q2000000000", 5000)
    superclasses(ask, numbers[: Sizes().classes])
    details(ask, numbers[: Sizes().items], ["en", "de", "fr", "es", "zh-hant", "zh-hans", "pt-br"])
    assert len(lengths) == 6
    assert max(lengths) < LONGEST_ADDRESS
    assert len(RELATIONS) > 60


# The index


def test_the_index_holds_the_instances_of_the_chosen_classes_and_is_the_one_of_a_dump(
    server: SparqlServer, tmp_path: Path
) -> None:
    manifest = build(server, tmp_path / "index")
    dump = build_index([make_dump(tmp_path, map(in_order, ITEMS))], tmp_path / "dump", CHOSEN)
    assert manifest.content_id == dump.content_id
    assert (manifest.options, manifest.languages, manifest.dump_date) == (dump.options, dump.languages, dump.dump_date)
    index = Index.open(tmp_path / "index")
    assert {index.id_of(index.number(row)) for row in range(len(index))} == {
        *(f"Q{1000 + n}" for n in range(20)),
        "Q7747",
        "Q95",
        "Q312",
    }
    assert index.entity_types(index.row(95) or 0) == {"ORG"}


def test_the_manifest_says_what_was_listed_and_left_out(server: SparqlServer, tmp_path: Path) -> None:
    counts = build(server, tmp_path / "index").counts
    assert (counts.entities, counts.lines, counts.duplicates) == (23, 25, 0)
    assert counts.left_out == {"not an instance of the chosen classes": 2}


def test_nothing_but_the_index_is_left(server: SparqlServer, tmp_path: Path) -> None:
    build(server, tmp_path / "index")
    build(server, tmp_path / "index")
    assert [path.name for path in tmp_path.iterdir()] == ["index"]


@pytest.mark.parametrize("sizes", [Sizes(listed=1, classes=1, items=1), Sizes()])
def test_pages_of_any_size_make_the_same_index(
    server: SparqlServer, whole: Whole, tmp_path: Path, sizes: Sizes
) -> None:
    assert build(server, tmp_path / "index", sizes=sizes).content_id == whole.content_id


def test_the_name_and_profile_may_change_between_two_runs(server: SparqlServer, tmp_path: Path) -> None:
    interrupted(server, tmp_path / "index", "fetching items")
    options = msgspec.structs.replace(CHOSEN, name="world", profile="all")
    assert build(server, tmp_path / "index", options).content_id.startswith("world-")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"classes": ()}, "--classes"),
        ({"classes": ("P31",)}, "--classes"),
        ({"min_sitelinks": 0}, "--min-sitelinks"),
        ({"min_sitelinks": 1001}, "--min-sitelinks"),
        ({"languages": ("en!",)}, "--languages"),
        ({"profile": "sport"}, "--profile"),
    ],
)
def test_options_that_cannot_be_are_refused_and_nothing_is_asked(
    server: SparqlServer, tmp_path: Path, change: Json, field: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        build(server, tmp_path / "index", msgspec.structs.replace(CHOSEN, **change))
    assert caught.value.field == field
    assert (server.count(), list(tmp_path.iterdir())) == (0, [])


def test_a_folder_that_is_no_index_is_refused_before_anything_is_asked(server: SparqlServer, tmp_path: Path) -> None:
    (tmp_path / "letters").write_text("mine")
    with pytest.raises(InvalidInput, match="other than an index"):
        build(server, tmp_path)
    assert server.count() == 0


def test_what_was_fetched_outlives_an_output_that_is_in_the_way_in_the_end(
    server: SparqlServer, whole: Whole, tmp_path: Path
) -> None:
    out = tmp_path / "index"

    def stand_in_the_way(done: Fetched) -> None:
        if done.stage == "building the arrays":
            out.write_text("mine")

    with pytest.raises(InvalidInput, match="no folder"):
        build(server, out, report=stand_in_the_way)
    out.unlink()
    assert build(server, out).content_id == whole.content_id
    assert server.count() == whole.requests


def test_a_place_that_cannot_be_written_is_said(server: SparqlServer, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(BuildError, match=r"index\.part could not be written: Not a directory"):
        build(server, tmp_path / "file" / "index")
    assert server.count() == 0


def test_classes_without_known_items_are_refused_and_nothing_is_left(server: SparqlServer, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no entity is left"):
        build(server, tmp_path / "index", msgspec.structs.replace(CHOSEN, classes=("Q6256",)))
    assert list(tmp_path.iterdir()) == []


def test_what_changes_between_two_pages_makes_nothing_else_missed_or_doubled(tmp_path: Path) -> None:
    items = [known(f"Q{number}", f"Person {number}", "Q5", 20) for number in range(100, 140)]
    late = known("Q50", "sorts last", "Q5", 20)

    def change(done: Fetched) -> None:
        if done.pages == 3:  # some on the pages before, some on those to come
            changing.load([*CLASSES, *items[3:37], late])

    with sparql_server([*CLASSES, *items]) as changing:
        manifest = build(changing, tmp_path / "index", report=change)
    assert manifest.counts.entities == 35
    assert manifest.counts.duplicates == 0
    assert manifest.counts.left_out == {"gone since it was listed": 3}


# Faults and interruptions


STAGES = ("listing by sitelinks", "fetching classes", "fetching items", "building the arrays")


def interrupted(server: SparqlServer, out: Path, stage: str, page: int = 0) -> None:
    """A build that is interrupted before this page of the stage."""
    told: list[str] = []

    def interrupt(done: Fetched) -> None:
        told.append(done.stage)
        if told.count(stage) > page:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(server, out, report=interrupt)


@pytest.mark.parametrize(("stage", "page"), [*((stage, 0) for stage in STAGES), *((stage, 2) for stage in STAGES[:3])])
def test_an_interrupted_build_goes_on_where_it_stopped(
    server: SparqlServer, whole: Whole, tmp_path: Path, stage: str, page: int
) -> None:
    interrupted(server, tmp_path / "index", stage, page)
    assert not (tmp_path / "index").exists()
    assert build(server, tmp_path / "index").content_id == whole.content_id
    assert server.count() == whole.requests
    assert not part_folder(tmp_path / "index").exists()


def test_a_build_may_be_interrupted_again_and_again(server: SparqlServer, whole: Whole, tmp_path: Path) -> None:
    for stage in STAGES:
        interrupted(server, tmp_path / "index", stage)
    assert build(server, tmp_path / "index").content_id == whole.content_id
    assert server.count() == whole.requests


@pytest.mark.parametrize("variable", ["?sitelinks {", "?above", "?title", "?kind", "?value", "?time"])
def test_an_outage_says_how_to_go_on(server: SparqlServer, whole: Whole, tmp_path: Path, variable: str) -> None:
    """Whatever is asked for when it begins: each query of a build has a variable of its own."""
    server.faults = lambda _, params: Fault("503", retry_after="3600") if variable in params["query"] else None
    with pytest.raises(BuildError) as caught:
        build(server, tmp_path / "index")
    part = part_folder(tmp_path / "index")
    assert str(caught.value) == (
        f"{server.url} could not be asked: it answered with HTTP 503; it asks for a pause of 3600 s; what was done "
        f"is kept in {part}: the same command goes on from there"
    )
    server.faults = None
    assert build(server, tmp_path / "index").content_id == whole.content_id


def test_faults_on_the_way_do_not_show_in_the_index(server: SparqlServer, whole: Whole, tmp_path: Path) -> None:
    kinds = ("429", "503", "500", "html", "half", "reset")
    server.faults = Faults(share=0.3, kinds=kinds, seed=5, retry_after="0")
    assert build(server, tmp_path / "index").content_id == whole.content_id
    assert {entry.fault for entry in server.log} == {None, *kinds}


class Weak(SparqlServer):
    """An endpoint that does not come to an end with large queries."""

    def answer(self, asked: Asked) -> Answer:
        query = asked.params["query"]
        largest = 2 if "?class {" in query else 6
        if len(re.findall(r"wd:Q\d", query)) > largest or "{ 20 21 }" in query:
            return Answer(504, {"Content-Type": "text/html"}, b"<title>upstream request timeout</title>")
        return super().answer(asked)


def test_what_takes_too_long_is_asked_for_in_smaller_parts(whole: Whole, tmp_path: Path) -> None:
    with Weak(ITEMS) as server:
        manifest = build(server, tmp_path / "index", sizes=Sizes(listed=9, classes=3, items=12))
    assert manifest.content_id == whole.content_id


@pytest.mark.parametrize(
    "change",
    [
        {"classes": ("Q5",)},
        {"min_sitelinks": 21},
        {"languages": ("de", "en")},
    ],
)
def test_pages_of_other_options_are_refused_until_they_are_removed(
    server: SparqlServer, tmp_path: Path, change: Json
) -> None:
    interrupted(server, tmp_path / "index", "listing by sitelinks", 3)
    with pytest.raises(InvalidInput) as caught:
        build(server, tmp_path / "index", msgspec.structs.replace(CHOSEN, **change))
    assert f"--sparql {server.url} --classes Q43229,Q5 --min-sitelinks 20 --languages en,de" in str(caught.value)
    assert str(part_folder(tmp_path / "index")) in str(caught.value)


def test_the_same_classes_in_another_order_are_the_same(server: SparqlServer, tmp_path: Path) -> None:
    interrupted(server, tmp_path / "index", "listing by sitelinks", 3)
    build(server, tmp_path / "index", msgspec.structs.replace(CHOSEN, classes=("Q43229", "Q5", "Q5")))


def test_what_is_not_ours_is_not_touched(server: SparqlServer, tmp_path: Path) -> None:
    part = part_folder(tmp_path / "index")
    part.mkdir()
    (part / "letters").write_text("mine")
    with pytest.raises(InvalidInput, match="something else"):
        build(server, tmp_path / "index")
    assert (part / "letters").read_text() == "mine"


@pytest.mark.parametrize(("name", "kind"), [("state.json", InvalidInput), ("list-000000.json", BuildError)])
def test_damaged_pages_are_said(server: SparqlServer, tmp_path: Path, name: str, kind: type[Exception]) -> None:
    interrupted(server, tmp_path / "index", "fetching items")
    (part_folder(tmp_path / "index") / name).write_bytes(b"{")
    with pytest.raises(kind, match=r"remove .*index\.part"):
        build(server, tmp_path / "index")


def test_two_builds_do_not_work_on_the_same_pages(server: SparqlServer, tmp_path: Path) -> None:
    interrupted(server, tmp_path / "index", "listing by sitelinks", 3)
    handle = os.open(part_folder(tmp_path / "index"), os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        with pytest.raises(BuildError, match="Another build"):
            build(server, tmp_path / "index")
    finally:
        os.close(handle)
    build(server, tmp_path / "index")


def test_the_report_tells_stages_and_pages(server: SparqlServer, tmp_path: Path) -> None:
    told: list[Fetched] = []
    build(server, tmp_path / "index", report=told.append)
    assert tuple(dict.fromkeys(one.stage for one in told)) == STAGES
    assert [one.pages for one in told] == list(range(len(told)))
    assert all(one.done <= one.of for one in told)
    assert told[-1].done == told[-1].of == 23


# The command


def run(*arguments: object, contact: str | None = CONTACT) -> Result:
    environment = {"NEDSVC_CONTACT": contact}
    return CliRunner().invoke(commands, ["build", *map(str, arguments)], env=environment)


def options_of(server: SparqlServer, out: Path) -> list[object]:
    return ["--sparql", server.url, "--classes", "Q5,Q43229", "--min-sitelinks", 20, "-o", out]


def test_the_command_builds_and_says_what_was_left_out(server: SparqlServer, tmp_path: Path) -> None:
    result = run(*options_of(server, tmp_path / "index"), "--languages", "en,de")
    assert (result.exit_code, result.stdout) == (0, ""), result.stderr
    assert "23 entities" in result.stderr
    assert "left out: 2 × not an instance of the chosen classes" in result.stderr
    assert server.log[0].user_agent.startswith("nedsvc/")
    assert f"({CONTACT})" in server.log[0].user_agent


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "DUMP: name at least one dump file, or - for standard input, or an endpoint with --sparql"),
        (["-", "--sparql", "http://localhost/sparql"], "DUMP: name at least one"),
        (["--sparql", "http://localhost/sparql"], "--classes: say of which classes"),
        (["--sparql", "http://localhost/sparql", "--classes", "Q5"], "--min-sitelinks: must be from 1 to 1,000"),
        (["--sparql", "localhost", "--classes", "Q5", "--min-sitelinks", 20], "endpoint: must be an address"),
    ],
)
def test_wrong_usage_is_one_sentence_and_exit_code_2(tmp_path: Path, arguments: list[object], message: str) -> None:
    result = run(*arguments, "-o", tmp_path / "index")
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert result.stderr.startswith(f"nedsvc: {message}")
    assert list(tmp_path.iterdir()) == []


def test_nobody_is_asked_without_a_contact(server: SparqlServer, tmp_path: Path) -> None:
    result = run(*options_of(server, tmp_path / "index"), contact=None)
    assert result.exit_code == 2
    assert result.stderr.startswith("nedsvc: NEDSVC_CONTACT: is not set")
    assert server.count() == 0


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_termination_keep_what_was_fetched(
    server: SparqlServer, tmp_path: Path, sent: signal.Signals
) -> None:
    server.faults = lambda number, _: Fault("hang", seconds=60.0) if number >= 5 else None
    out = tmp_path / "index"
    command = [sys.executable, "-c", "from nedsvc.cli_index import index; index()", "build"]
    command += [str(argument) for argument in options_of(server, out)]
    environment = os.environ | {"NEDSVC_CONTACT": CONTACT}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stderr is not None
        wait_until(lambda: server.count() > 5, 30.0)
        process.send_signal(sent)
        message = process.stderr.read()
    assert (process.returncode, message) == (
        1,
        f"nedsvc: interrupted; what was done is kept in {out}.part: the same command goes on from there\n",
    )
    server.faults = None
    assert run(*options_of(server, out)).exit_code == 0
    queries = [entry.params["query"] for entry in server.log]
    assert not set(queries[:5]) & set(queries[5:])
