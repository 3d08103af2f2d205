"""Building an index of a part of Wikidata that is fetched from a SPARQL endpoint, page by page.

First the items are listed by the number of their sitelinks, then the classes above theirs are fetched, then what is
kept of the items that are instances of the chosen classes. Each page is kept in a folder beside the index until that is
built, so that a build that was interrupted goes on where it stopped.
"""

import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Generic, TypeVar

import msgspec
import numpy as np

from nedsvc.classes import Hierarchy
from nedsvc.errors import BuildError, InvalidInput, SourceUnavailable
from nedsvc.index.build import NOTHING_CHOSEN, Beyond, Finish, build_chosen
from nedsvc.index.files import check_replaceable
from nedsvc.index.format import Manifest, read_manifest
from nedsvc.index.options import BuildOptions, check_options
from nedsvc.index.part import ASIDE, opened, part_folder, resumable, write_whole
from nedsvc.index.queries import BEFORE_ALL, Ask, details, listed, superclasses
from nedsvc.models import qid_number
from nedsvc.sparql import QueryTooSlow, SparqlEndpoint
from nedsvc.wikibase import Item

MOST_SITELINKS = 1_000  # there are fewer wikis that an item may be linked to
_STATE = "state.json"
_VERSION = 1


class Sizes(msgspec.Struct, frozen=True, kw_only=True):
    """How much a page holds: of the list, of the classes and of the items themselves.

    Wikidata's endpoint answers a query of these sizes in a few seconds of the 60 that it has, and the addresses of the
    requests stay below the 8,000 bytes that servers commonly take.
    """

    listed: int = 5_000
    classes: int = 200
    items: int = 100


