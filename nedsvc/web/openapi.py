"""The OpenAPI document, made of the same types that read requests and write answers."""

from typing import Any

import msgspec

from nedsvc import __version__
from nedsvc.answers import DocumentAnswer, EntityDetails, FailedAnswer, LookupAnswer
from nedsvc.web.problems import Problem
from nedsvc.web.requests import AnnotateLine, AnnotateRequest, LookupBatchRequest, LookupRequest

JSON = "application/json"
JSON_LINES = "application/x-ndjson"


class LookupBatchAnswer(msgspec.Struct, frozen=True):
    """What each name means, in the order of the queries."""

    results: tuple[LookupAnswer, ...]


class Health(msgspec.Struct, frozen=True):
    """Whether the service is alive."""

    status: str


class Readiness(msgspec.Struct, frozen=True):
    """What the service has to work with; `status` is "ready" or "degraded".

    `reload` is there where the last one failed.
    """

    status: str
    index: str
    cache: str
    reload: str = ""


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """A route: what it reads (a JSON body or parameters of the address) and what it answers.

    With `lines`, body and answer are lines of JSON, and a line of the answer may be `failed` instead.
    """

    method: str
    path: str
    summary: str
    answer: type
    body: type | None = None
    parameters: type | None = None
    path_parameter: str | None = None
    errors: tuple[int, ...] = ()
    tells_cache: bool = False
    lines: bool = False
    failed: type | None = None


OPERATIONS = (
    Operation(
        method="post",
        path="/v1/annotate",
        summary="Link what a text names",
        body=AnnotateRequest,
        answer=DocumentAnswer,
        errors=(413, 422, 501),
        tells_cache=True,
    ),
    Operation(
        method="post",
        path="/v1/annotate/batch",
        summary="Link what many texts name; each line is answered by one, in their order, while others are sent",
        body=AnnotateLine,
        answer=DocumentAnswer,
        failed=FailedAnswer,
        errors=(503, 505),
        tells_cache=True,
        lines=True,
    ),
    Operation(
        method="get",
        path="/v1/lookup",
        summary="Tell what a name means, or who bears an identifier",
        parameters=LookupRequest,
        answer=LookupAnswer,
        errors=(413, 422, 503),
        tells_cache=True,
    ),
    Operation(
        method="post",
        path="/v1/lookup/batch",
        summary="Tell what many names mean",
        body=LookupBatchRequest,
        answer=LookupBatchAnswer,
        errors=(413, 422),
        tells_cache=True,
    ),
    Operation(
        method="get",
        path="/v1/entities/{qid}",
        summary="Show an entity",
        path_parameter="qid",
        answer=EntityDetails,
        errors=(404, 422, 503),
        tells_cache=True,
    ),
    Operation(method="get", path="/healthz", summary="Tell whether the service is alive", answer=Health),
    Operation(method="get", path="/readyz", summary="Tell what the service has to work with", answer=Readiness),
)

# What a parameter's name and type leave open.
_ABOUT = {
    "mention": "A name; give this, or a property and its value",
    "context": "A text around the name",
    "type": "What the name is known to be",
    "property": "The Wikidata property of an identifier, such as P496 (ORCID iD); goes with value",
    "value": "The identifier, as Wikidata has it",
    "language": "The language of the name, or auto",
    "limit": "How many candidates to give",
}


def openapi_document() -> dict[str, Any]:
    """The document (OpenAPI 3.1, whose schemas are JSON Schema 2020-12)."""
    types = {
        type_
        for operation in OPERATIONS
        for type_ in (operation.answer, operation.failed, operation.body, operation.parameters)
        if type_ is not None
    }
    ordered = sorted({*types, Problem}, key=lambda type_: type_.__name__)
    schemas, components = msgspec.json.schema_components(ordered, ref_template="#/components/schemas/{name}")
    references = dict(zip(ordered, schemas, strict=True))
    return {
        "openapi": "3.1.0",
        "info": {"title": "nedsvc", "version": __version__, "summary": "Text in, Wikidata IDs out"},
        "paths": {operation.path: {operation.method: _operation(operation, references)} for operation in OPERATIONS},
        "components": {"schemas": components},
    }


def _operation(operation: Operation, references: dict[type, dict[str, Any]]) -> dict[str, Any]:
    answers = {"200": _answer(*_success(operation, references), operation)}
    for status in (*map(str, operation.errors), "default"):
        answers[status] = _answer("What went wrong", "application/problem+json", references[Problem], None)
    if "503" in answers:
        seconds = {"type": "integer", "minimum": 0}
        answers["503"]["headers"] = {"Retry-After": {"description": "Seconds until it may work", "schema": seconds}}
    described: dict[str, Any] = {"summary": operation.summary, "responses": answers}
    if operation.body:
        media, told = (JSON_LINES, {"description": "Lines, each of which is this"}) if operation.lines else (JSON, {})
        content = {media: {"schema": references[operation.body]}}
        described["requestBody"] = {"required": True, "content": content} | told
    parameters = _parameters(operation)
    if parameters:
        described["parameters"] = parameters
    return described


def _success(operation: Operation, references: dict[type, dict[str, Any]]) -> tuple[str, str, dict[str, Any]]:
    """What is said of the answer where all goes well: a description, its media type and its schema."""
    schema = references[operation.answer]
    if operation.failed:
        schema = {"anyOf": [schema, references[operation.failed]]}
    return ("Lines, each of which is this", JSON_LINES, schema) if operation.lines else ("The answer", JSON, schema)


def _answer(description: str, media: str, schema: dict[str, Any], operation: Operation | None) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": description, "content": {media: {"schema": schema}}}
    if operation and operation.tells_cache:
        outcomes = {"type": "string", "enum": ["hit", "miss", "bypass"]}
        answer["headers"] = {"X-Nedsvc-Cache": {"description": "Where it came from", "schema": outcomes}}
    return answer


def _about(name: str) -> dict[str, str]:
    return {"description": _ABOUT[name]} if name in _ABOUT else {}


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    if operation.path_parameter:
        schema = {"type": "string", "pattern": "^(Q[1-9][0-9]{0,9}|[A-Za-z][A-Za-z0-9_-]*:[A-Za-z0-9_.-]+)$"}
        return [{"name": operation.path_parameter, "in": "path", "required": True, "schema": schema}]
    if operation.parameters is None:
        return []
    (_,), components = msgspec.json.schema_components([operation.parameters])
    schema = components[operation.parameters.__name__]
    required = schema.get("required", ())
    return [
        {"name": name, "in": "query", "required": name in required, "schema": part} | _about(name)
        for name, part in schema["properties"].items()
    ]
