"""A SPARQL endpoint on loopback: a real engine over items in the layout in which Wikidata publishes them as RDF.

https://www.mediawiki.org/wiki/Wikibase/Indexing/RDF_Dump_Format says what that layout is. Like Wikidata's own endpoint
it knows the usual prefixes, gives language tags in small letters, and refuses addresses that are too long.
"""

import itertools
import re
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pyoxigraph
from faults import Answer
from loopback import Asked, LoopbackServer

Json = dict[str, Any]

LONGEST_ADDRESS = 8_000  # bytes
_ENTITY = "http://www.wikidata.org/entity/"
_PROP = "http://www.wikidata.org/prop/"
PREFIXES = {
    "wd": _ENTITY,
    "wds": f"{_ENTITY}statement/",
    "wdv": "http://www.wikidata.org/value/",
    "wdt": f"{_PROP}direct/",
    "p": _PROP,
    "ps": f"{_PROP}statement/",
    "psv": f"{_PROP}statement/value/",
    "pq": f"{_PROP}qualifier/",
    "pqv": f"{_PROP}qualifier/value/",
    "wikibase": "http://wikiba.se/ontology#",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "schema": "http://schema.org/",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}
JULIAN = "http://www.wikidata.org/entity/Q1985786"
_RANKS = {"normal": "NormalRank", "preferred": "PreferredRank", "deprecated": "DeprecatedRank"}
# Codes of Wikimedia whose language tag is another one; there are more.
_TAGS = {
    **{"simple": "en-simple", "sr-ec": "sr-Cyrl", "sr-el": "sr-Latn", "nrm": "nrf", "eml": "egl", "mo": "ro-Cyrl-MD"},
    **{"zh-cn": "zh-Hans-CN", "zh-sg": "zh-Hans-SG", "zh-my": "zh-Hans-MY"},
    **{"zh-tw": "zh-Hant-TW", "zh-hk": "zh-Hant-HK", "zh-mo": "zh-Hant-MO"},
    **{"zh-classical": "lzh", "zh-min-nan": "nan", "zh-yue": "yue", "bat-smg": "sgs", "be-x-old": "be-tarask"},
    **{"fiu-vro": "vro", "roa-rup": "rup", "roa-tara": "nap-x-tara", "map-bms": "jv-x-bms", "cbk-zam": "cbk"},
}


class SparqlServer(LoopbackServer):
    """Answers queries at `url` from these items, which may be replaced while it runs."""

    def __init__(self, items: Iterable[Json], **options: Any) -> None:
        super().__init__(**options)
        self.load(items)

    @property
    def url(self) -> str:
        """The address of the endpoint."""
        return f"{self.root}/sparql"

    def load(self, items: Iterable[Json]) -> None:
        """Puts these items, as a dump's lines hold them, in the place of what was there."""
        store = pyoxigraph.Store()
        store.bulk_load("".join(triples(items)), pyoxigraph.RdfFormat.N_TRIPLES)
        self._store = store

    def answer(self, asked: Asked) -> Answer:
        if asked.path != "/sparql":
            return Answer(404, {"Content-Type": "text/html"}, b"<title>404 Not Found</title>")
        if len(urllib.parse.urlencode(asked.params)) > LONGEST_ADDRESS:
            return Answer(414, {"Content-Type": "text/html"}, b"<title>414 URI Too Long</title>")
        try:
            results = self._store.query(asked.params["query"], prefixes=PREFIXES)
        except SyntaxError as error:
            return Answer(400, {"Content-Type": "text/plain"}, f"SPARQL-QUERY: {error}".encode())
        if not isinstance(results, pyoxigraph.QuerySolutions):
            return Answer(406, {"Content-Type": "text/plain"}, b"only SELECT is answered here")
        body = results.serialize(format=pyoxigraph.QueryResultsFormat.JSON) or b""
        return Answer(200, {"Content-Type": "application/sparql-results+json;charset=utf-8"}, body)


def sparql_server(items: Iterable[Json], **options: Any) -> SparqlServer:
    """An endpoint over the items, for a `with` block."""
    return SparqlServer(items, **options)


def triples(items: Iterable[Json]) -> Iterator[str]:
    """The items in N-Triples."""
    serials = itertools.count(1)
    for item in items:
        yield from _head(item)
        yield from _terms(item)
        for property_, statements in (item.get("claims") or {}).items():
            yield from _claims(item["id"], property_, statements, serials)


def _head(item: Json) -> Iterator[str]:
    subject = _iri("wd", item["id"])
    claims, sites = item.get("claims") or {}, item.get("sitelinks") or {}
    yield _triple(subject, _iri("wikibase", "sitelinks"), _typed(len(sites), "integer"))
    yield _triple(subject, _iri("wikibase", "statements"), _typed(sum(map(len, claims.values())), "integer"))
    if "modified" in item:
        yield _triple(subject, _iri("schema", "dateModified"), _typed(item["modified"], "dateTime"))
    for site, link in sites.items():
        language = site.removesuffix("wiki")
        if not re.fullmatch("[a-z]{2,3}", language):
            continue  # Commons and others, of which nobody asks the titles
        wiki = f"https://{language}.wikipedia.org/"
        article = f"<{wiki}wiki/{urllib.parse.quote(link['title'].replace(' ', '_'))}>"
        yield _triple(article, _iri("schema", "about"), subject)
        yield _triple(article, _iri("schema", "isPartOf"), f"<{wiki}>")
        yield _triple(article, _iri("schema", "name"), _text(link["title"], language))


