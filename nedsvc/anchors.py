"""The file that says how often a text is a link to which page of a wiki, and how often it is none.

It is packed with gzip. The first line is a `Header` in JSON. Each other line is an `AnchorText`: the folded text, how
often it is a link, how often it stands in running text, and then the title of a page and the number of links to it,
for each page, with tabs between them.
"""

import gzip
import zlib
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import IO, NamedTuple

import msgspec

from nedsvc.errors import InvalidInput

FORMAT = 1
_MOST = (1 << 32) - 1
_MAKE_ANEW = "build it again with `nedsvc index anchors`"


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """What was read for the file, and what is in it.

    `wiki` is the name by which sitelinks call the wiki (`enwiki`), `links` those to articles that were counted, and
    `left_out` says how many were not, by reason. `texts` are those of the lines that follow: all that stand at least
    `min_count` times as links; `rare` are the others.
    """

    format: int
    wiki: str
    pages: int
    redirects: int
    links: int
    left_out: dict[str, int]
    min_count: int
    texts: int
    rare: int


class AnchorText(NamedTuple):
    """A folded text: how often it is a link, how often it stands outside of links, and the pages that it leads to.

    The pages come with their numbers of links, the largest first.
    """

    key: str
    linked: int
    unlinked: int
    targets: tuple[tuple[str, int], ...]


class _Format(msgspec.Struct):
    format: int


def write_anchors(file: IO[bytes], header: Header, texts: Iterable[AnchorText]) -> None:
    """Write what is to be packed."""
    file.write(msgspec.json.encode(header) + b"\n")
    for text in texts:
        file.write(as_line(text))


def as_line(text: AnchorText) -> bytes:
    """The line of a text."""
    targets = "".join(f"\t{title}\t{count}" for title, count in text.targets)
    return f"{text.key}\t{text.linked}\t{text.unlinked}{targets}\n".encode()


def from_line(line: bytes) -> AnchorText:
    """The text of a line. Raises `ValueError` for what is none."""
    key, linked, unlinked, *targets = line.decode().removesuffix("\n").split("\t")
    if not key or len(targets) % 2:
        raise ValueError("it wants a text, two numbers, and titles with a number each")
    counted = tuple(zip(targets[::2], map(_count, targets[1::2]), strict=True))
    if any(one[1] < next_[1] for one, next_ in pairwise(counted)):
        raise ValueError("the largest number comes first")
    if sum(count for _, count in counted) > _count(linked):
        raise ValueError("more links to pages than links")
    return AnchorText(key, _count(linked), _count(unlinked), counted)


def read_anchors(path: Path) -> tuple[Header, Iterator[AnchorText]]:
    """The header and the texts, in the order of their bytes. Raises `InvalidInput`, which names the file and line."""
    lines = _lines(path)
    header = _header(path, next(lines, b""))
    return header, _texts(path, header, lines)


def _lines(path: Path) -> Iterator[bytes]:
    number = 0
    try:
        with gzip.open(path, "rb") as file:
            for number, line in enumerate(file, 1):  # noqa: B007 (an error tells how far it came)
                yield line
    except FileNotFoundError:
        raise InvalidInput(str(path), "there is no such file") from None
    except gzip.BadGzipFile as error:
        reason = f"is damaged after line {number}; {_MAKE_ANEW}" if number else "is no gzip file of anchor texts"
        raise InvalidInput(str(path), reason) from error
    except (OSError, EOFError, zlib.error) as error:
        raise InvalidInput(str(path), f"cannot be read beyond line {number} ({error}); {_MAKE_ANEW}") from error


def _header(path: Path, line: bytes) -> Header:
    try:
        found = msgspec.json.decode(line, type=_Format).format
        if found != FORMAT:
            raise InvalidInput(str(path), f"has format {found}, and this version reads {FORMAT}; {_MAKE_ANEW}")
        return msgspec.json.decode(line, type=Header)
    except msgspec.DecodeError as error:
        raise InvalidInput(str(path), f"line 1 is no header of anchor texts ({error}); {_MAKE_ANEW}") from error


def _texts(path: Path, header: Header, lines: Iterator[bytes]) -> Iterator[AnchorText]:
    number, before = 1, b""
    for number, line in enumerate(lines, 2):
        try:
            text = from_line(line)
        except ValueError as error:
            raise InvalidInput(str(path), f"line {number} is no anchor text ({error}); {_MAKE_ANEW}") from error
        key = line[: line.index(b"\t")]
        if key <= before:
            raise InvalidInput(str(path), f"line {number} is not in the order of the texts; {_MAKE_ANEW}")
        before = key
        yield text
    if number - 1 != header.texts:
        raise InvalidInput(str(path), f"holds {number - 1} texts and tells of {header.texts}; {_MAKE_ANEW}")


def _count(written: str) -> int:
    if not (written.isascii() and written.isdigit()):
        raise ValueError(f"{written[:20]!r} is no number")
    count = int(written)
    if count > _MOST:
        raise ValueError(f"{count:,} is more than there can be")
    return count
