"""Reading dumps into columns: blocks of lines are taken apart by several processes, and appended in their order."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from nedsvc import tables
from nedsvc.errors import InvalidInput
from nedsvc.index.build.columns import KIND_BITS, Columns
from nedsvc.index.build.dump import Block, blocks, entity_lines
from nedsvc.index.build.ring import Slot, ring
from nedsvc.index.build.stages import ColumnFiles
from nedsvc.index.build.workspace import Effort, Workspace
from nedsvc.index.format import Counts
from nedsvc.index.options import BuildOptions
from nedsvc.index.part import IF_KILLED, write_whole
from nedsvc.index.profiles import read_profile
from nedsvc.processes import in_order
from nedsvc.unpacking import size_of
from nedsvc.wikibase import ALL_LANGUAGES, LANGUAGE_FOR_ALL, BrokenItem, Item, ItemReader

MOST_NAMED = 20
_STATE = "state.json"
_BLOCKS_A_STATE = 64
_MARK = (1 << KIND_BITS) - 1


class Progress(msgspec.Struct, frozen=True):
    """How far a build is: bytes read of all dumps (as they are stored), lines, and whether all has been read."""

    position: int
    lines: int
    finished: bool = False


class Report(msgspec.Struct, frozen=True):
    """What a build tells while it runs: `progress` after each block of lines, `broken` for the first broken lines."""

    progress: Callable[[Progress], None] = lambda _: None
    broken: Callable[[str], None] = lambda _: None


class Taken(msgspec.Struct, frozen=True):
    """What came of a block: the columns of its items, in these languages, and what did not even come to be an item."""

    columns: dict[str, bytes]
    languages: tuple[str, ...]
    lines: int
    not_items: int
    broken: list[str]
    left_out: dict[str, int]
    newest: str


class State(msgspec.Struct):
    """How far the reading is: sums over all blocks so far, and the sizes of the columns that hold these."""

    languages: list[str]
    blocks: int = 0
    lines: int = 0
    not_items: int = 0
    broken: int = 0
    left_out: dict[str, int] = {}
    newest: str = ""
    sizes: dict[str, int] = {}
    finished: bool = False

    def counts(self) -> Counts:
        """What the manifest says of the lines."""
        return Counts(lines=self.lines, broken=self.broken, not_items=self.not_items, left_out=self.left_out)


class _Place(NamedTuple):
    """How far all dumps have been read with a block, and its number among the blocks."""

    position: int
    number: int


class Wanted(msgspec.Struct, frozen=True):
    """Which items are taken, and in which languages: what the options say, with all that their profile says.

    The languages that are `named` come first; with "all" the others follow as they are met. `wiki` is the one of which
    titles are taken. Where it is `strict` no line may be broken.
    """

    languages: tuple[str, ...]
    min_sitelinks: int
    left_out: tuple[tuple[int, str], ...]
    strict: bool
    wiki: str | None

    @property
    def named(self) -> tuple[str, ...]:
        """The languages that come first."""
        chosen = ("en",) if ALL_LANGUAGES in self.languages else self.languages
        return (*chosen, LANGUAGE_FOR_ALL)

    @classmethod
    def of(cls, options: BuildOptions, wiki: str | None = None) -> "Wanted":
        """What these options want. Raises `InvalidInput` for a profile that cannot be used."""
        left_out = read_profile(options.profile).left_out
        return cls(options.languages, options.min_sitelinks, tuple(left_out.items()), options.strict, wiki)


class Taking:
    """Takes items into columns, or notes why not."""

    def __init__(self, columns: Columns, wanted: Wanted) -> None:
        self._columns = columns
        self._min_sitelinks = wanted.min_sitelinks
        self._left_out = dict(wanted.left_out)
        self._classes_left_out = frozenset(self._left_out)
        self._reasons: Counter[str] = Counter()

    def take(self, item: Item) -> None:
        """Take an item if it is wanted, and its place in the hierarchy in any case."""
        if item.superclasses:
            self._columns.add_superclasses(item)
        if not self._classes_left_out.isdisjoint(item.classes):
            reason = next(self._left_out[class_] for class_ in item.classes if class_ in self._left_out)
        elif not item.labels:
            reason = "no label in the chosen languages"
        elif item.sitelinks < self._min_sitelinks:
            reason = f"fewer than {self._min_sitelinks} sitelinks"
        else:
            self._columns.add(item)
            return
        self._reasons[reason] += 1

    def left_out(self) -> dict[str, int]:
        """How many items were left out for each reason since this was asked last."""
        reasons, self._reasons = self._reasons, Counter()
        return dict(reasons)


class _BlockReader:
    """Reads the lines of a block."""

    def __init__(self, wanted: Wanted) -> None:
        self._reader = ItemReader(wanted.languages, wanted.wiki, frozenset(class_ for class_, _ in wanted.left_out))
        self._columns = Columns(tables.stop_words())
        self._taking = Taking(self._columns, wanted)

    def read(self, block: Block) -> Taken:
        """What comes of the block."""
        read, take = self._reader.read, self._taking.take
        lines = not_items = 0
        broken: list[str] = []
        for number, text in entity_lines(block):
            lines += 1
            try:
                item = read(text)
            except BrokenItem as error:
                broken.append(f"{block.source}, line {number}: {error}")
                continue
            if item is None:
                not_items += 1
            else:
                take(item)
        columns, languages = self._columns.take(), self._columns.languages
        return Taken(columns, languages, lines, not_items, broken, self._taking.left_out(), self._reader.newest)


@lru_cache(1)
def _reader_of_worker(wanted: Wanted) -> _BlockReader:
    """The reader of a worker, which remembers words from block to block, and ends with the worker.

    The process that has the workers must not call this: what one build met would be told of the next one.
    """
    return _BlockReader(wanted)


def _read_slot(wanted: Wanted, given: tuple[Block, Slot]) -> Taken:
    block, slot = given
    return _reader_of_worker(wanted).read(block._replace(data=slot.read()))


def read_dumps(
    dumps: Sequence[Path | str],
    work: Workspace,
    wanted: Wanted,
    report: Report,
    effort: Effort,
) -> State:
    """Read the dumps into the columns of the workspace, from where an earlier call stopped.

    Raises `InvalidInput` for the first broken line where none may be, and `BuildError` for a dump that cannot be read
    to its end.
    """
    path = work.folder / _STATE
    state = _earlier(path) or State(list(wanted.named))
    if state.finished:
        return state
    done = state.blocks
    with ColumnFiles(work.columns, state.sizes) as files:
        appending = _Appending(files, state, wanted.strict, report)
        numbered = _numbered(dumps, done, effort.block)
        for (position, number), taken in _taken(wanted, numbered, effort.workers):
            appending.append(taken, position)
            if number % _BLOCKS_A_STATE == 0:
                appending.keep(path)
        state.finished = True
        appending.keep(path)
    total = sum(size_of(dump) or 0 for dump in dumps)
    report.progress(Progress(total, state.lines, finished=True))
    return state


def _taken(wanted: Wanted, numbered: Iterator[tuple[_Place, Block]], workers: int) -> Iterator[tuple[_Place, Taken]]:
    """What comes of the blocks, in their order."""
    if workers == 1:
        reader = _BlockReader(wanted)
        yield from ((place, reader.read(block)) for place, block in numbered)
        return
    with ring(workers) as places:
        slots = ((place, (block._replace(data=b""), places.put(place.number, block.data))) for place, block in numbered)
        yield from in_order(partial(_read_slot, wanted), slots, workers, IF_KILLED)


def _earlier(path: Path) -> State | None:
    return msgspec.json.decode(path.read_bytes(), type=State) if path.exists() else None


def _numbered(dumps: Sequence[Path | str], done: int, block_size: int) -> Iterator[tuple[_Place, Block]]:
    """The blocks of all dumps but for those that are done, each with how far all have been read and its number."""
    number = before = 0
    for dump in dumps:
        for block in blocks(dump, block_size):
            number += 1
            if number > done:
                yield _Place(before + block.position, number), block
        before += size_of(dump) or 0


class _Appending:
    """Appends what came of blocks to the columns, in one list of languages."""

    def __init__(self, files: ColumnFiles, state: State, strict: bool, report: Report) -> None:
        self._files = files
        self._state = state
        self._strict = strict
        self._report = report
        self._places = {language: place for place, language in enumerate(state.languages)}

    def append(self, taken: Taken, position: int) -> None:
        """Append what came of the next block."""
        state = self._state
        self._note_broken(taken.broken)
        self._files.append(self._translated(taken))
        state.blocks += 1
        state.lines += taken.lines
        state.not_items += taken.not_items
        state.left_out = dict(Counter(state.left_out) + Counter(taken.left_out))
        state.newest = max(state.newest, taken.newest)
        self._report.progress(Progress(position, state.lines))

    def _note_broken(self, broken: Sequence[str]) -> None:
        if broken and self._strict:
            raise InvalidInput("DUMP", broken[0])
        for what in broken[: max(0, MOST_NAMED - self._state.broken)]:
            self._report.broken(what)
        self._state.broken += len(broken)

    def _translated(self, taken: Taken) -> Mapping[str, bytes]:
        """The columns with the places that the languages have among those of all blocks."""
        places = [self._places.setdefault(language, len(self._places)) for language in taken.languages]
        self._state.languages = list(self._places)
        if places == list(range(len(places))):
            return taken.columns
        marks = np.frombuffer(taken.columns["marks"], dtype=np.uint32)
        languages = np.array(places, dtype=np.uint32)[marks >> KIND_BITS]
        return taken.columns | {"marks": (languages << KIND_BITS | marks & _MARK).astype(np.uint32).tobytes()}

    def keep(self, path: Path) -> None:
        """Put on the disk what was appended, then how far it goes."""
        self._state.sizes = self._files.sizes()
        write_whole(path, self._state)
