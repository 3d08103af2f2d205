"""What ranking reads of a live item, computed once for each: the same as an index holds of an entity."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from nedsvc import tables
from nedsvc.classes import entity_types
from nedsvc.context import LINKS_WITH_WORDS, says_something, word_numbers
from nedsvc.index.format import MAX_LINKS, type_names
from nedsvc.index.profiles import read_profile
from nedsvc.models import Entity, EntityType, NameKind, Office, Provenance
from nedsvc.names import Shape, fold, shape
from nedsvc.popularity import popularity
from nedsvc.sources.wikidata.records import LiveItem
from nedsvc.wikibase import LANGUAGE_FOR_ALL, Item, names_by_language

_TABLES: tuple[tuple[NameKind, Callable[[], tuple[tables.TableName, ...]]], ...] = (
    ("shorthand", tables.shorthand),
    ("demonym", tables.demonyms),
)


class Landmarks(Protocol):
    """What an index at hand knows of entities, by their numbers."""

    def popularity_of(self, number: int) -> float:
        """How well known an entity is, 0 to 1; 0 for an unknown one."""

    def label_of(self, number: int) -> str | None:
        """The label of an entity; None for an unknown one."""


class Name(msgspec.Struct, frozen=True, gc=False):
    """A name of an item; `own` is one in the language asked for or for all languages."""

    key: str
    kind: NameKind
    shape: Shape
    own: bool


class Profile(msgspec.Struct, frozen=True):
    """An item as candidates are made of it.

    `words` are those of its names, description and classes, and of the landmarks that it is linked with.
    `is_left_out` marks what no mention means, such as disambiguation pages.
    """

    number: int
    names: tuple[Name, ...]
    popularity: float
    types: frozenset[EntityType]
    links: NDArray[np.uint32]
    words: NDArray[np.uint32]
    is_left_out: bool


def profile_of(live: LiveItem, language: str, landmarks: Landmarks) -> Profile:
    """The profile of an item whose names were asked for in this language.

    The links to an item cannot be counted over the API. One that the landmarks know is at least as well known as there.
    """
    item = live.item
    names = tuple(_names(item, language))
    return Profile(
        number=item.number,
        names=names,
        popularity=max(_popularity(item), landmarks.popularity_of(item.number)),
        types=frozenset(_types(item)),
        links=np.array(item.links[:MAX_LINKS], dtype=np.uint32),
        words=_words(item, names, landmarks),
        is_left_out=any(class_ in _left_out() for class_ in item.classes) or not item.labels,
    )


def shown(live: LiveItem, language: str, source: str, pages: str) -> Entity:
    """The entity as it is shown in a language, with where it comes from and where its page is."""
    item = live.item
    return Entity(
        id=f"Q{item.number}",
        label=next(iter(item.labels.values()), f"Q{item.number}"),
        description=item.descriptions.get(language) or next(iter(item.descriptions.values()), None),
        types=_types(item),
        names=names_by_language(item.labels, item.aliases),
        wikipedia=item.wikipedia,
        offices=tuple(Office(id_, start, end) for id_, start, end in item.offices),
        dates=item.dates,
        popularity=round(_popularity(item), 4),
        url=f"{pages}Q{item.number}",
        provenance=Provenance(source, live.revision, live.retrieved),
    )


def table_numbers(name: str) -> tuple[int, ...]:
    """The numbers of the entities for which the name is a demonym or a shorthand of world news."""
    return _table_numbers().get(fold(name), ())


def _names(item: Item, language: str) -> Iterator[Name]:
    for code, label in item.labels.items():
        yield _name(label, "label", code, language)
    for code, demonym in item.demonyms:
        yield _name(demonym, "demonym", code, language)
    for text, kind in _table_names().get(item.number, ()):
        yield _name(text, kind, language, language)
    for code, texts in item.aliases.items():
        for alias in texts:
            yield _name(alias, "alias", code, language)


def _name(text: str, kind: NameKind, code: str, language: str) -> Name:
    return Name(fold(text), kind, shape(text), code in {language, LANGUAGE_FOR_ALL})


def _types(item: Item) -> tuple[EntityType, ...]:
    """The coarse types by the item's classes; a class is of the types of those above it."""
    return type_names(entity_types(item.classes or item.superclasses))


def _popularity(item: Item) -> float:
    sitelinks, statements, number = (np.array([value]) for value in (item.sitelinks, item.statements, item.number))
    return float(popularity(sitelinks, statements, None, number)[0])


def _words(item: Item, names: tuple[Name, ...], landmarks: Landmarks) -> NDArray[np.uint32]:
    classes = tables.common_classes()
    near = (landmarks.label_of(number) for number in item.links[:LINKS_WITH_WORDS])
    texts = [
        *item.descriptions.values(),
        *(classes[class_].label for class_ in item.classes if class_ in classes),
        *filter(None, near),
    ]
    keys = {word for text in (*map(fold, texts), *(name.key for name in names)) for word in text.split()}
    stop_words = tables.stop_words()
    return word_numbers(key for key in keys if says_something(key, stop_words))


def _left_out() -> Mapping[int, str]:
    return read_profile("news").left_out


@cache
def _table_names() -> Mapping[int, tuple[tuple[str, NameKind], ...]]:
    """The names that the package's tables give to an entity, by its number."""
    found: defaultdict[int, list[tuple[str, NameKind]]] = defaultdict(list)
    for kind, names in _TABLES:
        for name, number in names():
            found[number].append((name, kind))
    return {number: tuple(names) for number, names in found.items()}


@cache
def _table_numbers() -> Mapping[str, tuple[int, ...]]:
    """The numbers of those that the package's tables give a name to, by its key."""
    found: defaultdict[str, dict[int, None]] = defaultdict(dict)
    for _, names in _TABLES:
        for name, number in names():
            found[fold(name)][number] = None
    return {key: tuple(numbers) for key, numbers in found.items()}
