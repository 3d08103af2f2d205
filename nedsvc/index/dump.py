"""Reading the files of Wikidata's JSON dump: files and pipes, and the lines in them."""

import bz2
import io
import sys
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

from isal import igzip_threaded, isal_zlib

from nedsvc.errors import BuildError, InvalidInput

STDIN = "-"
_BLOCK = 1 << 18  # what stays in a core's own cache is taken apart a quarter faster than larger blocks
_GZIP, _BZIP2 = b"\x1f\x8b", b"BZh"
# What the unpackers raise for data that is damaged or cut off.
_UNREADABLE = (OSError, EOFError, cast(type[Exception], isal_zlib.error), zlib.error)
_BOM = b"\xef\xbb\xbf"


class Batch(NamedTuple):
    """Lines of a dump: where they are from, the number of the first, and how far the file has been read."""

    source: str
    first: int
    position: int
    lines: list[bytes]


def source_name(dump: Path | str) -> str:
    """What a dump is called in messages."""
    return "standard input" if dump == STDIN else str(dump)


def total_size(dumps: Sequence[Path | str]) -> int | None:
    """The bytes to read, or None where a dump comes through a pipe; a dump that is not there is refused."""
    check_dumps(dumps)
    return None if STDIN in dumps else sum(Path(dump).stat().st_size for dump in dumps)


def check_dumps(dumps: Sequence[Path | str]) -> None:
    """Refuse a dump that is not there before any work is done."""
    if not dumps:
        raise InvalidInput("DUMP", "name at least one dump file, or - for standard input")
    for dump in dumps:
        if dump != STDIN and not Path(dump).is_file():
            raise InvalidInput("DUMP", f"there is no file {dump}")


def batches(dump: Path | str) -> Iterator[Batch]:
    """The lines of a dump in batches, unpacked where it is gzip or bzip2 (by its first bytes, not its name)."""
    with ExitStack() as stack:
        try:
            is_pipe = dump == STDIN
            file = sys.stdin.buffer if is_pipe else stack.enter_context(Path(dump).open("rb"))
            unpacked = _unpacked(file, is_pipe)
            if unpacked is not file:
                stack.enter_context(unpacked)
            first = 1
            for lines in _lines(unpacked, source_name(dump)):
                yield Batch(source_name(dump), first, 0 if is_pipe else file.tell(), lines)
                first += len(lines)
        except _UNREADABLE as error:
            raise BuildError(f"{source_name(dump)} cannot be read to its end: {error}.") from error


def _unpacked(file: BinaryIO, is_pipe: bool) -> BinaryIO:
    start = cast(io.BufferedReader, file).peek(4)
    if start.startswith(_GZIP):
        # A thread unpacks while another takes items apart; but one that waits for a pipe could not be stopped.
        return io.BufferedReader(igzip_threaded.open(file, "rb", threads=0 if is_pipe else 1), _BLOCK)
    if start.startswith(_BZIP2):
        return io.BufferedReader(bz2.BZ2File(file), _BLOCK)
    return file


def _lines(file: BinaryIO, source: str) -> Iterator[list[bytes]]:
    """The lines, some at a time. An array that does not come to its end is an error, as is a cut-off gzip file."""
    lines = file.readlines(_BLOCK)
    if not lines:
        return
    lines[0] = lines[0].removeprefix(_BOM)
    is_array = lines[0].strip() == b"["
    last = b""
    while lines:
        yield lines
        last = next((line for line in reversed(lines) if line.strip()), last)
        lines = file.readlines(_BLOCK)
    if is_array and last.strip() != b"]":
        raise BuildError(f"{source} is incomplete: the ] that ends its array is missing. Fetch it again.")
