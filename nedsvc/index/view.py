"""What is asked of an index that is open, be it one folder or a folder with overlays."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from nedsvc.index.format import Kind
from nedsvc.index.offices import Tenure
from nedsvc.index.records import Record
from nedsvc.models import Entity, EntityType
from nedsvc.never import Never

Rows = NDArray[np.uint32]


class Postings(NamedTuple):
    """Who bears a name, the most popular first, and how the name is written there.

    `kinds` are numbers of `format.Kind`, `shapes` of `names.Shape`, `languages` places in the index's languages;
    `accents` says whether the written name has letters that its key has not.
    """

    rows: Rows
    kinds: NDArray[np.uint8]
    shapes: NDArray[np.uint8]
    accents: NDArray[np.uint8]
    languages: NDArray[np.uint16]


class KeyAnchors(NamedTuple):
    """Links of a wiki with a name as their text: how many lead to each of its bearers, and how many there are.

    `unlinked` says how often the text is no link where it stands.
    """

    meant: NDArray[np.uint32]
    linked: int
    unlinked: int


class CandidateColumns(NamedTuple):
    """What ranking reads of some entities, each in its place: see `models.Candidate`."""

    ids: list[str]
    numbers: list[int]
    popularity: list[float]
    types: list[frozenset[EntityType]]
    links: list[Rows]
    words: list[Rows]
    vectors: Sequence[NDArray[np.int8] | None]


class Meanings(NamedTuple):
    """How a text is compared with the entities' vectors.

    `encoder` names what made them; of one of its vectors `plain` is taken off and the rest multiplied by `axes`.
    `vectors` holds the vector of each of the single `words` (`context.word_number`), which are sorted.
    """

    encoder: str
    axes: NDArray[np.float32]
    plain: NDArray[np.float32]
    words: Rows
    vectors: NDArray[np.float16]


class Offices(Protocol):
    """Who held which office and when; everything goes by rows."""

    def is_office(self, row: int) -> bool:
        """Whether the row is an office."""

    def held(self, office: int) -> tuple[Tenure, ...]:
        """Who held the office, by the day on which they began."""

    def of_owner(self, row: int) -> tuple[int, ...]:
        """The offices that are linked with a country, a region or an organisation."""

    def capital_of(self, row: int) -> tuple[int, ...]:
        """What the city is the capital of."""


class OpenIndex(Protocol):
    """Entities in rows, and the names that lead to them. A number stands for an id, as long as the index is open."""

    @property
    def content_id(self) -> str:
        """Names what it holds."""

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages of its names."""

    @property
    def never(self) -> Never:
        """What must not be linked, whatever the source."""

    @property
    def has_overlay(self) -> bool:
        """Whether there is anything that an overlay tells."""

    @property
    def meanings(self) -> Meanings | None:
        """What comes with the entities' vectors; None in an index without."""

    @property
    def offices(self) -> Offices:
        """Offices, their holders and owners, and capitals."""

    def __len__(self) -> int:
        """How many rows there are."""

    def prefixes(self, key: str) -> list[str]:
        """The known keys that this one begins with, the shortest first."""

    def shapes(self, key: str) -> int:
        """The shapes (bits `1 << Shape`) in which proper names with this key are written; 0 for an unknown key."""

    def postings(self, key: str) -> Postings | None:
        """Who bears the name with this key; None for an unknown key."""

    def anchors(self, key: str) -> KeyAnchors | None:
        """What a wiki's links say of the bearers in `postings`; None where nothing is known of the name."""

    def rows_named(self, key: str) -> Rows:
        """Who bears the name with this key, the most popular first."""

    def bearers(self, token: str) -> Rows:
        """The most popular entities that bear the word in a name of several words."""

    def bearers_of_initials(self, letters: str) -> Rows:
        """The most popular entities with a name that has these folded initials."""

    def similar_names(self, key: str, limit: int) -> list[tuple[str, float]]:
        """Known keys close to this one with their similarity (0 to 1), the best first."""

    def longer_names(self, key: str, limit: int) -> list[str]:
        """Known keys that hold all words of this one and more, those of the most popular entities first."""

    def id_of(self, number: int) -> str:
        """The id of the entity with this number."""

    def number_of(self, id_: str) -> int | None:
        """The number of the entity with this id; None for an id that nobody has here."""

    def number(self, row: int) -> int:
        """The number of the entity in this row."""

    def row(self, number: int) -> int | None:
        """The row of the entity with this number."""

    def rows_of(self, numbers: NDArray[np.integer]) -> NDArray[np.int64]:
        """The row of each of these numbers, -1 for those that are not here."""

    def tells(self, number: int) -> bool:
        """Whether an overlay tells of the entity with this number."""

    def popularity(self, row: int) -> float:
        """How well known the entity is, 0 to 1."""

    def popularities(self, rows: NDArray[np.integer]) -> NDArray[np.float32]:
        """How well known the entities are."""

    def type_bits(self, row: int) -> int:
        """The coarse types of the entity as bits (`format.TYPE_BITS`)."""

    def entity_types(self, row: int) -> frozenset[EntityType]:
        """The coarse types of the entity."""

    def count_people(self, rows: Rows) -> int:
        """How many of the entities are people."""

    def links(self, row: int) -> Rows:
        """The numbers of the entities that this one is linked to."""

    def words(self, row: int) -> Rows:
        """The numbers (`context.word_number`) of the words around the entity, sorted."""

    def record(self, row: int) -> Record:
        """What is kept of the entity for display."""

    def entity(self, row: int) -> Entity:
        """The entity as it is shown."""

    def candidate_columns(self, rows: NDArray[np.integer]) -> CandidateColumns:
        """What ranking reads of the entities in these rows."""

    def is_shorthand(self, key: str) -> bool:
        """Whether the name is a shorthand of world news ("the West")."""
        postings = self.postings(key)
        return postings is not None and bool((postings.kinds == Kind.SHORTHAND).any())

    def is_person(self, key: str) -> bool:
        """Whether the most popular bearer of the name is a person."""
        return self.count_people(self.rows_named(key)[:1]) > 0

    def is_label(self, key: str) -> bool:
        """Whether the name is the label of its most popular bearer."""
        postings = self.postings(key)
        return postings is not None and int(postings.kinds[0]) == Kind.LABEL

    def shares_bearer(self, key: str, part: str) -> bool:
        """Whether the most popular bearer of `key` is also known by `part`, or by names that hold this word."""
        whole = self.rows_named(key)[:1]
        return bool(np.isin(whole, self.bearers(part)).any() or np.isin(whole, self.rows_named(part)).any())

    def popularity_of(self, number: int) -> float:
        """How well known the entity with this number is, 0 to 1; 0 for one that is not here."""
        row = self.row(number)
        return 0.0 if row is None else self.popularity(row)

    def label_of(self, number: int) -> str | None:
        """The label of the entity with this number; None for one that is not here."""
        row = self.row(number)
        return None if row is None else next(iter(self.record(row).labels.values()))
