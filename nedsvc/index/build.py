"""Building an index from dumps."""

import gc
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from nedsvc import tables
from nedsvc.errors import InvalidInput
from nedsvc.index.columns import Columns
from nedsvc.index.dump import Batch, batches, check_dumps
from nedsvc.index.files import built_aside
from nedsvc.index.format import FORMAT_VERSION, Counts, Manifest, content_id, write_manifest
from nedsvc.index.options import BuildOptions, check_options, class_numbers, recorded
from nedsvc.index.selecting import read_profile
from nedsvc.index.writer import Laid, Tables, lay_out
from nedsvc.wikibase import ALL_LANGUAGES, LANGUAGE_FOR_ALL, BrokenItem, Item, ItemReader

MOST_NAMED = 20
NOTHING_CHOSEN = "--classes"  # the field of the error where the options leave no item
_AT_ONCE = 5_000
_NOTHING_LEFT = "no entity is left by these languages, classes and sitelinks; nothing was written"


class Progress(msgspec.Struct, frozen=True):
    """How far a build is: bytes read of all dumps (as they are stored), lines, and whether all has been read."""

    position: int
    lines: int
    finished: bool = False


class Report(msgspec.Struct, frozen=True):
    """What a build tells while it runs: `progress` after each batch of lines, `broken` for the first broken lines."""

    progress: Callable[[Progress], None] = lambda _: None
    broken: Callable[[str], None] = lambda _: None


class Beyond(msgspec.Struct, frozen=True, kw_only=True):
    """What there is to know of items from elsewhere than a dump, apart from what they say of themselves.

    `superclasses` are the classes right above each class. `lines` counts the items before some were `left_out`, with
    the number for each reason. `newest` is the newest moment at which one of them was edited.
    """

    superclasses: Mapping[int, Sequence[int]] = {}
    lines: int = 0
    left_out: Mapping[str, int] = {}
    newest: str | None = None


def build_index(
    dumps: Sequence[Path | str], out: Path, options: BuildOptions, report: Report | None = None
) -> Manifest:
    """Build an index of dumps in the folder `out`, which is replaced if it holds an index.

    A dump is a path or "-". Raises `InvalidInput` for input that cannot be used and `BuildError` for what fails on
    the way; nothing half-written is left in either case.
    """
    check_dumps(dumps)
    check_options(options)
    with _columns_aside(out, _named_languages(options)) as (folder, columns):
        reading = _Reading(columns, options, report or Report())
        reading.read(dumps)
        laid = lay_out(columns, folder, class_numbers(options), _packaged_tables())
        if not laid.entities:
            raise InvalidInput("DUMP", _nothing_left(reading.manifest(laid).counts))
        return _finish(folder, reading.manifest(laid))


def build_from_items(items: Iterable[Item], out: Path, options: BuildOptions) -> Manifest:
    """Build an index of items that were not read from a dump."""
    with _columns_aside(out, options.languages) as (folder, columns):
        for item in items:
            columns.add(item)
        laid = lay_out(columns, folder, (), _packaged_tables())
        return _finish(folder, _manifest(options, columns.languages, laid, Counts()))


def build_chosen(items: Iterable[Item], out: Path, options: BuildOptions, beyond: Beyond) -> Manifest:
    """Build an index of the items that the options leave, in the folder `out`, which is replaced if it holds an index.

    Raises `InvalidInput` where the options cannot be or leave no item, and `BuildError` for what fails on the way;
    nothing half-written is left in either case.
    """
    check_options(options)
    with _columns_aside(out, _named_languages(options)) as (folder, columns):
        taking = _Taking(columns, options)
        for class_, above in beyond.superclasses.items():
            columns.add_superclasses(Item(class_, superclasses=above))
        for number, item in enumerate(items, 1):
            taking.take(item)
            if number % _AT_ONCE == 0:
                columns.work()
        laid = lay_out(columns, folder, class_numbers(options), _packaged_tables())
        if not laid.entities:
            raise InvalidInput(NOTHING_CHOSEN, _NOTHING_LEFT)
        left_out = taking.left_out(laid, beyond.left_out)
        counts = Counts(lines=beyond.lines, duplicates=laid.duplicates, left_out=left_out)
        manifest = _manifest(options, columns.languages, laid, counts)
        return _finish(folder, msgspec.structs.replace(manifest, dump_date=beyond.newest))


