"""The knowledge source over an index on disk."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import repeat
from typing import NamedTuple

import numpy as np

from nedsvc.context import word_number
from nedsvc.index.format import Kind
from nedsvc.index.view import OpenIndex
from nedsvc.matching import OTHER_LANGUAGE, PARTIAL, case_similarity, forms, likeness
from nedsvc.models import AnchorCounts, Candidate, NameKind
from nedsvc.names import Shape, fold, is_acronym, shape, strip_possessive
from nedsvc.sources import Candidates, Known
from nedsvc.variants import Spelling, bare_key, variants
from nedsvc.wikibase import LANGUAGE_FOR_ALL

MOST_EXACT = 40
MOST_LONGER_NAMES = 40
MOST_PARTIAL = 50
MOST_NAMESAKES = 100  # of people by one of their names
MOST_WORDS = 12  # of a name in which others are looked for
MOST_BY_NICKNAME = 20
MOST_BY_INITIALS = 15
MOST_INNER = 10  # by each name in the one asked for
MOST_SIMILAR_NAMES = 15
MOST_BY_SIMILAR_NAME = 3
CACHED_NAMES = 10_000
CACHED_ENTITIES = 20_000

_VARIANT = 0.9  # the similarity of a name that is written in another way
_ACRONYM = 0.5
_INNER = 0.4  # times the share of the words asked for that the name has
_AKIN = 0.4  # times the share of what two names have in common that are not likely one


class Match(NamedTuple):
    """The row of an entity, how its name matches the one asked for, and what a wiki's links say of this name."""

    row: int
    kind: NameKind
    similarity: float
    anchors: AnchorCounts | None = None


_KINDS: dict[int, NameKind] = {
    Kind.LABEL: "label",
    Kind.DEMONYM: "demonym",
    Kind.SHORTHAND: "shorthand",
    Kind.ALIAS: "alias",
}


