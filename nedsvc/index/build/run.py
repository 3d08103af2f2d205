"""Building an index from dumps, or from items that come from elsewhere."""

import gc
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import TypeAlias

import msgspec

from nedsvc import tables
from nedsvc.anchors import read_anchors
from nedsvc.errors import BuildError, InvalidInput
from nedsvc.index.build.columns import Columns
from nedsvc.index.build.dump import check_dumps
from nedsvc.index.build.layout import Laid, entries, lay_out
from nedsvc.index.build.priors import wiki_of
from nedsvc.index.build.reading import Report, Taking, Wanted, read_dumps
from nedsvc.index.build.stages import ColumnFiles
from nedsvc.index.build.views import keep_views
from nedsvc.index.build.workspace import Effort, Workspace
from nedsvc.index.files import built_aside, check_replaceable, put_back
from nedsvc.index.format import FORMAT_VERSION, Counts, Manifest, content_id, read_manifest, write_manifest
from nedsvc.index.options import BuildOptions, check_options, class_numbers, recorded
from nedsvc.index.part import emptied, is_builds, opened, part_folder, write_whole
from nedsvc.processes import WorkerKilled
from nedsvc.unpacking import STDIN
from nedsvc.wikibase import Item

NOTHING_CHOSEN = "--classes"  # the field of the error where the options leave no item
Finish: TypeAlias = Callable[[Path], Manifest]
_PLAN, _INDEX = "plan.json", "index"
_AT_ONCE = 5_000
_NOTHING_LEFT = "no entity is left by these languages, classes and sitelinks; nothing was written"


class Beside(msgspec.Struct, frozen=True):
    """Files that tell more of the items of dumps: `popularity` is one of QRank, `anchors` of `nedsvc index anchors`."""

    popularity: Path | None = None
    anchors: Path | None = None


class Plan(msgspec.Struct, frozen=True):
    """What a build was begun with: the options, and the path, size and time of each dump and of what goes with them.

    Also how much it works on at once, but not with how many processes, and the version of the package.
    """

    options: BuildOptions
    dumps: tuple[tuple[str, int, int], ...]
    beside: tuple[tuple[str, int, int] | None, ...]
    at_once: Effort
    format_version: int = FORMAT_VERSION
    made_by: str = version("nedsvc")

    @classmethod
    def of(cls, dumps: Sequence[Path | str], options: BuildOptions, beside: Beside, effort: Effort) -> "Plan":
        """The plan for these files as they are now."""
        files = (_traits(file) if file else None for file in (beside.popularity, beside.anchors))
        at_once = msgspec.structs.replace(effort, workers=1)
        return cls(recorded(options), tuple(map(_traits, dumps)), tuple(files), at_once)

    @property
    def may_go_on(self) -> bool:
        """Whether a later call reads the same again."""
        return all(path != STDIN for path, _, _ in self.dumps)


class Beyond(msgspec.Struct, frozen=True, kw_only=True):
    """What there is to know of items from elsewhere than a dump, apart from what they say of themselves.

    `superclasses` are the classes right above each class. `lines` counts the items before some were `left_out`, with
    the number for each reason. `newest` is the newest moment at which one of them was edited.
    """

    superclasses: Mapping[int, Sequence[int]] = {}
    lines: int = 0
    left_out: Mapping[str, int] = {}
    newest: str | None = None


def build_index(  # noqa: PLR0913 (all but the first three have defaults)
    dumps: Sequence[Path | str],
    out: Path,
    options: BuildOptions,
    report: Report | None = None,
    effort: Effort | None = None,
    beside: Beside | None = None,
    *,
    finish: Finish = read_manifest,
) -> Manifest:
    """Build an index of dumps in the folder `out`, which is replaced if it holds an index.

    A dump is a path or "-"; `finish` is done to the folder at last. What is done is kept beside `out`
    (`part.part_folder`) until the index is whole; a build that was interrupted goes on from there when it is called
    alike, unless it reads standard input. Raises `InvalidInput` for input that cannot be used and `BuildError` for what
    fails on the way; nothing is left then.
    """
    effort, beside = effort or Effort(), beside or Beside()
    check_dumps(dumps)
    check_options(options)
    check_replaceable(out)
    check_file("--popularity", beside.popularity)
    check_file("--anchors", beside.anchors)
    if beside.anchors:
        read_anchors(beside.anchors)
    with _part(out, Plan.of(dumps, options, beside, effort)) as part, _without_garbage_collector():
        work = Workspace(part)
        wiki = wiki_of(work, beside.anchors) if beside.anchors else None
        if beside.popularity:
            keep_views(work, beside.popularity)
        state = read_dumps(dumps, work, Wanted.of(options, wiki), report or Report(), effort)
        with built_aside(out, part / _INDEX) as folder:
            laid = lay_out(work, folder, class_numbers(options), effort, beside.anchors)
            counts = _counts(state.counts(), laid)
            if not laid.entities:
                raise InvalidInput("DUMP", _nothing_left(counts))
            _finish(folder, options, tuple(state.languages), counts, state.newest or None, effort.workers)
            return finish(folder)


def build_from_items(items: Iterable[Item], out: Path, options: BuildOptions) -> Manifest:
    """Build an index of items that were not read from a dump."""
    with built_aside(out) as folder, _work_in(folder) as work:
        columns = Columns(tables.stop_words(), options.languages)
        with ColumnFiles(work.columns, {}) as files:
            _take(items, columns.add, columns, files)
        laid = lay_out(work, folder, (), Effort())
        return _finish(folder, options, columns.languages, _counts(Counts(), laid), None)


