"""Wikibase's JSON: what is kept of an item, whether it came in a dump or over the API.

Only what is kept is decoded: the types that msgspec is given name the languages and the properties, and everything
else of an item is skipped in C.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal, TypedDict, cast

import msgspec

LANGUAGE_FOR_ALL = "mul"
ALL_LANGUAGES = "all"
_LANGUAGE = re.compile(r"[a-z]{2,}(-[a-z0-9]+)*")
_MAX_NUMBER = (1 << 32) - 1

OfficeHeld = tuple[str, str | None, str | None]

# The properties whose values are related entities, the most telling first.
RELATIONS = (
    # a person's country, party, employer, family, places, teams and memberships
    *("P27", "P39", "P102", "P108", "P54", "P463", "P26", "P22", "P25", "P40", "P3373", "P19", "P937", "P551", "P69"),
    *("P1344", "P607", "P20", "P1037"),
    # a place's country, region, capital, neighbours
    *("P17", "P131", "P36", "P1376", "P30", "P47", "P206", "P403", "P150"),
    # an organisation's seat, owner, parent, parts, people
    *("P1001", "P159", "P749", "P127", "P137", "P355", "P112", "P169", "P488", "P35", "P6", "P1313", "P1906", "P194"),
    # who made a work or a product, who plays in it
    *("P176", "P178", "P50", "P57", "P175", "P161", "P170", "P86", "P58", "P264", "P272", "P449", "P495", "P179"),
    # an event's sides and place; wholes and parts; sport, religion, people, architect, eponym
    *("P710", "P276", "P361", "P527", "P1923", "P641", "P118", "P115", "P140", "P172", "P84", "P138"),
)
_RANK = {name: rank for rank, name in enumerate(RELATIONS)}
# Names given as statements in a language: short name, official name, native label.
NAMES = ("P1448", "P1705", "P1813")
DEMONYM = "P1549"
CAPITAL, CAPITAL_OF = "P36", "P1376"
DATES = {"P569": "born", "P570": "died", "P571": "founded", "P576": "dissolved"}
INSTANCE_OF, SUBCLASS_OF, POSITION, START, END = "P31", "P279", "P39", "P580", "P582"
# Stands once in each statement and nowhere else: within a string the quotes would be escaped.
_OF_STATEMENT = b'"type":"statement"'


_Rank = Literal["normal", "preferred", "deprecated"]


class _Term(msgspec.Struct, gc=False):
    value: str


class _ItemId(msgspec.Struct, gc=False):
    number: Annotated[int, msgspec.Meta(ge=0, le=_MAX_NUMBER)] = msgspec.field(name="numeric-id", default=0)
    id: str = ""


class _ItemValue(msgspec.Struct, gc=False):
    value: _ItemId


class _ItemSnak(msgspec.Struct, gc=False):
    datavalue: _ItemValue | None = None


class _ItemStatement(msgspec.Struct, gc=False):
    mainsnak: _ItemSnak
    rank: _Rank = "normal"


class _Time(msgspec.Struct, gc=False):
    time: str
    precision: int = 11


class _TimeValue(msgspec.Struct, gc=False):
    value: _Time


class _TimeSnak(msgspec.Struct, gc=False):
    datavalue: _TimeValue | None = None


class _TimeStatement(msgspec.Struct, gc=False):
    mainsnak: _TimeSnak
    rank: _Rank = "normal"


class _Text(msgspec.Struct, gc=False):
    text: str
    language: str


class _TextValue(msgspec.Struct, gc=False):
    value: _Text


class _TextSnak(msgspec.Struct, gc=False):
    datavalue: _TextValue | None = None


class _TextStatement(msgspec.Struct, gc=False):
    mainsnak: _TextSnak
    rank: _Rank = "normal"


class _Tenure(TypedDict, total=False):
    P580: list[_TimeSnak]
    P582: list[_TimeSnak]


# An empty map is written `[]` in a part of the dumps.
_Empty = Annotated[list[Any], msgspec.Meta(max_length=0)]


class _OfficeStatement(msgspec.Struct, gc=False):
    mainsnak: _ItemSnak
    rank: _Rank = "normal"
    qualifiers: _Tenure | _Empty | None = None


class _Site(msgspec.Struct, gc=False):
    title: str = ""


class _Entity(msgspec.Struct):
    """What the decoder gives; `_entity_type` gives the maps the types of what is kept."""

    id: str
    type: str = "item"
    labels: Any = None
    descriptions: Any = None
    aliases: Any = None
    claims: Any = None
    sitelinks: Any = None
    modified: str = ""


class BrokenItem(Exception):  # noqa: N818
    """What is no readable item; its text is the reason."""


class Item(msgspec.Struct, frozen=True, gc=False):
    """All that the index takes of an item, whatever it was read from.

    `demonyms` are words by language ("Ukrainian"). `links` are the numbers of related entities, the most telling
    first. `types` is a bit mask where it is known without the classes. `capitals` are the numbers of a country's or a
    region's capitals, `capital_of` those of what the item is the capital of. `title` is that of its page in
    the wiki that the reader was told of. `popularity` (0 to 1) is set where it is known, and not to be counted of
    sitelinks, statements and links.
    """

    number: int
    labels: dict[str, str] = {}
    descriptions: dict[str, str] = {}
    aliases: Mapping[str, Sequence[str]] = {}
    classes: Sequence[int] = ()
    wikipedia: str | None = None
    sitelinks: int = 0
    statements: int = 0
    dates: dict[str, str] = {}
    offices: Sequence[OfficeHeld] = ()
    superclasses: Sequence[int] = ()
    demonyms: Sequence[tuple[str, str]] = ()
    links: Sequence[int] = ()
    types: int = 0
    capitals: Sequence[int] = ()
    capital_of: Sequence[int] = ()
    title: str | None = None
    popularity: float | None = None


def is_language(code: str) -> bool:
    """Whether it can be Wikidata's code of a language (en, zh-hans)."""
    return bool(_LANGUAGE.fullmatch(code))


