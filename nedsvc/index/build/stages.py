"""What a build keeps on the disk on its way: columns that grow while dumps are read, and the results of its tasks.

Nothing of it is larger in memory than a task, and what is whole stays so after a stop.
"""

import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import cached_property, partial
from pathlib import Path
from typing import BinaryIO, TypeVar

import numpy as np

from nedsvc.index.arrays import Ints
from nedsvc.index.build.columns import COLUMNS
from nedsvc.index.part import IF_KILLED
from nedsvc.processes import in_order

Task = TypeVar("Task")
Result = Mapping[str, Ints | bytes]

_ASIDE = ".new"


class ColumnFiles:
    """A file for each of the `columns.COLUMNS`, to append to. `sizes` says how far they are known to be good."""

    def __init__(self, folder: Path, sizes: Mapping[str, int]) -> None:
        folder.mkdir(exist_ok=True)
        self._stack = ExitStack()
        self._files: dict[str, BinaryIO] = {}
        for name in COLUMNS:
            file = self._stack.enter_context((folder / name).open("ab"))
            file.truncate(sizes.get(name, 0))
            self._files[name] = file

    def append(self, columns: Mapping[str, bytes]) -> None:
        """Append to each column."""
        for name, data in columns.items():
            self._files[name].write(data)

    def sizes(self) -> dict[str, int]:
        """How long each column is, once all of it is on the disk."""
        for file in self._files.values():
            file.flush()
            os.fsync(file.fileno())
        return {name: file.tell() for name, file in self._files.items()}

    def __enter__(self) -> "ColumnFiles":
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()


def column(folder: Path, name: str) -> Ints:
    """A column that was written, mapped into memory."""
    path, type_ = folder / name, COLUMNS[name]
    return np.memmap(path, type_, "r").view(np.ndarray) if path.stat().st_size else np.zeros(0, type_)


class Stage:
    """Tasks that do not depend on each other, and what came of each: arrays, or bytes, by their names."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder / name

    @cached_property
    def count(self) -> int:
        """How many tasks it has, once it was run."""
        return sum(1 for place in self._folder.iterdir() if place.name.isdecimal())

    def run(self, work: Callable[[Task], Result], tasks: Sequence[Task], workers: int) -> "Stage":
        """Do the tasks that were not done before; the stage itself."""
        return self.run_each(work, tasks, min(workers, len(tasks)))

    def run_each(self, work: Callable[[Task], Result], tasks: Iterable[Task], workers: int) -> "Stage":
        """`run` for tasks of which nobody knows how many will come."""
        self._folder.mkdir(exist_ok=True)
        left = ((number, task) for number, task in enumerate(tasks) if not self._place(number).is_dir())
        keep = partial(_keep_result, work, self._folder)
        for _ in in_order(keep, ((None, one) for one in left), workers, IF_KILLED):
            pass
        return self

    @property
    def was_run(self) -> bool:
        """Whether there is anything of it."""
        return self._folder.is_dir()

    def of(self, number: int, name: str) -> Ints:
        """An array of a task, mapped into memory."""
        return np.load(self.path(number, f"{name}.npy"), mmap_mode="r").view(np.ndarray)  # type: ignore[no-any-return]

    def part(self, number: int, begins: str, part: int) -> slice:
        """Where a part is in what came of a task, by the array of this name that says where the parts begin."""
        return slice(*self.of(number, begins)[part : part + 2].tolist())

    def each(self, name: str) -> Iterator[Ints]:
        """The array with this name of each task."""
        return (self.of(number, name) for number in range(self.count))

    def joined(self, name: str) -> Ints:
        """The arrays of all tasks one after the other, in memory."""
        return np.concatenate(list(self.each(name)))

    def path(self, number: int, name: str) -> Path:
        """The file of a task's result."""
        return self._place(number) / name

    def _place(self, number: int) -> Path:
        return self._folder / str(number)


def _keep_result(work: Callable[[Task], Result], folder: Path, numbered: tuple[int, Task]) -> None:
    number, task = numbered
    aside = folder / f"{number}{_ASIDE}"
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir()
    for name, result in work(task).items():
        if isinstance(result, bytes):
            (aside / name).write_bytes(result)
        else:
            np.save(aside / f"{name}.npy", result)
    aside.rename(folder / str(number))


def chunks(count: int, size: int) -> list[range]:
    """So many numbers in ranges of this size, at least one of them."""
    return [range(begin, min(begin + size, count)) for begin in range(0, count, size)] or [range(0)]
