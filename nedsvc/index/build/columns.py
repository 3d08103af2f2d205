"""Items as flat columns: all that is kept of them until the arrays of the index are made."""

import math
from array import array
from collections.abc import Mapping
from functools import cache, lru_cache
from hashlib import blake2b
from typing import NamedTuple

import numpy as np

from nedsvc.context import says_something, word_number
from nedsvc.index.arrays import Ints, bounds_of
from nedsvc.index.build.spellings import spell
from nedsvc.index.format import Kind
from nedsvc.index.records import append_record
from nedsvc.index.tenures import tenures
from nedsvc.names import REMEMBERED_WORDS, fold, fold_token
from nedsvc.wikibase import Item

KIND_BITS = 2


class Facts(NamedTuple):
    """A column for each of the numbers that an item has one of.

    From `names` on they say how many it has of what stands in the columns of the same name. Its first name is its
    label, and `low` says whether that begins in lower case.
    """

    numbers: Ints
    sitelinks: Ints
    statements: Ints
    types: Ints
    is_instance: Ints
    low: Ints
    names: Ints
    keys: Ints
    descriptions: Ints
    links: Ints
    classes: Ints
    records: Ints


# What items have several of, one item after the other: `keys` and `records` in bytes. Tenures, capitals and
# superclasses are tables of which each line names its item.
COLUMNS: Mapping[str, type[np.generic]] = {
    **dict.fromkeys(("marks", "heads", "descriptions", "links", "classes"), np.uint32),
    **dict.fromkeys(("tenures", "capitals", "superclasses"), np.uint32),
    **dict.fromkeys(("shapes", "accents", "keys", "records"), np.uint8),
    **dict.fromkeys((f"item_{name}" for name in Facts._fields), np.uint32),
    "item_titles": np.uint64,
    "item_popularity": np.float32,  # where it is told; else not a number
}


class Columns:
    """Takes items, and gives the columns of these. Languages have places in the order in which they are met."""

    def __init__(self, stop_words: frozenset[str], languages: tuple[str, ...] = ()) -> None:
        self._stop_words = stop_words
        self._marks = _Marks()
        for language in languages:
            self._marks[language]
        self._fold_word = cache(fold_token)
        self._described = lru_cache(REMEMBERED_WORDS)(self._words_of)
        self._clear()

    def _clear(self) -> None:
        self._facts = array("I")
        self._titles = array("Q")
        self._popularity = array("f")
        self._records = bytearray()
        self._names: list[str] = []
        self._values: dict[str, array[int]] = {
            name: array("I")
            for name in ("marks", "descriptions", "links", "classes", "tenures", "capitals", "superclasses")
        }

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages that were met; a name's mark holds the place of its own above `KIND_BITS` bits of its kind."""
        return tuple(self._marks)

    def add_superclasses(self, item: Item) -> None:
        """Take an item's place in the hierarchy, also where the item itself is left out."""
        for superclass in item.superclasses:
            self._values["superclasses"].extend((item.number, superclass))

    def add(self, item: Item) -> None:
        """Take an item."""
        values = self._values
        classes = item.classes or item.superclasses
        if classes:
            values["classes"].extend(classes)
        if item.links:
            values["links"].extend(item.links)
        words = [word for text in item.descriptions.values() for word in self._described(text)]
        if words:
            values["descriptions"].extend(words)
        if item.offices:
            values["tenures"].extend(tenures(item))
        if item.capitals or item.capital_of:
            self._add_capitals(item)
        self._titles.append(title_number(item.title) if item.title else 0)
        self._popularity.append(math.nan if item.popularity is None else item.popularity)
        self._facts.extend(  # in one go: a call for each would cost three times as much
            (
                item.number,
                item.sitelinks,
                item.statements,
                item.types,
                1 if item.classes else 0,
                0,
                self._add_names(item),
                0,
                len(words),
                len(item.links),
                len(classes),
                self._add_record(item),
            )
        )

    def _add_names(self, item: Item) -> int:
        names, marks = self._names, self._values["marks"]
        for language, text in item.labels.items():
            names.append(text)
            marks.append(self._marks[language])
        if not item.aliases and not item.demonyms:
            return len(item.labels)
        for language, texts in item.aliases.items():
            names.extend(texts)
            marks.extend([self._marks[language] | Kind.ALIAS] * len(texts))
        for language, text in item.demonyms:
            names.append(text)
            marks.append(self._marks[language] | Kind.DEMONYM)
        return len(item.labels) + sum(map(len, item.aliases.values())) + len(item.demonyms)

    def _add_capitals(self, item: Item) -> None:
        """Take pairs of a capital and of what it is the capital of."""
        for capital in item.capitals:
            self._values["capitals"].extend((capital, item.number))
        for place in item.capital_of:
            self._values["capitals"].extend((item.number, place))

    def _add_record(self, item: Item) -> int:
        before = len(self._records)
        append_record(item, self._records)
        return len(self._records) - before

    def _words_of(self, description: str) -> tuple[int, ...]:
        return tuple(word_number(word) for word in fold(description).split() if says_something(word, self._stop_words))

    def take(self) -> dict[str, bytes]:
        """The columns of the items that were taken since the last time, by their names in `COLUMNS`."""
        spelt = spell(self._names, self._fold_word)
        lines = [f"{key}\n".encode() for key in spelt.keys]
        facts = self._finished_facts(spelt.low, lines)
        taken = {
            **{f"item_{name}": column.tobytes() for name, column in facts._asdict().items()},
            **{name: values.tobytes() for name, values in self._values.items()},
            "item_titles": self._titles.tobytes(),
            "item_popularity": self._popularity.tobytes(),
            "heads": np.array(spelt.heads, dtype=np.uint32).tobytes(),
            "shapes": spelt.shapes,
            "accents": spelt.accents,
            "keys": b"".join(lines),
            "records": bytes(self._records),
        }
        self._clear()
        return taken

    def _finished_facts(self, low: bytes, lines: list[bytes]) -> Facts:
        """The facts with what is known only of all names at once."""
        table = np.array(self._facts, dtype=np.uint32).reshape(-1, len(Facts._fields))
        facts = Facts(*table.T.copy())
        ends = np.cumsum(facts.names, dtype=np.int64)
        sizes = bounds_of(list(map(len, lines)))
        begin = ends - facts.names
        return facts._replace(
            low=np.frombuffer(low, dtype=np.uint8)[begin].astype(np.uint32),
            keys=(sizes[ends] - sizes[begin]).astype(np.uint32),
        )


def title_number(title: str) -> int:
    """A number of 64 bits for the title of a page, never 0."""
    return int.from_bytes(blake2b(title.encode(), digest_size=8).digest(), "little") | 1


class _Marks(dict[str, int]):
    """The upper bits of a name's mark by its language; a language that is met for the first time gets the next ones."""

    def __missing__(self, language: str) -> int:
        mark = self[language] = len(self) << KIND_BITS
        return mark
