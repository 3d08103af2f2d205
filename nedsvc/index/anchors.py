"""Counting what the links of a wiki's dump say of names: which text leads to which page, and how often it is no link.

Each piece of the dump becomes files on the disk: how often each text leads to each title, sorted; and the folded
running text. The first are merged, some at a time, so that the memory does not grow with the dump. Then the texts that
are links often enough are looked up in the second. Sums do not depend on who made them when, and neither does the
outcome.
"""

import gzip
import heapq
import io
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import NamedTuple, TypeVar, cast

import marisa_trie
import msgspec
import numpy as np
from isal import igzip
from numpy.typing import NDArray

from nedsvc.anchors import FORMAT, AnchorText, Header, as_line, from_line, write_anchors
from nedsvc.errors import BuildError, InvalidInput
from nedsvc.index.files import sync
from nedsvc.index.redirects import Redirects, redirects
from nedsvc.names import fold_all
from nedsvc.processes import in_order
from nedsvc.unpacking import size_of
from nedsvc.wikidump import Piece, WikiDump, open_dump, pages
from nedsvc.wikitext import ARTICLES, UNFIT, Anchor, PageReader, Site

_BLOCK = 1 << 18
_END_OF_WORD = (" ", "")
_LONGEST = 200  # characters of a text that is a name
_IF_KILLED = "nothing was written. Try again, perhaps with fewer --workers."

Batch = TypeVar("Batch")
Result = TypeVar("Result")


class Progress(msgspec.Struct, frozen=True):
    """How far the counting is in a stage: bytes of the dump while it is read, else files; `of` is None for a pipe."""

    stage: str
    done: int
    of: int | None


class Sizes(NamedTuple):
    """How much is worked on at once: bytes of XML, files to merge, and files in which a worker looks texts up."""

    piece: int = 1 << 23
    merged: int = 64
    looked_up: int = 16


class Work(NamedTuple):
    """Where the files are that are made on the way, with how many processes, how much at once, and who is told."""

    folder: Path
    workers: int
    sizes: Sizes
    report: Callable[[Progress], None]

    def each(self, stage: str, function: Callable[[Batch], Result], batches: Sequence[Batch]) -> Iterator[Result]:
        """What the function makes of each of the batches, in order."""
        given = ((number, batch) for number, batch in enumerate(batches, 1))
        with closing(in_order(function, given, self.workers, _IF_KILLED)) as results:
            for number, result in results:
                yield result
                self.report(Progress(stage, number, len(batches)))


class _Tally(NamedTuple):
    """What was read of a dump, in numbers; links that were left out by their reasons."""

    pages: int
    redirects: int
    links: int
    left_out: Counter[str]

    def plus(self, other: "_Tally") -> "_Tally":
        return _Tally(
            self.pages + other.pages,
            self.redirects + other.redirects,
            self.links + other.links,
            self.left_out + other.left_out,
        )


class _Counted(NamedTuple):
    """The texts that are links often enough: their file, their number, and how many others there are."""

    path: Path
    texts: int
    rare: int


def count_anchors(
    dump: Path | str,
    out: Path,
    *,
    workers: int = 1,
    min_count: int = 2,
    sizes: Sizes | None = None,
    report: Callable[[Progress], None] = lambda _: None,
) -> Header:
    """Count the links of a dump (a path or "-") into the file `out`, which is replaced if it is there.

    Texts that are links less than `min_count` times are left out. Raises `InvalidInput` for what cannot be used, and
    `BuildError` for what fails on the way; nothing half-written is left in either case.
    """
    if min_count < 1:
        raise InvalidInput("--min-count", "must be 1 or more")
    if out.is_dir():
        raise InvalidInput("-o", f"{out} is a folder; name a file")
    size = size_of(dump)
    with _aside(out) as folder:
        work = Work(folder, workers, sizes or Sizes(), report)
        with open_dump(dump, workers, work.sizes.piece) as opened:
            wiki = opened.wiki.name
            tally = _read(opened, work, size)
        counted = _count_texts(_merged(work), redirects(partial(_redirects, folder)), folder, min_count)
        unlinked = _count_unlinked(counted, work)
        header = Header(
            format=FORMAT,
            wiki=wiki,
            pages=tally.pages,
            redirects=tally.redirects,
            links=tally.links,
            left_out=dict(sorted(tally.left_out.items())),
            min_count=min_count,
            texts=counted.texts,
            rare=counted.rare,
        )
        _write(folder / "out", header, _complete(counted, unlinked))
        (folder / "out").replace(out)
        sync(out.parent)
    return header


