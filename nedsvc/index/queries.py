"""What a SPARQL endpoint in Wikidata's layout is asked for an index, and the items that its rows make.

An item is the one that `ItemReader` would read in a dump, but for the order of what RDF gives no order: names, and
statements of one property. These come sorted.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

import msgspec

from nedsvc.models import is_qid, qid_number
from nedsvc.sparql import literal
from nedsvc.wikibase import (
    CAPITAL,
    CAPITAL_OF,
    DATES,
    DEMONYM,
    END,
    INSTANCE_OF,
    NAMES,
    POSITION,
    RELATIONS,
    START,
    SUBCLASS_OF,
    Item,
    OfficeHeld,
    kept_languages,
    shown_first,
    shown_languages,
)

Row: TypeAlias = Mapping[str, str]
Ask: TypeAlias = Callable[[str], Iterable[Row]]

# Sorts before the ids of all items, as text.
BEFORE_ALL = "Q"

_TIME = re.compile(r"(-?)(\d{4,})-(\d\d)-(\d\d)T", re.ASCII)
_JULIAN = "Q1985786"
_YEAR, _DAY = 9, 11  # precisions
_TEXTS = (*NAMES, DEMONYM)
_VALUES = (INSTANCE_OF, SUBCLASS_OF, *RELATIONS, *_TEXTS)
_NOT_DEPRECATED = "wikibase:rank ?rank . FILTER(?rank != wikibase:DeprecatedRank)"

# Wikimedia's codes whose language tag is another one (MediaWiki's LanguageCode::bcp47), in small letters.
_TAGS = {
    **{"cbk-zam": "cbk", "crh-ro": "crh-latn-ro", "eml": "egl", "map-bms": "jv-x-bms", "mo": "ro-cyrl-md"},
    **{"nrm": "nrf", "roa-tara": "nap-x-tara", "simple": "en-simple", "sr-ec": "sr-cyrl", "sr-el": "sr-latn"},
    **{"de-formal": "de-x-formal", "es-formal": "es-x-formal", "hu-formal": "hu-x-formal"},
    **{"nl-informal": "nl-x-informal", "kk-cn": "kk-arab-cn", "kk-tr": "kk-latn-tr"},
    **{"zh-cn": "zh-hans-cn", "zh-my": "zh-hans-my", "zh-sg": "zh-hans-sg"},
    **{"zh-hk": "zh-hant-hk", "zh-mo": "zh-hant-mo", "zh-tw": "zh-hant-tw"},
}


class Listed(NamedTuple):
    """Items by number with the classes that they may be instances of, and the id after which the next ones begin."""

    items: dict[int, list[int]]
    last: str


class Details(msgspec.Struct, frozen=True):
    """Items, and the newest moment at which one of them was edited ("" if unknown)."""

    items: list[Item]
    newest: str


def listed(ask: Ask, sitelinks: range, after: str, most: int) -> Listed:
    """Items that have so many sitelinks, the first ones by their ids as texts after a given one.

    The classes are those of all ranks. The numbers of sitelinks are looked up one by one, because a comparison would
    have the endpoint look at all items; and the classes only of the items of this page, without those above them,
    because the way up takes the endpoint longer than all else.
    """
    rows = ask(f"""SELECT ?item ?class WHERE {{
  {{ SELECT DISTINCT ?item WHERE {{
    VALUES ?sitelinks {{ {" ".join(map(str, sitelinks))} }}
    ?item wikibase:sitelinks ?sitelinks .
    FILTER(STR(?item) > STR(wd:{after}))
  }} ORDER BY STR(?item) LIMIT {most} }}
  OPTIONAL {{ ?item p:{INSTANCE_OF}/ps:{INSTANCE_OF} ?class }}
}}""")
    items: dict[int, list[int]] = {}
    last = after
    for row in rows:
        number = _number(row["item"])
        if number is None:
            continue
        last = max(last, row["item"])
        classes = items.setdefault(number, [])
        if (class_ := _number(row.get("class"))) is not None:
            classes.append(class_)
    return Listed({number: sorted(items[number]) for number in sorted(items)}, last)


def superclasses(ask: Ask, classes: Sequence[int]) -> dict[int, list[int]]:
    """The classes right above each of these."""
    rows = ask(f"""SELECT ?class ?above WHERE {{
  VALUES ?class {{ {_items(classes)} }}
  ?class p:{SUBCLASS_OF} ?statement .
  ?statement ps:{SUBCLASS_OF} ?above ; {_NOT_DEPRECATED}
}}""")
    found: dict[int, list[int]] = {class_: [] for class_ in classes}
    for row in rows:
        if (above := _number(row["above"])) is not None:
            found[qid_number(row["class"])].append(above)
    return {class_: sorted(above) for class_, above in found.items()}


def details(ask: Ask, numbers: Sequence[int], languages: Sequence[str]) -> Details:
    """The items with these numbers; those that are not there any more are left out."""
    tags = _Tags(languages)
    drafts = {number: _Draft() for number in numbers}
    head = f"VALUES ?item {{ {_items(numbers)} }}"
    facts = {qid_number(row["item"]): row for row in ask(_facts_query(head))}
    for row in _sorted(ask(_terms_query(head, tags)), "language", "text"):
        drafts[qid_number(row["item"])].add_term(row, tags.language(row["language"]))
    for row in _sorted(ask(_values_query(head, tags)), "language", "value"):
        drafts[qid_number(row["item"])].add_value(row, tags)
    for row in ask(_times_query(head)):
        drafts[qid_number(row["item"])].add_time(row)
    shown = shown_languages(languages)
    items = [draft.item(number, facts[number], shown) for number, draft in drafts.items() if number in facts]
    return Details(items, max((row.get("modified", "") for row in facts.values()), default=""))


def _facts_query(head: str) -> str:
    return f"""SELECT ?item ?sitelinks ?statements ?modified ?title WHERE {{
  {head}
  ?item wikibase:sitelinks ?sitelinks ; wikibase:statements ?statements .
  OPTIONAL {{ ?item schema:dateModified ?modified }}
  OPTIONAL {{ ?page schema:about ?item ; schema:isPartOf <https://en.wikipedia.org/> ; schema:name ?title }}
}}"""


def _terms_query(head: str, tags: "_Tags") -> str:
    return f"""SELECT ?item ?kind ?text (LANG(?text) AS ?language) WHERE {{
  {head}
  VALUES ?kind {{ rdfs:label skos:altLabel schema:description }}
  ?item ?kind ?text .
  FILTER({tags.condition("?text")})
}}"""


def _values_query(head: str, tags: "_Tags") -> str:
    pairs = " ".join(f"(p:{name} ps:{name})" for name in _VALUES)
    return f"""SELECT ?item ?statement ?property ?rank ?value (LANG(?value) AS ?language) WHERE {{
  {head}
  VALUES (?claim ?property) {{ {pairs} }}
  ?item ?claim ?statement .
  ?statement ?property ?value ; {_NOT_DEPRECATED}
  FILTER(ISIRI(?value) || {tags.condition("?value")})
}}"""


def _times_query(head: str) -> str:
    """Dates, and the two ends of positions held; with the nodes that tell how much of a date is known."""
    pairs = [*((name, f"psv:{name}") for name in DATES), *((POSITION, f"pqv:{name}") for name in (START, END))]
    return f"""SELECT ?item ?statement ?property ?rank ?time ?precision ?calendar WHERE {{
  {head}
  VALUES (?claim ?property) {{ {" ".join(f"(p:{claim} {property_})" for claim, property_ in pairs)} }}
  ?item ?claim ?statement .
  ?statement ?property ?node ; {_NOT_DEPRECATED}
  ?node wikibase:timeValue ?time ; wikibase:timePrecision ?precision ; wikibase:timeCalendarModel ?calendar .
}}"""


class _Tags:
    """The languages that are kept, as the endpoint writes them."""

    def __init__(self, languages: Sequence[str]) -> None:
        kept = kept_languages(languages)
        self._languages = {_TAGS.get(code, code): code for code in (_TAGS if kept is None else kept)}
        self._all = kept is None

    def condition(self, variable: str) -> str:
        """What holds of a text in one of the languages."""
        if self._all:
            return f'LANG({variable}) != ""'
        return f"LCASE(LANG({variable})) IN ({', '.join(map(literal, self._languages))})"

    def language(self, tag: str) -> str:
        """Wikimedia's code of a tag."""
        return self._languages.get(tag.lower(), tag.lower())


class _Dated(NamedTuple):
    """A date with what speaks for it, the best first: a preferred rank, then how much of it is known."""

    is_normal: bool
    imprecision: int
    date: str


class _Draft:
    """What the rows have said of an item so far. Sorted rows make it the same whatever their order was."""

    def __init__(self) -> None:
        self._labels: dict[str, str] = {}
        self._descriptions: dict[str, str] = {}
        self._aliases: defaultdict[str, list[str]] = defaultdict(list)
        self._texts: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
        self._targets: defaultdict[str, list[int]] = defaultdict(list)
        self._preferred: defaultdict[str, list[int]] = defaultdict(list)
        self._positions: dict[str, int] = {}
        self._dates: defaultdict[tuple[str, str], list[_Dated]] = defaultdict(list)

    def add_term(self, row: Row, language: str) -> None:
        """Take a label, an alias or a description."""
        if row["kind"].endswith("altLabel"):
            self._aliases[language].append(row["text"])
        elif row["kind"].endswith("label"):
            self._labels.setdefault(language, row["text"])
        else:
            self._descriptions.setdefault(language, row["text"])

    def add_value(self, row: Row, tags: _Tags) -> None:
        """Take the value of a statement: an item, or a text in a language."""
        property_ = _last_part(row["property"])
        if property_ in _TEXTS:
            if "language" in row:
                self._texts[property_].append((tags.language(row["language"]), row["value"]))
        elif (target := _number(row["value"])) is not None:
            self._targets[property_].append(target)
            if property_ == POSITION:
                self._positions[row["statement"]] = target
            if row["rank"].endswith("PreferredRank"):
                self._preferred[property_].append(target)

    def add_time(self, row: Row) -> None:
        """Take a date of the item, or of one of the positions that it held."""
        property_ = _last_part(row["property"])
        precision = int(row["precision"])
        if (date := iso_date(row["time"], precision, row["calendar"])) is None:
            return
        of = row["statement"] if property_ in {START, END} else ""
        is_normal = not of and not row["rank"].endswith("PreferredRank")
        self._dates[of, property_].append(_Dated(is_normal, -precision, date))

    def item(self, number: int, facts: Row, languages: Sequence[str]) -> Item:
        """The item."""
        dates = {label: date for name, label in DATES.items() if (date := self._date("", name)) is not None}
        return Item(
            number,
            shown_first(self._labels, languages),
            self._descriptions,
            self._all_aliases(),
            sorted(self._targets[INSTANCE_OF]),
            facts.get("title"),
            int(facts["sitelinks"]),
            int(facts["statements"]),
            dates=dates,
            offices=self._offices(),
            superclasses=sorted(self._targets[SUBCLASS_OF]),
            demonyms=self._texts[DEMONYM],
            links=self._links(),
            capitals=self._best(CAPITAL),
            capital_of=self._best(CAPITAL_OF),
        )

    def _all_aliases(self) -> dict[str, list[str]]:
        """The aliases, then the names that are given as statements."""
        aliases = {language: list(texts) for language, texts in self._aliases.items()}
        for name in NAMES:
            for language, text in self._texts[name]:
                aliases.setdefault(language, []).append(text)
        return aliases

    def _best(self, property_: str) -> list[int]:
        return sorted(self._preferred[property_] or self._targets[property_])

    def _links(self) -> list[int]:
        return list(dict.fromkeys(number for name in RELATIONS for number in sorted(self._targets[name])))

    def _offices(self) -> list[OfficeHeld]:
        held = [
            (number, self._date(statement, START), self._date(statement, END))
            for statement, number in self._positions.items()
        ]
        held.sort(key=lambda one: (one[0], one[1] or "", one[2] or ""))
        return [(f"Q{number}", start, end) for number, start, end in held]

    def _date(self, of: str, property_: str) -> str | None:
        known = self._dates.get((of, property_))
        return min(known).date if known else None


def iso_date(time: str, precision: int, calendar: str) -> str | None:
    """The date as a dump has it, as far as it is known, at least the year; None for a decade or a century.

    RDF counts years by ISO 8601, where the year before 1 is 0, and days of the Julian calendar by the Gregorian one.
    """
    found = _TIME.match(time)
    if found is None or precision < _YEAR:
        return None
    sign, *parts = found.groups()
    year, month, day = map(int, parts)
    if sign:
        year = -year
    if precision >= _DAY and calendar.endswith(_JULIAN):
        year, month, day = _julian(year, month, day)
    written = f"{year:04d}" if year > 0 else f"-{1 - year:04d}"
    return "-".join((written, f"{month:02d}", f"{day:02d}")[: precision - 8])


def _julian(year: int, month: int, day: int) -> tuple[int, int, int]:
    """A Gregorian day in the Julian calendar, by way of its Julian day number.

    The formulas are those of https://en.wikipedia.org/wiki/Julian_day.
    """
    early = (14 - month) // 12  # January and February are counted to the year before
    shifted = year + 4800 - early
    days = day + (153 * (month + 12 * early - 3) + 2) // 5 + 365 * shifted
    number = days + shifted // 4 - shifted // 100 + shifted // 400 - 32045
    e = 4 * (number + 1401) + 3
    h = 5 * (e % 1461 // 4) + 2
    julian_month = (h // 153 + 2) % 12 + 1
    return e // 1461 - 4716 + (14 - julian_month) // 12, julian_month, h % 153 // 5 + 1


def _items(numbers: Iterable[int]) -> str:
    return " ".join(f"wd:Q{number:d}" for number in numbers)


def _number(value: str | None) -> int | None:
    """The number of an item; None for a property, a lexeme, a value that is unknown."""
    return qid_number(value) if value is not None and is_qid(value) else None


def _last_part(iri: str) -> str:
    return iri.rpartition("/")[2]


def _sorted(rows: Iterable[Row], *names: str) -> list[Row]:
    return sorted(rows, key=lambda row: tuple(row.get(name, "") for name in names))
