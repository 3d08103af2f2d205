"""What an index knows of offices, by the numbers of entities: whose they are, what they are called, who held them."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from functools import lru_cache

import msgspec

from nedsvc.index.format import Kind
from nedsvc.index.tenures import UNKNOWN, latest
from nedsvc.index.view import OpenIndex
from nedsvc.models import Candidate, EntityType
from nedsvc.names import Shape, fold, shape

CACHED = 20_000
MOST_NAMES = 30
MOST_BEARERS = 10

# Words that offices' names have or lack without meaning another office, and words that are written in several ways.
_IDLE = frozenset(("the", "of", "for", "and", "to", "a", "an", "s", "in", "on", "office", "her", "his", "majesty"))
_SPELLINGS = {
    "defence": "defense",
    "labour": "labor",
    "chairman": "chair",
    "chairwoman": "chair",
    "chairperson": "chair",
    "organisation": "organization",
    "adviser": "advisor",
    "sec": "secretary",
}

Words = frozenset[str]


class Holder(msgspec.Struct, frozen=True):
    """Who may have held an office on a day: the number, and whether the dates leave no doubt."""

    number: int
    sure: bool


class OfficeBook:
    """Offices, their holders, and the countries, regions and organisations (owners) that they belong to.

    `demonyms` gives the adjectives of a place; like an owner's names they are no part of what an office is called.
    """

    def __init__(self, index: OpenIndex, demonyms: Mapping[int, Sequence[str]]) -> None:
        self._index = index
        self._demonyms = demonyms
        self.role_names = lru_cache(CACHED)(self._role_names)
        self._owner_words = lru_cache(CACHED)(self._find_owner_words)

    def is_office(self, number: int) -> bool:
        """Whether the entity is an office."""
        row = self._index.row(number)
        return row is not None and self._index.offices.is_office(row)

    def id_of(self, number: int) -> str:
        """The id of the entity."""
        return self._index.id_of(number)

    def label(self, number: int) -> str | None:
        """What the entity is called."""
        return self._index.label_of(number)

    def place(self, surface: str) -> int | None:
        """The best known bearer of a name or demonym, if it is a place, or an organisation with a name like no word."""
        key = fold(surface)
        bearers = self._bearers(key, demonyms=True)
        if not bearers or shape(surface) == Shape.LOWER:
            return None
        types = self.types(bearers[0])
        telling = " " in key or shape(surface) == Shape.UPPER or self._index.is_shorthand(key)
        return bearers[0] if "GPE" in types or ("ORG" in types and telling) else None

    def types(self, number: int) -> frozenset[EntityType]:
        """The coarse types of the entity."""
        row = self._index.row(number)
        return frozenset() if row is None else self._index.entity_types(row)

    def candidate(self, number: int) -> Candidate | None:
        """The entity as a candidate that somebody else's name stands for; None where the index lacks it."""
        row = self._index.row(number)
        if row is None:
            return None
        return Candidate(
            id=self._index.id_of(number),
            number=number,
            kind="shorthand",
            similarity=1.0,
            popularity=self._index.popularity(row),
            types=self._index.entity_types(row),
            links=self._index.links(row),
            words=self._index.words(row),
        )

    def capital_of(self, number: int) -> int | None:
        """The best known of what the city is the capital of: as its description tells, else as statements say.

        Statements name states of the past as well.
        """
        row = self._index.row(number)
        if row is None:
            return None
        index = self._index
        said = tuple(self._described_as_capital_of(row)) or index.offices.capital_of(row)
        return index.number(max(said, key=index.popularity)) if said else None

    def _described_as_capital_of(self, row: int) -> Iterator[int]:
        """The rows of the places of which the description of a city says that it is their capital."""
        description = fold(self._index.entity(row).description or "")
        head, is_capital, _ = f"{description} ".partition("capital ")
        if not is_capital or len(head.split()) > 3:
            return
        for number in self._index.links(row).tolist():
            label = fold(self._index.label_of(number) or "")
            if "GPE" in self.types(number) and re.search(rf" of (?:the )?{re.escape(label)}(?!\S)", description):
                linked = self._index.row(number)
                if linked is not None:
                    yield linked

    def government(self, owner: int) -> int | None:
        """The government of a country or region: an organisation that is called so."""
        for name in self.names(owner):
            for key in (f"government of {name}", f"government of the {name}"):
                for number in self._bearers(key):
                    if "ORG" in self.types(number):
                        return number
        return None

    def names(self, number: int) -> tuple[str, ...]:
        """The folded names of an entity, the label first, and its demonyms."""
        row = self._index.row(number)
        named = self._index.entity(row).names.values() if row is not None else ()
        texts = [text for each in named for text in each][:MOST_NAMES]
        return tuple(dict.fromkeys(map(fold, (*texts, *self._demonyms.get(number, ())))))

    def offices(self, owner: int, role: str) -> tuple[int, ...]:
        """The owner's offices that are called just this, whoever's name stands beside."""
        wanted = role_words(role.split())
        row = self._index.row(owner)
        if row is None:
            return ()
        linked = list(map(self._index.number, self._index.offices.of_owner(row)))
        own = self._owner_words(owner)
        keys = [key for name in self._own_names(owner) for key in _full_names(role, name)]
        named = [office for key in keys for office in self._bearers(key)]
        fitting = [
            office for office in linked if any(wanted == words - (own - wanted) for words in self.role_names(office))
        ]
        return tuple(dict.fromkeys((*fitting, *filter(self.is_office, named))))

    def _own_names(self, owner: int) -> list[str]:
        """The names by which the owner is best known of all who bear them."""
        bearers = ((name, self._bearers(name, demonyms=True)[:1]) for name in self.names(owner))
        return [name for name, best in bearers if best == [owner]]

    def named(self, surface: str) -> tuple[int, ...]:
        """The offices with this full name."""
        return tuple(filter(self.is_office, self._bearers(fold(surface))))

    def is_said(self, surface: str, owner: int) -> bool:
        """Whether words of the owner's names are among these."""
        return not role_words(fold(surface).split()).isdisjoint(self._owner_words(owner))

    def owners(self, office: int) -> tuple[int, ...]:
        """What the office is linked with."""
        row = self._index.row(office)
        return () if row is None else tuple(self._index.links(row).tolist())

    def held_by(self, person: int, day: date) -> tuple[tuple[int, bool], ...]:
        """The offices that the person ever held, and whether it was on this day; those of the day first."""
        row = self._index.row(person)
        if row is None:
            return ()
        found: dict[int, bool] = {}
        for office in self._index.entity(row).offices:
            number = self._index.number_of(office.id)
            if number is None:
                continue
            now = any(holder.number == person for holder in self.holders((number,), day))
            found[number] = found.get(number, False) or now
        return tuple(sorted(found.items(), key=lambda item: not item[1]))

    def holders(self, offices: Iterable[int], day: date) -> tuple[Holder, ...]:
        """Who may have held one of these offices on the day; those of whom no date is known only if nobody else did."""
        wanted = day.year * 10_000 + day.month * 100 + day.day
        dated: dict[int, bool] = {}
        undated: dict[int, bool] = {}
        for office in offices:
            row = self._index.row(office)
            for holder, start, end in self._index.offices.held(row) if row is not None else ():
                number = self._index.number(holder)
                if start == end == UNKNOWN:
                    undated[number] = False
                elif start <= wanted and (end == UNKNOWN or wanted <= latest(end)):
                    sure = start != UNKNOWN and latest(start) <= wanted and (end == UNKNOWN or wanted <= end)
                    dated[number] = dated.get(number, False) or sure
        return tuple(Holder(number, sure) for number, sure in (dated or undated).items())

    def _bearers(self, key: str, *, demonyms: bool = False) -> list[int]:
        postings = self._index.postings(key)
        if postings is None:
            return []
        rows, kinds = postings.rows[:MOST_BEARERS], postings.kinds[:MOST_BEARERS]
        chosen = rows if demonyms else rows[kinds != Kind.DEMONYM]
        return list(map(self._index.number, chosen.tolist()))

    def _role_names(self, office: int) -> tuple[Words, ...]:
        row = self._index.row(office)
        if row is None:
            return ()
        names = [text for each in self._index.entity(row).names.values() for text in each][:MOST_NAMES]
        return tuple(dict.fromkeys(role_words(fold(name).split()) for name in names))

    def _find_owner_words(self, owner: int) -> Words:
        return frozenset(word for name in self.names(owner) for word in role_words(name.split()))


def _full_names(role: str, owner: str) -> tuple[str, ...]:
    return f"{role} of {owner}", f"{role} of the {owner}", f"{owner} {role}"


def role_words(keys: Iterable[str]) -> Words:
    """The words of a role as they are compared: without idle ones, in one spelling."""
    return frozenset(_SPELLINGS.get(key, key) for key in keys if key not in _IDLE)
