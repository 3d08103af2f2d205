"""Words around an entity: its description and names, its classes' labels and those of what it is linked with."""

from collections import defaultdict
from collections.abc import Sequence
from itertools import count

import numpy as np

from nedsvc.context import LINKS_WITH_WORDS, WORD_BITS, WORDS, says_something, word_number
from nedsvc.index.arrays import Ints, distinct, expand, pack, positions_in_group, starts, unpack
from nedsvc.index.columns import Columns
from nedsvc.index.entities import Entities, Selection, rows_of
from nedsvc.index.naming import Keys, Naming
from nedsvc.names import fold_all

_COMMON_SHARE = 0.05
_COMMON_FROM = 1000
_NO_WORD = -1


def word_columns(
    columns: Columns, selection: Selection, entities: Entities, naming: Naming, stop_words: frozenset[str]
) -> dict[str, Ints]:
    """The arrays of the hashed words around each entity; what is on too many entities is left out."""
    numbers = _word_numbers(naming.keys.words, stop_words)
    postings = naming.postings
    pairs = np.concatenate(
        (
            _description_pairs(columns, selection, stop_words),
            _key_pairs(naming.keys, numbers, postings.keys, postings.rows),
            *_label_pairs(entities, naming, numbers),
        )
    )
    rows, words = unpack(distinct(pairs), WORD_BITS)
    words = words.astype(np.int64)
    if len(entities.numbers) > _COMMON_FROM:
        rare = np.bincount(words, minlength=WORDS) <= _COMMON_SHARE * len(entities.numbers)
        rows, words = rows[rare[words]], words[rare[words]]
    return {
        "words_start": starts(rows.astype(np.int64), len(entities.numbers)),
        "words": words.astype(np.uint32),
    }


def _word_numbers(words: Sequence[str], stop_words: frozenset[str]) -> Ints:
    """The number of each word, or -1 for one that says nothing."""
    return np.fromiter(
        (word_number(word) if says_something(word, stop_words) else _NO_WORD for word in words),
        dtype=np.int64,
        count=len(words),
    )


def _pairs(rows: Ints, words: Ints) -> Ints:
    kept = words != _NO_WORD
    return pack(rows[kept], words[kept], WORD_BITS)


def _key_pairs(keys: Keys, numbers_of_words: Ints, chosen: Ints, rows: Ints) -> Ints:
    """The words of keys, each paired with the row that the key is given for."""
    words, owners = expand(keys.word_start, keys.word_ids, chosen)
    return _pairs(rows[owners], numbers_of_words[words])


def _label_pairs(entities: Entities, naming: Naming, numbers_of_words: Ints) -> list[Ints]:
    """The words in the labels of an entity's classes and of the first entities that it is linked with."""
    class_places = rows_of(entities.numbers, entities.classes)
    known = class_places >= 0
    near = positions_in_group(entities.link_rows) < LINKS_WITH_WORDS
    found = []
    for rows, others in (
        (entities.class_rows[known], class_places[known]),
        (entities.link_rows[near], entities.links[near]),
    ):
        labels = naming.names.keys[naming.names.labels[others]]
        named = labels >= 0
        found.append(_key_pairs(naming.keys, numbers_of_words, labels[named], rows[named]))
    return found


def _description_pairs(columns: Columns, selection: Selection, stop_words: frozenset[str]) -> Ints:
    """The words of descriptions, each paired with the row; many entities share theirs ("species of insect")."""
    folded = fold_all(columns.descriptions())
    seen: defaultdict[str, int] = defaultdict(count().__next__)
    places = np.fromiter(map(seen.__getitem__, " ".join(folded).split()), dtype=np.int64)
    begin = np.cumsum([0, *(text.count(" ") + 1 if text else 0 for text in folded)])
    kept, rows = selection.rows(selection.facts.descriptions)
    words, owners = expand(
        begin, _word_numbers(list(seen), stop_words)[places], np.asarray(columns.description_places)[kept]
    )
    return _pairs(rows[owners], words)
