"""What the rankers' features are worth: without a group of them, and with what they read shuffled."""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from time import perf_counter

import msgspec
import numpy as np
import training
from common import shared_folder
from numpy.typing import NDArray
from training import Case, Gold, HeldOut

from nedsvc.candidate_table import CandidateTable, candidate_table
from nedsvc.evaluation.report import of_page
from nedsvc.features import FEATURES
from nedsvc.index.build.dump import blocks, entity_lines
from nedsvc.index.reader import Index
from nedsvc.models import Candidate
from nedsvc.popularity import popularity
from nedsvc.ranking import Ranker
from nedsvc.wikibase import ItemReader

GROUPS: dict[str, tuple[str, ...]] = {
    "how the name is written": ("similarity", "label", "partial", "namesake", "similar"),
    "popularity": ("popularity", "share"),
    "type": ("type",),
    "words of the text": ("context", "told"),
    "longer names in the text": ("antecedent",),
    "links": ("coherence",),
    "vector of the text": ("meaning",),
    "vectors of the others": ("related",),
}
SHUFFLED = """\
What a candidate is known by is given to another item by chance, and linked with the weights fitted before. Sitelinks,
statements, links from others and the age of the id are the parts of popularity, each shuffled over all items of the
sample; words, links and vectors are shuffled over the candidates of a document.
"""
SEED = 20

Tables = Callable[[CandidateTable], CandidateTable]


def groups(cases: Sequence[Case], begin: Ranker, gold: Gold) -> str:
    """The accuracy by folds without each group of features, and the time that a group takes."""
    full = training.score(training.calibrated(training.by_folds(cases, begin), gold), gold)
    words = sum(len(case.table.tokens) for case in cases if not case.given)
    rows = [("nothing", f"{full.mean_accuracy:.3f}", "", f"{full.mean_f1:.3f}", "", "")]
    for name, features in GROUPS.items():
        folds = training.calibrated(training.by_folds(cases, begin, features), gold)
        found = training.score(folds, gold)
        rows.append(
            (
                name,
                f"{found.mean_accuracy:.3f}",
                f"{found.mean_accuracy - full.mean_accuracy:+.3f}",
                f"{found.mean_f1:.3f}",
                f"{found.mean_f1 - full.mean_f1:+.3f}",
                f"{_seconds(cases, features) / words * 1e6:.2f}",
            )
        )
    return of_page(("without", "accuracy", "", "F1", "", "microseconds a word"), rows) + "\n"


def _seconds(cases: Sequence[Case], features: Sequence[str]) -> float:
    """The time that features take on the detected mentions of all documents."""
    functions = [feature.function for feature in FEATURES if feature.name in features]
    tables = [case.table for case in cases if not case.given and case.table.candidates]
    start = perf_counter()
    for table in tables:
        for function in functions:
            function(table)
    return perf_counter() - start


def shuffled(index: Path, cases: Sequence[Case], folds: HeldOut, gold: Gold) -> str:
    """The accuracy by folds where something that candidates are known by belongs to others."""
    names = [(case.set, case.document, case.given) for case in cases]
    ranker_of = {(case.set, case.document, case.given): ranker for ranker, held in folds for case in held}
    plain = training.score(folds, gold).mean_accuracy
    rows = [("nothing", f"{plain:.3f}", "")]
    for what, change in {**_by_popularity(index), **_IN_DOCUMENTS}.items():
        changed = [msgspec.structs.replace(case, table=change(case.table)) for case in cases]
        pairs = [(ranker_of[name], [case]) for name, case in zip(names, changed, strict=True)]
        found = training.score(pairs, gold).mean_accuracy
        rows.append((what, f"{found:.3f}", f"{found - plain:+.3f}"))
    return of_page(("shuffled", "accuracy", ""), rows) + "\n"


def _by_popularity(folder: Path) -> dict[str, Tables]:
    """Tables with the popularity that candidates would have with a part of it shuffled over all items."""
    index = Index.open(folder)
    numbers = np.fromiter(map(index.number, range(len(index))), dtype=np.int64, count=len(index))
    sitelinks, statements = _counts(numbers)
    rows = np.arange(len(numbers))
    linked = np.concatenate(_links(index, rows))
    in_degree = np.bincount(np.searchsorted(numbers, linked), minlength=len(numbers))
    order = np.random.default_rng(SEED).permutation(len(numbers))
    parts = (sitelinks, statements, in_degree, numbers)
    found: dict[str, Tables] = {}
    for place, name in enumerate(("sitelinks", "statements", "links from others", "age of the id")):
        mixed = [part[order] if place == number else part for number, part in enumerate(parts)]
        found[name] = _with_popularity(numbers, popularity(*mixed))
    return found


def _links(index: Index, rows: NDArray[np.int64]) -> list[NDArray[np.uint32]]:
    return index.candidate_columns(rows.astype(np.uint32)).links


def _counts(numbers: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The sitelinks and the statements of the sample's items."""
    found = np.zeros((2, len(numbers)), dtype=np.int64)
    reader = ItemReader(("en",))
    for block in blocks(shared_folder() / "wikidata-sample" / "sample.json.gz"):
        for _, text in entity_lines(block):
            item = reader.read(text)
            if item is not None:
                place = int(np.searchsorted(numbers, item.number))
                if place < len(numbers) and numbers[place] == item.number:
                    found[:, place] = item.sitelinks, item.statements
    return found[0], found[1]


def _with_popularity(numbers: NDArray[np.int64], values: NDArray[np.float32]) -> Tables:
    def change(table: CandidateTable) -> CandidateTable:
        places = np.searchsorted(numbers, [candidate.number for candidate in table.candidates])
        known = values[places].tolist() if len(places) else []
        return _with(table, [{"popularity": value} for value in known])

    return change


def _shuffled_in(*fields: str) -> Tables:
    def change(table: CandidateTable) -> CandidateTable:
        order = np.random.default_rng(SEED).permutation(len(table.candidates)).tolist()
        others = [table.candidates[place] for place in order]
        return _with(table, [{field: getattr(other, field) for field in fields} for other in others])

    return change


def _shuffled_vectors(table: CandidateTable) -> CandidateTable:
    if table.vectors is None:
        return table
    order = np.random.default_rng(SEED).permutation(len(table.candidates))
    return msgspec.structs.replace(table, vectors=table.vectors[order])


def _with(table: CandidateTable, fields: Sequence[Mapping[str, object]]) -> CandidateTable:
    changed: list[Candidate] = [
        msgspec.structs.replace(candidate, **other) for candidate, other in zip(table.candidates, fields, strict=True)
    ]
    rows = iter([changed[start:stop] for start, stop in pairwise(table.bounds())])
    sheets = [msgspec.structs.replace(one, candidates=[next(rows) for _ in one.chains]) for one in table.sheets]
    return candidate_table(sheets, table.contexts)


_IN_DOCUMENTS: dict[str, Tables] = {
    "words around candidates": _shuffled_in("words"),
    "links of candidates": _shuffled_in("links"),
    "vectors of candidates": _shuffled_vectors,
}