class Fetched(msgspec.Struct, frozen=True):
    """How far a build is: the stage, the pages that are there, and how much of the stage is done of how much.

    Nobody knows how many items will be listed: there `of` counts numbers of sitelinks.
    """

    stage: str
    pages: int
    done: int
    of: int


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What is fetched: pages of different plans do not go together."""

    endpoint: str
    classes: tuple[str, ...]
    min_sitelinks: int
    languages: tuple[str, ...]
    version: int = _VERSION

    def words(self) -> str:
        """The options that stand for it."""
        return (
            f"--sparql {self.endpoint} --classes {','.join(self.classes)} --min-sitelinks {self.min_sitelinks} "
            f"--languages {','.join(self.languages)}"
        )


class _Listed(msgspec.Struct, frozen=True):
    """A page of the list: the items with so many sitelinks (from, up to but without), and whether these are all."""

    begin: int
    end: int
    last: str
    complete: bool
    items: dict[int, list[int]]


class _Classes(msgspec.Struct, frozen=True):
    above: dict[int, list[int]]


class _Details(msgspec.Struct, frozen=True):
    asked: list[int]
    newest: str
    items: list[Item]


Page = TypeVar("Page", bound=msgspec.Struct)
Report = Callable[[Fetched], None]


def build_from_endpoint(
    endpoint: SparqlEndpoint,
    out: Path,
    options: BuildOptions,
    report: Report = lambda _: None,
    sizes: Sizes | None = None,
    finish: Finish = read_manifest,
) -> Manifest:
    """Build an index in the folder `out` of the instances of the chosen classes that have enough sitelinks.

    `report` is told of each page before it is fetched; `finish` is done to the folder at last. Goes on
    where an earlier call with the same options stopped. Raises `InvalidInput` for options that cannot be, and
    `BuildError` where the endpoint cannot be asked or a file not be written; what was fetched is kept then.
    """
    _check(options)
    check_replaceable(out)
    plan = Plan(
        endpoint=endpoint.url,
        classes=tuple(sorted(set(options.classes))),
        min_sitelinks=options.min_sitelinks,
        languages=options.languages,
    )
    part = part_folder(out)
    try:
        with opened(part):
            _check_plan(part, plan)
            fetching = _Fetching(endpoint.query, plan, part, report, sizes or Sizes())
            fetching.run()
            manifest = _build(fetching, part, out, options, finish)
            shutil.rmtree(part)
            return manifest
    except SourceUnavailable as error:
        raise BuildError(f"{error}; {resumable(out)}") from error
    except OSError as error:
        raise BuildError(f"{part} could not be written: {error.strerror or error}") from error


def _build(fetching: "_Fetching", part: Path, out: Path, options: BuildOptions, finish: Finish) -> Manifest:
    try:
        return build_chosen(fetching.items(), out, options, fetching.beyond(), finish)
    except InvalidInput as error:
        if error.field == NOTHING_CHOSEN:
            shutil.rmtree(part)  # it is of no use, and would stand in the way of better options
        raise


def _check(options: BuildOptions) -> None:
    check_options(options)
    if not options.classes:
        raise InvalidInput("--classes", "say of which classes, such as Q5,Q43229: an endpoint does not give everything")
    if not 1 <= options.min_sitelinks <= MOST_SITELINKS:
        raise InvalidInput(
            "--min-sitelinks",
            f"must be from 1 to {MOST_SITELINKS:,} with --sparql, which finds items by the number of their sitelinks",
        )


class _Fetching:
    """Fetches what is not there yet."""

    def __init__(self, ask: Ask, plan: Plan, folder: Path, report: Report, sizes: Sizes) -> None:
        self._ask = ask
        self._plan = plan
        self._report = report
        self._sizes = sizes
        self._lists = _Pages(folder, "list", _Listed)
        self._hierarchy = _Pages(folder, "classes", _Classes)
        self._details = _Pages(folder, "items", _Details)
        self._above: dict[int, list[int]] = {}
        self._outside = 0

    def run(self) -> None:
        """Fetch it. Raises `SourceUnavailable`; what there is by then is kept."""
        self._list()
        self._fetch_classes()
        self._fetch_details()

    def items(self) -> Iterator[Item]:
        """The items, by number."""
        for page in self._details:
            yield from page.items

    def beyond(self) -> Beyond:
        """What there is to know of the index apart from its items."""
        asked = gone = 0
        newest = ""
        for page in self._details:
            asked += len(page.asked)
            gone += len(page.asked) - len(page.items)
            newest = max(newest, page.newest)
        left_out = {"not an instance of the chosen classes": self._outside, "gone since it was listed": gone}
        return Beyond(superclasses=self._above, left_out=left_out, lines=asked + self._outside, newest=newest or None)

    def _list(self) -> None:
        page = self._lists.last()
        while page is None or page.end <= MOST_SITELINKS or not page.complete:
            self._tell("listing by sitelinks", page.end if page else self._plan.min_sitelinks, MOST_SITELINKS)
            page = self._list_page(page)
            self._lists.add(page)

    def _list_page(self, before: _Listed | None) -> _Listed:
        begin, end, after = self._next_band(before)
        while True:
            try:
                found = listed(self._ask, range(begin, end), after, self._sizes.listed)
            except QueryTooSlow:
                if end - begin == 1:
                    raise
                # What the shorter band leaves out comes with the next one, there from the first id on.
                end = begin + (end - begin) // 2
            else:
                return _Listed(begin, end, found.last, len(found.items) < self._sizes.listed, found.items)

    def _next_band(self, before: _Listed | None) -> tuple[int, int, str]:
        """The numbers of sitelinks to ask for, and the id to go on after. The more sitelinks, the fewer items."""
        if before is not None and not before.complete:
            return before.begin, before.end, before.last
        begin = self._plan.min_sitelinks if before is None else before.end
        return begin, min(begin + max(1, begin // 10), MOST_SITELINKS + 1), BEFORE_ALL

    def _fetch_classes(self) -> None:
        for page in self._hierarchy:
            self._above.update(page.above)
        needed = {class_ for page in self._lists for classes in page.items.values() for class_ in classes}
        while missing := sorted(needed.union(*self._above.values()) - self._above.keys()):
            for some in _parts(missing, self._sizes.classes):
                self._tell("fetching classes", len(self._above), len(self._above) + len(missing))
                self._in_halves(some, self._fetch_some_classes)

    def _fetch_some_classes(self, classes: Sequence[int]) -> None:
        page = _Classes(superclasses(self._ask, classes))
        self._hierarchy.add(page)
        self._above.update(page.above)

    def _fetch_details(self) -> None:
        wanted = self._instances()
        there = {number for page in self._details for number in page.asked}
        for some in _parts(sorted(wanted - there), self._sizes.items):
            self._tell("fetching items", len(there), len(wanted))
            self._in_halves(some, self._fetch_some_details)
            there.update(some)
        self._tell("building the arrays", len(wanted), len(wanted))

    def _fetch_some_details(self, numbers: Sequence[int]) -> None:
        found = details(self._ask, numbers, self._plan.languages)
        self._details.add(_Details(list(numbers), found.newest, found.items))

    def _instances(self) -> frozenset[int]:
        """The listed items that may be instances of the chosen classes; what they are is seen by their details."""
        pairs = np.array(
            [(class_, above) for class_, some in self._above.items() for above in some], dtype=np.uint32
        ).reshape(-1, 2)
        chosen = Hierarchy(pairs[:, 0], pairs[:, 1]).below(map(qid_number, self._plan.classes))
        everything: set[int] = set()
        found: set[int] = set()
        for page in self._lists:
            everything.update(page.items)
            found.update(number for number, classes in page.items.items() if not chosen.isdisjoint(classes))
        self._outside = len(everything) - len(found)
        return frozenset(found)

    def _in_halves(self, numbers: Sequence[int], fetch: Callable[[Sequence[int]], None]) -> None:
        """Fetch all at once, or each half by itself if the endpoint does not come to an end with it."""
        try:
            fetch(numbers)
        except QueryTooSlow:
            if len(numbers) == 1:
                raise
            middle = len(numbers) // 2
            self._in_halves(numbers[:middle], fetch)
            self._in_halves(numbers[middle:], fetch)

    def _tell(self, stage: str, done: int, of: int) -> None:
        pages = len(self._lists) + len(self._hierarchy) + len(self._details)
        self._report(Fetched(stage, pages, done, of))


class _Pages(Generic[Page]):
    """The pages of one kind, in the order in which they came: a file each, that is whole or not there."""

    def __init__(self, folder: Path, name: str, type_: type[Page]) -> None:
        self._folder = folder
        self._name = name
        self._decode = msgspec.json.Decoder(type_).decode
        self._count = next(number for number in count() if not self._path(number).exists())

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Page]:
        return map(self._read, range(self._count))

    def last(self) -> Page | None:
        """The page that came last."""
        return self._read(self._count - 1) if self._count else None

    def add(self, page: Page) -> None:
        """Keep a page."""
        write_whole(self._path(self._count), page)
        self._count += 1

    def _read(self, number: int) -> Page:
        path = self._path(number)
        try:
            return self._decode(path.read_bytes())
        except msgspec.MsgspecError as error:
            raise BuildError(f"{path} is damaged: remove {self._folder} and start again.") from error

    def _path(self, number: int) -> Path:
        return self._folder / f"{self._name}-{number:06d}.json"


def _check_plan(folder: Path, plan: Plan) -> None:
    path = folder / _STATE
    if not path.exists():
        if any(entry.suffix != ASIDE for entry in folder.iterdir()):
            raise InvalidInput("-o", f"{folder} holds something else than pages of a build; choose another place")
        write_whole(path, plan)
        return
    try:
        earlier = msgspec.json.decode(path.read_bytes(), type=Plan)
    except msgspec.MsgspecError as error:
        raise InvalidInput("-o", f"{path} cannot be read: remove {folder} to start again") from error
    if earlier != plan:
        raise InvalidInput(
            "-o",
            f"{folder} holds what was fetched with {earlier.words()}; go on with these options, choose another place, "
            "or remove that folder to start again",
        )


def _parts(numbers: Sequence[int], size: int) -> Iterable[Sequence[int]]:
    return (numbers[begin : begin + size] for begin in range(0, len(numbers), size))
