"""The answers of MediaWiki's and Wikibase's API, told apart (https://www.mediawiki.org/wiki/API:Errors_and_warnings).

Nearly every error comes as HTTP 200; an answer that is too large comes without a part of its entities.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec

from nedsvc.etiquette import PASSING_STATUSES, REFUSING_STATUSES, retry_after
from nedsvc.models import is_qid
from nedsvc.sources.wikidata.records import LiveItem
from nedsvc.wikibase import BrokenItem, ItemReader

MOST_IDS = 50  # of one request for entities
_LARGEST_REVISION = 2**63 - 1

# Errors that another try may not meet: overload, maintenance, a failing part of the site.
_PASSING = frozenset({"maxlag", "ratelimited", "readonly", "timeout", "cirrussearch-too-busy-error"})
_PASSING_PREFIXES = ("internal_api_error", "search-", "cirrussearch-", "db")
_CODES = "MediaWiki-API-Error"  # names all the errors, where the answer may tell of one or be a page for people


class Trouble(msgspec.Struct, frozen=True):
    """Why an answer cannot be used, and whether to ask again.

    `pause`: the seconds for which the server wants to be left alone, where it says so.
    """

    reason: str
    again: bool
    pause: float | None = None


class Entities(msgspec.Struct, frozen=True):
    """What an answer says of each id that was asked for.

    `broken` tells why an item cannot be read. Of what `vanished` it says nothing, so that it must be asked for again.
    """

    found: dict[str, LiveItem]
    missing: frozenset[str]
    broken: dict[str, str]
    vanished: tuple[str, ...]


class _Error(msgspec.Struct):
    code: str = "unknown"
    info: str = ""
    text: str = ""


class _Answer(msgspec.Struct):
    error: _Error | None = None
    errors: list[_Error] = []


class _Warned(msgspec.Struct, kw_only=True):
    """The warnings of an answer, by the part of the API that gives them."""

    warnings: dict[str, msgspec.Raw] | list[msgspec.Raw] = {}


class _Hit(msgspec.Struct):
    id: str


class _Hits(_Warned, kw_only=True):
    search: list[_Hit]


class _Page(msgspec.Struct):
    title: str
    ns: int = 0


class _Pages(msgspec.Struct):
    search: list[_Page]


class _Query(_Warned, kw_only=True):
    query: _Pages


class _Entities(msgspec.Struct):
    entities: dict[str, msgspec.Raw] | list[msgspec.Raw] = {}


class _State(msgspec.Struct):
    """What an entity says of its page."""

    lastrevid: Annotated[int, msgspec.Meta(ge=0, le=_LARGEST_REVISION)] = 0
    missing: Any = msgspec.UNSET  # where it is there, it is empty


def trouble(status: int, headers: Mapping[str, str], body: bytes) -> Trouble | None:
    """What is wrong with an answer; None for one that can be read."""
    pause = retry_after(headers.get("Retry-After"))
    codes = _codes(headers)
    named = f" ({', '.join(codes)})" if codes else ""
    if status in PASSING_STATUSES:
        return Trouble(f"it answered with HTTP {status}{named}", again=True, pause=pause)
    if status in REFUSING_STATUSES:
        return Trouble(f"it refuses this client (HTTP {status}): {_excerpt(body)}", again=False)
    if status != 200:
        hint = named or "; is this the address of its api.php?"
        return Trouble(f"it answered with HTTP {status}{hint}", again=False)
    answer = _decoded(body)
    errors = _errors(codes, answer)
    if errors:
        again = any(map(_passes, errors))
        reason = "; ".join(": ".join(filter(None, error)) for error in errors.items())
        return Trouble(f"it answered with the error {reason}", again=again, pause=pause if again else None)
    if answer is None:
        return Trouble("it answered with something that is no JSON object", again=True, pause=pause)
    return None


def search_ids(body: bytes) -> tuple[str, ...]:
    """The ids in the answer of `wbsearchentities`.

    Raises `msgspec.ValidationError` for another answer, or one that was cut off.
    """
    hits = msgspec.json.decode(body, type=_Hits)
    _check_whole(hits)
    return tuple(dict.fromkeys(hit.id for hit in hits.search if is_qid(hit.id)))


def page_ids(body: bytes) -> tuple[str, ...]:
    """The ids in the answer of `list=search`.

    Raises `msgspec.ValidationError` for another answer, or one that was cut off.
    """
    answer = msgspec.json.decode(body, type=_Query)
    _check_whole(answer)
    return tuple(dict.fromkeys(page.title for page in answer.query.search if is_qid(page.title)))


def entities(body: bytes, asked: Sequence[str], reader: ItemReader, retrieved: str) -> Entities:
    """What the answer of `wbgetentities` says of each of the ids asked for.

    Raises `msgspec.ValidationError` for another answer.
    """
    given = msgspec.json.decode(body, type=_Entities).entities
    by_id = given if isinstance(given, dict) else {}  # an empty map may be written as a list
    found: dict[str, LiveItem] = {}
    missing: set[str] = set()
    broken: dict[str, str] = {}
    for id_ in asked:
        if id_ not in by_id:
            continue
        try:
            item = _live_item(bytes(by_id[id_]), reader, retrieved)
        except BrokenItem as error:
            broken[id_] = str(error)
            continue
        if item is None:
            missing.add(id_)
        else:
            found[id_] = item
    return Entities(found, frozenset(missing), broken, tuple(id_ for id_ in asked if id_ not in by_id))


def _codes(headers: Mapping[str, str]) -> list[str]:
    """The codes of the errors that a header names."""
    codes = headers.get(_CODES, "")[:200].split(",")
    return [code.strip() for code in codes if code.strip()]


def _decoded(body: bytes) -> _Answer | None:
    """What an answer says of errors; None where it is no JSON object."""
    try:
        return msgspec.json.decode(body, type=_Answer)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _errors(codes: Sequence[str], answer: _Answer | None) -> dict[str, str]:
    """The codes of all errors that the header or the answer names, with what is said of them."""
    errors = dict.fromkeys(codes, "")
    if answer:
        told = [*([answer.error] if answer.error else []), *answer.errors]
        errors |= {error.code: (error.info or error.text)[:200] for error in told}
    return errors


def _check_whole(answer: _Warned) -> None:
    # This warning is about the size of the answer: what went beyond it is missing, most often all of the hits.
    if "result" in answer.warnings:
        raise msgspec.ValidationError("it left hits out, as it grew too large")


def _live_item(content: bytes, reader: ItemReader, retrieved: str) -> LiveItem | None:
    try:
        state = msgspec.json.decode(content, type=_State)
    except msgspec.MsgspecError as error:
        raise BrokenItem(str(error)) from error
    if state.missing is not msgspec.UNSET:
        return None
    try:
        item = reader.read(content)
    except BrokenItem:
        item = reader.read(_without_claims(content))
    return LiveItem(item, state.lastrevid, retrieved) if item else None


def _without_claims(content: bytes) -> bytes:
    """The entity without its statements: in another Wikibase than Wikidata a property may hold anything."""
    fields = msgspec.json.decode(content, type=dict[str, msgspec.Raw])
    return msgspec.json.encode({name: value for name, value in fields.items() if name != "claims"})


def _passes(code: str) -> bool:
    return code in _PASSING or code.startswith(_PASSING_PREFIXES)


def _excerpt(body: bytes) -> str:
    return " ".join(body[:300].decode("utf-8", "replace").split())[:120]
