"""From rows to documents, and to what tells why a row is none."""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any, Literal

import msgspec

from nedsvc.bulk.inputs import Columns, Place, Row
from nedsvc.errors import InvalidInput, NedError, TooLarge
from nedsvc.html import article
from nedsvc.models import Document, Offsets, Span, read_date
from nedsvc.offsets import code_point_spans

Markup = Literal["text", "html"]

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
        for name in self.keep:
            if name in OWN_FIELDS:
                raise InvalidInput("keep", f"{name} is a field of the answer itself")
        if self.date is not None:
            read_date(self.date)


class Record(msgspec.Struct, frozen=True):
    """A document with its place and the fields that are passed through, or why there is none.

    `shows_text` says that the document's text is not what was given, and so belongs to the answer.
    """

    place: Place
    id: str | None
    document: Document | None = None
    kept: Mapping[str, Any] = {}
    shows_text: bool = False
    error: NedError | None = None


def records(rows: Iterable[Row], manner: Manner) -> Iterator[Record]:
    """The records of rows, in their order."""
    return (record(row, manner) for row in rows)


def record(row: Row, manner: Manner) -> Record:
    """The record of a row."""
    id_ = _id(row.fields.get(manner.columns.id))
    if row.error:
        return Record(row.place, id_, error=row.error)
    try:
        markup = row.fields.get("input") or manner.input
        document = _document(row.fields, id_, markup, manner)
    except NedError as error:
        return Record(row.place, id_, error=error)
    kept = {name: row.fields[name] for name in manner.keep if name in row.fields}
    return Record(row.place, id_, document, kept, shows_text=markup == "html")


def _document(fields: Mapping[str, Any], id_: str | None, markup: object, manner: Manner) -> Document:
    text = fields.get(manner.columns.text)
    if not isinstance(text, str):
        raise InvalidInput(manner.columns.text, "is missing" if text is None else "must be a string")
    if len(text) > manner.most or len(text.encode("utf-8", "surrogatepass")) > manner.most:
        raise TooLarge(manner.columns.text, f"may have {manner.most} bytes; split it, or raise NEDSVC_MAX_TEXT")
    if markup not in {"text", "html"}:
        raise InvalidInput("input", f"must be text or html, not {markup!r}")
    if markup == "html":
        text = article(text)
    given = fields.get("mentions")
    return Document(
        text=text,
        id=id_,
        language=_string("language", fields.get("language")) or manner.language,
        date=(_day(fields.get("date")) or manner.date) if manner.dated else None,
        mentions=None if given is None else code_point_spans(text, _spans(given), manner.offsets),
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
