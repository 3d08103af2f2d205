"""How often the pages of entities are looked at, from a file of QRank (https://qrank.toolforge.org)."""

import re
from pathlib import Path
from typing import BinaryIO, cast

import msgspec
import numpy as np
from isal import igzip

from nedsvc.errors import InvalidInput
from nedsvc.index.arrays import Ints, rows_of
from nedsvc.index.build.workspace import Workspace
from nedsvc.unpacking import UNREADABLE

_FIELD = "--popularity"
_HEADER = b"Entity,QRank"
_LINE = re.compile(rb"^Q([1-9][0-9]{0,9}),([0-9]{1,18})\r?\n", re.MULTILINE)
_AT_ONCE = 1 << 22
_LONGEST = 1000
_GZIP = b"\x1f\x8b"


class Views(msgspec.Struct, frozen=True):
    """Page views in a year by the number of the entity; `numbers` are sorted."""

    numbers: Ints
    counts: Ints

    @classmethod
    def kept(cls, work: Workspace) -> "Views | None":
        """Those that `keep_views` kept."""
        return cls(work.rows("view_numbers"), work.rows("view_counts")) if work.has_rows("view_numbers") else None

    def of(self, numbers: Ints) -> Ints:
        """The views of each entity, 0 where nothing is known."""
        if not len(self.numbers):
            return np.zeros(len(numbers), dtype=np.uint64)
        places = rows_of(self.numbers, numbers)
        return np.where(places >= 0, self.counts[places], np.uint64(0))


def keep_views(work: Workspace, path: Path) -> None:
    """Keep what `read_views` reads, once."""
    if work.has_rows("view_numbers"):
        return
    views = read_views(path)
    work.keep("view_counts", views.counts)
    work.keep("view_numbers", views.numbers)


def read_views(path: Path) -> Views:
    """The views in a file `Entity,QRank`, plain or gzip. Raises `InvalidInput` that names the line that is wrong."""
    try:
        with path.open("rb") as file:
            packed = file.read(2) == _GZIP
            file.seek(0)
            return _read(path, cast(BinaryIO, igzip.IGzipFile(fileobj=file)) if packed else file)
    except UNREADABLE as error:
        raise InvalidInput(_FIELD, f"{path} cannot be read to its end: {error}") from error


def _read(path: Path, file: BinaryIO) -> Views:
    if file.readline(_LONGEST).strip() != _HEADER:
        raise InvalidInput(_FIELD, f"{path}, line 1: a file of QRank begins with {_HEADER.decode()}")
    line, parts = 2, [np.zeros((0, 2), dtype=np.uint64)]
    while lines := file.readlines(_AT_ONCE):
        if not lines[-1].endswith(b"\n"):
            lines[-1] += b"\n"
        found = _LINE.findall(b"".join(lines))
        if len(found) != len(lines):
            wrong = next(number for number, text in enumerate(lines) if not _LINE.fullmatch(text))
            raise InvalidInput(_FIELD, f"{path}, line {line + wrong}: {lines[wrong][:80]!r} is not like Q42,12345")
        parts.append(np.array(found, dtype=np.bytes_).astype(np.uint64))
        line += len(lines)
    table = np.concatenate(parts)
    table = table[np.argsort(table[:, 0], kind="stable")]
    return Views(table[:, 0], table[:, 1])
