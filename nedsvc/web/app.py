"""The Flask application: routes that read a request, ask the service and send its reply."""

import re
from secrets import token_hex
from threading import Semaphore

import msgspec
from flask import Flask, Response, g, request
from werkzeug.exceptions import RequestEntityTooLarge

from nedsvc.lines import longest_line
from nedsvc.web.batch import Batch
from nedsvc.web.openapi import JSON, JSON_LINES, openapi_document
from nedsvc.web.pages import pages
from nedsvc.web.problems import problem, report_problems, try_later
from nedsvc.web.requests import AnnotateRequest, LookupBatchRequest, LookupRequest, read_json, read_parameters
from nedsvc.web.service import Reply, Service

MOST_BATCHES = 6  # at a time in a process: each keeps a thread until its client is done, and there are eight
_NEEDS_CHUNKS = (
    "a batch needs HTTP/1.1, in which a whole answer can be told from one that broke off; "
    "behind nginx set proxy_http_version 1.1"
)
_REQUEST_ID = re.compile(r"[\w.-]{1,64}", re.ASCII)


def create_app(service: Service, max_text: int) -> Flask:
    """The application over a service, for texts of at most `max_text` bytes."""
    app = Flask(__name__, static_folder=None)
    app.url_map.merge_slashes = False  # which would redirect
    app.config["MAX_CONTENT_LENGTH"] = longest_line(max_text)
    report_problems(app)
    app.before_request(_name_request)
    app.after_request(_send_request_name)
    _add_api(app, service)
    _add_health(app, service)
    app.register_blueprint(pages())
    return app


def _add_api(app: Flask, service: Service) -> None:
    batches = Semaphore(MOST_BATCHES)

    @app.post("/v1/annotate")
    def annotate() -> Response:
        return _send(service.annotate(read_json(_body(), AnnotateRequest)))

    @app.post("/v1/annotate/batch")
    def annotate_batch() -> Response:
        if request.environ["SERVER_PROTOCOL"] == "HTTP/1.0":
            return problem(505, "HTTP version not supported", _NEEDS_CHUNKS)
        if not batches.acquire(blocking=False):
            return try_later("Too many batches", f"{MOST_BATCHES} are on their way in this process; try again later")
        response = Response(Batch(service, g.request_id).answers(request.environ), content_type=JSON_LINES)
        response.call_on_close(batches.release)
        response.headers["X-Nedsvc-Cache"] = "bypass"
        response.headers["X-Accel-Buffering"] = "no"  # nginx would keep answers back until it has more of them
        return response

    @app.get("/v1/lookup")
    def lookup() -> Response:
        return _send(service.lookup(read_parameters(request.args, LookupRequest)))

    @app.post("/v1/lookup/batch")
    def lookup_batch() -> Response:
        return _send(service.lookup_batch(read_json(_body(), LookupBatchRequest)))

    @app.get("/v1/entities/<qid>")
    def entity(qid: str) -> Response:
        body = service.entity(qid)
        if body is None:
            return problem(404, "Unknown entity", f"{qid} is not in the index", "qid")
        return _send(Reply(body, "bypass"))  # reading it takes no longer than asking a cache


def _add_health(app: Flask, service: Service) -> None:
    document = msgspec.json.encode(openapi_document())

    @app.get("/healthz")
    def healthz() -> Response:
        return Response(b'{"status":"ok"}', content_type=JSON)

    @app.get("/readyz")
    def readyz() -> Response:
        return Response(msgspec.json.encode(service.readiness()), content_type=JSON)

    @app.get("/openapi.json")
    def openapi() -> Response:
        return Response(document, content_type=JSON)


def _body() -> bytes:
    """The body of the request. One that comes in chunks is cut off at the limit, and so refused when it reaches it."""
    body = request.get_data(cache=False)
    if request.content_length is None and len(body) >= (request.max_content_length or len(body) + 1):
        raise RequestEntityTooLarge
    return body


def _send(reply: Reply) -> Response:
    response = Response(reply.body, content_type=JSON)
    response.headers["X-Nedsvc-Cache"] = reply.cache
    return response


def _name_request() -> None:
    given = request.headers.get("X-Request-Id", "")
    g.request_id = given if _REQUEST_ID.fullmatch(given) else token_hex(8)


def _send_request_name(response: Response) -> Response:
    response.headers["X-Request-Id"] = g.request_id
    return response
