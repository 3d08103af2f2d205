"""What clients may ask for, and how their JSON and parameters become it."""

import re
from typing import TypeVar

import msgspec
from werkzeug.datastructures import MultiDict

from nedsvc.errors import InvalidInput
from nedsvc.models import EntityType, Markup, Options, Query, Span
from nedsvc.reading import Asked

MOST_QUERIES = 1000
MOST_CANDIDATES = 100

# How msgspec words what it misses or does not know.
_MISSING = re.compile(r"Object missing required field `(.*)`")
_UNKNOWN = re.compile(r"Object contains unknown field `(.*)`")

Request = TypeVar("Request")


class AnnotateRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A text to annotate. With `mentions`, just those spans are disambiguated, given in `options.offsets`.

    `date` is the day on which it was written (2023-03-21), for `options.roles`. With `input` "html" the text is a page,
    of which the article is read; that is the `text` of the answer, and what `mentions` are in.
    """

    text: str
    input: Markup = "text"
    language: str = "en"
    date: str | None = None
    mentions: tuple[Span, ...] | None = None
    options: Options = Options()

    def asked(self) -> Asked:
        """What is to be read."""
        return Asked(
            text=self.text,
            input=self.input,
            language=self.language,
            date=self.date,
            spans=self.mentions,
            offsets=self.options.offsets,
        )


class AnnotateLine(AnnotateRequest, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A line of a batch: a text to annotate, with an id for its answer."""

    id: str | int | None = None


class LookupRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A name to look up, or an identifier: a property and its value, such as P496 and an ORCID iD."""

    mention: str | None = None
    context: str | None = None
    type: EntityType | None = None
    property: str | None = None
    value: str | None = None
    language: str = "en"
    limit: int = 5

    def __post_init__(self) -> None:
        if self.property is None and self.value is None:
            if self.mention is None:
                raise InvalidInput("mention", "is missing; give a name, or a property and its value")
            return
        if self.property is None or self.value is None:
            missing = "property" if self.property is None else "value"
            raise InvalidInput(missing, "is missing; an identifier is looked up by a property and its value")
        for field in ("mention", "context", "type"):
            if getattr(self, field) is not None:
                raise InvalidInput(field, "does not go with a property; look up a name or an identifier")

    def query(self) -> Query:
        """The name with what surrounds it. Raises `InvalidInput`."""
        return Query(mention=self.mention or "", context=self.context, type=self.type)


class LookupBatchRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Many names to look up."""

    queries: tuple[Query, ...]
    language: str = "en"
    limit: int = 5


def read_json(content: bytes, type_: type[Request], name: str = "body") -> Request:
    """The request in JSON that is called by a name. Raises `InvalidInput` with the field that is at fault."""
    try:
        return msgspec.json.decode(content, type=type_)
    except msgspec.ValidationError as error:
        raise _at_field(error, name) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(name, f"is not JSON ({error})") from error


def read_parameters(parameters: MultiDict[str, str], type_: type[Request]) -> Request:
    """The request in the parameters of an address. Raises `InvalidInput` with the one that is at fault."""
    for name, values in parameters.lists():
        if len(values) > 1:
            raise InvalidInput(name, f"is given {len(values)} times; give it once")
    try:
        return msgspec.convert(parameters.to_dict(), type_, strict=False)
    except msgspec.ValidationError as error:
        raise _at_field(error) from error


def _at_field(error: msgspec.ValidationError, whole: str = "body") -> InvalidInput:
    """The error with the field that msgspec names in its message ("… - at `$.options.limit`")."""
    reason, _, path = str(error).partition(" - at `$")
    path = path.rstrip("`").lstrip(".")
    if isinstance(error.__cause__, InvalidInput):
        return _inside(path, error.__cause__.field, error.__cause__.reason)
    if missing := _MISSING.fullmatch(reason):
        return _inside(path, missing[1], "is missing")
    if unknown := _UNKNOWN.fullmatch(reason):
        return _inside(path, unknown[1], "is unknown here")
    return InvalidInput(path or whole, reason[:1].lower() + reason[1:])


def _inside(path: str, field: str, reason: str) -> InvalidInput:
    return InvalidInput(f"{path}.{field}" if path else field, reason)
