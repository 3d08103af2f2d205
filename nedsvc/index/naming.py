"""Names of an index: keys, who bears them and how they are written; the words that names are made of."""

from collections.abc import Iterable, Sequence
from itertools import compress, repeat

import marisa_trie
import msgspec
import numpy as np

from nedsvc.index.arrays import Ints, distinct, expand, pack, positions_in_group, starts, starts_of, unpack
from nedsvc.index.columns import KIND_BITS, Columns
from nedsvc.index.entities import Entities, Selection, rows_of
from nedsvc.index.format import MAX_BEARERS, OFFICE, Kind
from nedsvc.index.spellings import Spellings
from nedsvc.matching import WORDS_OF_WHOLE_NAME
from nedsvc.tables import TableName

_TRIES = 1  # without further levels a trie is half as large again, and built and read faster


class Names(msgspec.Struct, frozen=True):
    """All names: whose, of which kind and language, how they are written, and under which key.

    `labels` has the place of each row's label, and `low_labels` says whether its first word is in lower case.
    """

    rows: Ints
    kinds: Ints
    languages: Ints
    shapes: Ints
    accents: Ints
    keys: Ints
    labels: Ints
    low_labels: Ints


class Keys(msgspec.Struct, frozen=True):
    """The distinct keys and the distinct words in them, each by the number that its trie gives it."""

    trie: marisa_trie.Trie
    word_trie: marisa_trie.Trie
    words: list[str]
    word_start: Ints
    word_ids: Ints

    def __len__(self) -> int:
        return len(self.trie)


class Postings(msgspec.Struct, frozen=True):
    """Who bears each key, sorted by key and then by popularity. `places` are their names in `Names`."""

    keys: Ints
    rows: Ints
    places: Ints


class Naming(msgspec.Struct, frozen=True):
    """Names, keys and postings, and which rows are proper: no offices, nothing with a lower-case label."""

    names: Names
    keys: Keys
    postings: Postings
    proper: Ints


def lay_naming(
    columns: Columns, selection: Selection, entities: Entities, tables: Iterable[tuple[Kind, Sequence[TableName]]]
) -> Naming:
    """Everything about the names of the entities, those that tables give included."""
    names, keys = _lay_names(columns, selection, entities.numbers, tables)
    return Naming(names, keys, _lay_postings(names, entities), _proper_rows(names, entities))


def _lay_names(
    columns: Columns, selection: Selection, numbers: Ints, tables: Iterable[tuple[Kind, Sequence[TableName]]]
) -> tuple[Names, Keys]:
    spellings = columns.names
    kept, rows = selection.rows(selection.facts.names)
    labels = starts_of(selection.facts.names)[selection.order]
    places, marks = np.flatnonzero(kept), np.asarray(columns.name_marks)[kept]
    for kind, names in tables:
        table_rows = rows_of(numbers, np.array([name.number for name in names], dtype=np.uint32))
        known = table_rows >= 0
        places = np.concatenate((places, len(spellings.keys) + np.arange(known.sum())))
        spellings.take([name.name for name in compress(names, known.tolist())])
        rows = np.concatenate((rows, table_rows[known]))
        marks = np.concatenate((marks, np.full(known.sum(), kind)))
    keys, key_ids = _keys(spellings, places)
    names_laid = Names(
        rows=rows,
        kinds=(marks & (1 << KIND_BITS) - 1).astype(np.uint8),
        languages=(marks >> KIND_BITS).astype(np.uint16),
        shapes=np.frombuffer(spellings.shapes, dtype=np.uint8)[places],
        accents=np.frombuffer(spellings.accents, dtype=np.uint8)[places],
        keys=key_ids,
        labels=np.searchsorted(places, labels),
        low_labels=np.frombuffer(spellings.low, dtype=bool)[labels],
    )
    return names_laid, keys


def _keys(spellings: Spellings, places: Ints) -> tuple[Keys, Ints]:
    """The keys of the names at these places, and the number of each name's key."""
    trie, numbers = _trie([spellings.keys[place] for place in places.tolist()])
    place_of = np.empty(len(trie), dtype=np.int64)
    named = numbers >= 0
    place_of[numbers[named]] = places[named]
    word_begin = np.concatenate(([0], np.cumsum(spellings.word_counts, dtype=np.int64)))
    words, owners = expand(word_begin, np.asarray(spellings.word_places), place_of)
    used = np.bincount(words, minlength=len(spellings.words())) > 0
    texts = list(compress(spellings.words(), used.tolist()))
    word_trie, word_numbers = _trie(texts)
    words_by_number = list(map(texts.__getitem__, np.argsort(word_numbers).tolist()))
    word_ids = word_numbers[(np.cumsum(used) - 1)[words]]
    return Keys(trie, word_trie, words_by_number, starts(owners, len(trie)), word_ids), numbers


