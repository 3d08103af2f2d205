"""Coarse types of entities through Wikidata's hierarchy of classes (P31 and P279)."""

from collections import defaultdict
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from nedsvc.index.format import TYPE_BITS

Numbers = NDArray[np.uint32]


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
            frontier = [child for class_ in frontier for child in self._subclasses.get(class_, ()) if child not in found]
            found.update(frontier)
        return frozenset(found)

    def types(self, roots: Iterable[tuple[int, str]]) -> dict[int, int]:
        """The bit mask of coarse types of each class: those of the nearest roots above it.

        It goes down from all roots at once, level by level, so that what reaches a class first is nearest.
        """
        found: dict[int, int] = {}
        frontier = {number: TYPE_BITS[name] for number, name in roots}
        while frontier:
            found.update(frontier)
            reached: defaultdict[int, int] = defaultdict(int)
            for class_, mask in frontier.items():
                for child in self._subclasses.get(class_, ()):
                    if child not in found:
                        reached[child] |= mask
            frontier = reached
        return found
