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
_END = 1000  # bytes of a block in which the ] is looked for
_AT_ONCE = 1 << 18  # what stays in a core's own cache is taken apart a quarter faster
_GZIP, _BZIP2 = b"\x1f\x8b", b"BZh"
# What the unpackers raise for data that is damaged or cut off.
_UNREADABLE = (OSError, EOFError, cast(type[Exception], isal_zlib.error), zlib.error)
_BOM = b"\xef\xbb\xbf"


class Block(NamedTuple):
    """Whole lines of a dump: where they are from, the number of the first, and how far the file has been read."""

    source: str
    first: int
    position: int
    data: bytes


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


def blocks(dump: Path | str, size: int = 1 << 22) -> Iterator[Block]:
    """The lines of a dump in blocks, unpacked where its first bytes, not its name, say that it is gzip or bzip2."""
    with ExitStack() as stack:
        try:
            is_pipe = dump == STDIN
            file = sys.stdin.buffer if is_pipe else stack.enter_context(Path(dump).open("rb"))
            unpacked = _unpacked(file, is_pipe)
            if unpacked is not file:
                stack.enter_context(unpacked)
            first = 1
            for lines in _whole_lines(unpacked, source_name(dump), size):
                yield Block(source_name(dump), first, 0 if is_pipe else file.tell(), lines)
                first += lines.count(b"\n")
        except _UNREADABLE as error:
            raise BuildError(f"{source_name(dump)} cannot be read to its end: {error}.") from error


def entity_lines(block: Block) -> Iterator[tuple[int, bytes]]:
    """The lines that may hold an entity, without their comma, each with its number."""
    file, number = io.BytesIO(block.data), block.first
    while lines := file.readlines(_AT_ONCE):
        for number, line in enumerate(lines, number):  # noqa: B020
            text = line.strip(b" \t\r\n,")
            if len(text) > 1:  # neither a bracket of the array nor an empty line
                yield number, text
        number += 1


def _unpacked(file: BinaryIO, is_pipe: bool) -> BinaryIO:
    start = cast(io.BufferedReader, file).peek(4)
    if start.startswith(_GZIP):
        # A thread unpacks while another takes items apart; but one that waits for a pipe could not be stopped.
        return io.BufferedReader(igzip_threaded.open(file, "rb", threads=0 if is_pipe else 1), _AT_ONCE)
    if start.startswith(_BZIP2):
        return io.BufferedReader(bz2.BZ2File(file), _AT_ONCE)
    return file


def _whole_lines(file: BinaryIO, source: str, size: int) -> Iterator[bytes]:
    """The content in blocks that end with a line, but for the last one perhaps.

    An array that does not come to its end is an error, as is a cut-off gzip file.
    """
    is_array, end = False, b""
    for number, lines in enumerate(_cut_at_lines(file, size)):
        if not number:
            lines = lines.removeprefix(_BOM)  # noqa: PLW2901
            is_array = lines.partition(b"\n")[0].strip() == b"["
        yield lines
        last = lines[-_END:].rstrip() or lines.rstrip()
        end = last.rpartition(b"\n")[2] or end
    if is_array and end.strip() != b"]":
        raise BuildError(f"{source} is incomplete: the ] that ends its array is missing. Fetch it again.")


def _cut_at_lines(file: BinaryIO, size: int) -> Iterator[bytes]:
    parts: list[bytes] = []
    while data := file.read(size):
        cut = data.rfind(b"\n") + 1
        if cut:
            yield b"".join((*parts, memoryview(data)[:cut]))
            parts = []
        parts.append(data[cut:])
    if rest := b"".join(parts):
        yield rest
