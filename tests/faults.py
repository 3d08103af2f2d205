"""What goes wrong on demand at a server on loopback, and the answers that tell of it, as Wikimedia writes them."""

import json
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

Json = dict[str, Any]
Params = Mapping[str, str]

JSON = {"Content-Type": "application/json; charset=utf-8"}
HTML = {"Content-Type": "text/html; charset=utf-8"}
ALL_FAULTS = ("429", "503", "500", "maxlag", "html", "half", "hang", "reset")
_SEE = (
    "See {url} for API usage. Subscribe to the mediawiki-api-announce mailing list at "
    "&lt;https://lists.wikimedia.org/postorius/lists/mediawiki-api-announce.lists.wikimedia.org/&gt; "
    "for notice of API deprecations and breaking changes."
)


class Answer(NamedTuple):
    """An answer before it is packed."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Fault(msgspec.Struct, frozen=True):
    """What goes wrong with one request.

    `kind` is one of `ALL_FAULTS` or "403", the refusal of a generic User-Agent. `half` ends in the middle of the body,
    `hang` says nothing for so many `seconds` and hangs up, `reset` breaks the connection. `retry_after` goes with 429,
    503 and maxlag; None is what production says.
    """

    kind: str
    retry_after: str | None = None
    seconds: float = 30.0


class Faults(msgspec.Struct, frozen=True, kw_only=True):
    """A share of the requests goes wrong, each in one of the ways; which do depends on the seed and their number."""

    share: float
    kinds: Sequence[str] = ALL_FAULTS
    seed: int = 0
    retry_after: str | None = None
    seconds: float = 30.0

    def __call__(self, number: int, params: Params) -> Fault | None:
        chance = random.Random(f"{self.seed} {number}")
        if chance.random() >= self.share:
            return None
        return Fault(chance.choice(self.kinds), self.retry_after, self.seconds)


FaultPlan = Callable[[int, Params], Fault | str | None]


class ApiError(Exception):
    """An error as MediaWiki reports it, with HTTP 200."""

    def __init__(self, code: str, info: str, **data: Any) -> None:
        super().__init__(info)
        self._code = code
        self._info = info
        self._data = data

    def answer(self, params: Params, url: str = "http://127.0.0.1/w/api.php") -> Answer:
        """The answer in the wanted `formatversion` and `errorformat`."""
        see = {"docref" if params.get("formatversion") == "2" else "*": _SEE.format(url=url)}
        said: Json
        if params.get("errorformat", "bc") == "bc":
            said = {"error": {"code": self._code, "info": self._info, **self._data, **see}}
        else:
            text = {} if params["errorformat"] == "none" else {"text": self._info}
            data = {"data": self._data} if self._data else {}
            said = {"errors": [{"code": self._code, **text, **data, "module": "main"}], **see}
        body = msgspec.json.encode(said | {"servedby": "loopback"})
        return Answer(200, JSON | {"MediaWiki-API-Error": self._code}, body)


def faulty_answer(fault: Fault, params: Params) -> Answer:
    """What comes instead of the answer, for the faults that have something to say."""
    if fault.kind == "maxlag":
        return _maxlag(fault, params)
    status, headers, body = {
        "429": (429, HTML, "<!DOCTYPE html><title>Too Many Requests</title><p>Too many requests."),
        "503": (503, HTML, "<!DOCTYPE html><title>Wikimedia Error</title><p>Our servers are under maintenance."),
        "500": (500, HTML | {"MediaWiki-API-Error": f"internal_api_error_{_DATABASE_DOWN}"}, _NO_DATABASE),
        "403": (403, {"Content-Type": "text/plain"}, "Please set a user-agent and respect our robot policy.\n"),
        "html": (200, HTML, "<!DOCTYPE html><title>Wikimedia</title><p>This is no JSON."),
    }[fault.kind]
    wait = fault.retry_after or ("18" if fault.kind == "429" else None)
    return Answer(status, headers | ({"Retry-After": wait} if wait and status in {429, 503} else {}), body.encode())


_DATABASE_DOWN = r"Wikimedia\Rdbms\DBConnectionError"
_NO_DATABASE = (
    json.dumps(
        {
            "error": {
                "code": "internal_api_error_DBConnectionError",
                "info": f"[695aa430219dba5ebc5a9361] Caught exception of type {_DATABASE_DOWN}",
                "errorclass": _DATABASE_DOWN,
            },
            "servedby": "loopback",
        }
    )
    + "<!DOCTYPE html>\n<html><body><h1>Sorry! This site is experiencing technical difficulties.</h1></body></html>"
)


def _maxlag(fault: Fault, params: Params) -> Answer:
    wait = fault.retry_after or "5"
    error = ApiError(
        "maxlag",
        "Waiting for wdqs1013: 7.2833333333333 seconds lagged.",
        host="wdqs1013",
        lag=7.283333333333333,
        type="wikibase-queryservice",
        queryserviceLag=437,
    )
    status, headers, body = error.answer(params)
    return Answer(status, {**headers, "Retry-After": wait, "X-Database-Lag": "7"}, body)
