"""What is read of a dump: its forms, its maps and statements, its broken lines."""

import bz2
import gzip
import io
import sys
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest
from dumps import Json, bearers_of, claims, dump_bytes, dump_item, make_dump, make_index, row_of, snak_of, statement
from hypothesis import given
from hypothesis import strategies as st

from nedsvc.errors import BuildError, InvalidInput
from nedsvc.index.build import Report, build_index
from nedsvc.index.format import Kind
from nedsvc.index.options import BuildOptions
from nedsvc.index.reader import Index
from nedsvc.wikibase import BrokenItem, ItemReader

KYIV = dump_item("Q1899", "Kyiv", description="capital of Ukraine", aliases=["Kiev"])
UKRAINE = dump_item("Q212", "Ukraine")


def labels(index: Index) -> list[str]:
    return [index.entity(row).label for row in range(len(index))]


@pytest.mark.parametrize(
    ("name", "packed"),
    [
        ("dump.json", lambda data: data),
        ("dump.json.gz", gzip.compress),
        ("dump.json.bz2", bz2.compress),
        ("misnamed.json", gzip.compress),
        ("two-members.gz", lambda data: gzip.compress(data[:50]) + gzip.compress(data[50:])),
        ("lines.json", lambda data: data.replace(b",\n", b"\n").strip(b"[]\n")),
        ("windows.json", lambda data: b"\xef\xbb\xbf" + data.replace(b"\n", b"\r\n")),
    ],
)
def test_all_forms_of_a_dump_are_read_alike(tmp_path: Path, name: str, packed: type) -> None:
    dump = tmp_path / name
    dump.write_bytes(packed(dump_bytes([KYIV, UKRAINE])))
    build_index([dump], tmp_path / "index", BuildOptions())
    assert labels(Index.open(tmp_path / "index")) == ["Ukraine", "Kyiv"]


@pytest.mark.parametrize("packed", [bytes, gzip.compress, bz2.compress])
def test_standard_input_is_unpacked_by_its_first_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, packed: type
) -> None:
    data = packed(dump_bytes([KYIV]))
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BufferedReader(io.BytesIO(data))))
    assert build_index(["-"], tmp_path / "index", BuildOptions()).counts.entities == 1


def test_lines_longer_than_a_block_are_read_whole(tmp_path: Path) -> None:
    long = dump_item("Q5", "long", description="word " * 200_000)
    assert labels(make_index(tmp_path, [long, UKRAINE])) == ["long", "Ukraine"]


def test_what_is_no_item_is_passed_over_and_counted(tmp_path: Path) -> None:
    others = [UKRAINE | {"type": "property", "id": "P31"}, {"type": "lexeme", "id": "L1", "lemmas": {}}]
    counts = make_index(tmp_path, [KYIV, *others]).manifest.counts
    assert (counts.entities, counts.not_items, counts.lines) == (1, 2, 3)


BROKEN = {
    b'{"type":"item","id":"Q1"': "truncated",
    b'{"type":"item","labels":{}}': "missing required field `id`",
    b'{"type":"item","id":"Q0"}': "'Q0' is no QID",
    b'{"type":"item","id":"Q01"}': "'Q01' is no QID",
    b'{"type":"item","id":"Q4294967296"}': "is no QID",
    b'{"type":"item","id":"X1"}': "'X1' is no QID",
    b'{"type":"item","id":1}': "Expected `str`",
    b'{"type":"item","id":"Q1","labels":{"en":"plain"}}': "Expected `object`",
    b'{"type":"item","id":"Q1","labels":[1]}': "Expected `array` of length <= 0",
    b'{"type":"item","id":"Q1","labels":{"en":{"value":"\xff"}}}': "utf-8",
    b'{"type":"item","id":"Q1","claims":{"P31":[{"mainsnak":{},"rank":"odd"}]}}': "Invalid enum value",
    b'{"a":' * 200_000: "recursion",
}


@pytest.mark.parametrize("line", BROKEN)
def test_a_broken_line_says_why(line: bytes) -> None:
    with pytest.raises(BrokenItem, match=BROKEN[line]):
        ItemReader(["en"]).read(line)


def test_broken_lines_are_named_by_file_and_number_counted_and_skipped(tmp_path: Path) -> None:
    told: list[str] = []
    items: list[Json | bytes] = [KYIV, *BROKEN, *[b"nonsense"] * 20, UKRAINE]
    index = make_index(tmp_path, items, Report(broken=told.append))
    assert labels(index) == ["Ukraine", "Kyiv"]
    assert index.manifest.counts.broken == len(BROKEN) + 20
    assert len(told) == 20
    assert told[0].startswith(f"{tmp_path / 'dump.json.gz'}, line 3: ")


