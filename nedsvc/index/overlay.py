"""Making the index of an overlay: at the start, in the cache, or for good, in the folder of an index."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

import msgspec
import numpy as np

from nedsvc import tables
from nedsvc.index.build import build_from_items
from nedsvc.index.files import built_aside, file_entry, link_files
from nedsvc.index.format import (
    FORMAT_VERSION,
    FileEntry,
    Manifest,
    read_manifest,
    type_mask,
    with_files,
    write_manifest,
)
from nedsvc.index.layered import (
    ENTITIES,
    FACTS,
    LAYER_VERSION,
    OVERLAY,
    Facts,
    Layer,
    overlaid_by,
)
from nedsvc.index.options import BuildOptions
from nedsvc.index.overlay_lines import OverlayLine, Told, overlay_content, read_overlay
from nedsvc.index.reader import Index
from nedsvc.index.records import Record
from nedsvc.index.view import OpenIndex
from nedsvc.kept import kept
from nedsvc.models import FIRST_OWN_NUMBER, is_own_id, qid_number
from nedsvc.names import fold
from nedsvc.never import Never
from nedsvc.wikibase import LANGUAGE_FOR_ALL, Item, OfficeHeld

# As well known as a large company: more than 99 of 100 items, so that an own entity goes before its rare namesakes,
# and less than states and capitals, which texts mean by their names unless they say otherwise.
DEFAULT_POPULARITY = 0.3


def with_overlay(base: OpenIndex, file: Path, cache: Path | None) -> OpenIndex:
    """The index with the overlay of a file over it, which is kept in the cache for the next start.

    Raises `InvalidInput` with the line and the field for a file that cannot be used, and `BuildError`.
    """
    content = overlay_content(file)
    name = f"{OVERLAY}-{_digest(base, content)}"
    layer = kept(cache, name, Layer.open, lambda folder: build_layer(base, read_overlay(content, str(file)), folder))
    return overlaid_by(base, layer)


def add_overlay(folder: Path, told: Sequence[Told]) -> Manifest:
    """Give the index in this folder the overlay of these lines, in place of the one that it may have; none for no line.

    Raises `IndexNotFound`, `IndexFormatError`, `InvalidInput` for a line that does not fit to the index, and
    `BuildError`; the index then stays as it was.
    """
    index = Index.open(folder)
    with built_aside(folder) as aside:
        files = {name: entry for name, entry in index.manifest.files.items() if not name.startswith(f"{OVERLAY}/")}
        link_files(folder, aside, files)
        _write_manifest(aside, index.manifest, files)
        return put_overlay(aside, told) if told else read_manifest(aside)


def put_overlay(folder: Path, told: Sequence[Told]) -> Manifest:
    """Put an overlay into the folder of an index that is not in its place yet, and has none.

    Raises `InvalidInput` for a line that does not fit to the index, and `BuildError`.
    """
    index = Index.open(folder)
    build_layer(index, told, folder / OVERLAY)
    entries = {f"{OVERLAY}/{name}": entry for name, entry in _entries(folder / OVERLAY)}
    return _write_manifest(folder, index.manifest, index.manifest.files | entries)


def _write_manifest(folder: Path, manifest: Manifest, files: Mapping[str, FileEntry]) -> Manifest:
    """Write the manifest with other files than it named."""
    changed = with_files(manifest, files)
    write_manifest(folder, changed)
    return changed


def build_layer(base: OpenIndex, told: Sequence[Told], folder: Path) -> None:
    """Make the index of an overlay over another index. Raises `InvalidInput` for a line that does not fit to it."""
    layering = _Layering(base, told)
    facts = layering.facts()
    with built_aside(folder) as aside:
        build_from_items(layering.items(), aside / ENTITIES, BuildOptions(languages=base.languages, name=OVERLAY))
        _write(aside / FACTS, facts)
        view = overlaid_by(base, Layer.open(aside))
        quiet = frozenset(key for key in layering.affected_names() if view.postings(key) is None) - facts.never.names
        _write(aside / FACTS, msgspec.structs.replace(facts, quiet=quiet))


class _Layering:
    """From lines to the items of an overlay's index: what is told, and the landmarks that it is linked with."""

    def __init__(self, base: OpenIndex, told: Sequence[Told]) -> None:
        self._base = base
        self._entities = [one for one in told if not one.line.never]
        self._never = [one for one in told if one.line.never]
        self._first = _first_own(base)
        new = (one.line.id for one in self._entities if one.line.id and is_own_id(one.line.id))
        unknown = [id_ for id_ in new if base.number_of(id_) is None]
        self._own = {id_: number for number, id_ in enumerate(unknown, self._first)}

    def items(self) -> Iterator[Item]:
        """The items of all entities that are told of, and of their landmarks."""
        told: set[int] = set()
        near: set[int] = set()
        for one in self._entities:
            item = self._item(one)
            told.add(item.number)
            near.update(item.links)
            near.update(item.classes)
            yield item
        yield from self._landmarks(near - told)

    def facts(self) -> Facts:
        """What is kept beside them."""
        told = (self._number(one, one.line.id or "") for one in self._entities)
        return Facts(
            first_own=self._first,
            own=tuple(self._own),
            urls={one.line.id: one.line.url for one in self._entities if one.line.id and one.line.url},
            told=tuple(sorted(told)),
            never=self._forbidden(),
        )

    def affected_names(self) -> set[str]:
        """The keys of names that somebody is no longer called by, or who bore them is forbidden."""
        never = self._forbidden()
        names = {key for key, _ in never.pairs}
        for number in never.numbers:
            row = self._base.row(number)
            if row is not None:
                names.update(fold(name) for known in self._base.entity(row).names.values() for name in known)
        return names

    def _forbidden(self) -> Never:
        numbers, names, pairs = set(), set(), set()
        for one in self._never:
            keys = set(map(fold, one.line.all_names))
            number = None if one.line.id is None else self._number(one, one.line.id)
            if number is None:
                names |= keys
            elif keys:
                pairs |= {(key, number) for key in keys}
            else:
                numbers.add(number)
        return Never(frozenset(numbers), frozenset(names), frozenset(pairs))

    def _number(self, one: Told, id_: str, field: str = "id") -> int:
        """The number of an id. Raises `InvalidInput` for one that is nobody's."""
        if not is_own_id(id_):
            return qid_number(id_)
        number = self._own.get(id_)
        number = self._base.number_of(id_) if number is None else number
        if number is None:
            raise one.wrong(f"{field}: {id_} is unknown; no line and no overlay of the index tells of it")
        return number

    def _item(self, one: Told) -> Item:
        line = one.line
        number = self._number(one, line.id or "")
        if number in self._base.never.numbers:
            raise one.wrong(f"id {line.id} is forbidden by the overlay of the index")
        row = self._base.row(number)
        before = Record() if row is None else self._base.record(row)
        labels, aliases = _names(line, before)
        if not labels:
            raise one.wrong(f"names is missing; the index lacks {line.id}, so that it needs one")
        known = DEFAULT_POPULARITY if row is None else self._base.popularity(row)
        offices = [self._office(one, held.id, held.start, held.end) for held in line.offices] or before.offices
        linked = [self._number(one, id_, "links") for id_ in line.links]
        linked += [] if row is None else self._base.links(row).tolist()
        linked += [int(office[1:]) for office, _, _ in offices]
        return Item(
            number=number,
            labels=labels,
            descriptions={LANGUAGE_FOR_ALL: line.description} if line.description else before.descriptions,
            aliases=aliases,
            classes=() if line.types else before.classes,
            wikipedia=line.wikipedia or before.wikipedia,
            dates=before.dates | line.dates,
            offices=offices,
            links=list(dict.fromkeys(linked)),
            types=type_mask(line.types) if line.types or row is None else self._base.type_bits(row),
            popularity=known if line.popularity is None else line.popularity,
        )

    def _office(self, one: Told, id_: str, start: str | None, end: str | None) -> OfficeHeld:
        return f"Q{self._number(one, id_, 'offices')}", start, end

    def _landmarks(self, wanted: Iterable[int]) -> Iterator[Item]:
        """What others are linked with, or are instances of, where it is in the index below."""
        numbers = np.array(sorted(wanted), dtype=np.int64)
        rows = self._base.rows_of(numbers)
        for number, row in zip(numbers[rows >= 0].tolist(), rows[rows >= 0].tolist(), strict=True):
            language, label = next(iter(self._base.record(row).labels.items()))
            yield Item(
                number,
                {language: label},
                types=self._base.type_bits(row),
                popularity=self._base.popularity(row),
            )


