"""The made dumps of benchmarks/made_dumps.py have Wikidata's layout and proportions, and are the same each time."""

import subprocess
import sys
from collections import Counter
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson
import pytest

from nedsvc.index.build import build_index
from nedsvc.index.options import BuildOptions
from nedsvc.index.reader import Index

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "made_dumps.py"
ITEMS = 2000
BLOCK = 1000


@cache
def dump(*options: str) -> bytes:
    command = [sys.executable, str(SCRIPT), "--items", str(ITEMS), *options]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout


def lines(made: bytes) -> list[bytes]:
    """The items of a dump, after a check of what stands around them."""
    first, *items, last, end = made.split(b"\n")
    assert (first, last, end) == (b"[", b"]", b"")
    assert all(item.endswith(b"},") for item in items[:-1])
    assert items[-1].endswith(b"}")
    return [item.removesuffix(b",") for item in items]


def parsed(made: bytes) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in lines(made)]


def mean(values: list[int]) -> float:
    return sum(values) / len(values)


def test_the_same_items_and_seed_give_the_same_bytes() -> None:
    again = subprocess.run([sys.executable, str(SCRIPT), "--items", str(ITEMS)], check=True, stdout=subprocess.PIPE)
    assert again.stdout == dump()
    assert dump("--seed", "2") != dump()


def test_the_parts_are_the_whole() -> None:
    assert [*lines(dump("--part", "1/2")), *lines(dump("--part", "2/2"))] == lines(dump())


def test_each_line_is_an_item_with_an_id_of_its_own_nearly_in_order() -> None:
    items = parsed(dump())
    assert len(items) == ITEMS
    numbers = [int(item["id"][1:]) for item in items]
    assert len(set(numbers)) == ITEMS
    ascending = sum(a < b for a, b in pairwise(numbers))
    assert 0.9 * ITEMS < ascending < ITEMS - 1
    for item in items:
        assert all(
            statement["mainsnak"]["property"] == name and statement["id"].startswith(f"{item['id']}$")
            for name, held in item["claims"].items()
            for statement in held
        )
        assert all(text["language"] == language for language, text in item["labels"].items())


def test_proportions_are_those_of_wikidata() -> None:
    items, sizes = parsed(dump())[-BLOCK:], list(map(len, lines(dump())[-BLOCK:]))
    assert 12_000 < mean(sizes) < 15_000
    assert 7_000 < sorted(sizes)[BLOCK // 2] < mean(sizes)
    assert 12 < mean([sum(map(len, item["claims"].values())) for item in items]) < 16
    assert 4 < mean([len(item["labels"]) for item in items]) < 7
    assert 20 < mean([len(item["descriptions"]) for item in items]) < 30
    assert 0.6 < mean([sum(map(len, item["aliases"].values())) if item["aliases"] else 0 for item in items]) < 1.4
    assert 0.5 < mean([len(item["sitelinks"]) for item in items]) < 1.5
    assert 0.65 < mean([not item["sitelinks"] for item in items]) < 0.8
    assert 0.8 < mean(["en" in item["labels"] for item in items]) < 0.92
    kinds = [statement for item in items for statement in item["claims"].get("P31", [])]
    classes = Counter(kind["mainsnak"]["datavalue"]["value"]["id"] for kind in kinds)
    assert 90 < classes["Q5"] < 120
    assert classes["Q4167836"] > 30
    assert classes["Q13442814"] + classes["Q7318358"] > 250


def test_lean_items_have_the_same_names_links_and_sitelinks() -> None:
    lean, whole = parsed(dump("--lean")), parsed(dump())
    assert mean(list(map(len, lines(dump("--lean"))[-BLOCK:]))) < 1500
    for small, large in zip(lean[-BLOCK:], whole[-BLOCK:], strict=True):
        assert small["id"] == large["id"]
        assert small["sitelinks"] == large["sitelinks"]
        assert small["labels"].get("en") == large["labels"].get("en")
        assert small["descriptions"].get("en") == large["descriptions"].get("en")
        assert small["claims"].keys() <= large["claims"].keys()


@pytest.mark.parametrize("options", [(), ("--lean",)])
def test_an_index_can_be_built_of_it(tmp_path: Path, options: tuple[str, ...]) -> None:
    made = tmp_path / "dump.json"
    made.write_bytes(dump(*options))
    counts = build_index([made], tmp_path / "index", BuildOptions()).counts
    assert counts.lines == ITEMS
    assert not counts.broken
    assert counts.left_out["scholarly article"] > 200
    assert 500 < counts.entities < 1500
    assert counts.links > 500
    index = Index.open(tmp_path / "index")
    assert index.rows_named("ukraine").tolist()