def _terms(item: Json) -> Iterator[str]:
    subject = _iri("wd", item["id"])
    for field, predicate in (("labels", _iri("rdfs", "label")), ("descriptions", _iri("schema", "description"))):
        for language, term in (item.get(field) or {}).items():
            yield _triple(subject, predicate, _text(term["value"], language))
    for language, aliases in (item.get("aliases") or {}).items():
        for alias in aliases:
            yield _triple(subject, _iri("skos", "altLabel"), _text(alias["value"], language))


def _claims(id_: str, property_: str, statements: list[Json], serials: Iterator[int]) -> Iterator[str]:
    ranks = {statement["rank"] for statement in statements}
    best = "preferred" if "preferred" in ranks else "normal"
    for statement in statements:
        node, rank = _iri("wds", f"{id_}-{next(serials)}"), statement["rank"]
        yield _triple(_iri("wd", id_), _iri("p", property_), node)
        yield _triple(node, _iri("wikibase", "rank"), _iri("wikibase", _RANKS[rank]))
        yield from _snak(node, ("ps", "psv"), property_, statement["mainsnak"], serials)
        if rank == best:
            yield from _snak(_iri("wd", id_), ("wdt", None), property_, statement["mainsnak"], serials)
        for qualifier, snaks in (statement.get("qualifiers") or {}).items():
            for snak in snaks:
                yield from _snak(node, ("pq", "pqv"), qualifier, snak, serials)


def _snak(
    subject: str, prefixes: tuple[str, str | None], property_: str, snak: Json, serials: Iterator[int]
) -> Iterator[str]:
    """What a snak says of the subject, and the node of its value where it is a time."""
    simple, full = prefixes
    if snak.get("snaktype") == "novalue":
        return
    value = snak.get("datavalue", {}).get("value")
    if value is None:
        unknown = f"<http://www.wikidata.org/.well-known/genid/{next(serials):032x}>"
        yield _triple(subject, _iri(simple, property_), unknown)
        return
    if (term := _value(value)) is None:
        return
    yield _triple(subject, _iri(simple, property_), term)
    if full and isinstance(value, dict) and "time" in value:
        node = _iri("wdv", f"{next(serials):032x}")
        yield _triple(subject, _iri(full, property_), node)
        yield _triple(node, _iri("wikibase", "timeValue"), term)
        yield _triple(node, _iri("wikibase", "timePrecision"), _typed(value.get("precision", 11), "integer"))
        calendar = value.get("calendarmodel", f"{_ENTITY}Q1985727")
        yield _triple(node, _iri("wikibase", "timeCalendarModel"), f"<{calendar}>")


def _value(value: Any) -> str | None:
    """The term of a value; None for a kind that nobody asks for."""
    if isinstance(value, str):
        return _quoted(value)
    if "time" in value:
        return _typed(rdf_time(value), "dateTime")
    if "text" in value:
        return _text(value["text"], value["language"])
    if "id" in value or "numeric-id" in value:
        return _iri("wd", value.get("id") or f"Q{value['numeric-id']}")
    return None


def rdf_time(value: Mapping[str, Any]) -> str:
    """The time as `xsd:dateTime`: unknown parts are 01, days are Gregorian, and the year before 1 is 0."""
    sign, digits, month_, day_ = re.match(r"([+-]?)(\d+)-(\d+)-(\d+)T", value["time"]).groups()  # type: ignore[union-attr]
    year, precision = int(digits), value.get("precision", 11)
    if sign == "-":
        year = 1 - year
    month = int(month_) if precision >= 10 else 1
    day = int(day_) if precision >= 11 else 1
    if value.get("calendarmodel") == JULIAN and precision >= 11:
        year, month, day = _gregorian(year, month, day)
    return f"{'-' if year < 0 else ''}{abs(year):04d}-{month or 1:02d}-{day or 1:02d}T00:00:00Z"


def _gregorian(year: int, month: int, day: int) -> tuple[int, int, int]:
    """A Julian day in the Gregorian calendar: first its number in the row of days, then the day of that number.

    https://en.wikipedia.org/wiki/Julian_day has both.
    """
    early = (14 - month) // 12  # January and February are counted to the year before
    shifted = year + 4800 - early
    count = day + (153 * (month + 12 * early - 3) + 2) // 5 + 365 * shifted + shifted // 4 - 32083
    f = count + 1401 + (4 * count + 274277) // 146097 * 3 // 4 - 38
    e = 4 * f + 3
    h = 5 * (e % 1461 // 4) + 2
    new_month = (h // 153 + 2) % 12 + 1
    return e // 1461 - 4716 + (14 - new_month) // 12, new_month, h % 153 // 5 + 1


def _triple(subject: str, predicate: str, term: str) -> str:
    return f"{subject} {predicate} {term} .\n"


def _iri(prefix: str, name: str) -> str:
    return f"<{PREFIXES[prefix]}{name}>"


def _typed(value: object, kind: str) -> str:
    return f'"{value}"^^{_iri("xsd", kind)}'


def _text(text: str, language: str) -> str:
    return f"{_quoted(text)}@{_TAGS.get(language, language)}"


def _quoted(text: str) -> str:
    escaped = text.translate({ord("\\"): "\\\\", ord('"'): '\\"', ord("\n"): "\\n", ord("\r"): "\\r"})
    return f'"{escaped}"'