def _trie(texts: Sequence[str]) -> tuple[marisa_trie.Trie, Ints]:
    """A trie of the texts and the number that it gives each; an empty text is not in it and has -1."""
    trie = marisa_trie.Trie(filter(None, texts), num_tries=_TRIES)
    numbers = map(trie.get, texts, repeat(-1))
    return trie, np.fromiter(numbers, dtype=np.int64, count=len(texts))


def _lay_postings(names: Names, entities: Entities) -> Postings:
    """One posting a key and entity: its closest kind of name, then the one in the first language."""
    named = np.flatnonzero(names.keys >= 0)
    keys, rows = names.keys[named], names.rows[named]
    by_key = pack(keys, entities.standing[rows])
    closeness = names.kinds[named].astype(np.uint16) << 14 | names.languages[named]
    order = np.lexsort((closeness, by_key))
    by_key = by_key[order]
    first = np.concatenate((np.ones(min(1, len(order)), dtype=bool), by_key[1:] != by_key[:-1]))
    order = order[first]
    return Postings(keys[order], rows[order], named[order])


def posting_columns(naming: Naming) -> dict[str, Ints]:
    """The arrays of the postings, and for each key the shapes in which proper names are written."""
    names, keys, postings, proper = naming.names, naming.keys, naming.postings, naming.proper
    shapes = names.shapes[postings.places]
    key_shapes = np.zeros(len(keys), dtype=np.uint8)
    of_proper = proper[postings.rows]
    np.bitwise_or.at(key_shapes, postings.keys[of_proper], np.left_shift(1, shapes[of_proper]).astype(np.uint8))
    return {
        "posting_start": starts(postings.keys, len(keys)),
        "posting_rows": postings.rows.astype(np.uint32),
        "posting_kinds": names.kinds[postings.places],
        "posting_languages": names.languages[postings.places],
        "posting_shapes": shapes,
        "posting_accents": names.accents[postings.places],
        "key_shapes": key_shapes,
    }


def _proper_rows(names: Names, entities: Entities) -> Ints:
    """Which entities have proper names: no offices, and nothing whose label begins with a lower-case word."""
    return ~names.low_labels & (entities.types & OFFICE == 0)  # type: ignore[no-any-return]


def word_columns(naming: Naming, entities: Entities) -> dict[str, Ints]:
    """The arrays that lead from words to keys and to the entities in whose names they stand."""
    keys = naming.keys
    ranks = _key_ranks(naming.postings, entities)
    lengths: Ints = np.diff(keys.word_start.astype(np.int64))
    words, ranked = unpack(distinct(pack(keys.word_ids, ranks[np.repeat(np.arange(len(keys)), lengths)])))
    by_rank = np.argsort(ranks)
    frequency = np.bincount(words.astype(np.int64), minlength=len(keys.words))
    weights = np.log1p(len(keys) / np.maximum(frequency, 1))
    bearer_words, bearers = _bearers(naming, entities, lengths)
    return {
        "key_word_start": keys.word_start,
        "key_words": keys.word_ids.astype(np.uint32),
        "word_key_start": starts(words.astype(np.int64), len(keys.words)),
        "word_keys": by_rank[ranked.astype(np.int64)].astype(np.uint32),
        "word_weights": weights.astype(np.float32),
        "bearer_start": starts(bearer_words, len(keys.words)),
        "bearer_rows": bearers,
    }


def _key_ranks(postings: Postings, entities: Entities) -> Ints:
    """The place of each key by its most popular bearer."""
    first = np.flatnonzero(
        np.concatenate((np.ones(min(1, len(postings.keys)), dtype=bool), np.diff(postings.keys) != 0))
    )
    ranks = np.empty(len(first), dtype=np.uint32)
    ranks[np.argsort(entities.standing[postings.rows[first]], kind="stable")] = np.arange(len(first), dtype=np.uint32)
    return ranks


def _bearers(naming: Naming, entities: Entities, lengths: Ints) -> tuple[Ints, Ints]:
    """Words and the most popular entities in whose names of some words they stand."""
    keys, postings = naming.keys, naming.postings
    low, high = WORDS_OF_WHOLE_NAME.start, WORDS_OF_WHOLE_NAME.stop
    some_words = (lengths[postings.keys] >= low) & (lengths[postings.keys] < high)
    chosen = some_words & naming.proper[postings.rows]
    words, owners = expand(keys.word_start, keys.word_ids, postings.keys[chosen])
    standing = entities.standing[postings.rows[chosen]][owners]
    packed = distinct(pack(words, standing))
    words, standing = unpack(packed)
    few = positions_in_group(words) < MAX_BEARERS
    return words[few].astype(np.int64), entities.by_standing[standing[few].astype(np.int64)]