def _names(line: OverlayLine, before: Record) -> tuple[dict[str, str], dict[str, list[str]]]:
    """The labels and aliases by language: what was known, with the names of the line behind it."""
    labels = dict(before.labels)
    if line.label is not None:
        others = {language: label for language, label in labels.items() if language != LANGUAGE_FOR_ALL}
        labels = {LANGUAGE_FOR_ALL: line.label} | others
    aliases = {language: list(names) for language, names in before.aliases.items()}
    for language, label in before.labels.items():
        if labels.get(language) != label:
            aliases.setdefault(language, []).append(label)
    if not labels:
        labels = {language: names[0] for language, names in line.named.items()}
    for language, names in line.named.items():
        more = [name for name in names if name != labels.get(language)]
        if more:
            aliases[language] = [*aliases.get(language, ()), *more]
    return labels, aliases


def _first_own(base: OpenIndex) -> int:
    """The first number that no entity of the index has."""
    number = FIRST_OWN_NUMBER
    while base.id_of(number) != f"Q{number}":
        number += 1
    return number


def _write(path: Path, facts: Facts) -> None:
    path.write_bytes(msgspec.json.encode(facts, order="deterministic") + b"\n")


def _entries(folder: Path) -> Iterator[tuple[str, FileEntry]]:
    """The files of an overlay."""
    names = [FACTS, *(f"{ENTITIES}/{name}" for name in ("manifest.json", *read_manifest(folder / ENTITIES).files))]
    for name in names:
        yield name, file_entry(folder / name)


def _digest(base: OpenIndex, content: bytes) -> str:
    """Tells an overlay from another: its text, the index below, the tables, and what makes it."""
    made_by = f"{FORMAT_VERSION} {LAYER_VERSION} {version('nedsvc')} {base.content_id}\n"
    return hashlib.sha256(made_by.encode() + tables.table_bytes() + content).hexdigest()[:16]
