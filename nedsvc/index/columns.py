"""Items as flat columns: all that is kept of them until the arrays of the index are made."""

from array import array
from collections import defaultdict
from itertools import count
from pathlib import Path
from typing import NamedTuple

import numpy as np

from nedsvc.index.arrays import Ints
from nedsvc.index.files import HashedFile
from nedsvc.index.format import RECORDS, Kind
from nedsvc.index.records import append_record
from nedsvc.index.spellings import Spellings
from nedsvc.index.tenures import tenures
from nedsvc.wikibase import Item

KIND_BITS = 2


class Columns:
    """Takes items one by one. Numbers, counts and texts go to columns, records straight to their file.

    Where an item has several of something, these follow those of the item before, and a fact of the item says how
    many there are. The first of its names is its label.
    """

    def __init__(self, folder: Path, languages: tuple[str, ...]) -> None:
        self.records = HashedFile(folder / RECORDS)
        self._packed = bytearray()
        self._marks = _Marks()
        for language in languages:
            self._marks[language]  # the places of languages follow the order in which they are first asked for
        self._facts = array("I")
        self.names = Spellings()
        self._new_names: list[str] = []
        self.name_marks = array("I")
        self._descriptions: defaultdict[str, int] = defaultdict(count().__next__)
        self.description_places = array("I")
        self.links = array("I")
        self.classes = array("I")
        self.subclasses = array("I")
        self.superclasses = array("I")
        self.tenures = array("I")
        self.capitals = array("I")

    def __enter__(self) -> "Columns":
        return self

    def __exit__(self, *_: object) -> None:
        self.records.__exit__()

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages of the names; a name's mark holds the place of its own."""
        return tuple(self._marks)

    def add_superclasses(self, item: Item) -> None:
        """Take an item's place in the hierarchy, also where the item itself is left out."""
        for superclass in item.superclasses:
            self.subclasses.append(item.number)
            self.superclasses.append(superclass)

    def facts(self) -> "Facts":
        """What is one number for each item."""
        table = np.array(self._facts, dtype=np.uint32).reshape(-1, len(Facts._fields))
        return Facts(*table.T.copy())

    def add(self, item: Item) -> None:
        """Take an item."""
        classes = item.classes or item.superclasses
        if classes:
            self.classes.extend(classes)
        if item.links:
            self.links.extend(item.links)
        if item.descriptions:
            self.description_places.extend(map(self._descriptions.__getitem__, item.descriptions.values()))
        if item.offices:
            self.tenures.extend(tenures(item))
        if item.capitals or item.capital_of:
            self._add_capitals(item)
        self._facts.extend(  # in one go: a call for each would cost three times as much
            (
                item.number,
                item.sitelinks,
                item.statements,
                item.types,
                1 if item.classes else 0,
                self._add_names(item),
                len(item.descriptions),
                len(item.links),
                len(classes),
                self._add_record(item),
            )
        )

    def _add_names(self, item: Item) -> int:
        for language, text in item.labels.items():
            self._new_names.append(text)
            self.name_marks.append(self._marks[language])
        if not item.aliases and not item.demonyms:
            return len(item.labels)
        for language, texts in item.aliases.items():
            self._new_names.extend(texts)
            self.name_marks.extend([self._marks[language] | Kind.ALIAS] * len(texts))
        for language, text in item.demonyms:
            self._new_names.append(text)
            self.name_marks.append(self._marks[language] | Kind.DEMONYM)
        return len(item.labels) + sum(map(len, item.aliases.values())) + len(item.demonyms)

    def _add_capitals(self, item: Item) -> None:
        """Take pairs of a capital and of what it is the capital of."""
        for capital in item.capitals:
            self.capitals.extend((capital, item.number))
        for place in item.capital_of:
            self.capitals.extend((item.number, place))

    def _add_record(self, item: Item) -> int:
        before = len(self._packed)
        append_record(item, self._packed)
        return len(self._packed) - before

    def work(self) -> None:
        """Work on what has been taken: best called for some thousand items, while they are in the processor's cache."""
        self.names.take(self._new_names)
        self._new_names.clear()
        self.records.write(self._packed)
        self._packed.clear()

    def descriptions(self) -> list[str]:
        """The distinct descriptions, in the order of their places."""
        return list(self._descriptions)


class Facts(NamedTuple):
    """A column for each of the numbers that an item has one of; the last five are counts and a size in bytes."""

    numbers: Ints
    sitelinks: Ints
    statements: Ints
    types: Ints
    is_instance: Ints
    names: Ints
    descriptions: Ints
    links: Ints
    classes: Ints
    record_sizes: Ints


class _Marks(dict[str, int]):
    """The upper bits of a name's mark by its language; a language that is met for the first time gets the next ones."""

    def __missing__(self, language: str) -> int:
        mark = self[language] = len(self) << KIND_BITS
        return mark
