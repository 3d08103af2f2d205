"""An index that is open: who bears a name, what is known of an entity, and how damage is told."""

import json
from pathlib import Path

import numpy as np
import pytest
from dumps import bearers_of, claims, dump_item, make_index, row_of

from nedsvc.context import word_number
from nedsvc.errors import IndexFormatError, IndexNotFound
from nedsvc.index.format import FORMAT_VERSION, Kind
from nedsvc.index.reader import Index
from nedsvc.names import Shape
from nedsvc.popularity import popularity

ITEMS = [
    dump_item("Q6256", "country"),
    dump_item(
        "Q90", "Paris", description="capital of France", claims=claims(P31="Q515", P17="Q142"), sitelinks=["enwiki"]
    ),
    dump_item("Q167646", "Paris", description="prince of Troy", claims=claims(P31="Q5")),
    dump_item("Q47899", "Paris Hilton", aliases=["Paris"], claims=claims(P31="Q5")),
    dump_item("Q142", "France", claims=claims(P31="Q6256", P36="Q90")),
    dump_item("Q7184", "NATO", aliases=["Nato", "N.A.T.O."], claims=claims(P31="Q484652")),
    dump_item("Q444", "Lech Wałęsa", aliases=["Lech Walesa"], claims=claims(P31="Q5")),
    dump_item("Q14213", "Secretary of State", claims=claims(P31="Q4164871")),
    dump_item("Q2766", "iPhone", claims=claims(P31="Q2424752")),
]


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    return make_index(tmp_path_factory.mktemp("reader"), ITEMS)


def test_the_best_known_bearer_of_a_name_comes_first(index: Index) -> None:
    assert bearers_of(index, "paris") == ["Q90", "Q47899", "Q167646"]
    postings = index.postings("paris")
    assert postings is not None
    assert postings.kinds.tolist() == [Kind.LABEL, Kind.ALIAS, Kind.LABEL]


def test_an_unknown_name_has_no_postings(index: Index) -> None:
    assert index.postings("atlantis") is None
    assert index.shapes("atlantis") == 0
    assert index.bearers("atlantis").tolist() == []


def test_one_posting_a_name_and_entity_of_the_closest_kind(index: Index) -> None:
    postings = index.postings("nato")
    assert postings is not None
    assert (postings.kinds.tolist(), postings.shapes.tolist()) == ([Kind.LABEL], [Shape.UPPER])


def test_postings_tell_names_with_diacritics(index: Index) -> None:
    postings = index.postings("lech walesa")
    assert postings is not None
    assert postings.accents.tolist() == [1]
    other = index.postings("paris")
    assert other is not None
    assert not other.accents.any()


def test_shapes_are_those_of_proper_names_only(index: Index) -> None:
    assert index.shapes("nato") == 1 << Shape.UPPER
    assert index.shapes("iphone") == 1 << Shape.TITLE
    assert index.shapes("country") == 0
    assert index.shapes("secretary of state") == 0


def test_prefixes_are_known_names(index: Index) -> None:
    assert index.prefixes("paris hilton hotel") == ["paris", "paris hilton"]


def test_a_word_leads_to_those_in_whose_longer_names_it_stands(index: Index) -> None:
    assert [index.id_of(index.number(row)) for row in index.bearers("hilton")] == ["Q47899"]
    assert [index.id_of(index.number(row)) for row in index.bearers("paris")] == ["Q47899"]


def test_an_entity_is_shown_with_what_is_known_of_it(index: Index) -> None:
    entity = index.entity(row_of(index, "Q90"))
    assert (entity.id, entity.label, entity.description) == ("Q90", "Paris", "capital of France")
    assert (entity.types, entity.names, entity.wikipedia) == (("GPE",), {"en": ("Paris",)}, "Paris")
    assert 0 < entity.popularity < 1


def test_the_columns_of_candidates_hold_what_is_known_of_each(index: Index) -> None:
    rows = np.array([row_of(index, qid) for qid in ("Q142", "Q90")])
    columns = index.candidate_columns(rows)
    assert columns.ids == ["Q142", "Q90"]
    assert columns.numbers == [142, 90]
    assert columns.popularity == [index.popularity_of(142), index.popularity_of(90)]
    assert columns.types == [frozenset({"GPE"})] * 2
    assert [part.tolist() for part in columns.links] == [[90], [142]]
    assert [part.tolist() for part in columns.words] == [index.words(row).tolist() for row in rows]
    assert columns.vectors == [None, None]


