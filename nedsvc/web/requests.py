"""What clients may ask for, and how their JSON and parameters become it."""

from collections.abc import Mapping
from typing import TypeVar

import msgspec

from nedsvc.errors import InvalidInput
from nedsvc.models import EntityType, Options, Query, Span

MOST_QUERIES = 1000
MOST_CANDIDATES = 100

Request = TypeVar("Request")


class AnnotateRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A text to annotate. With `mentions`, just those spans are disambiguated, given in `options.offsets`."""

    text: str
    language: str = "en"
    mentions: tuple[Span, ...] | None = None
    options: Options = Options()


class LookupRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A name to look up."""

    mention: str
    context: str | None = None
    type: EntityType | None = None
    language: str = "en"
    limit: int = 5

    def query(self) -> Query:
        """The name with what surrounds it. Raises `InvalidInput`."""
        return Query(mention=self.mention, context=self.context, type=self.type)


class LookupBatchRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Many names to look up."""

    queries: tuple[Query, ...]
    language: str = "en"
    limit: int = 5


def read_json(body: bytes, type_: type[Request]) -> Request:
    """The request in a JSON body. Raises `InvalidInput` with the field that is at fault."""
    try:
        return msgspec.json.decode(body, type=type_)
    except msgspec.ValidationError as error:
        raise _at_field(error) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidInput("body", f"is not JSON ({error})") from error


def read_parameters(parameters: Mapping[str, str], type_: type[Request]) -> Request:
    """The request in the parameters of an address. Raises `InvalidInput` with the one that is at fault."""
    try:
        return msgspec.convert(dict(parameters), type_, strict=False)
    except msgspec.ValidationError as error:
        raise _at_field(error) from error


def _at_field(error: msgspec.ValidationError) -> InvalidInput:
    """The error with the field that msgspec names in its message ("… - at `$.options.limit`")."""
    reason, _, path = str(error).partition(" - at `$")
    path = path.rstrip("`").lstrip(".")
    if isinstance(error.__cause__, InvalidInput):
        inner = error.__cause__
        return InvalidInput(".".join(filter(None, (path, inner.field))), inner.reason)
    return InvalidInput(path or "body", reason[:1].lower() + reason[1:])
