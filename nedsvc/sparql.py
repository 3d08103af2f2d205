"""SPARQL endpoints in Wikidata's layout, asked through the `wikidata-client` package.

That package sends a query and unpacks the answer. What it leaves out is added here: the operator's User-Agent, another
try where one may help, an end to waiting, and values that are checked or escaped before they enter a query.
"""

import random
import re
import time
import unicodedata
from typing import NoReturn
from urllib.parse import urlsplit

import msgspec
import requests
import wikidata_client
from urllib3.exceptions import ReadTimeoutError
from wikidata_client import api

from nedsvc.errors import InvalidInput, SourceUnavailable
from nedsvc.etiquette import PASSING_STATUSES, REFUSING_STATUSES, retry_after, user_agent
from nedsvc.models import is_qid

Row = dict[str, str]

_PREFIXES = """\
PREFIX wd: <http://www.wikidata.org/entity/>
PREFIX wdt: <http://www.wikidata.org/prop/direct/>
PREFIX p: <http://www.wikidata.org/prop/>
PREFIX ps: <http://www.wikidata.org/prop/statement/>
PREFIX psv: <http://www.wikidata.org/prop/statement/value/>
PREFIX pqv: <http://www.wikidata.org/prop/qualifier/value/>
PREFIX wikibase: <http://wikiba.se/ontology#>
PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>
PREFIX skos: <http://www.w3.org/2004/02/skos/core#>
PREFIX schema: <http://schema.org/>
PREFIX xsd: <http://www.w3.org/2001/XMLSchema#>
"""
_PROPERTY = re.compile(r"P[1-9][0-9]{0,9}", re.ASCII)
_LONGEST_VALUE = 1_500  # characters; Wikibase keeps no longer ones
_MOST_ITEMS = 1_000
# https://www.w3.org/TR/sparql11-query/#grammarEscapes
_ESCAPES = {ord(c): f"\\u{ord(c):04X}" for c in map(chr, (*range(0x20), *range(0x7F, 0xA0)))} | {
    ord(plain): escaped
    for plain, escaped in {
        **{"\t": r"\t", "\n": r"\n", "\r": r"\r", "\b": r"\b", "\f": r"\f"},
        **{'"': r"\"", "'": r"\'", "\\": r"\\"},
    }.items()
}

# What Blazegraph, on which Wikidata's endpoint runs, says of a query that took too long: also at the end of an answer
# that had begun well.
_OUT_OF_TIME = "TimeoutException"
_TRIES_AT_SLOW = 2


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """How long an endpoint is waited for, in seconds.

    `connect` and `read` are for a connection and for the next bytes of an answer; Wikidata's endpoint itself ends a
    query after 60 s. `total` is for one query with all its tries, where the caller sets no end. The pauses between
    tries double from the `first_pause` to the `longest_pause`, unless the endpoint asks for a longer one.
    """

    connect: float = 10.0
    read: float = 75.0
    total: float = 600.0
    first_pause: float = 1.0
    longest_pause: float = 60.0


class QueryTooSlow(SourceUnavailable):
    """The endpoint does not come to an end with this query; it may with one that asks for less."""


class SparqlEndpoint:
    """An endpoint that serves the operator who can be reached at `contact`, a mail address or URL.

    The package knows only one User-Agent, so that all endpoints of a process have the contact of the last one made.
    Raises `InvalidInput` for an address or a contact that cannot be used.
    """

    def __init__(self, url: str, contact: str, patience: Patience | None = None) -> None:
        self.url = _checked_address(url)
        self._patience = patience or Patience()
        api.HEADERS["User-Agent"] = user_agent(_checked_contact(contact), "wikidata-client", "requests")

    def query(self, query: str, until: float | None = None) -> list[Row]:
        """The rows that a SELECT query gives: the text of each value, by the name of its variable.

        The usual prefixes are known, and an item's IRI is shortened to its QID. Nothing is sent after the moment
        `until` (`time.monotonic`). Raises `SourceUnavailable` where there is no answer by then or no hope of one, and
        `QueryTooSlow` where the query is to blame.
        """
        end = time.monotonic() + self._patience.total if until is None else until
        tries = 0
        while True:
            tries += 1
            try:
                return self._answer(query, end)
            except _Trouble as trouble:
                if trouble.slow and tries >= _TRIES_AT_SLOW:
                    raise QueryTooSlow(f"{self.url} could not be asked: {trouble}") from trouble
                pause = max(trouble.pause, self._back_off(tries))
                if not trouble.again or time.monotonic() + pause >= end:
                    asked = f"; it asks for a pause of {trouble.pause:.0f} s" if trouble.pause else ""
                    raise SourceUnavailable(f"{self.url} could not be asked: {trouble}{asked}") from trouble
                time.sleep(pause)

    def items_with(self, property_: str, value: str, limit: int = 10, until: float | None = None) -> list[str]:
        """The QIDs of the items of which a property has this text as its value, such as P496 an ORCID iD, lowest first.

        Raises `InvalidInput` for what is no property or cannot be a value, and what `query` raises.
        """
        text = literal(_checked_value(value))
        rows = self.query(
            f"SELECT DISTINCT ?item WHERE {{ ?item wdt:{checked_property(property_)} {text} . "
            "FILTER(STRSTARTS(STR(?item), STR(wd:Q))) } "
            f"ORDER BY xsd:integer(STRAFTER(STR(?item), STR(wd:Q))) LIMIT {_checked_limit(limit)}",
            until,
        )
        ids = list(dict.fromkeys(row.get("item", "") for row in rows))
        if not all(map(is_qid, ids)):
            raise SourceUnavailable(f"{self.url} could not be asked: {_NO_RESULTS}")
        return ids[:limit]

    def _answer(self, query: str, end: float) -> list[Row]:
        """The answer to one try. Raises `_Trouble`."""
        left = end - time.monotonic()
        if left <= 0:
            raise _Trouble("there was no time left to ask")
        limits = (min(self._patience.connect, left), min(self._patience.read, left))
        try:
            rows = wikidata_client.query(_PREFIXES + query, timeout=limits, endpoint=self.url)
        except requests.RequestException as error:
            _explain(error)
        except RecursionError as error:
            raise _Trouble("its answer is no JSON that can be read") from error
        except (LookupError, TypeError, AttributeError) as error:  # from the package, which takes the shape for granted
            raise _Trouble(_NO_RESULTS) from error
        try:
            return msgspec.convert(rows, list[Row])
        except msgspec.ValidationError as error:
            raise _Trouble(_NO_RESULTS) from error

    def _back_off(self, tries: int) -> float:
        longest = min(self._patience.first_pause * 2.0 ** (tries - 1), self._patience.longest_pause)
        return longest * random.uniform(0.5, 1.0)  # noqa: S311 (it only keeps clients apart)


