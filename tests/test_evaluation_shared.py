"""The open benchmarks: other systems' scores come out as they are published beside the gold."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from nedsvc.evaluation.gold import read_gold
from nedsvc.evaluation.ids import Ids, read_ids
from nedsvc.evaluation.peers import compare, read_peers
from nedsvc.evaluation.predictions import Prediction

COLUMNS = ("refined__aida", "rel__2014", "genre__yago", "spel__large", "wat", "baseline")

Scores = dict[str, tuple[str, str]]


@pytest.fixture(scope="module")
def ids(shared: Path) -> Ids:
    return read_ids(shared / "wikidata-sample" / "sample.json.gz")


def published(benchmarks: Path) -> Iterator[tuple[str, int, Scores]]:
    """The benchmarks' own table: a set's name, its counted gold, and the F1 and accuracy of each system."""
    for line in (benchmarks / "README.md").read_text().splitlines():
        row = re.fullmatch(r"\| ([\w-]+) \((\d+)\) \| (.*) \|", line)
        if row:
            cells = (re.fullmatch(r"(\.\d+) / (\.\d+)", cell) for cell in row[3].split(" | "))
            yield (
                row[1],
                int(row[2]),
                {name: (cell[1], cell[2]) for name, cell in zip(COLUMNS, cells, strict=True) if cell},
            )


def measured(benchmarks: Path, name: str, ids: Ids) -> tuple[int, Scores]:
    """The same for a set, as it is counted here."""
    gold = read_gold(benchmarks / "gold" / f"{name}.benchmark.jsonl")
    nothing = [Prediction(document.id, ()) for document in gold.documents]
    found = [compare(gold, nothing, peer, ids) for peer in read_peers(benchmarks / "peers" / f"{name}.tsv")]
    scores = {each.name: (_written(each.found.f1), _written(each.theirs.share)) for each in found}
    return found[0].found.gold, {name: scores[name] for name in COLUMNS if name in scores}


def _written(share: float) -> str:
    return f"{share:.3f}".removeprefix("0")


def test_other_systems_score_what_is_published_to_the_third_place(shared: Path, ids: Ids) -> None:
    rows = list(published(shared / "benchmarks"))
    assert len(rows) == 6
    for name, gold, scores in rows:
        assert measured(shared / "benchmarks", name, ids) == (gold, scores), name
