"""The vectors of an index, by the real sentence encoder."""

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from dumps import claims, dump_item, make_index, row_of

from nedsvc import EntityLinker, Options
from nedsvc.cli_index import index as index_commands
from nedsvc.encoders.minilm import MiniLmEncoder, minilm_encoder
from nedsvc.errors import IndexFormatError, IndexNotFound, InvalidInput
from nedsvc.index.format import VECTORS, read_manifest, verify_files, write_manifest
from nedsvc.index.layered import open_index
from nedsvc.index.overlay import add_overlay
from nedsvc.index.overlay_lines import read_overlay
from nedsvc.index.reader import Index
from nedsvc.index.summaries import summary
from nedsvc.index.vectors import add_vectors
from nedsvc.models import RankerName

ITEMS = [
    dump_item("Q5", "human", description="person"),
    dump_item(
        "Q11", "Jordan Smith", description="American basketball player", aliases=["Jordan"], claims=claims(P31="Q5")
    ),
    dump_item("Q12", "Jordan", description="country in western Asia"),
    dump_item("Q13", "Jordan", description="river that flows into the Dead Sea"),
    dump_item("Q14", "Jordan"),
    dump_item("Q20", "Paris", description="capital of France"),
    dump_item("Q21", "Bulls", description="team that scored most points in the second half of a game"),
    dump_item("Q22", "Baikal", description="salty water at the end of a stream"),
]


@pytest.fixture(scope="module")
def encoder() -> MiniLmEncoder:
    return minilm_encoder()


@pytest.fixture(scope="module")
def index(encoder: MiniLmEncoder, tmp_path_factory: pytest.TempPathFactory) -> Index:
    """An index with vectors."""
    folder = make_index(tmp_path_factory.mktemp("vectors"), ITEMS).path
    add_vectors(folder, encoder, lambda done, total: None)
    return Index.open(folder)


def test_sentences_of_like_meaning_have_like_vectors(encoder: MiniLmEncoder) -> None:
    asked, like, unlike = encoder.encode(["A man eats pasta.", "Somebody is having noodles.", "The bank raised rates."])
    assert asked @ like > asked @ unlike + 0.2


def test_a_text_has_the_same_vector_alone_and_among_others(encoder: MiniLmEncoder) -> None:
    texts = ["short", "a somewhat longer text", "word " * 500, ""]
    together = encoder.encode(texts)
    assert np.allclose(together, np.concatenate([encoder.encode([text]) for text in texts]), atol=1e-4)
    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)


def test_a_summary_holds_what_is_known_beside_the_label(index: Index) -> None:
    assert summary(index, row_of(index, "Q11")) == "Jordan Smith: American basketball player. human"


def test_an_entity_of_which_only_the_label_is_known_has_no_vector(index: Index) -> None:
    assert summary(index, row_of(index, "Q14")) is None
    vector = index.candidate_columns(np.array([row_of(index, "Q14")])).vectors[0]
    assert vector is not None
    assert not vector.any()


@pytest.mark.parametrize("ranker", ["fast", "accurate"])
@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("In the second half Jordan scored thirty points and his team won the game.", "Q11"),
        ("The water of the Jordan is salty where the stream ends.", "Q13"),
    ],
)
def test_a_text_without_a_shared_word_speaks_for_the_entity_that_it_is_about(
    index: Index, ranker: RankerName, text: str, meant: str
) -> None:
    linker = EntityLinker.from_index(index.path, detector="gazetteer", source="index")
    (link,) = linker.annotate(text, options=Options(ranker=ranker, explain=True)).links
    meanings = {each.id: each.features["meaning"] for each in link.candidates}
    assert max(meanings, key=meanings.__getitem__) == meant


def test_an_index_is_as_it_was_but_for_its_vectors(encoder: MiniLmEncoder, tmp_path: Path) -> None:
    folder = make_index(tmp_path, ITEMS).path
    before = read_manifest(folder)
    told: list[tuple[int, int]] = []
    after = add_vectors(folder, encoder, lambda done, total: told.append((done, total)))
    assert {name: entry for name, entry in after.files.items() if name not in VECTORS} == before.files
    assert after.content_id != before.content_id
    assert told[-1][0] == told[-1][1]
    verify_files(folder, after.files)
    assert add_vectors(folder, encoder, lambda done, total: None) == after, "made again, they are the same"
    assert [entry.name for entry in tmp_path.iterdir() if ".tmp-" in entry.name] == []


def test_an_overlay_stays_with_its_index_and_what_it_changes_keeps_its_vector(
    encoder: MiniLmEncoder, tmp_path: Path
) -> None:
    folder = make_index(tmp_path, ITEMS).path
    lines = b'{"id": "acme:1", "names": ["Acme"]}\n{"id": "Q20", "description": "our office", "links": ["acme:1"]}'
    before = add_overlay(folder, read_overlay(lines, "own.jsonl"))
    after = add_vectors(folder, encoder, lambda done, total: None)
    assert {name: entry for name, entry in after.files.items() if name not in VECTORS} == before.files
    verify_files(folder, after.files)
    plain, view = Index.open(folder), open_index(folder)
    numbers = [number for id_ in ("acme:1", "Q20", "Q12") if (number := view.number_of(id_)) is not None]
    found = view.candidate_columns(view.rows_of(np.array(numbers))).vectors
    kept = plain.candidate_columns(plain.rows_of(np.array(numbers[1:]))).vectors
    assert [None if one is None else one.tobytes() for one in found] == [
        None,
        *(one.tobytes() for one in kept if one is not None),
    ]
    linker = EntityLinker.from_index(folder, detector="gazetteer", source="index")
    for ranker in ("fast", "accurate"):
        links = linker.annotate("Acme moved from Jordan to Paris.", options=Options(ranker=ranker)).links
        assert [link.entity.id for link in links if link.entity][::2] == ["acme:1", "Q20"]


def test_what_cannot_have_vectors_is_refused(encoder: MiniLmEncoder, tmp_path: Path) -> None:
    with pytest.raises(IndexNotFound):
        add_vectors(tmp_path / "none", encoder, lambda done, total: None)
    bare = make_index(tmp_path, [dump_item("Q1", "Kyiv")]).path
    with pytest.raises(InvalidInput, match="no descriptions"):
        add_vectors(bare, encoder, lambda done, total: None)
    assert read_manifest(bare).encoder is None


def test_vectors_of_another_encoder_are_not_compared(index: Index, encoder: MiniLmEncoder, tmp_path: Path) -> None:
    folder = make_index(tmp_path, ITEMS).path
    manifest = add_vectors(folder, encoder, lambda done, total: None)
    write_manifest(
        folder,
        type(manifest)(**{name: getattr(manifest, name) for name in manifest.__struct_fields__} | {"encoder": "other"}),
    )
    linker = EntityLinker.from_index(folder, detector="gazetteer", source="index")
    with pytest.raises(IndexFormatError, match="nedsvc index vectors"):
        linker.annotate("Jordan won.", options=Options(ranker="accurate"))


def test_the_command_says_what_it_made(tmp_path: Path) -> None:
    folder = make_index(tmp_path, ITEMS).path
    result = CliRunner().invoke(index_commands, ["vectors", str(folder), "--threads", "1"])
    assert (result.exit_code, result.stdout) == (0, "")
    assert "bytes of vectors" in result.stderr