class _Trouble(Exception):  # noqa: N818 (it does not leave this module)
    """Why a try gave no answer: whether another may, after which pause, and whether the query took too long."""

    def __init__(self, reason: str, *, again: bool = False, slow: bool = False, pause: float = 0.0) -> None:
        super().__init__(reason)
        self.again = again
        self.slow = slow
        self.pause = pause


_NO_RESULTS = "it answered with JSON that is no result of a query; is this the address of a SPARQL endpoint?"


def literal(text: str) -> str:
    """The text as a string of SPARQL. Raises `InvalidInput` for half a surrogate pair, which no encoding can write."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput("value", f"holds half a surrogate pair at {error.start}, which is no character") from error
    return f'"{text.translate(_ESCAPES)}"'


def checked_property(property_: str) -> str:
    """The id as it is given. Raises `InvalidInput` for what is no id of a property."""
    if not _PROPERTY.fullmatch(property_):
        raise InvalidInput("property", f"{property_!r} is no Wikidata property; they look like P496")
    return property_


def _checked_value(value: str) -> str:
    """The value as Wikibase would keep it: trimmed and in normalisation form C."""
    kept = unicodedata.normalize("NFC", value).strip()
    if not kept:
        raise InvalidInput("value", "is empty; give the identifier to look for")
    if len(kept) > _LONGEST_VALUE:
        raise InvalidInput("value", f"has more than {_LONGEST_VALUE:,} characters, which no value on Wikidata has")
    return kept


def _checked_limit(limit: int) -> int:
    if not 1 <= limit <= _MOST_ITEMS:
        raise InvalidInput("limit", f"must be from 1 to {_MOST_ITEMS:,}, not {limit}")
    return limit


def _checked_address(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.netloc or parts.query or parts.fragment:
        raise InvalidInput("endpoint", f"must be an address such as https://query.wikidata.org/sparql, not {url!r}")
    return url


def _checked_contact(contact: str) -> str:
    if not contact or not contact.isascii() or not contact.isprintable() or set(contact) & set("()"):
        raise InvalidInput("contact", f"must be a mail address or a URL, not {contact!r}")
    return contact


def _explain(error: requests.RequestException) -> NoReturn:
    """Raises what went wrong, as it is to be dealt with."""
    if isinstance(error, requests.HTTPError):
        raise _of_status(error.response) from error
    if isinstance(error, requests.exceptions.JSONDecodeError):
        slow = _OUT_OF_TIME in error.doc
        raise _Trouble("it ran out of time" if slow else "its answer is no JSON", again=True, slow=slow) from error
    if isinstance(error, requests.ReadTimeout) or _is_late(error):
        raise _Trouble("it did not answer in time", again=True, slow=True) from error
    if isinstance(error, requests.exceptions.SSLError):
        raise _Trouble("its certificate cannot be verified") from error
    reached = not isinstance(error, requests.ConnectionError)
    raise _Trouble("its answer broke off" if reached else "it cannot be reached", again=True) from error


def _is_late(error: requests.RequestException) -> bool:
    """Whether an answer stopped coming midway, which the library reports as a broken connection."""
    return bool(error.args) and isinstance(error.args[0], ReadTimeoutError)


def _of_status(response: requests.Response) -> _Trouble:
    status = response.status_code
    if status in PASSING_STATUSES:
        slow = status == 504 or _OUT_OF_TIME in response.text
        pause = retry_after(response.headers.get("Retry-After")) or 0.0
        return _Trouble(f"it answered with HTTP {status}", again=True, slow=slow, pause=pause)
    if status in REFUSING_STATUSES:
        return _Trouble(f"it refuses this client (HTTP {status}): {_excerpt(response.text)}")
    if status == 400:
        return _Trouble(f"it does not take the query (HTTP 400): {_excerpt(response.text)}")
    return _Trouble(f"it answered with HTTP {status}; is this the address of a SPARQL endpoint?")


def _excerpt(text: str) -> str:
    return " ".join(text[:400].split())[:200]
