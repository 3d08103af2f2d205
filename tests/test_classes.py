"""Coarse types through the hierarchy of classes."""

import subprocess
import sys
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from dumps import claims, dump_item, make_dump, make_index, row_of

import nedsvc
from nedsvc import tables
from nedsvc.classes import Hierarchy, coarse_types, entity_types
from nedsvc.index.build.dump import blocks, entity_lines
from nedsvc.index.format import TYPE_BITS, type_mask, type_names
from nedsvc.index.reader import Index
from nedsvc.models import checked_qid
from nedsvc.tables import Root
from nedsvc.wikibase import ItemReader

TABLE = Path(nedsvc.__file__).parent / "data" / "common_classes.tsv"
SCRIPT = Path(__file__).parent.parent / "scripts" / "common_classes.py"


def hierarchy(*edges: tuple[int, int]) -> Hierarchy:
    table = np.array(edges, dtype=np.uint32).reshape(-1, 2)
    return Hierarchy(table[:, 0], table[:, 1])


def test_the_nearest_root_decides_and_equally_near_ones_together() -> None:
    classes = hierarchy((10, 1), (11, 10), (12, 11), (12, 2), (13, 10), (13, 2), (14, 13), (14, 14), (1, 14))
    types = classes.types([Root(1, "GPE"), Root(2, "ORG")])
    assert type_names(types[1]) == type_names(types[11]) == ("GPE",)
    assert type_names(types[12]) == ("ORG",)
    assert type_names(types[14]) == ("ORG",)
    assert 99 not in types


def test_equally_near_roots_give_both_types() -> None:
    types = hierarchy((10, 1), (10, 2)).types([Root(1, "GPE"), Root(2, "ORG")])
    assert type_names(types[10]) == ("ORG", "GPE")


def test_circles_end() -> None:
    assert hierarchy((1, 2), (2, 1), (3, 1)).below([1]) == {1, 2, 3}


def test_general_classes_count_only_where_no_other_does() -> None:
    types = hierarchy().types([Root(1, "GPE"), Root(2, "ORG", general=True)])
    rows, masks = np.array([0, 0, 1]), np.array([types[1], types[2], types[2]], dtype=np.uint32)
    assert [type_names(mask) for mask in coarse_types(3, rows, masks).tolist()] == [("GPE",), ("ORG",), ()]


def test_a_type_needs_more_than_half_the_votes_of_the_strongest() -> None:
    city, site = type_mask(["GPE"]), type_mask(["FAC"])
    rows = np.array([0, 0, 0, 1, 1, 1, 1, 1])
    masks = np.array([city, city, site, city, city, city, site, site], dtype=np.uint32)
    assert [type_names(mask) for mask in coarse_types(2, rows, masks).tolist()] == [("GPE",), ("GPE", "FAC")]


def test_the_table_of_roots_is_well_formed() -> None:
    roots = tables.roots()
    assert len({root.number for root in roots}) == len(roots)
    assert {root.type for root in roots} == {*TYPE_BITS, "NONE"}


def test_an_item_without_a_class_goes_by_what_it_is_a_subclass_of(tmp_path: Path) -> None:
    index = make_index(tmp_path, [dump_item("Q900000001", "President of Somewhere", claims=claims(P279="Q30461"))])
    assert [index.type_bits(row) for row in range(len(index))] == [TYPE_BITS["OFFICE"]]
    assert index.entity(0).types == ()


def test_most_of_the_sample_is_typed_and_rightly(sample_index: Index) -> None:
    expected = {
        "Q30": {"GPE"}, "Q183": {"GPE"}, "Q16": {"GPE"}, "Q64": {"GPE"}, "Q1899": {"GPE"}, "Q60": {"GPE"},
        "Q584": {"LOC"}, "Q1653": {"LOC"}, "Q46": {"LOC"}, "Q172241": {"WORK_OF_ART"}, "Q13371": {"ORG"},
        "Q34433": {"ORG"}, "Q95": {"ORG"}, "Q312": {"ORG"}, "Q7184": {"ORG"}, "Q7747": {"PERSON"}, "Q362": {"EVENT"},
        "Q1860": {"LANGUAGE"}, "Q432": {"NORP"}, "Q83063": {"FAC"},
    }  # fmt: skip
    for qid, types in expected.items():
        assert sample_index.entity_types(row_of(sample_index, qid)) == types, qid