def test_strict_stops_at_the_first_broken_line_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"dump\.json\.gz, line 3: "):
        make_index(tmp_path, [KYIV, b"nonsense"], strict=True)
    assert [path.name for path in tmp_path.iterdir()] == ["dump.json.gz"]


@pytest.mark.parametrize("packed", [gzip.compress, bz2.compress])
def test_a_cut_off_file_is_an_error_and_leaves_nothing(tmp_path: Path, packed: type) -> None:
    dump = tmp_path / "dump"
    data = packed(dump_bytes([dump_item(f"Q{number}", f"name {number * 7919}") for number in range(1, 3000)]))
    dump.write_bytes(data[: len(data) // 2])
    with pytest.raises(BuildError, match="cannot be read to its end"):
        build_index([dump], tmp_path / "index", BuildOptions())
    assert [path.name for path in tmp_path.iterdir()] == ["dump"]


@pytest.mark.parametrize("end", [b"\n]\n", b"}\n]\n", b",\n" + dump_bytes([UKRAINE])[2:]])
@pytest.mark.parametrize("packed", [bytes, gzip.compress])
def test_an_array_without_its_end_is_an_error_and_leaves_nothing(tmp_path: Path, end: bytes, packed: type) -> None:
    dump = tmp_path / "dump"
    dump.write_bytes(packed(dump_bytes([KYIV, UKRAINE]).removesuffix(end)))
    with pytest.raises(BuildError, match=r"dump is incomplete"):
        build_index([dump], tmp_path / "index", BuildOptions())
    assert [path.name for path in tmp_path.iterdir()] == ["dump"]


def test_an_array_may_end_in_empty_lines(tmp_path: Path) -> None:
    dump = tmp_path / "dump"
    dump.write_bytes(dump_bytes([KYIV]) + b"\n" * 1_000_000)
    assert build_index([dump], tmp_path / "index", BuildOptions()).counts.entities == 1


def test_a_damaged_file_is_an_error(tmp_path: Path) -> None:
    dump = make_dump(tmp_path, [KYIV] * 1000)
    data = bytearray(dump.read_bytes())
    data[30:60] = bytes(30)
    dump.write_bytes(data)
    with pytest.raises(BuildError, match="cannot be read to its end"):
        build_index([dump], tmp_path / "index", BuildOptions())


def test_the_first_of_several_lines_with_one_id_counts(tmp_path: Path) -> None:
    index = make_index(tmp_path, [UKRAINE, KYIV, dump_item("Q1899", "Paris"), dump_item("Q64", "Berlin")])
    assert labels(index) == ["Berlin", "Ukraine", "Kyiv"]
    assert index.postings("paris") is None
    assert index.manifest.counts.duplicates == 1


def test_two_dumps_make_one_index(tmp_path: Path) -> None:
    dumps = [make_dump(tmp_path, [KYIV], "a.json.gz"), make_dump(tmp_path, [UKRAINE, KYIV], "b.json.gz")]
    manifest = build_index(dumps, tmp_path / "index", BuildOptions())
    assert (manifest.counts.entities, manifest.counts.duplicates) == (2, 1)


def test_names_come_from_labels_aliases_and_statements_in_the_chosen_languages(tmp_path: Path) -> None:
    statements = claims(
        P1813={"en": "UA"},
        P1448=[{"uk": "Україна"}, {"de": "Ukraine"}],
        P1549=[{"en": "Ukrainian"}, {"uk": "українець"}],
    )
    item = dump_item("Q900000001", "Ukraine", aliases=["The Ukraine"], labels={"ru": "Украина"}, claims=statements)
    index = make_index(tmp_path, [item])
    assert sorted(index.names) == ["the ukraine", "ua", "ukraine", "ukrainian"]
    kinds = {key: Kind(int(postings.kinds[0])) for key in index.names if (postings := index.postings(key))}
    assert kinds == {
        "ukraine": Kind.LABEL,
        "the ukraine": Kind.ALIAS,
        "ua": Kind.ALIAS,
        "ukrainian": Kind.DEMONYM,
    }
    assert index.entity(0).names == {"en": ("Ukraine", "The Ukraine", "UA")}


def test_labels_for_all_languages_count_for_each(tmp_path: Path) -> None:
    items = [
        dump_item("Q1", None, labels={"mul": "Ada Lovelace", "fr": "Ada"}),
        dump_item("Q2", None, labels={"fr": "Paris"}),
    ]
    index = make_index(tmp_path, items)
    assert (index.manifest.languages, labels(index)) == (("en", "mul"), ["Ada Lovelace"])
    assert index.manifest.counts.left_out == {"no label in the chosen languages": 1}


def test_all_languages_can_be_taken(tmp_path: Path) -> None:
    index = make_index(tmp_path, [dump_item("Q1899", "Kyiv", labels={"uk": "Київ", "de": "Kiew"})], languages=("all",))
    assert index.manifest.languages == ("en", "mul", "uk", "de")
    assert bearers_of(index, "киів") == ["Q1899"]
    assert index.entity(0).names == {"en": ("Kyiv",), "uk": ("Київ",), "de": ("Kiew",)}


def test_the_first_chosen_language_is_shown(tmp_path: Path) -> None:
    item = dump_item("Q1899", "Kyiv", labels={"mul": "Kiiv", "de": "Kiew"})
    index = make_index(tmp_path, [item], languages=("de", "en"))
    assert index.entity(0).label == "Kiew"


def test_dates_go_as_far_as_they_are_known(tmp_path: Path) -> None:
    statements = {
        "P569": [
            statement(("+1962-04-16T00:00:00Z", 11)),
            statement(("+1961-00-00T00:00:00Z", 9), "preferred"),
            statement(("+1900-00-00T00:00:00Z", 9), "deprecated"),
        ],
        "P570": [statement(None), statement(("+2020-05-00T00:00:00Z", 10))],
        "P571": [statement(("-0044-03-15T00:00:00Z", 11))],
        "P576": [statement(("+1900-00-00T00:00:00Z", 7))],
    }
    index = make_index(tmp_path, [dump_item("Q1", "Someone", claims=statements)])
    assert index.entity(0).dates == {"born": "1961", "died": "2020-05", "founded": "-0044-03-15"}


def test_offices_carry_their_dates_and_link_the_holder(tmp_path: Path) -> None:
    qualifiers = {"P580": [snak_of(("+2021-01-26T00:00:00Z", 11))], "P582": [snak_of(None)]}
    held = {"P39": [statement("Q14213", qualifiers=qualifiers), statement("Q3", "deprecated"), statement(None)]}
    index = make_index(
        tmp_path, [dump_item("Q7821917", "Antony Blinken", claims=held), dump_item("Q14213", "Secretary")]
    )
    row = row_of(index, "Q7821917")
    (office,) = index.entity(row).offices
    assert (office.id, office.start, office.end) == ("Q14213", "2021-01-26", None)
    assert index.links(row).tolist() == [14213]


def test_links_are_distinct_within_the_index_and_the_most_telling_first(tmp_path: Path) -> None:
    statements = claims(P138="Q4", P19=["Q3", "Q999"], P27=["Q2", "Q2", "Q1"])
    items = [dump_item("Q1", "A", claims=statements), *(dump_item(f"Q{number}", "B") for number in (2, 3, 4))]
    assert make_index(tmp_path, items).links(0).tolist() == [2, 3, 4]


def test_no_more_than_64_links_are_kept(tmp_path: Path) -> None:
    others = [f"Q{number}" for number in range(2, 102)]
    items = [dump_item("Q1", "A", claims=claims(P527=others)), *(dump_item(qid, "B") for qid in others)]
    assert make_index(tmp_path, items).links(0).tolist() == list(range(2, 66))


def test_a_value_may_come_without_its_numeric_id(tmp_path: Path) -> None:
    country = statement("Q212")
    del country["mainsnak"]["datavalue"]["value"]["numeric-id"]
    index = make_index(tmp_path, [dump_item("Q1899", "Kyiv", claims={"P17": [country]}), UKRAINE])
    assert index.links(row_of(index, "Q1899")).tolist() == [212]


def test_the_newest_change_is_the_date_of_the_dump(tmp_path: Path) -> None:
    dates = ["2024-01-01T00:00:00Z", "2026-03-04T05:06:07Z", "2025-01-01T00:00:00Z"]
    items = [dump_item(f"Q{number}", "x", modified=date) for number, date in enumerate(dates, 1)]
    assert make_index(tmp_path, items).manifest.dump_date == dates[1]


@given(st.binary(max_size=200))
def test_no_line_at_all_raises_anything_but_a_broken_line(line: bytes) -> None:
    reader = ItemReader(["en"])
    for attempt in (line, b'{"id":"Q1","labels":{"en":{"value":"' + line + b'"}}}'):
        with suppress(BrokenItem):
            reader.read(attempt)