def kept_languages(languages: Sequence[str]) -> tuple[str, ...] | None:
    """The languages whose names are kept where these are chosen; None for all."""
    return None if ALL_LANGUAGES in languages else (*languages, LANGUAGE_FOR_ALL)


def shown_languages(languages: Sequence[str]) -> tuple[str, ...]:
    """The languages in which a label is looked for to be shown, where these are chosen."""
    return kept_languages(languages) or ("en", LANGUAGE_FOR_ALL)


def shown_first(labels: dict[str, str], languages: Sequence[str]) -> dict[str, str]:
    """The labels with the one first that is shown: in the first of these languages that there is one in."""
    shown = next((language for language in languages if language in labels), None)
    return labels if shown is None else {shown: labels[shown]} | labels


def names_by_language(labels: Mapping[str, str], aliases: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """Labels and aliases by language, the label first; a name that is both stands once."""
    return {
        language: tuple(dict.fromkeys((*filter(None, (labels.get(language),)), *aliases.get(language, ()))))
        for language in dict.fromkeys((*labels, *aliases))
    }


class ItemReader:
    """Makes items of lines, with the names of the chosen languages and those that count for all.

    `wiki` is the one in which their titles are told (`enwiki`). Instances of the `unwanted` classes come with their
    classes alone.
    """

    def __init__(
        self, languages: Sequence[str], wiki: str | None = None, unwanted: frozenset[int] = frozenset()
    ) -> None:
        chosen = kept_languages(languages)
        self._wiki = wiki
        self._unwanted = unwanted
        self._preferred = shown_languages(languages)
        self._chosen = None if chosen is None else frozenset(chosen)
        self._decode = msgspec.json.Decoder(_entity_type(chosen)).decode
        self.newest = ""

    def read(self, line: bytes) -> Item | None:
        """The item of a line without its comma, or None for another kind of entity."""
        try:
            entity = self._decode(line)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise BrokenItem(str(error)) from error
        if entity.type != "item":
            return None
        self.newest = max(self.newest, entity.modified)
        return self._item(entity, line)

    def _item(self, entity: _Entity, line: bytes) -> Item:
        number = _entity_number(entity.id)
        claims: dict[str, Any] = entity.claims or {}
        classes = _numbers(claims[INSTANCE_OF]) if INSTANCE_OF in claims else []
        superclasses = _numbers(claims[SUBCLASS_OF]) if SUBCLASS_OF in claims else []
        if not self._unwanted.isdisjoint(classes):
            return Item(number, classes=classes, superclasses=superclasses)
        statements = line.count(_OF_STATEMENT) if entity.claims else 0
        labels = _terms(entity.labels) if entity.labels else {}
        if len(labels) > 1:
            labels = shown_first(labels, self._preferred)
        descriptions = _terms(entity.descriptions) if entity.descriptions else {}
        aliases = _term_lists(entity.aliases) if entity.aliases else {}
        sites: dict[str, _Site] = entity.sitelinks or {}
        wikipedia = sites["enwiki"].title if "enwiki" in sites else None
        title = sites[self._wiki].title if self._wiki in sites else None
        if len(claims) == (1 if classes else 0):  # the most frequent case: nothing else is said that is kept
            return Item(number, labels, descriptions, aliases, classes, wikipedia, len(sites), statements, title=title)
        self._add_names(aliases, claims)
        return Item(
            number,
            labels,
            descriptions,
            aliases,
            classes,
            wikipedia,
            len(sites),
            statements,
            dates=_dates(claims),
            offices=_offices(claims[POSITION]) if POSITION in claims else (),
            superclasses=superclasses,
            demonyms=self._texts(claims[DEMONYM]) if DEMONYM in claims else (),
            links=_links(claims),
            capitals=_best_numbers(claims[CAPITAL]) if CAPITAL in claims else (),
            capital_of=_best_numbers(claims[CAPITAL_OF]) if CAPITAL_OF in claims else (),
            title=title,
        )

    def _add_names(self, aliases: dict[str, list[str]], claims: dict[str, Any]) -> None:
        """Add the names that are given as statements to the aliases."""
        for name in NAMES:
            if name in claims:
                for language, text in self._texts(claims[name]):
                    aliases.setdefault(language, []).append(text)

    def _texts(self, statements: Iterable[_TextStatement]) -> list[tuple[str, str]]:
        return [
            (text.language, text.text)
            for text in _values(statements)
            if self._chosen is None or text.language in self._chosen
        ]


def _entity_type(languages: Sequence[str] | None) -> type[_Entity]:
    """The type to decode into: maps with just these languages, claims with just the properties that are kept."""
    items = dict.fromkeys((INSTANCE_OF, SUBCLASS_OF, *RELATIONS), list[_ItemStatement])
    times = dict.fromkeys(DATES, list[_TimeStatement])
    texts = dict.fromkeys((*NAMES, DEMONYM), list[_TextStatement])
    claims = {**items, **times, **texts, POSITION: list[_OfficeStatement]}
    one = _map_type(languages, _Term)
    many = _map_type(languages, list[_Term])
    sites = dict[str, _Site]
    maps = {"labels": one, "descriptions": one, "aliases": many, "claims": _typed_dict(claims), "sitelinks": sites}
    fields = [(name, shape | _Empty | None, None) for name, shape in maps.items()]
    return cast(type[_Entity], msgspec.defstruct("Entity", fields, bases=(_Entity,), gc=False))


def _map_type(keys: Iterable[str] | None, value: Any) -> Any:
    """The type of a map from these keys, or from any, to values of a type."""
    return dict[str, value] if keys is None else _typed_dict(dict.fromkeys(keys, value))


def _typed_dict(fields: dict[str, Any]) -> Any:
    # The functional form, called by another name: type checkers know it with literal fields only.
    make: Any = TypedDict
    return make("Map", fields, total=False)


def _entity_number(qid: str) -> int:
    try:
        number = int(qid[1:])
    except ValueError:
        number = 0
    if qid != f"Q{number}" or not 0 < number <= _MAX_NUMBER:
        raise BrokenItem(f"{qid!r} is no QID")
    return number


def _terms(terms: dict[str, Any]) -> dict[str, str]:
    """The map with the texts in place of what held them."""
    for language, term in terms.items():
        terms[language] = term.value
    return terms


def _term_lists(terms: dict[str, Any]) -> dict[str, list[str]]:
    for language, each in terms.items():
        terms[language] = [term.value for term in each]
    return terms


def _values(statements: Iterable[Any]) -> list[Any]:
    """The values of statements that have one and are not deprecated."""
    return [
        statement.mainsnak.datavalue.value
        for statement in statements
        if statement.rank != "deprecated" and statement.mainsnak.datavalue is not None
    ]


def _numbers(statements: Iterable[_ItemStatement]) -> list[int]:
    """The numbers of the items that are the values of statements."""
    found = []
    for statement in statements:
        value = statement.mainsnak.datavalue
        if value is not None and statement.rank != "deprecated":
            found.append(value.value.number or _entity_number(value.value.id))
    return found


def _best_numbers(statements: Sequence[_ItemStatement]) -> list[int]:
    """The numbers of those that are preferred, else of all: a former capital is not."""
    preferred = [statement for statement in statements if statement.rank == "preferred"]
    return _numbers(preferred or statements)


def _links(claims: dict[str, Any]) -> list[int]:
    names = [name for name in claims if name in _RANK]
    if len(names) > 1:
        names.sort(key=_RANK.__getitem__)
    found: dict[int, None] = {}
    for name in names:
        found.update(dict.fromkeys(_numbers(claims[name])))
    return list(found)


def _dates(claims: dict[str, Any]) -> dict[str, str]:
    found = {}
    for name, label in DATES.items():
        if name in claims and (date := _best_date(claims[name])) is not None:
            found[label] = date
    return found


def _best_date(statements: list[_TimeStatement]) -> str | None:
    """The first date of those that are preferred, else of the others."""
    if len(statements) > 1:
        statements = sorted(statements, key=lambda statement: statement.rank != "preferred")
    for value in _values(statements):
        if (date := _date(value)) is not None:
            return date
    return None


def _date(value: _Time) -> str | None:
    """The ISO date as far as it is known, at least the year; None for a decade or a century."""
    parts = value.time.removeprefix("+").partition("T")[0].rsplit("-", 2)
    return "-".join(parts[: value.precision - 8]) if len(parts) == 3 and value.precision >= 9 else None


def _offices(statements: Iterable[_OfficeStatement]) -> list[OfficeHeld]:
    return [
        (statement.mainsnak.datavalue.value.id, _qualifier(statement, START), _qualifier(statement, END))
        for statement in statements
        if statement.rank != "deprecated" and statement.mainsnak.datavalue
    ]


def _qualifier(statement: _OfficeStatement, name: str) -> str | None:
    snaks = cast(dict[str, list[_TimeSnak]], statement.qualifiers or {}).get(name, ())
    return next((date for snak in snaks if snak.datavalue and (date := _date(snak.datavalue.value))), None)
