"""The lines of an overlay: entities of one's own, changes to items, and what must never be linked."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from nedsvc.errors import InvalidInput
from nedsvc.lines import json_content
from nedsvc.models import ENTITY_TYPES, EntityType, is_entity_id, is_own_id
from nedsvc.names import fold
from nedsvc.wikibase import LANGUAGE_FOR_ALL, is_language

_COMMENT = b"#"
_DATE = re.compile(r"[0-9]{4}(-[0-9]{2}){0,2}")
_PAGE = re.compile(r"https?://\S+")
_UNKNOWN = re.compile(r"Object contains unknown field `(.*)`")
_DATES = ("born", "died", "founded", "dissolved")


class HeldOffice(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """An office that a person held: its id, and the dates between which it was."""

    id: str
    start: str | None = None
    end: str | None = None


class OverlayLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """What one line tells; what it does not name stays as the index has it.

    `names` are those that count in every language, or by language; the first one is the label of what is new here.
    With `never`, an `id` is never linked, `names` are linked to nobody, and with both, just that entity is not called
    so.
    """

    id: str | None = None
    names: list[str] | dict[str, list[str]] = []
    label: str | None = None
    description: str | None = None
    type: str | list[str] = []
    links: list[str] = []
    offices: list[HeldOffice] = []
    born: str | None = None
    died: str | None = None
    founded: str | None = None
    dissolved: str | None = None
    wikipedia: str | None = None
    url: str | None = None
    popularity: float | None = None
    never: bool = False

    @property
    def named(self) -> dict[str, list[str]]:
        """The names by language."""
        if isinstance(self.names, dict):
            return self.names
        return {LANGUAGE_FOR_ALL: self.names} if self.names else {}

    @property
    def all_names(self) -> list[str]:
        """The names in all languages."""
        return [name for names in self.named.values() for name in names]

    @property
    def types(self) -> list[EntityType]:
        """The types."""
        given = [self.type] if isinstance(self.type, str) else self.type
        return [type_ for type_ in ENTITY_TYPES if type_ in given]

    @property
    def dates(self) -> dict[str, str]:
        """The dates by what happened on them."""
        return {name: date for name in _DATES if (date := getattr(self, name)) is not None}

    @property
    def others(self) -> list[tuple[str, str]]:
        """The fields that name other entities, with the id of each."""
        return [*(("links", id_) for id_ in self.links), *(("offices", held.id) for held in self.offices)]


class Told(msgspec.Struct, frozen=True, gc=False):
    """A line with the place where it stands, for what is wrong with it."""

    where: str
    line: OverlayLine

    def wrong(self, reason: str) -> InvalidInput:
        """The error for what is wrong with the line."""
        return InvalidInput(self.where, reason)


def overlay_content(file: Path) -> bytes:
    """What stands in the file. Raises `InvalidInput` where it cannot be read."""
    try:
        return file.read_bytes()
    except OSError as error:
        raise InvalidInput("--overlay", f"{file} cannot be read ({error.strerror})") from error


def read_overlay(content: bytes, name: str) -> list[Told]:
    """The lines of a file but for empty ones and comments (`#`), each checked by itself and against the others.

    Raises `InvalidInput` with the file's name, the line and the field for the first that is wrong.
    """
    told = list(_read(content, name))
    _check_ids(told)
    return told


def _read(content: bytes, name: str) -> Iterator[Told]:
    decode = msgspec.json.Decoder(OverlayLine).decode
    for number, line in enumerate(content.splitlines(), 1):
        text = json_content(number, line)
        if not text or text.startswith(_COMMENT):
            continue
        where = f"{name}, line {number}"
        try:
            one = decode(text)
        except msgspec.ValidationError as error:
            raise InvalidInput(where, _reason(error)) from error
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise InvalidInput(where, f"is no JSON object ({error})") from error
        wrong = next(_faults(one), None)
        if wrong:
            raise InvalidInput(where, wrong)
        yield Told(where, one)


def _reason(error: msgspec.ValidationError) -> str:
    reason, _, path = str(error).partition(" - at `$")
    if unknown := _UNKNOWN.fullmatch(reason):
        field = f"{path.strip('.`')}.{unknown[1]}".lstrip(".")
        known = HeldOffice if path else OverlayLine
        return f"{field} is unknown here; the fields are {', '.join(known.__struct_fields__)}"
    return f"{path.strip('.`') or 'the line'}: {reason[:1].lower()}{reason[1:]}"


def _faults(line: OverlayLine) -> Iterator[str]:
    """What is wrong with the line by itself."""
    if line.id is not None and not is_entity_id(line.id):
        yield f"id {line.id!r} is none; write Q42, or acme:42 for what is not in Wikidata"
    if isinstance(line.names, dict):
        yield from (f"names: {code!r} is no language code" for code in line.names if not is_language(code))
        yield from (f"names: {code!r} has none" for code, names in line.names.items() if not names)
    for name in line.all_names:
        if not fold(name):
            yield f"names: {name!r} has no letter and no digit"
    if line.never:
        yield from _faults_of_never(line)
    else:
        yield from _faults_of_entity(line)


def _faults_of_never(line: OverlayLine) -> Iterator[str]:
    given = [name for name in line.__struct_fields__ if getattr(line, name) not in (None, [], {})]
    for field in given:
        if field not in {"id", "names", "never"}:
            yield f"{field} does not go with never; that takes an id, names or both"
    if given == ["never"]:
        yield "never goes with an id, names or both"


def _faults_of_entity(line: OverlayLine) -> Iterator[str]:
    if line.id is None:
        yield "id is missing"
        return
    yield from _faults_of_text(line, line.id)
    for type_ in [line.type] if isinstance(line.type, str) else line.type:
        if type_ not in ENTITY_TYPES:
            yield f"type {type_!r} is unknown; choose from {', '.join(ENTITY_TYPES)}"
    for field, id_ in line.others:
        if not is_entity_id(id_):
            yield f"{field}: {id_!r} is no id; write Q42 or acme:42"
    for field, date in (*line.dates.items(), *_dates_of_offices(line)):
        if not _DATE.fullmatch(date):
            yield f"{field} {date!r} is no date; write 2023, 2023-03 or 2023-03-21"
    if line.popularity is not None and not 0 <= line.popularity <= 1:
        yield f"popularity must be from 0 to 1, not {line.popularity}"


def _faults_of_text(line: OverlayLine, id_: str) -> Iterator[str]:
    if is_own_id(id_) and not line.all_names and line.label is None:
        yield f"names is missing; {id_} needs one"
    if line.label is not None and not fold(line.label):
        yield f"label {line.label!r} has no letter and no digit"
    if line.url is not None and not _PAGE.fullmatch(line.url):
        yield f"url {line.url!r} is no address of a page; it begins with https:// or http://"


def _dates_of_offices(line: OverlayLine) -> Iterator[tuple[str, str]]:
    for held in line.offices:
        yield from (("offices", date) for date in (held.start, held.end) if date is not None)


def _check_ids(told: Sequence[Told]) -> None:
    """Refuses an id that two lines tell of, or one that is told of and forbidden."""
    places: dict[str, str] = {}
    for one in told:
        id_ = one.line.id
        if id_ is None or (one.line.never and one.line.all_names):
            continue
        if id_ in places:
            raise one.wrong(f"id {id_} is that of {places[id_]} too; say all of it in one line")
        places[id_] = one.where.rpartition(", ")[2]
