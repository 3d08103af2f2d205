"""Dumps as they are unpacked, files and standard input: gzip and bzip2, known by their first bytes, not their names."""

import bz2
import io
import os
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

from indexed_bzip2 import IndexedBzip2File
from isal import igzip_threaded, isal_zlib

from nedsvc.errors import InvalidInput

STDIN = "-"
# What reading raises where the data is damaged or cut off.
UNREADABLE = (OSError, EOFError, cast(type[Exception], isal_zlib.error), zlib.error)
_BLOCK = 1 << 18  # what stays in a core's own cache is taken apart a quarter faster than larger blocks
_GZIP, _BZIP2 = b"\x1f\x8b", b"BZh"


class Unpacked(NamedTuple):
    """What is in a file, and how many of the file's bytes have been read for it (0 of a pipe)."""

    file: BinaryIO
    position: Callable[[], int]


def dump_name(dump: Path | str) -> str:
    """What a dump is called in messages."""
    return "standard input" if dump == STDIN else str(dump)


def size_of(dump: Path | str) -> int | None:
    """The bytes to read, None for a pipe. Raises `InvalidInput` for a dump that is not there."""
    if dump == STDIN:
        return None
    if not Path(dump).is_file():
        raise InvalidInput("DUMP", f"there is no file {dump}")
    return Path(dump).stat().st_size


@contextmanager
def open_packed(dump: Path | str) -> Iterator[BinaryIO]:
    """The file of a dump as it is, or standard input."""
    if dump == STDIN:
        yield sys.stdin.buffer
        return
    with Path(dump).open("rb") as file:
        yield file


@contextmanager
def open_unpacked(file: BinaryIO, is_pipe: bool, threads: int = 1) -> Iterator[Unpacked]:
    """What is in a file that is open at its beginning.

    bzip2 is unpacked by so many threads, two at least, and gzip by one. A pipe is unpacked without threads: one that
    waits for a pipe could not be stopped. Reading what is damaged or cut off raises one of `UNREADABLE`.
    """
    with ExitStack() as stack:
        start = cast(io.BufferedReader, file).peek(4)
        if start.startswith(_BZIP2) and not is_pipe:
            packed = stack.enter_context(_Bzip2(file.fileno(), threads))
            yield Unpacked(io.BufferedReader(packed, _BLOCK), packed.position)
            return
        if start.startswith(_BZIP2):
            unpacked: BinaryIO = stack.enter_context(io.BufferedReader(bz2.BZ2File(file), _BLOCK))
        elif start.startswith(_GZIP):
            stream = igzip_threaded.open(file, "rb", threads=0 if is_pipe else 1)
            unpacked = stack.enter_context(io.BufferedReader(stream, _BLOCK))
        else:
            unpacked = file
        yield Unpacked(unpacked, lambda: 0 if is_pipe else file.tell())


class _Bzip2(io.RawIOBase):
    """A bzip2 file that several threads unpack; its errors are those of Python's own reader."""

    def __init__(self, descriptor: int, threads: int) -> None:
        self._unpacked = IndexedBzip2File(descriptor, max(2, threads))  # one thread has another reader, which is slower
        self._size = os.fstat(descriptor).st_size
        self._position = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # any buffer, in the words of its base
        try:
            read = int(self._unpacked.raw.readinto(buffer))
        except (RuntimeError, ValueError) as error:
            raise OSError(f"the bzip2 data is damaged or cut off ({error})") from error
        if read == 0 and len(buffer):
            self._check_end()
        return read

    def position(self) -> int:
        """How many bytes of the file are unpacked."""
        self._position = max(self._position, int(self._unpacked.tell_compressed()) // 8)  # it says 0 at the end
        return self._position

    def close(self) -> None:
        self._unpacked.close()
        super().close()

    def _check_end(self) -> None:
        """The library takes what it does not know for the end."""
        end = max(self._unpacked.block_offsets(), default=0) // 8
        if end < self._size:
            raise OSError(f"the bzip2 data is damaged: no more can be read after {end:,} of {self._size:,} bytes")