def test_the_columns_of_no_candidates_are_empty(index: Index) -> None:
    assert not any(index.candidate_columns(np.zeros(0, dtype=np.int64)))


def test_rows_are_found_by_number(index: Index) -> None:
    assert index.row(91) is None
    assert index.row(2**33) is None
    assert [index.row(index.number(row)) for row in range(len(index))] == list(range(len(index)))


def test_words_come_from_description_names_classes_and_links(index: Index) -> None:
    words = set(index.words(row_of(index, "Q90")).tolist())
    assert {word_number(word) for word in ("capital", "france", "paris")} <= words
    assert word_number("of") not in words
    assert word_number("country") in set(index.words(row_of(index, "Q142")).tolist())


def test_tables_add_demonyms_and_shorthand_of_entities_in_the_index(index: Index) -> None:
    postings = index.postings("french")
    assert postings is not None
    assert (bearers_of(index, "french"), postings.kinds.tolist()) == (["Q142"], [Kind.DEMONYM])
    assert index.postings("ukrainian") is None


def test_popularity_rises_with_each_sign() -> None:
    def of(sitelinks: int = 10, statements: int = 10, in_degree: int = 10, number: int = 1000) -> float:
        return float(popularity(*(np.array([value]) for value in (sitelinks, statements, in_degree, number)))[0])

    assert of() < min(of(sitelinks=11), of(statements=11), of(in_degree=11), of(number=999))
    assert of(10**9, 10**9, 10**9, 1) == pytest.approx(1)
    assert of(0, 0, 0, 2**31) == pytest.approx(0, abs=1e-6)


def test_words_that_are_on_too_many_entities_are_dropped_from_large_indexes(tmp_path: Path) -> None:
    items = [dump_item(f"Q{number}", f"N{number}", description="thing thing") for number in range(1, 1102)]
    items.append(dump_item("Q5000", "Rare", description="singular thing"))
    index = make_index(tmp_path, items)
    words = set(index.words(row_of(index, "Q5000")).tolist())
    assert word_number("singular") in words
    assert word_number("thing") not in words


def test_a_missing_index_says_how_to_get_one(tmp_path: Path) -> None:
    for folder in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(IndexNotFound, match=r"nedsvc index build .* unset NEDSVC_INDEX"):
            Index.open(folder)


def test_another_format_version_is_refused_with_what_to_do(tmp_path: Path) -> None:
    make_index(tmp_path, ITEMS)
    manifest = tmp_path / "index" / "manifest.json"
    manifest.write_text(json.dumps({"format_version": FORMAT_VERSION + 1, "shape": "unknown"}))
    with pytest.raises(IndexFormatError, match=f"format {FORMAT_VERSION + 1}.*build the index again"):
        Index.open(tmp_path / "index")


OTHERWISE_EMPTY = json.dumps({"format_version": FORMAT_VERSION}).encode()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", OTHERWISE_EMPTY, b"\xff\xfe"])
def test_a_damaged_manifest_is_told(tmp_path: Path, content: bytes) -> None:
    make_index(tmp_path, ITEMS)
    (tmp_path / "index" / "manifest.json").write_bytes(content)
    with pytest.raises(IndexFormatError, match=r"manifest\.json is damaged"):
        Index.open(tmp_path / "index")


def test_a_missing_or_shortened_file_is_told_at_once(tmp_path: Path) -> None:
    make_index(tmp_path, ITEMS)
    file = tmp_path / "index" / "names-0000.marisa"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(IndexFormatError, match=r"names-0000\.marisa has \d+ bytes instead of \d+"):
        Index.open(tmp_path / "index")
    file.unlink()
    with pytest.raises(IndexFormatError, match=r"names-0000\.marisa is missing"):
        Index.open(tmp_path / "index")


@pytest.mark.parametrize("name", ["names-0000.marisa", "numbers.npy", "records.bin"])
def test_verify_finds_a_changed_byte(tmp_path: Path, name: str) -> None:
    index = make_index(tmp_path, ITEMS)
    index.verify()
    file = tmp_path / "index" / name
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    with pytest.raises(IndexFormatError, match=f"{name} is damaged"):
        index.verify()


def test_a_file_of_the_right_size_with_other_content_is_told(tmp_path: Path) -> None:
    make_index(tmp_path, ITEMS)
    for name in ("names-0000.marisa", "numbers.npy"):
        file = tmp_path / "index" / name
        data = file.read_bytes()
        file.write_bytes(bytes(len(data)))
        with pytest.raises(IndexFormatError, match="is damaged"):
            Index.open(tmp_path / "index")
        file.write_bytes(data)
