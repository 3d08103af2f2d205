"""The knowledge source over an index on disk."""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from nedsvc.context import word_number
from nedsvc.index.format import Kind
from nedsvc.index.reader import Index, Postings
from nedsvc.matching import OTHER_LANGUAGE, PARTIAL, case_similarity, forms, likeness
from nedsvc.models import Candidate, NameKind, qid_number
from nedsvc.names import fold, shape, strip_possessive
from nedsvc.sources import Candidates, Known
from nedsvc.wikibase import LANGUAGE_FOR_ALL

MOST_EXACT = 40
MOST_PARTIAL = 20
MOST_SIMILAR_NAMES = 20
MOST_BY_SIMILAR_NAME = 3
CACHED_NAMES = 50_000
CACHED_ENTITIES = 20_000

_KINDS: dict[int, NameKind] = {
    Kind.LABEL: "label",
    Kind.DEMONYM: "demonym",
    Kind.SHORTHAND: "shorthand",
    Kind.ALIAS: "alias",
}


class LocalSource:
    """Candidates and entities of an `Index`.

    `titles` are cut off before names, and `idle` words do not count where names are compared. Answers are remembered in
    the process: a name means the same as long as the index is open.
    """

    lasting = True

    def __init__(self, index: Index, titles: frozenset[str], idle: frozenset[str]) -> None:
        self._index = index
        self._titles = titles
        self._idle = idle
        self._candidates = lru_cache(CACHED_NAMES)(self._find)
        self._entity = lru_cache(CACHED_ENTITIES)(index.entity)

    @property
    def id(self) -> str:
        """The index's content id."""
        return self._index.manifest.content_id

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages that the index was built for."""
        named = tuple(name for name in self._index.manifest.languages if name != LANGUAGE_FOR_ALL)
        return named or (LANGUAGE_FOR_ALL,)

    def search(self, names: Sequence[str], language: str, until: float) -> dict[str, Candidates]:  # noqa: ARG002
        """What each name may mean: who bears it, then whose name it is a part of, else who bears a similar one."""
        return {name: self._candidates(name, language) for name in names}

    def fetch(self, ids: Sequence[str], language: str, until: float) -> dict[str, Known]:  # noqa: ARG002
        """The entities with these ids; unknown ids are left out."""
        rows = ((id_, self._index.row(qid_number(id_))) for id_ in ids)
        return {id_: self._entity(row) for id_, row in rows if row is not None}

    def _find(self, name: str, language: str) -> tuple[Candidate, ...]:
        found = _distinct([*self._exact(name, language), *self._partial(name)])
        return found or _distinct(self._similar(name))

    def _exact(self, name: str, language: str) -> Iterator[Candidate]:
        # The index's first language counts in full too: it is where a name that several languages share is kept.
        own = {0, *self._places(language), *self._places(LANGUAGE_FOR_ALL)}
        for form, similarity in forms(name, self._titles):
            postings = self._index.postings(fold(form))
            if postings is not None:
                yield from self._bearers(postings, form, similarity, own)

    def _partial(self, name: str) -> Iterator[Candidate]:
        """Those in whose longer names the single word stands ("Blinken")."""
        key = fold(strip_possessive(name))
        if " " in key:
            return
        for row in self._index.bearers(key)[:MOST_PARTIAL].tolist():
            yield self._candidate(row, "partial", PARTIAL)

    def _similar(self, name: str) -> Iterator[Candidate]:
        """Those who bear a name with nearly the same letters or words ("Anthony Blinken")."""
        asked = fold(strip_possessive(name))
        for key, _ in self._index.similar_names(asked, MOST_SIMILAR_NAMES):
            postings = self._index.postings(key)
            if postings is not None:
                for row in postings.rows[:MOST_BY_SIMILAR_NAME].tolist():
                    yield from self._if_similar(row, asked, key)

    def _if_similar(self, row: int, asked: str, key: str) -> Iterator[Candidate]:
        words = frozenset(self._index.words(row).tolist())
        similarity = likeness(asked, key, lambda word: word_number(word) in words, self._idle)
        if similarity:
            yield self._candidate(row, "similar", similarity)

    def _bearers(self, postings: Postings, form: str, similarity: float, own: set[int]) -> Iterator[Candidate]:
        """The bearers of a key, `own` being the places of the languages whose names count in full."""
        written = shape(form)
        columns = (postings.rows, postings.kinds, postings.shapes, postings.languages)
        for row, kind, known, language in zip(*(column[:MOST_EXACT].tolist() for column in columns), strict=True):
            alike = similarity * case_similarity(written, known, len(form))
            yield self._candidate(row, _KINDS[kind], alike if language in own else alike * OTHER_LANGUAGE)

    def _places(self, language: str) -> Iterator[int]:
        """The place of a language among those of the index, if it is there."""
        languages = self._index.manifest.languages
        if language in languages:
            yield languages.index(language)

    def _candidate(self, row: int, kind: NameKind, similarity: float) -> Candidate:
        index = self._index
        number = int(index.numbers[row])
        return Candidate(
            id=f"Q{number}",
            number=number,
            kind=kind,
            similarity=similarity,
            popularity=float(index.popularity[row]),
            types=index.entity_types(row),
            links=index.links(row),
            words=index.words(row),
            vector=index.vector(row),
        )


def _distinct(candidates: Iterable[Candidate]) -> tuple[Candidate, ...]:
    """The first candidate of each entity."""
    first: dict[int, Candidate] = {}
    for candidate in candidates:
        first.setdefault(candidate.number, candidate)
    return tuple(first.values())