def _nothing_left(counts: Counts) -> str:
    if counts.broken == counts.lines:
        return f"is no dump of Wikidata: none of its {counts.lines:,} lines is an entity; nothing was written"
    return _NOTHING_LEFT


def _packaged_tables() -> Tables:
    return Tables(tables.roots(), tables.demonyms(), tables.shorthand(), tables.stop_words())


def _manifest(options: BuildOptions, languages: tuple[str, ...], laid: Laid, counts: Counts) -> Manifest:
    held = msgspec.structs.replace(
        counts,
        entities=laid.entities,
        names=laid.names,
        tokens=laid.tokens,
        postings=laid.postings,
        links=laid.links,
    )
    return Manifest(
        format_version=FORMAT_VERSION,
        content_id=content_id(options.name, laid.files),
        languages=languages,
        options=recorded(options),
        counts=held,
        dump_date=None,
        files=dict(sorted(laid.files.items())),
    )


def _finish(folder: Path, manifest: Manifest) -> Manifest:
    write_manifest(folder, manifest)
    return manifest


class _Taking:
    """Takes items into the columns, or notes why not."""

    def __init__(self, columns: Columns, options: BuildOptions) -> None:
        self._columns = columns
        self._min_sitelinks = options.min_sitelinks
        self._left_out = read_profile(options.profile).left_out
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

    def left_out(self, laid: Laid, more: Mapping[str, int] | None = None) -> dict[str, int]:
        """How many items were left out for each reason, with those that were left out elsewhere."""
        outside = Counter({"not an instance of the chosen classes": laid.outside_classes})
        return dict(sorted((self._reasons + outside + Counter(more or {})).items()))


class _Reading:
    """The pass over the dumps: what goes to the columns, and what does not even come to be an item."""

    def __init__(self, columns: Columns, options: BuildOptions, report: Report) -> None:
        self._columns = columns
        self._options = options
        self._report = report
        self._reader = ItemReader(options.languages)
        self._taking = _Taking(columns, options)
        self._lines = self._broken = self._not_items = 0

    def read(self, dumps: Sequence[Path | str]) -> None:
        """Take over what the dumps hold."""
        before = position = 0
        for dump in dumps:
            for batch in batches(dump):
                self._read_batch(batch)
                position = before + batch.position
                self._report.progress(Progress(position, self._lines))
            before = position
        self._report.progress(Progress(position, self._lines, finished=True))

    def _read_batch(self, batch: Batch) -> None:
        read, take = self._reader.read, self._taking.take
        empty = 0
        for number, line in enumerate(batch.lines, batch.first):
            text = line.strip(b" \t\r\n,")
            if len(text) < 2:  # the brackets of the array, and empty lines
                empty += 1
                continue
            try:
                item = read(text)
            except BrokenItem as error:
                self._note_broken(f"{batch.source}, line {number}: {error}")
                continue
            if item is None:
                self._not_items += 1
            else:
                take(item)
        self._lines += len(batch.lines) - empty
        self._columns.work()

    def _note_broken(self, what: str) -> None:
        if self._options.strict:
            raise InvalidInput("DUMP", what)
        self._broken += 1
        if self._broken <= MOST_NAMED:
            self._report.broken(what)

    def manifest(self, laid: Laid) -> Manifest:
        """What the index says of itself and of what was read."""
        counts = Counts(
            lines=self._lines,
            broken=self._broken,
            not_items=self._not_items,
            duplicates=laid.duplicates,
            left_out=self._taking.left_out(laid),
        )
        manifest = _manifest(self._options, self._columns.languages, laid, counts)
        return msgspec.structs.replace(manifest, dump_date=self._reader.newest or None)


def _named_languages(options: BuildOptions) -> tuple[str, ...]:
    """The languages that come first in the manifest; with "all" the others follow as they are met."""
    chosen = ("en",) if ALL_LANGUAGES in options.languages else options.languages
    return (*chosen, LANGUAGE_FOR_ALL)


@contextmanager
def _columns_aside(out: Path, languages: tuple[str, ...]) -> Iterator[tuple[Path, Columns]]:
    """A folder that takes the place of `out` when the block ends well, and columns that keep their records in it."""
    with built_aside(out) as folder, _without_garbage_collector(), Columns(folder, languages) as columns:
        yield folder, columns


@contextmanager
def _without_garbage_collector() -> Iterator[None]:
    """Millions of objects are made and none of them in cycles: looking for these would take most of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
