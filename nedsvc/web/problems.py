"""Errors as `application/problem+json` (RFC 9457): the one map from errors to HTTP."""

import logging

import msgspec
from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException

from nedsvc.errors import InvalidInput, ModelNotInstalled, SourceUnavailable, TooLarge

_log = logging.getLogger(__name__)

_RETRY_AFTER = 30  # seconds


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What went wrong; `field` names what is at fault in the request."""

    title: str
    status: int
    detail: str
    field: str | None = None


def problem(status: int, title: str, detail: str, field: str | None = None) -> Response:
    """The response for a problem."""
    body = msgspec.json.encode(Problem(title=title, status=status, detail=detail, field=field))
    return Response(body, status=status, content_type="application/problem+json")


def try_later(title: str, detail: str) -> Response:
    """The response where the same request may work in a while."""
    response = problem(503, title, detail)
    response.headers["Retry-After"] = str(_RETRY_AFTER)
    return response


def report_problems(app: Flask) -> None:
    """Makes every error of the app a problem; no answer carries a stack trace."""
    app.register_error_handler(TooLarge, _too_large)
    app.register_error_handler(InvalidInput, _invalid_input)
    app.register_error_handler(SourceUnavailable, _unavailable)
    app.register_error_handler(ModelNotInstalled, _not_installed)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _unexpected)


def _too_large(error: TooLarge) -> Response:
    return problem(413, error.title, f"{error.field} {error.reason}", error.field)


def _invalid_input(error: InvalidInput) -> Response:
    return problem(422, error.title, f"{error.field}: {error.reason}", error.field)


def _unavailable(error: SourceUnavailable) -> Response:
    return try_later(error.title, str(error))


def _not_installed(error: ModelNotInstalled) -> Response:
    return problem(501, error.title, str(error))


def _http_error(error: HTTPException) -> Response:
    field = "body" if error.code == 413 else None
    response = problem(error.code or 500, error.name, error.description or error.name, field)
    if error.code == 405 and hasattr(error, "valid_methods"):
        response.headers["Allow"] = ", ".join(error.valid_methods or ())
    return response


def _unexpected(error: Exception) -> Response:
    _log.error("request %s to %s failed", g.request_id, request.path, exc_info=error)
    return problem(500, "Internal error", f"this is a fault of the service; its log has it as request {g.request_id}")
