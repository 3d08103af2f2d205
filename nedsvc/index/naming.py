"""Names of an index: keys, who bears them and how they are written; the words that names are made of."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import chain, compress, count, repeat
from unicodedata import normalize

import marisa_trie
import msgspec
import numpy as np

from nedsvc.index.arrays import Ints, distinct, expand, pack, positions_in_group, starts, unpack
from nedsvc.index.columns import KIND_BITS, Columns
from nedsvc.index.entities import Entities, Selection, rows_of
from nedsvc.index.format import MAX_BEARERS, OFFICE, Kind
from nedsvc.names import fold_all, fold_token, shape
from nedsvc.tables import TableName

_PARTIAL_NAME_WORDS = (2, 5)
_TRIES = 1  # without further levels a trie is half as large again, and built and read faster


class Names(msgspec.Struct, frozen=True):
    """All names as they are written: whose, of which kind and language, and under which key.

    `labels` has the place of each row's label.
    """

    rows: Ints
    kinds: Ints
    languages: Ints
    texts: list[str]
    keys: Ints
    labels: Ints


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
    kept, rows = selection.rows_of(np.asarray(columns.name_items))
    marks = np.asarray(columns.name_marks)[kept]
    texts = columns.names if kept.all() else list(compress(columns.names, kept.tolist()))
    for kind, names in tables:
        places = rows_of(numbers, np.array([name.number for name in names], dtype=np.uint32))
        known = places >= 0
        texts = [*texts, *(name.name for name in compress(names, known.tolist()))]
        rows = np.concatenate((rows, places[known]))
        marks = np.concatenate((marks, np.full(known.sum(), kind)))
    keys, key_ids = _keys(fold_all(texts))
    kinds = (marks & (1 << KIND_BITS) - 1).astype(np.uint8)
    labels = (np.cumsum(kept) - 1)[np.asarray(columns.label_place)[selection.order]]
    return Names(rows, kinds, (marks >> KIND_BITS).astype(np.uint16), texts, key_ids, labels), keys


def _keys(folded: Iterable[str]) -> tuple[Keys, Ints]:
    texts, places = _first_seen(folded)
    trie, numbers = _trie(texts)
    words, word_places = _first_seen(chain.from_iterable(map(str.split, texts)))
    word_trie, word_numbers = _trie(words)
    # What was counted in the order in which keys were met goes into the order of their numbers.
    counts = np.array([text.count(" ") + 1 if text else 0 for text in texts], dtype=np.int64)
    begin = np.concatenate(([0], np.cumsum(counts)))
    by_number = np.argsort(numbers)[len(texts) - len(trie) :]
    word_ids, _ = expand(begin, word_numbers[word_places], by_number)
    start = starts(np.repeat(numbers, counts), len(trie))
    words_by_number = list(map(words.__getitem__, np.argsort(word_numbers).tolist()))
    return Keys(trie, word_trie, words_by_number, start, word_ids), numbers[places]


def _first_seen(texts: Iterable[str]) -> tuple[list[str], Ints]:
    """The distinct texts in the order in which they are met, and the place of each text among them."""
    seen: defaultdict[str, int] = defaultdict(count().__next__)
    places = np.fromiter(map(seen.__getitem__, texts), dtype=np.int64)
    return list(seen), places


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
    shapes = np.fromiter(map(shape, names.texts), dtype=np.uint8, count=len(names.texts))[postings.places]
    key_shapes = np.zeros(len(keys), dtype=np.uint8)
    of_proper = proper[postings.rows]
    np.bitwise_or.at(key_shapes, postings.keys[of_proper], np.left_shift(1, shapes[of_proper]).astype(np.uint8))
    return {
        "posting_start": starts(postings.keys, len(keys)),
        "posting_rows": postings.rows.astype(np.uint32),
        "posting_kinds": names.kinds[postings.places],
        "posting_languages": names.languages[postings.places],
        "posting_shapes": shapes,
        "posting_accents": _accents(names.texts)[postings.places],
        "key_shapes": key_shapes,
    }


def _accents(texts: Sequence[str]) -> Ints:
    """Whether each name is written with diacritics."""
    return np.fromiter((not text.isascii() and _has_accents(text) for text in texts), dtype=np.uint8, count=len(texts))


def _has_accents(text: str) -> bool:
    """Whether folding takes something from a letter of the name."""
    return any(map(_is_accented, normalize("NFC", text).casefold()))


@cache
def _is_accented(char: str) -> bool:
    return char.isalpha() and fold_token(char) != char


def _proper_rows(names: Names, entities: Entities) -> Ints:
    """Which entities have proper names: no offices, and nothing whose label begins with a lower-case word."""
    labels = [names.texts[place] for place in names.labels.tolist()]
    common = np.fromiter((label.partition(" ")[0].islower() for label in labels), dtype=bool, count=len(labels))
    return ~common & (entities.types & OFFICE == 0)  # type: ignore[no-any-return]


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
    low, high = _PARTIAL_NAME_WORDS
    some_words = (lengths[postings.keys] >= low) & (lengths[postings.keys] <= high)
    own_names = naming.names.kinds[postings.places] <= Kind.ALIAS
    chosen = some_words & own_names & naming.proper[postings.rows]
    words, owners = expand(keys.word_start, keys.word_ids, postings.keys[chosen])
    standing = entities.standing[postings.rows[chosen]][owners]
    packed = distinct(pack(words, standing))
    words, standing = unpack(packed)
    few = positions_in_group(words) < MAX_BEARERS
    return words[few].astype(np.int64), entities.by_standing[standing[few].astype(np.int64)]
