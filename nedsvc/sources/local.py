"""The knowledge source over an index on disk."""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from nedsvc.context import word_number
from nedsvc.index.format import LANGUAGE_FOR_ALL, Kind
from nedsvc.index.reader import Index, Postings
from nedsvc.models import Candidate, Entity, NameKind, qid_number
from nedsvc.names import Shape, fold, shape, slash_parts, strip_possessive, title_length
from nedsvc.similarity import name_similarity

MOST_EXACT = 40
MOST_PARTIAL = 20
MOST_SIMILAR_NAMES = 20
MOST_BY_SIMILAR_NAME = 3
CACHED_NAMES = 50_000
CACHED_ENTITIES = 20_000

_PARTIAL = 0.6  # the similarity of a name to the part of it that is asked for
_OTHER_CASE = 0.9
_OTHER_LANGUAGE = 0.95
_SHORT_ACRONYM = 0.5  # of a capitalised word to an acronym of two or three letters: Us is seldom the US
_LEAST_SIMILAR = 0.5
_SHORTEST_WORD = 3
_COMMON_NOUN = 0.75  # of a capitalised name to one that the index writes in lower case
_INNER_FORM = 0.95  # of a name that was found without its title or as one side of a slash


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

    def search(self, names: Sequence[str], language: str) -> dict[str, tuple[Candidate, ...]]:
        """What each name may mean: who bears it, then whose name it is a part of, else who bears a similar one."""
        return {name: self._candidates(name, language) for name in names}

    def fetch(self, ids: Sequence[str]) -> dict[str, Entity]:
        """The entities with these ids; unknown ids are left out."""
        rows = ((id_, self._index.row(qid_number(id_))) for id_ in ids)
        return {id_: self._entity(row) for id_, row in rows if row is not None}

    def _find(self, name: str, language: str) -> tuple[Candidate, ...]:
        found = _distinct([*self._exact(name, language), *self._partial(name)])
        return found or _distinct(self._similar(name))

    def _exact(self, name: str, language: str) -> Iterator[Candidate]:
        # The index's first language counts in full too: it is where a name that several languages share is kept.
        own = {0, *self._places(language), *self._places(LANGUAGE_FOR_ALL)}
        for form, similarity in _forms(name, self._titles):
            postings = self._index.postings(fold(form))
            if postings is not None:
                yield from self._bearers(postings, form, similarity, own)

    def _partial(self, name: str) -> Iterator[Candidate]:
        """Those in whose longer names the single word stands ("Blinken")."""
        key = fold(strip_possessive(name))
        if " " in key:
            return
        for row in self._index.bearers(key)[:MOST_PARTIAL].tolist():
            yield self._candidate(row, "partial", _PARTIAL)

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
        similarity = name_similarity(asked, key, lambda word: word_number(word) in words, self._idle)
        if similarity >= _LEAST_SIMILAR:
            yield self._candidate(row, "similar", similarity)

    def _bearers(self, postings: Postings, form: str, similarity: float, own: set[int]) -> Iterator[Candidate]:
        """The bearers of a key, `own` being the places of the languages whose names count in full."""
        written = shape(form)
        columns = (postings.rows, postings.kinds, postings.shapes, postings.languages)
        for row, kind, known, language in zip(*(column[:MOST_EXACT].tolist() for column in columns), strict=True):
            alike = similarity * _case_similarity(written, known, len(form))
            yield self._candidate(row, _KINDS[kind], alike if language in own else alike * _OTHER_LANGUAGE)

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
        )


def _case_similarity(written: Shape, known: int, letters: int) -> float:
    if written == known:
        return 1.0
    if written == Shape.TITLE and known == Shape.UPPER and letters <= _SHORTEST_WORD:
        return _SHORT_ACRONYM
    return _COMMON_NOUN if known == Shape.LOWER else _OTHER_CASE


def _forms(name: str, titles: frozenset[str]) -> Iterable[tuple[str, float]]:
    """The name as it stands, then the names in it: the sides of a slash, what is owned, what follows a title."""
    yield name, 1.0
    bare = strip_possessive(name)
    parts = slash_parts(bare)
    if bare != name or len(parts) > 1:
        yield from ((part, _INNER_FORM) for part in parts)
    owner, _, owned = bare.rpartition("'s ") if "'s " in bare else bare.rpartition("’s ")
    if owner:
        yield owned, _INNER_FORM
    words = bare.split()
    keys = [fold(word) for word in words]
    for position in range(len(words)):
        length = title_length(keys[position:], titles)
        if length:
            yield " ".join(words[position + length :]), _INNER_FORM
            return


def _distinct(candidates: Iterable[Candidate]) -> tuple[Candidate, ...]:
    """The first candidate of each entity."""
    first: dict[int, Candidate] = {}
    for candidate in candidates:
        first.setdefault(candidate.number, candidate)
    return tuple(first.values())
