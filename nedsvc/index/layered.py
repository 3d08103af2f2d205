"""An index with an overlay: a small index of what a file tells, over one that stays as it is.

The overlay's index ("layer") holds the entities that it tells of and, as landmarks, those of the index below that they
are linked with. Its rows stand behind those below; where an entity is below too, its row there stands for it, so that
whatever is kept there by row goes on to hold. What the layer tells of an entity goes before what is known below.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import msgspec
import numpy as np
from numpy.typing import NDArray

from nedsvc.errors import IndexFormatError
from nedsvc.index.layered_offices import LayeredOffices, RowMap
from nedsvc.index.reader import Index
from nedsvc.index.records import Record
from nedsvc.index.view import CandidateColumns, KeyAnchors, Meanings, Offices, OpenIndex, Postings, Rows
from nedsvc.models import FIRST_OWN_NUMBER, Entity, EntityType, Office
from nedsvc.never import Never

OVERLAY = "overlay"  # the folder in that of an index
FACTS = "overlay.json"
ENTITIES = "entities"
LAYER_VERSION = 1

_NOBODY: Rows = np.zeros(0, dtype=np.uint32)


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What an overlay says beside its entities.

    `own` are the ids that are no QIDs and new here, by their numbers from `first_own` on, `urls` the pages of entities
    by id, and `told` the numbers of the entities that it tells of. Of `quiet` names nobody is left who bears them.
    """

    version: int = LAYER_VERSION
    first_own: int = FIRST_OWN_NUMBER
    own: tuple[str, ...] = ()
    urls: dict[str, str] = {}
    told: tuple[int, ...] = ()
    never: Never = Never()
    quiet: frozenset[str] = frozenset()


class Layer(msgspec.Struct, frozen=True):
    """An overlay that is open: its entities with their landmarks, and what else it says."""

    entities: Index
    facts: Facts
    content_id: str

    @classmethod
    def open(cls, folder: Path) -> "Layer":
        """The overlay in this folder. Raises `IndexNotFound`, `IndexFormatError`."""
        entities = Index.open(folder / ENTITIES)
        try:
            content = (folder / FACTS).read_bytes()
            facts = msgspec.json.decode(content, type=Facts)
        except (OSError, msgspec.MsgspecError, ValueError) as error:
            raise IndexFormatError(f"{folder / FACTS} is damaged ({error}): make the overlay again.") from error
        if facts.version != LAYER_VERSION:
            raise IndexFormatError(f"{folder} has overlay format {facts.version}, not {LAYER_VERSION}: make it again.")
        return cls(entities, facts, _content_id(entities, content))

    @property
    def is_empty(self) -> bool:
        """Whether it says nothing."""
        return not self.facts.told and not self.facts.never


def _content_id(entities: Index, facts: bytes) -> str:
    total = hashlib.sha256(entities.content_id.encode() + b"\n" + facts)
    return f"{OVERLAY}-{total.hexdigest()[:12]}"


def open_index(folder: Path) -> OpenIndex:
    """The index in this folder with the overlay that it was built with, if any.

    Raises `IndexNotFound` or `IndexFormatError`.
    """
    index = Index.open(folder)
    if f"{OVERLAY}/{FACTS}" not in index.manifest.files:
        return index
    return overlaid_by(index, Layer.open(folder / OVERLAY), index.content_id)


def overlaid_by(base: OpenIndex, layer: Layer, content_id: str | None = None) -> OpenIndex:
    """The index with an overlay over it, under a content id that names both; the index itself where it says nothing."""
    if layer.is_empty:
        return base
    return Layered(base, layer, content_id or f"{base.content_id}+{layer.content_id}")


