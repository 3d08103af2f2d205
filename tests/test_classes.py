"""Coarse types through the hierarchy of classes."""

from pathlib import Path

import numpy as np
import pytest
from dumps import claims, dump_item, make_index, row_of

from nedsvc import tables
from nedsvc.classes import Hierarchy, coarse_types, entity_types
from nedsvc.index.dump import batches
from nedsvc.index.format import TYPE_BITS, type_mask, type_names
from nedsvc.index.reader import Index
from nedsvc.tables import Root
from nedsvc.wikibase import ItemReader


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
    assert index.types.tolist() == [TYPE_BITS["OFFICE"]]
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
        ((5,), ("PERSON",)),
        ((6256, 3624078), ("GPE",)),
        ((1549591, 515), ("GPE",)),
        ((4830453, 891723), ("ORG",)),
        ((7278,), ("ORG",)),
        ((11424,), ("WORK_OF_ART",)),
        ((198,), ("EVENT",)),
        ((2**31 - 1,), ()),
        ((), ()),
    ],
)
def test_a_live_entity_has_the_types_of_its_classes(classes: tuple[int, ...], types: tuple[str, ...]) -> None:
    assert type_names(entity_types(classes)) == types


def test_the_table_of_common_classes_is_sorted_and_knows_its_types() -> None:
    numbers = list(tables.common_classes())
    roots = [root.number for root in tables.roots()]
    below = [number for number in numbers if number not in roots]
    assert below == sorted(set(below))
    assert len(below) > 1000
    types = {type_ for common in tables.common_classes().values() for type_ in common.types}
    assert types <= {*TYPE_BITS, "NONE"}


def test_the_common_classes_say_what_the_whole_hierarchy_says(shared: Path, sample_index: Index) -> None:
    """Of the entities of the sample nearly all have the same types by the table as by the hierarchy."""
    reader = ItemReader(("en",))
    same = total = 0
    for batch in batches(shared / "wikidata-sample" / "sample.json.gz"):
        for line in batch.lines[::5]:
            item = reader.read(text) if len(text := line.strip(b" \t\r\n,")) > 1 else None
            row = sample_index.row(item.number) if item and item.classes else None
            if item and row is not None:
                total += 1
                same += entity_types(item.classes) == int(sample_index.types[row])
    assert total > 40_000
    assert same / total > 0.99