@contextmanager
def _aside(out: Path) -> Iterator[Path]:
    """A new folder beside `out`, which vanishes in the end."""
    try:
        folder = Path(tempfile.mkdtemp(prefix=f"{out.name[:100]}.tmp-", dir=out.parent))
    except OSError as error:
        raise BuildError(f"{out} could not be written: {error.strerror or error}.") from error
    try:
        yield folder
    except OSError as error:
        raise BuildError(f"{out} could not be written: {error.strerror or error}. Nothing was left of it.") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _read(dump: WikiDump, work: Work, size: int | None) -> _Tally:
    """Make files of the dump, piece by piece."""
    count = partial(_count_piece, work.folder, dump.name, dump.wiki)
    total = _Tally(0, 0, 0, Counter())
    given = ((piece.position, piece) for piece in dump.pieces)
    with closing(in_order(count, given, work.workers, _IF_KILLED)) as tallies:
        for position, tally in tallies:
            total = total.plus(tally)
            work.report(Progress("reading", position, size))
    return total


def _count_piece(folder: Path, dump: str, wiki: Site, piece: Piece) -> _Tally:
    """Write the links, the redirects and the running text of a piece to files that bear its number."""
    reader = PageReader(wiki)
    read = pages(dump, piece.xml)
    articles = [page for page in read if page.namespace == ARTICLES and not page.redirect]
    moved = [(page.title, reader.title(page.redirect)) for page in read if page.namespace == ARTICLES and page.redirect]
    parsed = [reader.read(page.text) for page in articles]
    anchors = [anchor for page in parsed for anchor in page.links]
    counts = _counts(anchors)
    links = sum(counts.values())
    left_out = sum((page.left_out for page in parsed), Counter[str]())
    in_all, in_articles = (sum(page.text.count("[[") for page in some) for some in (read, articles))
    left_out["page that is a redirect or no article"] += in_all - in_articles
    left_out[UNFIT] += len(anchors) - links
    name = f"{piece.number:06}"
    _pack(folder / f"links-{name}", (f"{key}\t{title}\t{number}" for (key, title), number in sorted(counts.items())))
    _pack(folder / f"redirects-{name}", (f"{title}\t{target}" for title, target in moved if target))
    _pack(folder / f"text-{name}", filter(None, fold_all(stretch for page in parsed for stretch in page.stretches)))
    return _Tally(len(articles), len(moved), links, +left_out)


def _counts(anchors: Sequence[Anchor]) -> dict[tuple[str, str], int]:
    """How often each folded text leads to each title, for those that are names."""
    found = Counter(zip(fold_all(anchor.text for anchor in anchors), (anchor.title for anchor in anchors), strict=True))
    return {pair: number for pair, number in found.items() if 0 < len(pair[0]) <= _LONGEST}


def _pack(path: Path, lines: Iterable[str]) -> None:
    with igzip.open(path, "wb", compresslevel=1) as file:
        file.write("".join(f"{line}\n" for line in lines).encode())


def _lines_of(path: Path) -> Iterator[bytes]:
    with igzip.open(path, "rb") as packed, io.BufferedReader(cast(io.RawIOBase, packed), _BLOCK) as file:
        yield from file


def _groups(paths: list[Path], size: int) -> list[list[Path]]:
    return [paths[start : start + size] for start in range(0, len(paths), size)]