@pytest.mark.parametrize(
    ("classes", "types"),
    [
        pytest.param((5,), ("PERSON",), id="Vladimir Putin"),
        pytest.param((3624078, 6256, 7270), ("GPE",), id="France"),
        pytest.param((1549591, 133442, 1221156), ("GPE",), id="Berlin"),
        pytest.param((1127126, 245065, 484652), ("ORG",), id="NATO"),
        pytest.param((891723, 6881511, 4830453), ("ORG",), id="Gazprom"),
        pytest.param((7278,), ("ORG",), id="a party"),
        pytest.param((10553309,), ("ORG",), id="a house of a parliament"),
        pytest.param((19644607,), ("ORG",), id="a pharmaceutical company"),
        pytest.param((11424,), ("WORK_OF_ART",), id="a film"),
        pytest.param((198,), ("EVENT",), id="a war"),
        pytest.param((2618461,), ("EVENT",), id="an election"),
        pytest.param((2547976,), ("EVENT",), id="a hurricane"),
        pytest.param((17205,), ("PRODUCT",), id="an aircraft carrier"),
        pytest.param((134808,), ("PRODUCT",), id="a vaccine"),
        pytest.param((9143,), ("LANGUAGE",), id="a programming language"),
        pytest.param((1115575, 5124673), ("GPE",), id="a parish"),
        pytest.param((30461, 4164871), (), id="an office"),
        pytest.param((515, 43229), ("GPE",), id="a city, and an organization of some kind"),
        pytest.param((2**31 - 1,), (), id="of an unknown class"),
        pytest.param((), (), id="of no class"),
    ],
)
def test_a_live_entity_has_the_types_of_its_classes(classes: tuple[int, ...], types: tuple[str, ...]) -> None:
    assert type_names(entity_types(classes)) == types


def test_the_table_of_common_classes_is_well_formed() -> None:
    lines = [line for line in TABLE.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    numbers = []
    for line in lines:
        qid, types, general, label = line.split("\t")
        assert checked_qid(qid) == qid
        assert set(types.split(",")) <= set(TYPE_BITS), line
        assert general in ("", "general"), line
        assert label.strip(), line
        numbers.append(int(qid[1:]))
    assert numbers == sorted(set(numbers))
    assert len(numbers) > 3000
    assert not {root.number for root in tables.roots()} & set(numbers)


def test_the_common_classes_say_what_the_whole_hierarchy_says(shared: Path, sample_index: Index) -> None:
    """Of the entities of the sample nearly all have the same types by the table as by the hierarchy."""
    reader = ItemReader(("en",))
    same = total = 0
    for block in blocks(shared / "wikidata-sample" / "sample.json.gz"):
        for _, text in islice(entity_lines(block), 0, None, 5):
            item = reader.read(text)
            row = sample_index.row(item.number) if item and item.classes else None
            if item and row is not None:
                total += 1
                same += entity_types(item.classes) == sample_index.type_bits(row)
    assert total > 40_000
    assert same / total > 0.99


def write_table(*arguments: str | Path) -> str:
    """Run the script that writes the table, and give what it prints."""
    done = subprocess.run([sys.executable, SCRIPT, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_table_is_what_its_script_makes_of_the_sample(shared: Path, tmp_path: Path) -> None:
    """Whoever changes the roots or the script writes the table again."""
    table = tmp_path / "table.tsv"
    write_table(shared / "wikidata-sample" / "sample.json.gz", "--output", table)
    assert table.read_bytes() == TABLE.read_bytes()


def test_the_script_takes_the_most_used_classes_and_those_that_news_needs(tmp_path: Path) -> None:
    """A class that is as near to a general root as to another has the type of the other."""
    dump = make_dump(
        tmp_path,
        [
            dump_item("Q900000001", "house of parliament", claims=claims(P279=["Q43229", "Q11204"])),
            dump_item("Q900000002", "society", claims=claims(P279="Q43229")),
            dump_item("Q900000003", "rarity", claims=claims(P279="Q515")),
            dump_item("Q900000004", "House", claims=claims(P31=["Q900000001", "Q5"])),
            dump_item("Q900000005", "Society", claims=claims(P31=["Q900000002", "Q900000009"])),
            dump_item("Q900000006", "Another", claims=claims(P31="Q900000002")),
            dump_item("Q900000007", "Town", claims=claims(P31="Q900000003")),
            dump_item("Q900000008", "Visitor", claims=claims(P361=["Q900000004", "Q900000005"])),
            dump_item("Q17205", "flattop"),
        ],
    )
    table = tmp_path / "table.tsv"
    said = write_table(dump, "--most", "2", "--output", table)
    rows = table.read_text(encoding="utf-8").splitlines()
    assert "Q17205 aircraft carrier: the dump calls it 'flattop'" in said
    assert "Q17205\tPRODUCT\t\taircraft carrier" in rows
    assert rows[-2:] == ["Q900000001\tORG\t\thouse of parliament", "Q900000002\tORG\tgeneral\tsociety"]