def build_chosen(
    items: Iterable[Item], out: Path, options: BuildOptions, beyond: Beyond, finish: Finish = read_manifest
) -> Manifest:
    """Build an index of the items that the options leave, in the folder `out`, which is replaced if it holds an index.

    `finish` is done to the folder at last. Raises `InvalidInput` where the options cannot be or leave no item, and
    `BuildError` for what fails on the way; nothing half-written is left in either case.
    """
    check_options(options)
    with built_aside(out) as folder, _work_in(folder) as work:
        wanted = Wanted.of(options)
        columns = Columns(tables.stop_words(), wanted.named)
        taking = Taking(columns, wanted)
        for class_, above in beyond.superclasses.items():
            columns.add_superclasses(Item(class_, superclasses=above))
        with ColumnFiles(work.columns, {}) as files:
            _take(items, taking.take, columns, files)
        laid = lay_out(work, folder, class_numbers(options), Effort())
        if not laid.entities:
            raise InvalidInput(NOTHING_CHOSEN, _NOTHING_LEFT)
        left_out = dict(Counter(taking.left_out()) + Counter(beyond.left_out))
        counts = _counts(Counts(lines=beyond.lines, left_out=left_out), laid)
        _finish(folder, options, columns.languages, counts, beyond.newest)
        return finish(folder)


def _take(items: Iterable[Item], take: Callable[[Item], None], columns: Columns, files: ColumnFiles) -> None:
    """Take the items into columns, some thousand at a time, and put these into files."""
    left = iter(items)
    while some := list(islice(left, _AT_ONCE)):
        for item in some:
            take(item)
        files.append(columns.take())
    files.append(columns.take())


def _nothing_left(counts: Counts) -> str:
    if counts.broken == counts.lines:
        return f"is no dump of Wikidata: none of its {counts.lines:,} lines is an entity; nothing was written"
    return _NOTHING_LEFT


def _counts(read: Counts, laid: Laid) -> Counts:
    """What was read and what came of it."""
    outside = Counter({"not an instance of the chosen classes": laid.outside_classes})
    return msgspec.structs.replace(
        read,
        entities=laid.entities,
        names=laid.names,
        tokens=laid.words,
        postings=laid.postings,
        links=laid.links,
        duplicates=laid.duplicates,
        left_out=dict(sorted((Counter(read.left_out) + outside).items())),
    )


def _finish(
    folder: Path,
    options: BuildOptions,
    languages: tuple[str, ...],
    counts: Counts,
    newest: str | None,
    workers: int = 1,
) -> Manifest:
    files = entries(folder, workers)
    manifest = Manifest(
        format_version=FORMAT_VERSION,
        content_id=content_id(options.name, files),
        languages=languages,
        options=recorded(options),
        counts=counts,
        dump_date=newest,
        files=files,
    )
    write_manifest(folder, manifest)
    return manifest


@contextmanager
def _part(out: Path, plan: Plan) -> Iterator[Path]:
    """The folder of what is done so far. It is kept after an interruption that another call can make good."""
    folder = part_folder(out)
    try:
        with opened(folder):
            _begin(folder, plan, out)
            with _removed_but_if_interrupted(folder):
                yield folder
    except (KeyboardInterrupt, WorkerKilled):
        if not plan.may_go_on and folder.is_dir() and is_builds(folder, _PLAN):
            _remove(folder)
        raise


@contextmanager
def _removed_but_if_interrupted(folder: Path) -> Iterator[None]:
    try:
        yield
    except (KeyboardInterrupt, WorkerKilled):
        raise
    except OSError as error:
        _remove(folder)
        reason = error.strerror or error
        raise BuildError(f"{folder} could not be written: {reason}. Nothing was left of it.") from error
    except BaseException:
        _remove(folder)
        raise
    _remove(folder)


def _begin(folder: Path, plan: Plan, out: Path) -> None:
    """Make the folder ready: with what was done there, if it was begun alike, else empty."""
    path = folder / _PLAN
    if not is_builds(folder, _PLAN):
        raise InvalidInput("-o", f"{folder} is there and holds something else than a build; choose another place")
    put_back(out, folder / _INDEX)
    if plan.may_go_on and path.exists() and path.read_bytes().strip() == msgspec.json.encode(plan):
        return
    emptied(folder, _PLAN)
    write_whole(path, plan)


def _remove(folder: Path) -> None:
    emptied(folder, _PLAN)
    folder.rmdir()


def check_file(field: str, path: Path | None) -> None:
    """Refuse a file that is not there before any work is done. Raises `InvalidInput`."""
    if path is not None and not path.is_file():
        raise InvalidInput(field, f"there is no file {path}")


def _traits(dump: Path | str) -> tuple[str, int, int]:
    if dump == STDIN:
        return STDIN, 0, 0
    traits = Path(dump).stat()
    # A path may be no UTF-8, in which the plan is written.
    path = os.fsencode(Path(dump).resolve()).decode(errors="backslashreplace")
    return path, traits.st_size, traits.st_mtime_ns


@contextmanager
def _work_in(folder: Path) -> Iterator[Workspace]:
    """A workspace in a folder, which it leaves as if it had not been there."""
    work = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f"{folder.name}.work-"))
    try:
        with _without_garbage_collector():
            yield Workspace(work)
    finally:
        shutil.rmtree(work)


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
