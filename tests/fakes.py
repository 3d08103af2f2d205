"""A knowledge source and a detector that fit on a page: the smallest world that a linker can live in."""

import re
from collections.abc import Mapping, Sequence

import numpy as np

from nedsvc.context import word_numbers
from nedsvc.detect import Detector
from nedsvc.linker import EntityLinker
from nedsvc.models import Candidate, Entity, EntityType, Mention, NameKind
from nedsvc.names import fold
from nedsvc.ranking import default_ranker, judges_without_vectors
from nedsvc.sources import Candidates, Known
from nedsvc.text import Text

JUDGES = judges_without_vectors(default_ranker())


def candidate(
    number: int,
    kind: NameKind = "label",
    *,
    similarity: float = 1.0,
    popularity: float = 0.5,
    types: Sequence[EntityType] = (),
    links: Sequence[int] = (),
    about: str = "",
) -> Candidate:
    """A candidate; `about` is what its description says."""
    return Candidate(
        id=f"Q{number}",
        number=number,
        kind=kind,
        similarity=similarity,
        popularity=popularity,
        types=frozenset(types),
        links=np.array(links, dtype=np.uint32),
        words=word_numbers(fold(about).split()),
    )


class FakeSource:
    """Answers from a dictionary of names; every entity is called after its id. Counts what it is asked."""

    id = "fake-1"
    languages: tuple[str, ...] = ("en", "de")
    lasting = True

    def __init__(self, names: Mapping[str, Sequence[Candidate]]) -> None:
        self._names = names
        self.searched: list[tuple[str, ...]] = []

    def search(self, names: Sequence[str], language: str, until: float) -> dict[str, Candidates]:
        self.searched.append(tuple(names))
        return {name: tuple(self._names.get(name, ())) for name in names}

    def fetch(self, ids: Sequence[str], language: str, until: float) -> dict[str, Known]:
        return {id_: Entity(id=id_, label=f"label of {id_}") for id_ in ids}


class FakeDetector:
    """Finds the words that begin with a capital, with the label given for each."""

    def __init__(self, labels: Mapping[str, EntityType] | None = None) -> None:
        self._labels = labels or {}

    def detect(self, texts: Sequence[Text]) -> list[list[Mention]]:
        return [
            [
                Mention(found.start(), found.end(), found.group(), self._labels.get(found.group()))
                for found in re.finditer(r"[A-Z]\w+(?: [A-Z]\w+)*", text.text)
            ]
            for text in texts
        ]


def linker(
    names: Mapping[str, Sequence[Candidate]],
    labels: Mapping[str, EntityType] | None = None,
    detector: Detector | None = None,
) -> EntityLinker:
    """A linker over these names."""
    return EntityLinker([FakeSource(names)], detector or FakeDetector(labels), JUDGES, lambda text: "de")
