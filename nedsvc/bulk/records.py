"""From rows to documents, and to what tells why a row is none."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

import msgspec

from nedsvc.bulk.inputs import Columns, Place, Row
from nedsvc.errors import InvalidInput, NedError
from nedsvc.models import Markup, Offsets, Options, Span, read_date
from nedsvc.reading import Asked, check_size

OWN_FIELDS = frozenset({"id", "language", "index", "mentions", "date", "roles", "error"})


class Manner(msgspec.Struct, frozen=True, kw_only=True):
    """How rows are read: their columns, what their texts are, the language and day of those that name none.

    `dated` says whether the days of the texts are wanted. `keep` names the fields that are passed through, `most` is
    how many bytes a text may have, and `offsets` the unit of the spans that a row may give.
    """

    columns: Columns = Columns()
    input: Markup = "text"
    language: str = "en"
    date: str | None = None
    dated: bool = False
    offsets: Offsets = "codepoint"
    keep: tuple[str, ...] = ()
    most: int = 1_000_000

    def __post_init__(self) -> None:
        if len(set(self.keep)) < len(self.keep) or "" in self.keep:
            raise InvalidInput("keep", "must name fields, each once")
        for name in self.keep:
            if name in OWN_FIELDS:
                raise InvalidInput("keep", f"{name} is a field of the answer itself")
        if self.date is not None:
            read_date(self.date)


def manner_of(options: Options, most: int, columns: Columns, input: Markup, language: str, date: str | None) -> Manner:
    """How rows are read for these options: texts of at most `most` bytes, the other columns passed through."""
    return Manner(
        columns=columns,
        input=input,
        language=language,
        date=date,
        dated=options.roles,
        offsets=options.offsets,
        keep=columns.others,
        most=most,
    )


class Record(msgspec.Struct, frozen=True):
    """What is asked for at a place, with the fields that are passed through; or why nothing is."""

    place: Place
    id: str | None
    asked: Asked | None = None
    kept: Mapping[str, Any] = {}
    error: NedError | None = None


def record(row: Row, manner: Manner) -> Record:
    """The record of a row."""
    id_ = _id(row.fields.get(manner.columns.id))
    if row.error:
        return Record(row.place, id_, error=row.error)
    try:
        asked = _asked(row.fields, manner)
    except NedError as error:
        return Record(row.place, id_, error=error)
    # Of a page the article is shown, and not the page.
    kept = {name: row.fields[name] for name in manner.keep if name in row.fields and not _is_shown(name, asked)}
    return Record(row.place, id_, asked, kept)


def _is_shown(name: str, asked: Asked) -> bool:
    return name == "text" and asked.shows_text


def _asked(fields: Mapping[str, Any], manner: Manner) -> Asked:
    text = fields.get(manner.columns.text)
    if not isinstance(text, str):
        raise InvalidInput(manner.columns.text, "is missing" if text is None else "must be a string")
    check_size(manner.columns.text, text, manner.most)
    markup = fields.get("input") or manner.input
    if markup not in {"text", "html"}:
        raise InvalidInput("input", f"must be text or html, not {markup!r}")
    given = fields.get("mentions")
    return Asked(
        text=text,
        input=markup,
        language=_string("language", fields.get("language")) or manner.language,
        date=(_day(fields.get("date")) or manner.date) if manner.dated else None,
        spans=None if given is None else _spans(given),
        offsets=manner.offsets,
    )


def _id(value: object) -> str | None:
    return value if value is None or isinstance(value, str) else str(value)


def _string(field: str, value: object) -> str | None:
    if value is not None and not isinstance(value, str):
        raise InvalidInput(field, f"must be a string, not {type(value).__name__}")
    return value


def _day(value: object) -> str | None:
    """The day of a date, which may tell the time too."""
    written = value.isoformat() if isinstance(value, date) else _string("date", value)
    return written and re.sub(r"[T ]\d\d:.*", "", written)


def _spans(value: object) -> list[Span]:
    try:
        return msgspec.convert(value, list[Span])
    except msgspec.ValidationError as error:
        raise InvalidInput("mentions", f'must be a list of {{"start": …, "end": …}} ({error})') from error