class Layered(OpenIndex):
    """An index with an overlay, as one index."""

    has_overlay = True

    def __init__(self, base: OpenIndex, layer: Layer, content_id: str) -> None:
        facts = layer.facts
        self._base = base
        self._layer = layer.entities
        self._content_id = content_id
        self._never = base.never | facts.never
        self._silent = self._never.names | facts.quiet
        self._unnamed = _unnamed(facts.never, base, layer.entities)
        self._own = facts.own
        self._first_own = facts.first_own
        self._own_numbers = {id_: number for number, id_ in enumerate(facts.own, facts.first_own)}
        self._urls = facts.urls
        self._languages = tuple(dict.fromkeys((*base.languages, *layer.entities.languages)))
        self._places = _places(layer.entities.languages, self._languages)
        self._begin = len(base)
        self._hidden = _hidden(base, facts.never)
        self._rows, self._told = _rows_above(base, layer.entities, facts)
        changed = np.flatnonzero(self._told & (self._rows < self._begin))
        self._changed: Mapping[int, int] = dict(zip(self._rows[changed].tolist(), changed.tolist(), strict=True))
        self._changed_rows = np.sort(self._rows[changed])
        self._offices = LayeredOffices(
            base.offices, layer.entities.offices, RowMap(self._rows, self._begin), self._changed, self._is_there
        )

    def __len__(self) -> int:
        return self._begin + len(self._layer)

    @property
    def content_id(self) -> str:
        """Names both."""
        return self._content_id

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages of both, those of the index first."""
        return self._languages

    @property
    def never(self) -> Never:
        """What this overlay, or one below, forbids."""
        return self._never

    @property
    def meanings(self) -> Meanings | None:
        """The index's; an overlay has no vectors."""
        return self._base.meanings

    @property
    def offices(self) -> Offices:
        """Those of both."""
        return self._offices

    def prefixes(self, key: str) -> list[str]:
        """The known keys that this one begins with, the shortest first."""
        known, more = self._base.prefixes(key), self._layer.prefixes(key)
        if more:
            known = sorted({*known, *filter(self._is_told, more)}, key=len)
        return [name for name in known if name not in self._silent] if self._silent else known

    def shapes(self, key: str) -> int:
        """The shapes in which proper names with this key are written."""
        return 0 if key in self._silent else self._base.shapes(key) | self._layer.shapes(key)

    def postings(self, key: str) -> Postings | None:
        """Who bears the name with this key."""
        if key in self._silent:
            return None
        below, own = self._base.postings(key), self._own_postings(key)
        if below is not None:
            rows = self._unhidden(below.rows, key)
            if own is not None:
                rows = rows[~np.isin(rows, own.rows)]
            if len(rows) < len(below.rows):
                below = _chosen(below, np.isin(below.rows, rows)) if len(rows) else None
        if own is None or below is None:
            return below if own is None else own
        columns: Iterable[Any] = zip(own, below, strict=True)
        both = Postings(*(np.concatenate(column) for column in columns))
        return _chosen(both, self._by_popularity(both.rows))

    def anchors(self, key: str) -> KeyAnchors | None:
        """What a wiki's links say of the bearers of the name with this key; of own entities they say nothing."""
        below, postings = self._base.anchors(key), self.postings(key)
        if below is None or postings is None:
            return None
        meant = dict(zip(self._base.rows_named(key).tolist(), below.meant.tolist(), strict=True))
        return below._replace(meant=np.array([meant.get(row, 0) for row in postings.rows.tolist()], dtype=np.uint32))

    def rows_named(self, key: str) -> Rows:
        """Who bears the name with this key."""
        if len(self._layer.rows_named(key)):
            postings = self.postings(key)
            return _NOBODY if postings is None else postings.rows
        return _NOBODY if key in self._silent else self._unhidden(self._base.rows_named(key), key)

    def bearers(self, token: str) -> Rows:
        """The most popular entities that bear the word in a name of several words."""
        return self._joined(self._base.bearers(token), self._layer.bearers(token))

    def bearers_of_initials(self, letters: str) -> Rows:
        """The most popular entities with a name that has these folded initials."""
        return self._joined(self._base.bearers_of_initials(letters), self._layer.bearers_of_initials(letters))

    def similar_names(self, key: str, limit: int) -> list[tuple[str, float]]:
        """Known keys close to this one with their similarity, the best first."""
        found = dict(self._base.similar_names(key, limit))
        more = {name: alike for name, alike in self._layer.similar_names(key, limit) if self._is_told(name)}
        ordered = list((more | found).items())
        if more:
            ordered.sort(key=lambda item: (-item[1], -self._popularity_of_name(item[0]), item[0]))
        return [(name, alike) for name, alike in ordered if name not in self._silent][:limit]

    def longer_names(self, key: str, limit: int) -> list[str]:
        """Known keys that hold all words of this one and more, those of the most popular entities first."""
        found = self._base.longer_names(key, limit)
        more = [name for name in self._layer.longer_names(key, limit) if self._is_told(name)]
        if more:
            found = sorted({*found, *more}, key=lambda name: (-self._popularity_of_name(name), name))
        return [name for name in found if name not in self._silent][:limit]

    def id_of(self, number: int) -> str:
        """The id of the entity with this number."""
        place = number - self._first_own
        return self._own[place] if 0 <= place < len(self._own) else self._base.id_of(number)

    def number_of(self, id_: str) -> int | None:
        """The number of the entity with this id."""
        number = self._own_numbers.get(id_)
        return self._base.number_of(id_) if number is None else number

    def number(self, row: int) -> int:
        """The number of the entity in this row."""
        return self._base.number(row) if row < self._begin else self._layer.number(row - self._begin)

    def row(self, number: int) -> int | None:
        """The row of the entity with this number; None for one that is forbidden."""
        if number in self._never.numbers:
            return None
        place = self._layer.row(number)
        return self._base.row(number) if place is None or not self._told[place] else int(self._rows[place])

    def rows_of(self, numbers: NDArray[np.integer]) -> NDArray[np.int64]:
        """The row of each of these numbers, -1 for those that are not here."""
        places = self._layer.rows_of(numbers)
        told = (places >= 0) & self._told[places] if len(self._told) else np.zeros(len(places), dtype=bool)
        rows = self._base.rows_of(numbers)
        rows[told] = self._rows[places[told]]
        rows[np.isin(numbers, list(self._never.numbers))] = -1
        return rows

    def tells(self, number: int) -> bool:
        """Whether an overlay tells of the entity with this number."""
        place = self._layer.row(number)
        return (place is not None and bool(self._told[place])) or self._base.tells(number)

    def popularity(self, row: int) -> float:
        """How well known the entity is."""
        index, place = self._where(row)
        return index.popularity(place)

    def popularities(self, rows: NDArray[np.integer]) -> NDArray[np.float32]:
        """How well known the entities are."""
        told = self._is_from_layer(rows)
        found = np.empty(len(rows), dtype=np.float32)
        found[~told] = self._base.popularities(rows[~told])
        found[told] = self._layer.popularities(self._layer_rows(rows[told]))
        return found

    def type_bits(self, row: int) -> int:
        """The coarse types of the entity as bits."""
        index, place = self._where(row)
        return index.type_bits(place)

    def entity_types(self, row: int) -> frozenset[EntityType]:
        """The coarse types of the entity."""
        index, place = self._where(row)
        return index.entity_types(place)

    def count_people(self, rows: Rows) -> int:
        """How many of the entities are people."""
        told = self._is_from_layer(rows)
        if not told.any():
            return self._base.count_people(rows)
        return self._base.count_people(rows[~told]) + self._layer.count_people(self._layer_rows(rows[told]))

    def links(self, row: int) -> Rows:
        """The numbers of the entities that this one is linked to."""
        index, place = self._where(row)
        return index.links(place)

    def words(self, row: int) -> Rows:
        """The numbers of the words around the entity."""
        index, place = self._where(row)
        return index.words(place)

    def record(self, row: int) -> Record:
        """What is kept of the entity for display; its offices are `Q` and a number, whatever their ids."""
        index, place = self._where(row)
        return index.record(place)

    def entity(self, row: int) -> Entity:
        """The entity as it is shown."""
        index, place = self._where(row)
        if index is self._base:
            return self._base.entity(row)
        entity, id_ = self._layer.entity(place), self.id_of(self.number(row))
        url = self._urls.get(id_) or (self._base.entity(row).url if row < self._begin else None)
        offices = tuple(Office(self._id_of_record(one.id), one.start, one.end) for one in entity.offices)
        return msgspec.structs.replace(entity, id=id_, url=url, offices=offices)

    def candidate_columns(self, rows: NDArray[np.integer]) -> CandidateColumns:
        """What ranking reads of the entities in these rows."""
        told = self._is_from_layer(rows)
        if not told.any():
            return self._base.candidate_columns(rows)
        below = self._base.candidate_columns(rows[~told])
        own = self._layer.candidate_columns(self._layer_rows(rows[told]))
        own = own._replace(ids=list(map(self.id_of, own.numbers)), vectors=self._vectors(rows[told]))
        places = np.argsort(np.concatenate((np.flatnonzero(~told), np.flatnonzero(told)))).tolist()
        columns: Iterable[Any] = zip(below, own, strict=True)
        return CandidateColumns(*(_ordered((*one, *other), places) for one, other in columns))

    def _own_postings(self, key: str) -> Postings | None:
        """Who bears the name by the overlay."""
        found = self._layer.postings(key)
        if found is None:
            return None
        told = self._told[found.rows]
        if not told.any():
            return None
        found = _chosen(found, told)
        rows = self._rows[found.rows].astype(np.uint32)
        unhidden = self._unhidden(rows, key)
        found = found._replace(rows=rows, languages=self._places[found.languages])
        if len(unhidden) < len(rows):
            return _chosen(found, np.isin(rows, unhidden)) if len(unhidden) else None
        return found

    def _joined(self, below: Rows, own: Rows) -> Rows:
        """The rows below that may be linked and those of the overlay, the most popular first."""
        below = self._unhidden(below)
        own = own[self._told[own]]
        if not len(own):
            return below
        rows = np.unique(np.concatenate((below, self._rows[own].astype(np.uint32))))
        return rows[self._by_popularity(rows)]

    def _unhidden(self, rows: Rows, key: str | None = None) -> Rows:
        """Those of the rows that may be linked, under this name."""
        if len(self._hidden) and len(rows):
            rows = rows[~_among(rows, self._hidden)]
        unnamed = self._unnamed.get(key) if key is not None and self._unnamed else None
        return rows if unnamed is None else rows[~np.isin(rows, unnamed)]

    def _by_popularity(self, rows: Rows) -> NDArray[np.int64]:
        return np.lexsort((rows, -self.popularities(rows)))

    def _popularity_of_name(self, key: str) -> float:
        return max(map(self.popularity, self.rows_named(key)[:1].tolist()), default=0.0)

    def _is_told(self, key: str) -> bool:
        """Whether the overlay tells of somebody who bears the name."""
        return bool(self._told[self._layer.rows_named(key)].any())

    def _where(self, row: int) -> tuple[OpenIndex, int]:
        """Where an entity is found, and its row there."""
        if row >= self._begin:
            return self._layer, row - self._begin
        place = self._changed.get(row)
        return (self._base, row) if place is None else (self._layer, place)

    def _is_from_layer(self, rows: NDArray[np.integer]) -> NDArray[np.bool_]:
        above: NDArray[np.bool_] = rows >= self._begin
        return above | _among(rows, self._changed_rows) if len(self._changed_rows) else above

    def _layer_rows(self, rows: NDArray[np.integer]) -> Rows:
        return np.fromiter((self._where(row)[1] for row in rows.tolist()), dtype=np.uint32, count=len(rows))

    def _vectors(self, rows: NDArray[np.integer]) -> Sequence[NDArray[np.int8] | None]:
        """The vectors of entities that the overlay tells of: what is changed keeps its own, what is new has none."""
        known = rows[rows < self._begin]
        found = iter(self._base.candidate_columns(known).vectors)
        return [next(found) if row < self._begin else None for row in rows.tolist()]

    def _is_there(self, row: int) -> bool:
        """Whether the entity in this row may be linked."""
        return self.number(row) not in self._never.numbers

    def _id_of_record(self, id_: str) -> str:
        return self.id_of(int(id_[1:]))


