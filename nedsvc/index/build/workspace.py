"""The folder in which an index is built: columns of items, arrays by row, and the stages of the work."""

import os
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from nedsvc.index.arrays import Ints
from nedsvc.index.build.stages import Stage, column
from nedsvc.index.part import ASIDE

_COLUMNS, _ROWS = "columns", "rows"


class Effort(msgspec.Struct, frozen=True):
    """With how many processes a build works, and on how much at once: bytes of a dump, rows, names that share a trie.

    Only the last one changes the bytes of an index, and nothing of what it says but the order of one entity's names.
    """

    workers: int = 1
    block: int = 1 << 22
    rows: int = 1 << 18
    names: int = 1 << 19


class Workspace:
    """Everything but the stages' results goes by name: `column` by item, `rows` by entity. All of it is mapped."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.columns = folder / _COLUMNS
        self._rows = folder / _ROWS

    def column(self, name: str) -> Ints:
        """A column that was read."""
        return column(self.columns, name)

    def fact(self, name: str) -> Ints:
        """A column of `columns.Facts`."""
        return self.column(f"item_{name}")

    def keep(self, name: str, array: Ints) -> None:
        """Keep an array for other tasks."""
        self._rows.mkdir(exist_ok=True)
        aside = self._rows / f"{name}{ASIDE}"
        with aside.open("wb") as file:
            np.save(file, array)
        aside.replace(self._rows / f"{name}.npy")  # so that what is there is whole

    def rows(self, name: str) -> Ints:
        """An array that was kept."""
        return np.load(self._rows / f"{name}.npy", mmap_mode="r").view(np.ndarray)  # type: ignore[no-any-return]

    def has_rows(self, name: str) -> bool:
        """Whether an array was kept."""
        return (self._rows / f"{name}.npy").exists()

    def grown(self, name: str, type_: type[np.generic], count: int) -> Any:
        """A new array to fill part by part, without having all of it in memory."""
        self._rows.mkdir(exist_ok=True)
        path = self._rows / f"{name}.npy"
        array = np.lib.format.open_memmap(path, "w+", np.dtype(type_), (count,))
        _take_room(path)
        return array

    def stage(self, name: str) -> Stage:
        """A stage that was run."""
        return Stage(self.folder, name)


def _take_room(path: Path) -> None:
    """Have room on the disk for a file with holes: who writes to it in memory would be killed where there is none."""
    if hasattr(os, "posix_fallocate"):
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
