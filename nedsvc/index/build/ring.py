"""Blocks for other processes, by way of a file in memory: a pipe would cost a sixth of the time of a build."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from nedsvc.processes import most_waiting

_IN_MEMORY = hasattr(os, "memfd_create")
_PLACE_BITS = 40  # a file with holes takes no more room than what is in it


class Slot(NamedTuple):
    """Where in a file, which forked processes have opened too, some bytes are."""

    file: int
    begin: int
    size: int

    def read(self) -> bytes:
        """The bytes."""
        return os.pread(self.file, self.size, self.begin)


class Ring:
    """Places for as many blocks as wait for so many workers; a later block takes the place of one that is done."""

    def __init__(self, file: int, workers: int) -> None:
        self._file = file
        self._places = most_waiting(workers) + 1

    def put(self, number: int, data: bytes) -> Slot:
        """Put the block with this number in its place."""
        place = number % self._places
        slot = Slot(self._file, place << _PLACE_BITS, len(data))
        os.pwrite(self._file, data, slot.begin)
        return slot


@contextmanager
def ring(workers: int) -> Iterator[Ring]:
    """A ring that is gone after the block."""
    with os.fdopen(os.memfd_create("blocks"), "r+b") if _IN_MEMORY else tempfile.TemporaryFile() as file:
        yield Ring(file.fileno(), workers)