def _rows_above(base: OpenIndex, layer: Index, facts: Facts) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """For each row of an overlay's index its row in the whole, and whether the overlay tells of the entity."""
    places = np.arange(len(layer))
    numbers = layer.numbers_of(places)
    below = base.rows_of(numbers)
    rows = np.where(below >= 0, below, places + len(base))
    return rows, np.isin(numbers, np.array(facts.told, dtype=np.uint32))


def _hidden(base: OpenIndex, never: Never) -> Rows:
    rows = base.rows_of(np.array(sorted(never.numbers), dtype=np.uint32))
    return np.sort(rows[rows >= 0]).astype(np.uint32)


def _unnamed(never: Never, base: OpenIndex, layer: Index) -> dict[str, Rows]:
    """The rows, by key, of the entities that must not be called so."""
    found: dict[str, list[int]] = {}
    for key, number in sorted(never.pairs):
        row = base.row(number)
        place = layer.row(number)
        if row is None and place is not None:
            row = len(base) + place
        if row is not None:
            found.setdefault(key, []).append(row)
    return {key: np.array(rows, dtype=np.uint32) for key, rows in found.items()}


def _places(languages: Sequence[str], known: Sequence[str]) -> NDArray[np.uint16]:
    """The place of each language among those that are known."""
    return np.array([known.index(language) for language in languages], dtype=np.uint16)


def _among(rows: NDArray[np.integer], some: NDArray[Any]) -> NDArray[np.bool_]:
    """Which rows are among some that are sorted: faster than numpy's own for the few rows of a name."""
    places = np.minimum(np.searchsorted(some, rows), len(some) - 1)
    return cast(NDArray[np.bool_], some[places] == rows)


def _chosen(postings: Postings, which: NDArray[Any]) -> Postings:
    return Postings(*(column[which] for column in postings))


def _ordered(values: Sequence[Any], places: Sequence[int]) -> list[Any]:
    return [values[place] for place in places]
