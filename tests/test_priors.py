"""What links of a wiki say of names, in ranking: p(entity | mention) and how often a text is a link."""

import gzip
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, cast

import msgspec
import numpy as np
import pytest
from dumps import dump_item, make_dump

from nedsvc import EntityLinker, Options, Span
from nedsvc.anchors import FORMAT, AnchorText, Header, read_anchors, write_anchors
from nedsvc.candidate_table import candidate_table
from nedsvc.decision import sheet, weigh
from nedsvc.errors import InvalidInput
from nedsvc.factory import parts_of_index
from nedsvc.features import OF_LINKS
from nedsvc.index.build import Beside, Effort, Progress, Report, build_index
from nedsvc.index.options import BuildOptions
from nedsvc.index.reader import Index
from nedsvc.models import Candidate
from nedsvc.ranking import default_ranker
from nedsvc.sources import Candidates
from nedsvc.text import read_text

SITES = ["enwiki", "dewiki", "frwiki"]
ITEMS = [
    dump_item("Q230", "Georgia", description="country", sitelinks=SITES),
    dump_item("Q1428", "Georgia", description="state", sitelinks=SITES, title="Georgia (U.S. state)"),
    dump_item("Q60", "New York City", aliases=["Will"], sitelinks=SITES),
]
EXPLAINED = Options(explain=True)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index that knows nothing of links."""
    folder = tmp_path_factory.mktemp("plain")
    build_index([make_dump(folder, ITEMS)], folder / "index", BuildOptions())
    return folder / "index"


def with_links(folder: Path, texts: Sequence[AnchorText], wiki: str = "enwiki", effort: Effort | None = None) -> Path:
    """The folder of an index that knows of the texts."""
    folder.mkdir(exist_ok=True)
    anchors = folder / "anchors.tsv.gz"
    with gzip.open(anchors, "wb") as file:
        write_anchors(cast(IO[bytes], file), header(texts, wiki), texts)
    build_index([make_dump(folder, ITEMS)], folder / "index", BuildOptions(), None, effort, Beside(anchors=anchors))
    return folder / "index"


def header(texts: Sequence[AnchorText], wiki: str) -> Header:
    """The header of a file of texts."""
    links = sum(text.linked for text in texts)
    counts = {"pages": 3, "redirects": 0, "links": links, "min_count": 1, "texts": len(texts), "rare": 0}
    return Header(format=FORMAT, wiki=wiki, left_out={}, **counts)


def linked_by(folder: Path, texts: Sequence[AnchorText]) -> EntityLinker:
    """A linker over an index that knows of the texts."""
    return EntityLinker.from_index(with_links(folder, texts), detector="gazetteer")


def features(linker: EntityLinker, name: str) -> dict[str, Mapping[str, float]]:
    """The features of the candidates of a name, by their ids."""
    (link,) = linker.annotate(name, mentions=[Span(0, len(name))], options=EXPLAINED).links
    return {candidate.id: candidate.features for candidate in link.candidates}


def test_links_tell_whose_name_it_is(plain: Path, tmp_path: Path) -> None:
    """The more of them lead to an entity, the likelier it is; a few do not say much."""
    many = AnchorText("georgia", 1000, 1000, (("Georgia (U.S. state)", 990), ("Georgia", 10)))
    assert list(features(EntityLinker.from_index(plain, detector="gazetteer"), "Georgia")) == ["Q230", "Q1428"]
    found = features(linked_by(tmp_path / "many", [many]), "Georgia")
    assert list(found) == ["Q1428", "Q230"]
    assert 0 < found["Q230"]["prior"] < found["Q1428"]["prior"] < 1
    few = AnchorText("georgia", 1, 1, (("Georgia (U.S. state)", 1),))
    fewer = features(linked_by(tmp_path / "few", [few]), "Georgia")
    assert fewer["Q230"]["prior"] == 0 < fewer["Q1428"]["prior"] < found["Q1428"]["prior"]


def test_a_text_that_is_seldom_a_link_is_hardly_a_name(plain: Path, tmp_path: Path) -> None:
    """That speaks against all of its candidates alike."""
    texts = [AnchorText("georgia", 100, 100, (("Georgia", 100),)), AnchorText("will", 10, 100_000, ())]
    linker = linked_by(tmp_path, texts)
    one, other = features(linker, "Georgia").values()
    assert one["linked"] == other["linked"] == pytest.approx(0.481, abs=0.001)  # 101 of 220, which is 9.2 times 1 in 20
    (will,) = features(linker, "Will").values()
    assert will["linked"] == -1
    assert will["prior"] == 0


def test_where_nothing_is_known_nothing_is_said(plain: Path, tmp_path: Path) -> None:
    unknown = linked_by(tmp_path, [AnchorText("elsewhere", 10, 10, ())])
    for linker in (unknown, EntityLinker.from_index(plain, detector="gazetteer")):
        for name in ("Georgia", "New York City", "New York"):
            for found in features(linker, name).values():
                assert found["prior"] == found["linked"] == 0


def test_what_the_longer_name_says_is_not_said_of_the_shorter(plain: Path, tmp_path: Path) -> None:
    """A candidate that a longer name of the document lends has no links of its own."""
    linker = linked_by(tmp_path, [AnchorText("new york city", 50, 50, (("New York City", 50),))])
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


@pytest.mark.parametrize("effort", [Effort(), Effort(workers=2, names=1, rows=1)])
def test_links_by_key_are_read_as_they_were_given(tmp_path: Path, effort: Effort) -> None:
    texts = [
        AnchorText("elsewhere", 9, 9, (("Georgia", 8), ("Elsewhere", 1))),
        AnchorText("georgia", 7, 3, (("Georgia (U.S. state)", 4), ("Georgia", 2), ("Georgia (name)", 1))),
    ]
    index = Index.open(with_links(tmp_path, texts, effort=effort))
    found = index.anchors("georgia")
    assert found is not None
    assert (found.linked, found.unlinked) == (7, 3)
    meant = dict(zip(index.numbers_of(index.rows_named("georgia")).tolist(), found.meant.tolist(), strict=True))
    assert meant == {230: 2, 1428: 4}
    assert index.anchors("new york city") is None
    assert index.anchors("nowhere") is None
    index.verify()


def test_a_file_with_damage_is_refused_before_the_dumps_are_read(tmp_path: Path) -> None:
    with_links(tmp_path, [AnchorText("georgia", 7, 3, (("Georgia", 2),))])
    anchors = tmp_path / "anchors.tsv.gz"
    anchors.write_bytes(anchors.read_bytes()[:-12])
    read: list[Progress] = []
    with pytest.raises(InvalidInput, match="cannot be read beyond line"):
        build_index(
            [make_dump(tmp_path, ITEMS)],
            tmp_path / "x",
            BuildOptions(),
            Report(read.append),
            None,
            Beside(None, anchors),
        )
    assert read == []
    assert not (tmp_path / "x.part").exists()


def test_titles_are_those_of_the_wiki_that_was_counted(tmp_path: Path) -> None:
    index = Index.open(with_links(tmp_path, [AnchorText("georgia", 7, 3, (("Georgia", 2),))], "itwiki"))
    found = index.anchors("georgia")
    assert found is not None
    assert (found.meant.tolist(), found.linked) == ([0, 0], 7)


def test_the_links_of_a_real_wiki_lead_to_entities_through_their_sitelinks(tmp_path: Path, shared: Path) -> None:
    """Every link text of the sample that is a name of an entity, beside a plain count."""
    anchors = tmp_path / "anchors.gz"
    dump = shared / "wikipedia-sample" / "enwiki-pages-articles-shortened.xml.bz2"
    subprocess.run([sys.executable, "-m", "nedsvc", "index", "anchors", str(dump), "-o", str(anchors)], check=True)
    sample = shared / "wikidata-sample" / "sample.json.gz"
    command = ["build", str(sample), "-o", str(tmp_path / "index"), "--anchors", str(anchors)]
    subprocess.run([sys.executable, "-m", "nedsvc", "index", *command], check=True, capture_output=True)
    index = Index.open(tmp_path / "index")
    # Two entities of the sample share a title: the first one has it.
    titles = {title: row for row in reversed(range(len(index))) if (title := index.record(row).wikipedia)}
    joined = 0
    for text in read_anchors(anchors)[1]:
        wanted = {titles[title]: count for title, count in text.targets if title in titles}
        rows = index.rows_named(text.key).tolist()
        found = index.anchors(text.key)
        assert (found is None) == (not rows)
        if found is not None:
            assert (found.linked, found.unlinked) == (text.linked, text.unlinked)
            assert dict(zip(rows, found.meant.tolist(), strict=True)) == {row: wanted.get(row, 0) for row in rows}
            joined += int(found.meant.sum() > 0)
    assert joined > 300
