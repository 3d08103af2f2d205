"""Coarse types of entities through Wikidata's hierarchy of classes (P31 and P279)."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nedsvc import tables
from nedsvc.index.format import TYPE_BITS
from nedsvc.tables import Root

Numbers = NDArray[np.uint32]
Ints = NDArray[Any]

GENERAL = 16


class Hierarchy:
    """Which class is a subclass of which."""

    def __init__(self, classes: Numbers, superclasses: Numbers) -> None:
        self._subclasses: defaultdict[int, list[int]] = defaultdict(list)
        for class_, superclass in zip(classes.tolist(), superclasses.tolist(), strict=True):
            self._subclasses[superclass].append(class_)

    def below(self, classes: Iterable[int]) -> frozenset[int]:
        """These classes and all their subclasses."""
        found = set(classes)
        frontier = list(found)
        while frontier:
            frontier = list({child for class_ in frontier for child in self._subclasses.get(class_, ())} - found)
            found.update(frontier)
        return frozenset(found)

    def types(self, roots: Iterable[Root]) -> dict[int, int]:
        """The bit mask of coarse types of each class: those of the nearest roots above it.

        It goes down from all roots at once, level by level, so that what reaches a class first is nearest. The masks
        of general roots stand `GENERAL` bits higher.
        """
        found: dict[int, int] = {}
        frontier = {root.number: _mask((root.type,), general=root.general) for root in roots}
        while frontier:
            found.update(frontier)
            reached: defaultdict[int, int] = defaultdict(int)
            for class_, mask in frontier.items():
                for child in self._subclasses.get(class_, ()):
                    if child not in found:
                        reached[child] |= mask
            frontier = reached
        return found


def coarse_types(count: int, rows: Ints, masks: Ints) -> Ints:
    """The types of each row by the masks of its classes.

    General classes count where no other gives a type. A type needs more than half the votes of the strongest one: a
    city that is also an archaeological site, a seat of a court and a brand is a city.
    """
    votes = _votes(count, rows, masks)
    without = votes.max(axis=0, initial=0) == 0
    votes[:, without] = _votes(count, rows, masks >> GENERAL)[:, without]
    strong = (2 * votes > votes.max(axis=0, initial=0)).astype(np.uint16)
    bits = np.arange(len(TYPE_BITS), dtype=np.uint16)[:, None]
    return (strong << bits).sum(axis=0, dtype=np.uint16)  # type: ignore[no-any-return]


def entity_types(classes: Sequence[int]) -> int:
    """The bit mask of coarse types of an entity by its classes, as far as the package's table knows these."""
    known = _common_masks()
    masks = np.array([known.get(class_, 0) for class_ in classes], dtype=np.uint32)
    return int(coarse_types(1, np.zeros(len(masks), dtype=np.int64), masks)[0])


@cache
def _common_masks() -> Mapping[int, int]:
    return {number: _mask(common.types, general=common.general) for number, common in tables.common_classes().items()}


def _votes(count: int, rows: Ints, masks: Ints) -> Ints:
    """How many classes of each row give each type."""
    votes = [np.bincount(rows[masks >> bit & 1 == 1], minlength=count) for bit in range(len(TYPE_BITS))]
    return np.array(votes, dtype=np.uint32).reshape(len(TYPE_BITS), count)


def _mask(types: Iterable[str], *, general: bool) -> int:
    mask = 0
    for type_ in types:
        mask |= TYPE_BITS.get(type_, 0)
    return mask << GENERAL if general else mask
