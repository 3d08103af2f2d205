"""The XML dumps of MediaWiki's wikis: what they say of the wiki, and their pages in pieces."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple
from xml.etree import ElementTree
from xml.parsers.expat import ErrorString

from nedsvc import tables
from nedsvc.errors import BuildError, InvalidInput
from nedsvc.unpacking import STDIN, UNREADABLE, dump_name, open_packed, open_unpacked, size_of
from nedsvc.wikitext import Site, site

_FIELD = "DUMP"
_READ = 1 << 20
_LONGEST_HEAD = 1 << 23
_ROOT, _PAGE, _END_OF_PAGE, _END = b"<mediawiki", b"<page>", b"</page>", b"</mediawiki>"
_HINT = "give one of its pages with their text, such as enwiki-latest-pages-articles.xml.bz2"


class Piece(NamedTuple):
    """Whole pages of a dump, in XML: the number of the piece, and how many bytes of the file are read by then."""

    number: int
    xml: bytes
    position: int


class Page(NamedTuple):
    """A page: the title to which it redirects ("" for no redirect), and its wikitext."""

    title: str
    namespace: int
    redirect: str
    text: str


class WikiDump(NamedTuple):
    """A dump that is open: what it is called in messages, its wiki, and its pages in pieces, once."""

    name: str
    wiki: Site
    pieces: Iterator[Piece]


@contextmanager
def open_dump(dump: Path | str, threads: int, size: int) -> Iterator[WikiDump]:
    """A dump (a path or "-"), packed or not, unpacked by so many threads and read in pieces of some `size` in bytes.

    Raises `InvalidInput` for what is no dump, and `BuildError`, on reading too, for what is damaged or incomplete.
    """
    size_of(dump)
    name = dump_name(dump)
    with ExitStack() as stack:
        with _read_to_its_end(name):
            file = stack.enter_context(open_packed(dump))
            unpacked = stack.enter_context(open_unpacked(file, dump == STDIN, threads))
            head, rest = _head(name, unpacked.file)
        yield WikiDump(name, _site(name, head), _pieces(name, unpacked.file, unpacked.position, rest, size))


def pages(name: str, xml: bytes) -> list[Page]:
    """The pages of a piece of the dump with this name; of a page with its history, as it is now.

    Raises `BuildError` for what is no XML.
    """
    try:
        root = _parsed(b"<pages>\n" + xml + b"\n</pages>")
    except ElementTree.ParseError as error:
        raise BuildError(
            f"{name} is damaged{_near(xml, error)} ({ErrorString(error.code)}). Fetch it again."
        ) from error
    return [_page(page) for page in root.iter("page")]


def _parsed(xml: bytes) -> ElementTree.Element:
    return ElementTree.fromstring(xml)  # noqa: S314 (expat bounds what it may grow to)


def _page(page: ElementTree.Element) -> Page:
    redirect = page.find("redirect")
    revisions = page.findall("revision")
    text = revisions[-1].findtext("text") if revisions and _is_wikitext(revisions[-1]) else None
    namespace = page.findtext("ns") or "0"
    return Page(
        page.findtext("title") or "",
        int(namespace) if namespace.isdecimal() else -1,
        "" if redirect is None else redirect.get("title", ""),
        text or "",
    )


def _is_wikitext(revision: ElementTree.Element) -> bool:
    return revision.findtext("model") in {None, "wikitext"}


def _near(xml: bytes, error: ElementTree.ParseError) -> str:
    line, _ = error.position
    before = b"\n".join(xml.split(b"\n")[: max(0, line - 1)])
    titles = re.findall(rb"<title>([^<]*)</title>", before)
    return f" near the page {titles[-1].decode(errors='replace')!r}" if titles else ""


@contextmanager
def _read_to_its_end(name: str) -> Iterator[None]:
    try:
        yield
    except UNREADABLE as error:
        raise BuildError(f"{name} cannot be read to its end: {error}.") from error


def _head(name: str, file: BinaryIO) -> tuple[bytes, bytes]:
    """What stands before the first page, and what is read of the pages."""
    read = file.read(_READ)
    if _ROOT not in read:
        raise InvalidInput(_FIELD, f"{name} is no XML dump of a wiki; {_HINT}")
    while (start := read.find(_PAGE)) < 0 and len(read) < _LONGEST_HEAD and (more := file.read(_READ)):
        read += more
    if start < 0:
        raise InvalidInput(_FIELD, f"{name} holds no pages; {_HINT}")
    return read[:start], read[start:]


def _site(name: str, head: bytes) -> Site:
    try:
        root = _parsed(head + _END)
    except ElementTree.ParseError as error:
        raise InvalidInput(_FIELD, f"{name} does not begin as an XML dump of a wiki does ({error}); {_HINT}") from error
    namespaces = {
        element.text: int(element.get("key", "0"))
        for element in root.iterfind("{*}siteinfo/{*}namespaces/{*}namespace")
        if element.text
    }
    dbname = root.findtext("{*}siteinfo/{*}dbname")
    if not dbname:
        raise InvalidInput(_FIELD, f"{name} does not say of which wiki it is (<siteinfo>, <dbname>); {_HINT}")
    case = root.findtext("{*}siteinfo/{*}case") or "first-letter"
    return site(dbname, case, namespaces, tables.other_wikis())


def _pieces(name: str, file: BinaryIO, position: Callable[[], int], read: bytes, size: int) -> Iterator[Piece]:
    with _read_to_its_end(name):
        number = 0
        block = read
        while block:
            while len(read) >= size and (end := _cut(read, size)):
                yield Piece(number, read[:end], position())
                number, read = number + 1, read[end:]
            block = file.read(size)
            read += block
        while end := _cut(read, size):
            yield Piece(number, read[:end], position())
            number, read = number + 1, read[end:]
        if read.strip() != _END:
            raise BuildError(f"{name} is incomplete: it ends in the middle of its pages. Fetch it again.")


def _cut(xml: bytes, size: int) -> int:
    """Where the last whole page of so many bytes ends, or else the first; 0 for none. In a text, < is an entity."""
    end = xml.rfind(_END_OF_PAGE, 0, size)
    end = xml.find(_END_OF_PAGE) if end < 0 else end
    return 0 if end < 0 else end + len(_END_OF_PAGE)
