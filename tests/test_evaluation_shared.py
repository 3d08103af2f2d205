"""The open benchmarks: other systems' scores come out as they are published, and ours do not fall."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from nedsvc import EntityLinker
from nedsvc.evaluation.gold import read_gold
from nedsvc.evaluation.ids import Ids, read_ids
from nedsvc.evaluation.peers import compare, read_peers
from nedsvc.evaluation.predictions import Prediction, predict
from nedsvc.evaluation.scores import accuracy, end_to_end
from nedsvc.index.reader import Index

COLUMNS = ("refined__aida", "rel__2014", "genre__yago", "spel__large", "wat", "baseline")

ROOT = Path(__file__).parents[1]
FLOORS_FILE = "tests/data/quality_floors.json"

Floors = dict[str, dict[str, float]]
FLOORS = msgspec.json.decode((ROOT / FLOORS_FILE).read_bytes(), type=Floors)

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


@pytest.mark.parametrize("name", FLOORS)
def test_the_links_are_as_right_as_they_were(shared: Path, ids: Ids, sample_index: Index, name: str) -> None:
    """`python benchmarks/quality.py --raise-floors` raises the floors where they are better."""
    gold = read_gold(shared / "benchmarks" / "gold" / f"{name}.benchmark.jsonl")
    linker = EntityLinker.from_index(sample_index.path, source="index")
    measured = {
        "accuracy": accuracy(gold, predict(linker, gold, given=True), ids).share,
        "f1": end_to_end(gold, predict(linker, gold, given=False), ids).f1,
    }
    assert {key: value for key, value in measured.items() if value < FLOORS[name][key]} == {}


def test_floors_only_rise(history: Path) -> None:
    """Against every version that git knows here; a clone may know few."""
    for commit in git(history, "log", "--format=%H", "--", FLOORS_FILE).split():
        before = msgspec.json.decode(git(history, "show", f"{commit}:{FLOORS_FILE}"), type=Floors)
        fallen = {
            f"{name} {key}"
            for name, floors in before.items()
            for key, floor in floors.items()
            if FLOORS.get(name, {}).get(key, 0.0) < floor
        }
        assert not fallen, f"lower than in {commit[:12]}"


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True).stdout
