"""The ids that count: those of a dump, whatever an index kept of it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from nedsvc.errors import InvalidInput
from nedsvc.index.build.dump import blocks, entity_lines
from nedsvc.models import is_entity_id

_ENGLISH = "en"


class Ids(msgspec.Struct, frozen=True):
    """The ids that count; `known` is None where all do.

    `rich` are those whose item has an English description and at least one statement; None where that is not known,
    as a list of ids does not tell.
    """

    known: frozenset[str] | None = None
    rich: frozenset[str] | None = None

    def __contains__(self, qid: object) -> bool:
        return isinstance(qid, str) and (is_entity_id(qid) if self.known is None else qid in self.known)


class _Item(msgspec.Struct, gc=False):
    id: str
    # Wikibase writes an empty map as an empty list.
    descriptions: dict[str, msgspec.Raw] | list[Any] = {}
    claims: dict[str, msgspec.Raw] | list[Any] = {}

    @property
    def is_rich(self) -> bool:
        """Whether the item has an English description and a statement."""
        return _ENGLISH in self.descriptions and bool(self.claims)


def read_ids(file: Path) -> Ids:
    """The ids in a file: a list with one id a line, or the dump itself; plain, gzip or bzip2.

    Raises `InvalidInput` with file and line, and `BuildError` for a packed file that is damaged.
    """
    if not file.is_file():
        raise InvalidInput("--ids", f"there is no file {file}")
    known: set[str] = set()
    rich: set[str] = set()
    is_dump = False
    decoder = msgspec.json.Decoder(_Item)
    for number, line in _entries(file):
        if not line.startswith(b"{"):
            known.add(_checked(line.decode(errors="replace"), file, number))
            continue
        is_dump = True
        try:
            item = decoder.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise InvalidInput(f"{file}, line {number}", f"is no item of a dump ({error})") from error
        known.add(item.id)
        if item.is_rich:
            rich.add(item.id)
    if not known:
        raise InvalidInput("--ids", f"{file} holds no id; give a dump, or one id a line")
    return Ids(frozenset(known), frozenset(rich) if is_dump else None)


def _entries(file: Path) -> Iterator[tuple[int, bytes]]:
    for block in blocks(file):
        yield from entity_lines(block)


def _checked(text: str, file: Path, number: int) -> str:
    if not is_entity_id(text):
        raise InvalidInput(f"{file}, line {number}", f"{text[:40]!r} is no id; give one a line, such as Q42, or a dump")
    return text