def _redirects(folder: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(folder.glob("redirects-*")):
        for line in _lines_of(path):
            title, _, target = line.decode().rstrip("\n").partition("\t")
            yield title, target


# Merging


def _merged(work: Work) -> Iterator[tuple[bytes, int]]:
    """Each text with a title, a tab between them, and how often it leads there; in their order."""
    paths = sorted(work.folder.glob("links-*"))
    level = 0
    while len(paths) > work.sizes.merged:
        groups = [
            (work.folder / f"merged-{level}-{number:06}", some)
            for number, some in enumerate(_groups(paths, work.sizes.merged))
        ]
        paths = list(work.each("merging", _merge, groups))
        level += 1
    return _sums(paths)


def _merge(group: tuple[Path, list[Path]]) -> Path:
    merged, paths = group
    with igzip.open(merged, "wb", compresslevel=1) as packed, io.BufferedWriter(packed, _BLOCK) as file:
        file.writelines(b"%s\t%d\n" % sum_ for sum_ in _sums(paths))
    for path in paths:
        path.unlink()
    return merged


def _sums(paths: Iterable[Path]) -> Iterator[tuple[bytes, int]]:
    """The lines of sorted files without their last number, which is summed where they are the same."""
    before, total = b"", 0
    for line in heapq.merge(*map(_lines_of, paths)):
        pair, _, number = line.rpartition(b"\t")
        if pair != before:
            if total:
                yield before, total
            before, total = pair, 0
        total += int(number)
    if total:
        yield before, total


def _count_texts(pairs: Iterable[tuple[bytes, int]], moved: Redirects, folder: Path, min_count: int) -> _Counted:
    """Write the texts that are links often enough, with the pages that they lead to in the end."""
    path = folder / "texts"
    texts = rare = 0
    with igzip.open(path, "wb", compresslevel=1) as packed, io.BufferedWriter(packed, _BLOCK) as file:
        for key, group in groupby(pairs, lambda pair: pair[0].partition(b"\t")[0]):
            targets = Counter[str]()
            for pair, number in group:
                targets[moved.follow(pair.partition(b"\t")[2].decode())] += number
            linked = targets.total()
            if linked < min_count:
                rare += 1
                continue
            texts += 1
            ordered = sorted(targets.items(), key=lambda target: (-target[1], target[0]))
            file.write(as_line(AnchorText(key.decode(), linked, 0, tuple(ordered))))
    return _Counted(path, texts, rare)


# Running text


class _Unlinked(NamedTuple):
    """How often each text stands outside of links, by its number in the trie."""

    texts: marisa_trie.Trie
    counts: NDArray[np.int64]


def _count_unlinked(counted: _Counted, work: Work) -> _Unlinked:
    texts = marisa_trie.Trie(line.partition(b"\t")[0].decode() for line in _lines_of(counted.path))
    path = work.folder / "texts.marisa"
    texts.save(str(path))
    unlinked = _Unlinked(texts, np.zeros(len(texts), dtype=np.int64))
    files = sorted(work.folder.glob("text-*"))
    groups = _groups(files, work.sizes.looked_up)
    for numbers, counts in work.each("looking up", partial(_look_up, path), groups):
        unlinked.counts[numbers] += counts
    return unlinked


def _look_up(trie: Path, paths: Sequence[Path]) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """The numbers of the texts that stand in the files, and how often they do."""
    texts = marisa_trie.Trie().mmap(str(trie))
    found = Counter[str]()
    for path in paths:
        for line in _lines_of(path):
            found.update(longest_names(texts, line.decode().rstrip("\n")))
    numbers = np.fromiter(map(texts.key_id, found), dtype=np.uint32, count=len(found))
    return numbers, np.fromiter(found.values(), dtype=np.int64, count=len(found))


def longest_names(texts: marisa_trie.Trie, line: str) -> list[str]:
    """The longest texts that stand in a line of folded words, from its beginning; none within another."""
    found = []
    start, size = 0, len(line)
    while start < size:
        for text in reversed(texts.prefixes(line[start : start + _LONGEST + 1])):
            end = start + len(text)
            if line[end : end + 1] in _END_OF_WORD:
                found.append(text)
                break
        else:
            end = line.find(" ", start)
        start = end + 1 if end > 0 else size
    return found


def _complete(counted: _Counted, unlinked: _Unlinked) -> Iterator[AnchorText]:
    for line in _lines_of(counted.path):
        text = from_line(line)
        yield text._replace(unlinked=int(unlinked.counts[unlinked.texts[text.key]]))


def _write(path: Path, header: Header, texts: Iterable[AnchorText]) -> None:
    with path.open("wb") as file:
        # Without a name and a time, the same counts are the same bytes.
        packed = gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0, compresslevel=6)
        with packed, io.BufferedWriter(cast(io.RawIOBase, packed), _BLOCK) as lines:
            write_anchors(lines, header, texts)
        file.flush()
        os.fsync(file.fileno())
