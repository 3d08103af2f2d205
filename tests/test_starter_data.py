"""The starter data: well-formed by itself, and right by a dump where one is at hand."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

import nedsvc
from nedsvc.models import ENTITY_TYPES

DATA = Path(nedsvc.__file__).parent / "data"
FILES = sorted((DATA / "starter").glob("*.jsonl"))
SCRIPT = Path(__file__).parent.parent / "scripts" / "check_starter.py"

QID = re.compile(r"Q[1-9]\d*")
DATE = re.compile(r"-?\d{1,4}|\d{4}-\d\d-\d\d")
KEYS = {"id", "label", "type", "description", "names", "links", "offices", "sitelinks", "wikipedia"}
DATES = {"born", "died", "founded", "dissolved"}

Record = dict[str, Any]


def read(file: Path) -> list[Record]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def records() -> list[Record]:
    return [record for file in FILES for record in read(file)]


def dates(record: Record) -> Iterator[str]:
    """Every date of a record."""
    yield from (record[key] for key in sorted(DATES & record.keys()))
    for office in record.get("offices", ()):
        yield from (office[key] for key in ("start", "end") if key in office)


def ids(record: Record) -> Iterator[str]:
    """Every id of a record."""
    yield record["id"]
    yield from record.get("links", ())
    yield from (office["id"] for office in record.get("offices", ()))


def is_iso(text: str) -> bool:
    """Whether the text is an ISO date of the calendar, or a year."""
    return bool(DATE.fullmatch(text)) and ("-" not in text[1:] or bool(date.fromisoformat(text)))


def test_it_holds_about_a_thousand_entities(records: list[Record]) -> None:
    assert 800 <= len(records) <= 2500


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_file_is_sorted_by_id(file: Path) -> None:
    numbers = [int(record["id"][1:]) for record in read(file)]
    assert numbers == sorted(numbers)


def test_no_entity_stands_twice(records: list[Record]) -> None:
    seen = [record["id"] for record in records]
    assert sorted({one for one in seen if seen.count(one) > 1}) == []


def test_every_record_is_complete_and_has_only_known_keys(records: list[Record]) -> None:
    wrong = [
        record["id"]
        for record in records
        if not record.keys() <= KEYS | DATES or not all(record.get(key) for key in ("label", "type", "description"))
    ]
    assert wrong == []


def test_types_are_known(records: list[Record]) -> None:
    assert {record["type"] for record in records} <= {*ENTITY_TYPES, "OFFICE"}


def test_descriptions_are_short_and_in_the_same_manner(records: list[Record]) -> None:
    wrong = [
        f"{record['id']}: {record['description']}"
        for record in records
        if record["description"] != record["description"].strip()
        or record["description"].endswith(".")
        or len(record["description"].split()) > 20
    ]
    assert wrong == []


def test_names_are_lists_by_language_without_the_label_again(records: list[Record]) -> None:
    wrong = [
        f"{record['id']} {language}: {names}"
        for record in records
        for language, names in record.get("names", {}).items()
        if not re.fullmatch(r"[a-z]{2,3}(-[a-z]+)*", language)
        or len(set(names)) < len(names)
        or not all(name.strip() == name != "" for name in names)
        or (language == "en" and record["label"] in names)
    ]
    assert wrong == []


def test_ids_are_well_formed(records: list[Record]) -> None:
    assert [one for record in records for one in ids(record) if not QID.fullmatch(one)] == []


def test_no_record_links_to_itself_or_twice_to_another(records: list[Record]) -> None:
    wrong = [
        record["id"]
        for record in records
        if record["id"] in record.get("links", ()) or len(set(record.get("links", ()))) < len(record.get("links", ()))
    ]
    assert wrong == []


def test_dates_are_iso_dates_or_years(records: list[Record]) -> None:
    assert [f"{record['id']}: {one}" for record in records for one in dates(record) if not is_iso(one)] == []


def test_an_office_ends_after_it_starts(records: list[Record]) -> None:
    offices = [office for record in records for office in record.get("offices", ())]
    assert [one for one in offices if "start" in one and "end" in one and one["end"] < one["start"]] == []


def check(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    """Run the script that compares the data with a dump."""
    return subprocess.run([sys.executable, SCRIPT, *arguments], capture_output=True, text=True, check=False)


def test_every_id_and_name_agrees_with_the_dump(shared: Path) -> None:
    done = check(shared / "wikidata-sample" / "sample.json.gz")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_comparison_finds_a_wrong_name_and_a_missing_id(tmp_path: Path) -> None:
    (tmp_path / "starter").mkdir()
    record = {
        "id": "Q1899",
        "label": "Kyiv",
        "names": {"en": ["Kiev"]},
        "links": ["Q212"],
        "offices": [{"id": "Q99"}],
    }
    (tmp_path / "starter" / "places.jsonl").write_text(json.dumps(record) + "\n", encoding="utf-8")
    (tmp_path / "demonyms.tsv").write_text("# a comment\nUkrainian\tQ212\tUkraine\n", encoding="utf-8")
    (tmp_path / "shorthand.tsv").write_text("Kremlin\tQ1899\tmetonym\tMoscow Kremlin\n", encoding="utf-8")
    kyiv = {"id": "Q1899", "labels": {"en": {"value": "KIEV"}}, "aliases": []}
    ukraine = {"id": "Q212", "labels": [], "aliases": {"de": [{"value": "Ukraine"}]}}
    dump = tmp_path / "dump.json"
    dump.write_text(f"[\n{json.dumps(kyiv)},\n{json.dumps(ukraine)}\n]\n", encoding="utf-8")

    done = check(dump, "--data", tmp_path)

    assert done.returncode == 1, done.stderr
    assert done.stdout.splitlines() == [
        "places.jsonl:1 offices: Q99 is not in the dump",
        "shorthand.tsv:1: Q1899 is not 'Moscow Kremlin'; the dump has kiev",
        "5 claims, 2 fail",
    ]
