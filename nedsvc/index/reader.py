"""An index on disk, opened: everything is read from memory-mapped files when it is asked for."""

import mmap
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nedsvc.errors import IndexFormatError
from nedsvc.index import fuzzy
from nedsvc.index.acronyms import acronym_code, bearers_of_initials
from nedsvc.index.format import (
    NAMES,
    RECORDS,
    WORDS,
    Kind,
    Manifest,
    check_sizes,
    read_manifest,
    trie_files,
    type_mask,
    type_names,
    verify_files,
)
from nedsvc.index.offices import OfficeArrays
from nedsvc.index.records import Record, decode_record
from nedsvc.index.tries import Tries
from nedsvc.models import Entity, EntityType, Office
from nedsvc.wikibase import names_by_language

Rows = NDArray[np.uint32]

_PERSON = type_mask(["PERSON"])


class Postings(NamedTuple):
    """Who bears a name, the most popular first, and how the name is written there.

    `kinds` are numbers of `format.Kind`, `shapes` of `names.Shape`, `languages` places in the manifest's languages;
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


class Index:
    """An index that is open. `names` has the keys, `numbers`, `popularity` and `types` a value for each row."""

    def __init__(self, path: Path, manifest: Manifest) -> None:
        self.path = path
        self.manifest = manifest
        self.names = _tries(path, manifest, NAMES)
        self._words = _tries(path, manifest, WORDS)
        arrays = {name.removesuffix(".npy"): _array(path / name) for name in manifest.files if name.endswith(".npy")}
        self.numbers = arrays["numbers"]
        self.popularity = arrays["popularity"]
        self.types = arrays["types"]
        self.key_shapes = arrays["key_shapes"]
        self._arrays = arrays
        self._link_start, self._links = arrays["link_start"], arrays["links"]
        self._words_start, self._word_numbers = arrays["words_start"], arrays["words"]
        self._posting_start = arrays["posting_start"]
        self._posting_columns = tuple(arrays[f"posting_{name}"] for name in Postings._fields)
        self._bearer_start, self._bearer_rows = arrays["bearer_start"], arrays["bearer_rows"]
        self.offices = OfficeArrays.of(arrays)
        self._entity_vectors = arrays.get("entity_vectors")
        self._records = _mapped(path / RECORDS)
        self._type_sets: dict[int, frozenset[EntityType]] = {}
        self._similar = fuzzy.SimilarNames(self.names, self._words, arrays)

    @classmethod
    def open(cls, path: Path) -> "Index":
        """The index in this folder; raises `IndexNotFound` or `IndexFormatError`."""
        manifest = read_manifest(path)
        check_sizes(path, manifest.files)
        try:
            index = cls(path, manifest)
        except Exception as error:  # whatever numpy and marisa make of bytes that are not theirs
            raise IndexFormatError(f"{path} is damaged ({error}): build the index again.") from error
        # Where another took the folder meanwhile, files of both may be open.
        return index if read_manifest(path) == manifest else cls.open(path)

    def prefixes(self, key: str) -> list[str]:
        """The known keys that this one begins with, word by word, the shortest first."""
        return self.names.prefixes(key)

    def shapes(self, key: str) -> int:
        """The shapes (bits `1 << Shape`) in which proper names with this key are written; 0 for an unknown key."""
        number = self.names.get(key)
        return 0 if number is None else int(self.key_shapes[number])

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

    def postings(self, key: str) -> Postings | None:
        """Who bears the name with this key; None for an unknown key."""
        number = self.names.get(key)
        if number is None:
            return None
        part = slice(self._posting_start[number], self._posting_start[number + 1])
        return Postings(*(column[part] for column in self._posting_columns))

    def anchors(self, key: str) -> KeyAnchors | None:
        """What a wiki's links say of the name with this key; None where nothing is known of it."""
        number = self.names.get(key)
        if number is None or "posting_anchors" not in self._arrays or not self._arrays["key_linked"][number]:
            return None
        part = slice(self._posting_start[number], self._posting_start[number + 1])
        linked, unlinked = (int(self._arrays[name][number]) for name in ("key_linked", "key_unlinked"))
        return KeyAnchors(self._arrays["posting_anchors"][part], linked, unlinked)

    def rows_named(self, key: str) -> Rows:
        """Who bears the name with this key, the most popular first."""
        number = self.names.get(key)
        if number is None:
            return self._bearer_rows[:0]
        return self._posting_columns[0][self._posting_start[number] : self._posting_start[number + 1]]

    def bearers(self, token: str) -> Rows:
        """The most popular entities that bear the word in a name of several words."""
        number = self._words.get(token)
        if number is None:
            return self._bearer_rows[:0]
        return self._bearer_rows[self._bearer_start[number] : self._bearer_start[number + 1]]

    def bearers_of_initials(self, letters: str) -> Rows:
        """The most popular entities with a name that has these folded initials."""
        code = acronym_code(letters)
        if code is None:
            return self._bearer_rows[:0]
        arrays = self._arrays
        return bearers_of_initials(arrays["acronyms"], arrays["acronym_start"], arrays["acronym_rows"], code)

    def row(self, number: int) -> int | None:
        """The row of the entity with this QID number."""
        if number >> 32:
            return None
        # A number of another type would make numpy convert the whole array first.
        place = int(np.searchsorted(self.numbers, np.uint32(number)))
        return place if place < len(self.numbers) and self.numbers[place] == number else None

    def links(self, row: int) -> Rows:
        """The QID numbers of the entities that this one is linked to."""
        return self._links[self._link_start[row] : self._link_start[row + 1]]

    def words(self, row: int) -> Rows:
        """The numbers (`context.word_number`) of the words around the entity, sorted."""
        return self._word_numbers[self._words_start[row] : self._words_start[row + 1]]

    @property
    def meanings(self) -> Meanings | None:
        """What comes with the entities' vectors; None in an index without."""
        if self._entity_vectors is None:
            return None
        return Meanings(
            encoder=self.manifest.encoder or "",
            axes=self._arrays["vector_axes"],
            plain=self._arrays["plain_vector"],
            words=self._arrays["lexicon_words"],
            vectors=self._arrays["lexicon_vectors"],
        )

    def entity_types(self, row: int) -> frozenset[EntityType]:
        """The coarse types of the entity."""
        return self._types_in(int(self.types[row]))

    def count_people(self, rows: Rows) -> int:
        """How many of the entities are people."""
        return int(np.count_nonzero(self.types[rows] & _PERSON))

    def _types_in(self, mask: int) -> frozenset[EntityType]:
        known = self._type_sets.get(mask)
        if known is None:
            known = self._type_sets[mask] = frozenset(type_names(mask))
        return known

    def entity(self, row: int) -> Entity:
        """The entity as it is shown."""
        record = self.record(row)
        return Entity(
            id=f"Q{self.numbers[row]}",
            label=next(iter(record.labels.values())),
            description=self.described(record),
            types=type_names(int(self.types[row])),
            names=names_by_language(record.labels, record.aliases),
            wikipedia=record.wikipedia,
            offices=tuple(Office(id_, start, end) for id_, start, end in record.offices),
            dates=record.dates,
            popularity=round(float(self.popularity[row]), 4),
        )

    def described(self, record: Record) -> str | None:
        """The description in the first language that has one."""
        return _in_first(record.descriptions, self.manifest.languages)

    def popularity_of(self, number: int) -> float:
        """How well known the entity with this QID number is, 0 to 1; 0 for one that is not here."""
        row = self.row(number)
        return 0.0 if row is None else float(self.popularity[row])

    def label_of(self, number: int) -> str | None:
        """The label of the entity with this QID number; None for one that is not here."""
        row = self.row(number)
        return None if row is None else next(iter(self.record(row).labels.values()))

    def similar_names(self, key: str, limit: int) -> list[tuple[str, float]]:
        """Known keys close to this one with their similarity (0 to 1), the best first."""
        return self._similar.find(key, limit)

    def longer_names(self, key: str, limit: int) -> list[str]:
        """Known keys that hold all words of this one and more, those of the most popular entities first."""
        return self._similar.longer(key, limit)

    def candidate_columns(self, rows: Rows) -> CandidateColumns:
        """What ranking reads of the entities in these rows."""
        return CandidateColumns(
            numbers=self.numbers[rows].tolist(),
            popularity=self.popularity[rows].tolist(),
            types=list(map(self._types_in, self.types[rows].tolist())),
            links=_parts(self._link_start, self._links, rows),
            words=_parts(self._words_start, self._word_numbers, rows),
            vectors=[None] * len(rows) if self._entity_vectors is None else list(self._entity_vectors[rows]),
        )

    def verify(self) -> None:
        """Compare all checksums; raises `IndexFormatError` at the first that is wrong."""
        verify_files(self.path, self.manifest.files)

    def record(self, row: int) -> Record:
        """What is kept of the entity for display."""
        start, end = self._arrays["record_start"][row : row + 2].tolist()
        return decode_record(self._records[start:end])


def _parts(begin: NDArray[Any], values: Rows, rows: Rows) -> list[Rows]:
    """The part of each row in a list of lists."""
    return [values[start:stop] for start, stop in zip(begin[rows].tolist(), begin[rows + 1].tolist(), strict=True)]


def _in_first(texts: dict[str, str], languages: tuple[str, ...]) -> str | None:
    return next((texts[language] for language in languages if language in texts), None)


def _array(path: Path) -> NDArray[Any]:
    # A plain view: slicing a memmap is several times as slow as slicing an array.
    return np.load(path, mmap_mode="r").view(np.ndarray)  # type: ignore[no-any-return]


def _tries(path: Path, manifest: Manifest, name: str) -> Tries:
    return Tries.open([path / file for file in trie_files(manifest.files, name)])


def _mapped(path: Path) -> bytes | mmap.mmap:
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if path.stat().st_size else b""
