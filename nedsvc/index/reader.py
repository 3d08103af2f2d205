"""An index on disk, opened: everything is read from memory-mapped files when it is asked for."""

import mmap
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nedsvc.errors import IndexFormatError
from nedsvc.index import fuzzy
from nedsvc.index.acronyms import acronym_code, bearers_of_initials
from nedsvc.index.arrays import rows_of
from nedsvc.index.format import (
    NAMES,
    RECORDS,
    WORDS,
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
from nedsvc.index.view import CandidateColumns, KeyAnchors, Meanings, OpenIndex, Postings, Rows
from nedsvc.models import Entity, EntityType, Office, is_own_id, qid_number
from nedsvc.never import NOTHING
from nedsvc.wikibase import names_by_language

_PERSON = type_mask(["PERSON"])


class Index(OpenIndex):
    """An index that is open. Its entities are in rows, which are sorted by number; `names` has the keys."""

    never = NOTHING
    has_overlay = False

    def __init__(self, path: Path, manifest: Manifest) -> None:
        self.path = path
        self.manifest = manifest
        self.names = _tries(path, manifest, NAMES)
        self._words = _tries(path, manifest, WORDS)
        arrays = {name.removesuffix(".npy"): _array(path / name) for name in manifest.files if _is_array(name)}
        self._numbers = arrays["numbers"]
        self._popularity = arrays["popularity"]
        self._types = arrays["types"]
        self._key_shapes = arrays["key_shapes"]
        self._arrays = arrays
        self._link_start, self._links = arrays["link_start"], arrays["links"]
        self._words_start, self._word_numbers = arrays["words_start"], arrays["words"]
        self._posting_start = arrays["posting_start"]
        self._posting_columns = tuple(arrays[f"posting_{name}"] for name in Postings._fields)
        self._bearer_start, self._bearer_rows = arrays["bearer_start"], arrays["bearer_rows"]
        self._offices = OfficeArrays.of(arrays)
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

    def __len__(self) -> int:
        """How many entities it has."""
        return len(self._numbers)

    @property
    def content_id(self) -> str:
        """Names what it holds."""
        return self.manifest.content_id

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages of its names."""
        return self.manifest.languages

    def prefixes(self, key: str) -> list[str]:
        """The known keys that this one begins with, word by word, the shortest first."""
        return self.names.prefixes(key)

    def shapes(self, key: str) -> int:
        """The shapes (bits `1 << Shape`) in which proper names with this key are written; 0 for an unknown key."""
        number = self.names.get(key)
        return 0 if number is None else int(self._key_shapes[number])

    def postings(self, key: str) -> Postings | None:
        """Who bears the name with this key; None for an unknown key."""
        number = self.names.get(key)
        if number is None:
            return None
        part = slice(self._posting_start[number], self._posting_start[number + 1])
        return Postings(*(column[part] for column in self._posting_columns))

    def anchors(self, key: str) -> KeyAnchors | None:
        """What a wiki's links say of the bearers of the name with this key; None where nothing is known of it."""
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

    def id_of(self, number: int) -> str:
        """The id of the entity with this number."""
        return f"Q{number}"

    def number_of(self, id_: str) -> int | None:
        """The number of the entity with this id; None for an id that nobody has here."""
        return None if is_own_id(id_) else qid_number(id_)

    def number(self, row: int) -> int:
        """The number of the entity in this row."""
        return int(self._numbers[row])

    def popularity(self, row: int) -> float:
        """How well known the entity is, 0 to 1."""
        return float(self._popularity[row])

    def row(self, number: int) -> int | None:
        """The row of the entity with this number."""
        if number >> 32:
            return None
        # A number of another type would make numpy convert the whole array first.
        place = int(np.searchsorted(self._numbers, np.uint32(number)))
        return place if place < len(self._numbers) and self._numbers[place] == number else None

    def rows_of(self, numbers: NDArray[np.integer]) -> NDArray[np.int64]:
        """The row of each of these numbers, -1 for those that are not here."""
        return rows_of(self._numbers, numbers.astype(np.uint32))

    def numbers_of(self, rows: NDArray[np.integer]) -> NDArray[np.uint32]:
        """The numbers of the entities in these rows."""
        return self._numbers[rows]  # type: ignore[no-any-return]

    def tells(self, number: int) -> bool:  # noqa: ARG002
        """Whether an overlay tells of the entity with this number: there is none."""
        return False

    def popularities(self, rows: NDArray[np.integer]) -> NDArray[np.float32]:
        """How well known the entities are."""
        return self._popularity[rows]  # type: ignore[no-any-return]

    def links(self, row: int) -> Rows:
        """The numbers of the entities that this one is linked to."""
        return self._links[self._link_start[row] : self._link_start[row + 1]]

    def words(self, row: int) -> Rows:
        """The numbers (`context.word_number`) of the words around the entity, sorted."""
        return self._word_numbers[self._words_start[row] : self._words_start[row + 1]]

    @property
    def offices(self) -> OfficeArrays:
        """Offices, their holders and owners, and capitals."""
        return self._offices

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

    def type_bits(self, row: int) -> int:
        """The coarse types of the entity as bits (`format.TYPE_BITS`)."""
        return int(self._types[row])

    def entity_types(self, row: int) -> frozenset[EntityType]:
        """The coarse types of the entity."""
        return self._types_in(self.type_bits(row))

    def count_people(self, rows: Rows) -> int:
        """How many of the entities are people."""
        return int(np.count_nonzero(self._types[rows] & _PERSON))

    def _types_in(self, mask: int) -> frozenset[EntityType]:
        known = self._type_sets.get(mask)
        if known is None:
            known = self._type_sets[mask] = frozenset(type_names(mask))
        return known

    def entity(self, row: int) -> Entity:
        """The entity as it is shown."""
        record = self.record(row)
        return Entity(
            id=self.id_of(self.number(row)),
            label=next(iter(record.labels.values())),
            description=self.described(record),
            types=type_names(self.type_bits(row)),
            names=names_by_language(record.labels, record.aliases),
            wikipedia=record.wikipedia,
            offices=tuple(Office(id_, start, end) for id_, start, end in record.offices),
            dates=record.dates,
            popularity=round(self.popularity(row), 4),
        )

    def described(self, record: Record) -> str | None:
        """The description in the first language that has one."""
        return _in_first(record.descriptions, self.manifest.languages)

    def similar_names(self, key: str, limit: int) -> list[tuple[str, float]]:
        """Known keys close to this one with their similarity (0 to 1), the best first."""
        return self._similar.find(key, limit)

    def longer_names(self, key: str, limit: int) -> list[str]:
        """Known keys that hold all words of this one and more, those of the most popular entities first."""
        return self._similar.longer(key, limit)

    def candidate_columns(self, rows: NDArray[np.integer]) -> CandidateColumns:
        """What ranking reads of the entities in these rows."""
        numbers = self._numbers[rows].tolist()
        return CandidateColumns(
            ids=[f"Q{number}" for number in numbers],
            numbers=numbers,
            popularity=self._popularity[rows].tolist(),
            types=list(map(self._types_in, self._types[rows].tolist())),
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


def _is_array(name: str) -> bool:
    """Whether the file is an array of the index itself, and none of an overlay in a folder of its own."""
    return name.endswith(".npy") and "/" not in name


def _parts(begin: NDArray[Any], values: Rows, rows: NDArray[np.integer]) -> list[Rows]:
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