class LocalSource:
    """Candidates and entities of an index.

    `spelling` says how else a name may be written, and `idle` words do not count where names are compared. Answers are
    remembered in the process: a name means the same as long as the index is open.
    """

    lasting = True

    def __init__(self, index: OpenIndex, spelling: Spelling, idle: frozenset[str]) -> None:
        self._index = index
        self._spelling = spelling
        self._idle = idle
        self._candidates = lru_cache(CACHED_NAMES)(self._find)
        self._entity = lru_cache(CACHED_ENTITIES)(index.entity)

    @property
    def id(self) -> str:
        """The index's content id."""
        return self._index.content_id

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages that the index was built for."""
        named = tuple(name for name in self._index.languages if name != LANGUAGE_FOR_ALL)
        return named or (LANGUAGE_FOR_ALL,)

    def search(self, names: Sequence[str], language: str, until: float) -> dict[str, Candidates]:  # noqa: ARG002
        """What each name may mean: who bears it, then whose name it is a part of; else who bears one like it."""
        return {name: self._candidates(name, language) for name in names}

    def fetch(self, ids: Sequence[str], language: str, until: float) -> dict[str, Known]:  # noqa: ARG002
        """The entities with these ids; unknown ids are left out."""
        numbers = ((id_, self._index.number_of(id_)) for id_ in ids)
        rows = ((id_, self._index.row(number)) for id_, number in numbers if number is not None)
        return {id_: self._entity(row) for id_, row in rows if row is not None}

    def _find(self, name: str, language: str) -> tuple[Candidate, ...]:
        # The index's first language counts in full too: it is where a name that several languages share is kept.
        own = {0, *self._places(language), *self._places(LANGUAGE_FOR_ALL)}
        borne = [*self._exact(name, own), *self._varied(name, own), *self._acronyms(name)]
        partial = [*self._partial(name)]
        if borne:
            return self._candidates_of([*borne, *partial])
        key = fold(strip_possessive(name))
        # A single word that stands in longer names is known, and no other word with a slip of the pen.
        similar = [] if partial and " " not in key else self._similar(key)
        found = [*partial, *self._inner(key), *similar]
        return self._candidates_of(sorted(found, key=lambda match: -match.similarity))

    def _exact(self, name: str, own: set[int]) -> Iterator[Match]:
        for form, similarity in forms(name, self._spelling.titles):
            yield from self._bearers(fold(form), form, similarity, own)

    def _varied(self, name: str, own: set[int]) -> Iterator[Match]:
        """Those who bear the name written in another way ("Target Corp.")."""
        for key in variants(name, self._spelling):
            yield from self._bearers(key, name, _VARIANT, own)

    def _acronyms(self, name: str) -> Iterator[Match]:
        """Those whose names have these initials ("RIAA")."""
        if is_acronym(name) or _has_capitals(name):
            for row in self._index.bearers_of_initials(fold(name))[:MOST_BY_INITIALS].tolist():
                yield Match(row, "acronym", _ACRONYM)

    def _partial(self, name: str) -> Iterator[Match]:
        """Those in whose longer names the name stands."""
        key = bare_key(name, self._spelling)
        is_name = " " not in key and shape(name) != Shape.LOWER and key not in self._spelling.titles
        return self._namesakes(key) if is_name else self._longer(key)

    def _namesakes(self, word: str) -> Iterator[Match]:
        """Those in whose longer names the single word stands ("Blinken"); more of them where it is a name of people."""
        bearers = self._index.bearers(word)
        people = self._index.count_people(bearers[:MOST_PARTIAL])
        most = MOST_NAMESAKES if people > MOST_PARTIAL / 2 else MOST_PARTIAL
        yield from (Match(row, "partial", PARTIAL) for row in bearers[:most].tolist())
        for full in self._spelling.nicknames.get(word, ()):
            bearers = self._index.bearers(full)[:MOST_BY_NICKNAME]
            yield from (Match(row, "partial", PARTIAL * _VARIANT) for row in bearers.tolist())

    def _longer(self, key: str) -> Iterator[Match]:
        """Those whose longer names hold all the words ("Michigan State" for its football team)."""
        for longer in self._index.longer_names(key, MOST_LONGER_NAMES):
            share = (key.count(" ") + 1) / (longer.count(" ") + 1)
            yield from (Match(row, "partial", share) for row in self._most_popular(longer))

    def _inner(self, key: str) -> Iterator[Match]:
        """Those whose names are half of the one asked for, or more ("Maha Kumbh Mela"), the longest parts first."""
        words = key.split()[:MOST_WORDS]
        for size in range(len(words) - 1, (len(words) - 1) // 2, -1):
            for start in range(len(words) - size + 1):
                part = " ".join(words[start : start + size])
                if part not in self._idle:
                    for row in self._index.rows_named(part)[:MOST_INNER].tolist():
                        yield Match(row, "inner", _INNER * size / len(words))

    def _similar(self, asked: str) -> Iterator[Match]:
        """Those who bear a name with nearly the same letters or words ("Anthony Blinken"), or with some of them."""
        for key, common in self._index.similar_names(asked, MOST_SIMILAR_NAMES):
            may_be = likeness(asked, key, _anything, self._idle) > 0
            for row in self._most_popular(key):
                alike = self._likeness(row, asked, key) if may_be else 0.0
                yield Match(row, "similar", alike) if alike else Match(row, "akin", _AKIN * common)

    def _most_popular(self, key: str) -> list[int]:
        found: list[int] = self._index.rows_named(key)[:MOST_BY_SIMILAR_NAME].tolist()
        return found

    def _likeness(self, row: int, asked: str, key: str) -> float:
        words = frozenset(self._index.words(row).tolist())
        return likeness(asked, key, lambda word: word_number(word) in words, self._idle)

    def _bearers(self, key: str, form: str, similarity: float, own: set[int]) -> Iterator[Match]:
        """The bearers of a key, `own` being the places of the languages whose names count in full."""
        postings = self._index.postings(key)
        if postings is None:
            return
        written = shape(form)
        columns = (postings.rows, postings.kinds, postings.shapes, postings.languages)
        borne = zip(*(column[:MOST_EXACT].tolist() for column in columns), strict=True)
        for (row, kind, known, language), anchors in zip(borne, self._anchors(key), strict=False):
            alike = similarity * case_similarity(written, known, len(form))
            yield Match(row, _KINDS[kind], alike if language in own else alike * OTHER_LANGUAGE, anchors)

    def _anchors(self, key: str) -> Iterator[AnchorCounts | None]:
        """What a wiki's links say of each bearer of a key; endless where they say nothing."""
        found = self._index.anchors(key)
        if found is None:
            return repeat(None)
        return (AnchorCounts(meant, found.linked, found.unlinked) for meant in found.meant[:MOST_EXACT].tolist())

    def _places(self, language: str) -> Iterator[int]:
        """The place of a language among those of the index, if it is there."""
        languages = self._index.languages
        if language in languages:
            yield languages.index(language)

    def _candidates_of(self, matches: Sequence[Match]) -> tuple[Candidate, ...]:
        """A candidate for each entity, by the first of its matches."""
        first: dict[int, Match] = {}
        for match in matches:
            first.setdefault(match.row, match)
        anchors = [match.anchors for match in first.values()]
        columns = self._index.candidate_columns(np.fromiter(first, dtype=np.int64, count=len(first)))
        return tuple(
            Candidate(id_, number, match.kind, match.similarity, *rest)
            for match, id_, number, *rest in zip(first.values(), *columns, anchors, strict=True)
        )


def _anything(word: str) -> bool:  # noqa: ARG001
    """What says every word."""
    return True


def _has_capitals(name: str) -> bool:
    """Whether a single word has several capitals ("WoW")."""
    return sum(map(str.isupper, name)) > 1 and name.isalpha()
