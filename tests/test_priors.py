"""What links of a wiki say of names, in ranking: p(entity | mention) and how often a text is a link."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import numpy as np
import pytest
from dumps import dump_item, make_dump
from grafting import graft

from nedsvc import EntityLinker, Options, Span
from nedsvc.anchors import AnchorText
from nedsvc.candidate_table import candidate_table
from nedsvc.decision import sheet, weigh
from nedsvc.factory import parts_of_index
from nedsvc.features import OF_LINKS
from nedsvc.index.build import build_index
from nedsvc.index.options import BuildOptions
from nedsvc.index.reader import Index
from nedsvc.models import Candidate
from nedsvc.ranking import default_ranker
from nedsvc.sources import Candidates
from nedsvc.text import read_text

PAGES = {"Georgia": 230, "Georgia (U.S. state)": 1428}
SITES = ["enwiki", "dewiki", "frwiki"]
ITEMS = [
    dump_item("Q230", "Georgia", description="country", sitelinks=SITES),
    dump_item("Q1428", "Georgia", description="state", sitelinks=SITES),
    dump_item("Q60", "New York City", aliases=["Will"], sitelinks=SITES),
]
EXPLAINED = Options(explain=True)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index that knows nothing of links."""
    folder = tmp_path_factory.mktemp("plain")
    build_index([make_dump(folder, ITEMS)], folder / "index", BuildOptions())
    return folder / "index"


def linked_by(plain: Path, folder: Path, texts: Sequence[AnchorText]) -> EntityLinker:
    """A linker over the index with the texts."""
    return EntityLinker.from_index(graft(plain, folder / "grafted", texts, PAGES), detector="gazetteer")


def features(linker: EntityLinker, name: str) -> dict[str, Mapping[str, float]]:
    """The features of the candidates of a name, by their ids."""
    (link,) = linker.annotate(name, mentions=[Span(0, len(name))], options=EXPLAINED).links
    return {candidate.id: candidate.features for candidate in link.candidates}


def test_links_tell_whose_name_it_is(plain: Path, tmp_path: Path) -> None:
    """The more of them lead to an entity, the likelier it is; a few do not say much."""
    many = AnchorText("georgia", 1000, 1000, (("Georgia (U.S. state)", 990), ("Georgia", 10)))
    assert list(features(EntityLinker.from_index(plain, detector="gazetteer"), "Georgia")) == ["Q230", "Q1428"]
    found = features(linked_by(plain, tmp_path / "many", [many]), "Georgia")
    assert list(found) == ["Q1428", "Q230"]
    assert 0 < found["Q230"]["prior"] < found["Q1428"]["prior"] < 1
    few = AnchorText("georgia", 1, 1, (("Georgia (U.S. state)", 1),))
    fewer = features(linked_by(plain, tmp_path / "few", [few]), "Georgia")
    assert fewer["Q230"]["prior"] == 0 < fewer["Q1428"]["prior"] < found["Q1428"]["prior"]


def test_a_text_that_is_seldom_a_link_is_hardly_a_name(plain: Path, tmp_path: Path) -> None:
    """That speaks against all of its candidates alike."""
    texts = [AnchorText("georgia", 100, 100, (("Georgia", 100),)), AnchorText("will", 10, 100_000, ())]
    linker = linked_by(plain, tmp_path, texts)
    one, other = features(linker, "Georgia").values()
    assert one["linked"] == other["linked"] == pytest.approx(0.481, abs=0.001)  # 101 of 220, which is 9.2 times 1 in 20
    (will,) = features(linker, "Will").values()
    assert will["linked"] == -1
    assert will["prior"] == 0


def test_where_nothing_is_known_nothing_is_said(plain: Path, tmp_path: Path) -> None:
    unknown = linked_by(plain, tmp_path, [AnchorText("elsewhere", 10, 10, ())])
    for linker in (unknown, EntityLinker.from_index(plain, detector="gazetteer")):
        for name in ("Georgia", "New York City", "New York"):
            for found in features(linker, name).values():
                assert found["prior"] == found["linked"] == 0


def test_what_the_longer_name_says_is_not_said_of_the_shorter(plain: Path, tmp_path: Path) -> None:
    """A candidate that a longer name of the document lends has no links of its own."""
    linker = linked_by(plain, tmp_path, [AnchorText("new york city", 50, 50, (("New York City", 50),))])
    text = "New York City is large. NYC grows."
    links = linker.annotate(text, mentions=[Span(0, 13), Span(24, 27)], options=EXPLAINED).links
    assert [bool(link.candidates[0].features["linked"]) for link in links] == [True, False]


def test_an_index_without_links_ranks_to_the_last_digit_as_if_there_were_no_such_features(starter: Path) -> None:
    """Whatever their weights are."""
    index = Index.open(starter)
    names = [f"{name} met Ivan in Georgia" for name in ("Vladimir Putin", "Xi", "Paris", "Washington", "NATO")]
    others = {name: weight for name, weight in default_ranker().weights.items() if name not in OF_LINKS}
    assert index.anchors("paris") is None
    parts = parts_of_index(starter)
    for text in names:
        read = read_text(text, "en")
        (mentions,) = parts.detector.detect([read])
        found = parts.source.search([mention.surface for mention in mentions], "en", 0.0)
        table = candidate_table([sheet(read, mentions, {name: known(answer) for name, answer in found.items()})])
        plain = msgspec.structs.replace(default_ranker(), weights=others)
        strange = msgspec.structs.replace(default_ranker(), weights=others | {"prior": 1e9, "linked": -7.0})
        assert np.array_equal(weigh(table, plain)[1], weigh(table, strange)[1])


def known(answer: Candidates) -> Sequence[Candidate]:
    """The candidates of an answer of a source that always knows."""
    assert isinstance(answer, tuple)
    return answer


def test_links_by_key_are_read_as_they_were_given(plain: Path, tmp_path: Path) -> None:
    texts = [AnchorText("georgia", 7, 3, (("Georgia (U.S. state)", 4), ("Georgia", 2)))]
    index = Index.open(graft(plain, tmp_path / "grafted", texts, PAGES))
    found = index.anchors("georgia")
    assert found is not None
    assert (found.linked, found.unlinked) == (7, 3)
    meant = dict(zip(index.numbers[index.rows_named("georgia")].tolist(), found.meant.tolist(), strict=True))
    assert meant == {230: 2, 1428: 4}
    assert index.anchors("new york city") is None
    assert index.anchors("nowhere") is None
    index.verify()
