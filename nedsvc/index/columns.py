"""Items as flat columns: all that is kept of them until the arrays of the index are made."""

from array import array
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import accumulate, chain
from pathlib import Path
from typing import Any

from nedsvc.index.files import HashedFile
from nedsvc.index.format import RECORDS, Kind
from nedsvc.index.records import Item, Record, encode_record

KIND_BITS = 2


class Columns:
    """Takes items one by one. Numbers, counts and texts go to columns, records straight to their file.

    Where an item has several of something, `<name>_end` holds how many there were up to and with this item. Names
    come in no such order: `name_items` holds whose each is, and `label_place` where each item's label is.
    """

    def __init__(self, folder: Path, languages: tuple[str, ...]) -> None:
        self.records = HashedFile(folder / RECORDS)
        self._marks = _Marks()
        for language in languages:
            self._marks[language]  # the places of languages follow the order in which they are first asked for
        self.numbers = array("I")
        self.sitelinks = array("I")
        self.statements = array("I")
        self.types = array("H")
        self.is_instance = array("B")
        self.names: list[str] = []
        self.name_marks = array("I")
        self.name_items = array("I")
        self.label_place = array("Q")
        self.descriptions: list[str] = []
        self.description_end = array("Q")
        self.links = array("I")
        self.link_end = array("Q")
        self.classes = array("I")
        self.class_end = array("Q")
        self.record_end = array("Q")
        self.subclasses = array("I")
        self.superclasses = array("I")

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

    def add(self, items: Sequence[Item]) -> None:
        """Take items; a thousand at once cost half of what one at a time would."""
        first = len(self.numbers)
        records = [item.record for item in items]
        self.numbers.extend([item.number for item in items])
        self.sitelinks.extend([item.sitelinks for item in items])
        self.statements.extend([item.statements for item in items])
        self.types.extend([item.types for item in items])
        self.is_instance.extend([bool(record.classes) for record in records])
        _extend(self.links, self.link_end, [item.links for item in items])
        _extend(self.classes, self.class_end, [item.record.classes or item.superclasses for item in items])
        _extend(self.descriptions, self.description_end, [record.descriptions.values() for record in records])
        self._add_labels(records)
        for number, item in enumerate(items, first):
            if item.record.aliases or item.demonyms:
                self._add_other_names(number, item.record.aliases, item.demonyms)
        self._add_records(records)

    def _add_labels(self, records: Sequence[Record]) -> None:
        before, first = len(self.names), len(self.label_place)
        counts = [len(record.labels) for record in records]
        self.label_place.extend([before + end - count for end, count in zip(accumulate(counts), counts, strict=True)])
        self.names.extend(chain.from_iterable([record.labels.values() for record in records]))
        self.name_marks.extend(map(self._marks.__getitem__, chain.from_iterable([record.labels for record in records])))
        self.name_items.extend([item for item, count in enumerate(counts, first) for _ in range(count)])

    def _add_other_names(
        self, item: int, aliases: Mapping[str, Sequence[str]], demonyms: Iterable[tuple[str, str]]
    ) -> None:
        for language, texts in aliases.items():
            self.names.extend(texts)
            self.name_marks.extend([self._marks[language] | Kind.ALIAS] * len(texts))
            self.name_items.extend([item] * len(texts))
        for language, text in demonyms:
            self.names.append(text)
            self.name_marks.append(self._marks[language] | Kind.DEMONYM)
            self.name_items.append(item)

    def _add_records(self, records: Iterable[Record]) -> None:
        packed = list(map(encode_record, records))
        self.record_end.extend([self.records.size + end for end in accumulate(map(len, packed))])
        self.records.write(b"".join(packed))


class _Marks(dict[str, int]):
    """The upper bits of a name's mark by its language; a language that is met for the first time gets the next ones."""

    def __missing__(self, language: str) -> int:
        mark = self[language] = len(self) << KIND_BITS
        return mark


def _extend(parts: Any, ends: "array[int]", groups: Sequence[Collection[Any]]) -> None:
    """Append the parts of each group and where it ends."""
    before = len(parts)
    parts.extend(chain.from_iterable(groups))
    ends.extend([before + end for end in accumulate(map(len, groups))])
