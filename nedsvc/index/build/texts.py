"""Texts that go to parts: as bytes, with where those of each part begin."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from nedsvc.index.arrays import Ints, bounds_of
from nedsvc.index.build.stages import Result, Stage


def part_begins(parts: Ints, count: int) -> Ints:
    """Where each of so many parts begins in what is sorted by part, and where the last one ends."""
    return bounds_of(np.bincount(parts, minlength=count))


def texts_by_part(texts: Sequence[str], begins: Ints, name: str) -> Result:
    """Texts that are sorted by part, as bytes, and where those of each part begin in these."""
    parts = ["".join(f"{text}\n" for text in texts[low:high]).encode() for low, high in pairwise(begins.tolist())]
    ends = np.cumsum([0, *map(len, parts)])
    return {name: np.frombuffer(b"".join(parts), dtype=np.uint8), f"{name}_begin": ends}


def texts_of(stage: Stage, number: int, name: str, part: int) -> list[str]:
    """The texts of a part that a task of the stage gave."""
    return stage.of(number, name)[stage.part(number, f"{name}_begin", part)].tobytes().decode().split("\n")[:-1]
