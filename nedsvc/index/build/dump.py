"""Reading the files of Wikidata's JSON dump: files and pipes, and the lines in them."""

import io
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

from nedsvc.errors import BuildError, InvalidInput
from nedsvc.unpacking import STDIN, UNREADABLE, dump_name, open_packed, open_unpacked, size_of

LONGEST_LINE = 1 << 28  # the largest entities have a fiftieth of it
_END = 1000  # bytes of a block in which the ] is looked for
_AT_ONCE = 1 << 18  # what stays in a core's own cache is taken apart a quarter faster
_BOM = b"\xef\xbb\xbf"


class Block(NamedTuple):
    """Whole lines of a dump: where they are from, the number of the first, and how far the file has been read."""

    source: str
    first: int
    position: int
    data: bytes


def total_size(dumps: Sequence[Path | str]) -> int | None:
    """The bytes to read, or None where a dump comes through a pipe; a dump that is not there is refused."""
    check_dumps(dumps)
    sizes = [size for dump in dumps if (size := size_of(dump)) is not None]
    return sum(sizes) if len(sizes) == len(dumps) else None


def check_dumps(dumps: Sequence[Path | str]) -> None:
    """Refuse a dump that is not there before any work is done."""
    if not dumps:
        raise InvalidInput("DUMP", "name at least one dump file, or - for standard input")
    for dump in dumps:
        size_of(dump)


def blocks(dump: Path | str, size: int = 1 << 22) -> Iterator[Block]:
    """The lines of a dump in blocks, unpacked where its first bytes, not its name, say that it is gzip or bzip2."""
    is_pipe, name = dump == STDIN, dump_name(dump)
    try:
        with open_packed(dump) as file, open_unpacked(file, is_pipe, os.cpu_count() or 1) as unpacked:
            first = 1
            before = None if is_pipe else os.fstat(file.fileno())
            for lines in _whole_lines(unpacked.file, name, size):
                yield Block(name, first, unpacked.position(), lines)
                first += lines.count(b"\n")
            if before and _changed(before, os.fstat(file.fileno())):
                raise BuildError(f"{name} was changed while it was read. Build again when it is whole.")
    except UNREADABLE as error:
        raise BuildError(f"{name} cannot be read to its end: {error}.") from error


def _changed(before: os.stat_result, after: os.stat_result) -> bool:
    return (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns)


def entity_lines(block: Block) -> Iterator[tuple[int, bytes]]:
    """The lines that may hold an entity, without their comma, each with its number."""
    file, number = io.BytesIO(block.data), block.first
    while lines := file.readlines(_AT_ONCE):
        for number, line in enumerate(lines, number):  # noqa: B020
            text = line.strip(b" \t\r\n,")
            if len(text) > 1:  # neither a bracket of the array nor an empty line
                yield number, text
        number += 1


def _whole_lines(file: BinaryIO, source: str, size: int) -> Iterator[bytes]:
    """The content in blocks that end with a line, but for the last one perhaps.

    An array that does not come to its end is an error, as is a cut-off gzip file.
    """
    is_array, end = False, b""
    for number, lines in enumerate(_cut_at_lines(file, source, size)):
        if not number:
            lines = lines.removeprefix(_BOM)  # noqa: PLW2901
            is_array = lines.partition(b"\n")[0].strip() == b"["
        yield lines
        last = lines[-_END:].rstrip() or lines.rstrip()
        end = last.rpartition(b"\n")[2] or end
    if is_array and end.strip() != b"]":
        raise BuildError(f"{source} is incomplete: the ] that ends its array is missing. Fetch it again.")


def _cut_at_lines(file: BinaryIO, source: str, size: int) -> Iterator[bytes]:
    parts: list[bytes] = []
    while data := file.read(size):
        if sum(map(len, parts)) > LONGEST_LINE:
            raise InvalidInput(
                "DUMP",
                f"{source} has a line of more than {LONGEST_LINE >> 20} MB; give a dump with a line for each entity",
            )
        cut = data.rfind(b"\n") + 1
        if cut:
            yield b"".join((*parts, memoryview(data)[:cut]))
            parts = []
        parts.append(data[cut:])
    if rest := b"".join(parts):
        yield rest
