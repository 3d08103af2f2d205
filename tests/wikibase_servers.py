"""Servers on loopback that stand for Wikidata: recorded answers replayed, and its API over a slice of the sample.

`LoopbackServer` is what all have in common: a log of what was asked, and faults on demand. The last part picks slices
of the shared sample. Nothing here needs pytest: benchmarks import it too.
"""

import html
import http.client
import itertools
import json
import os
import random
import re
import socket
import struct
import threading
import time
import unicodedata
import urllib.parse
from abc import ABC, abstractmethod
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple, NoReturn, Self, cast

import msgspec
from isal import igzip
from rapidfuzz.distance import DamerauLevenshtein

from nedsvc.models import qid_number
from nedsvc.names import fold, fold_all, fold_token

Json = dict[str, Any]
Params = Mapping[str, str]

JSON = {"Content-Type": "application/json; charset=utf-8"}
HTML = {"Content-Type": "text/html; charset=utf-8"}
ALL_FAULTS = ("429", "503", "500", "maxlag", "html", "half", "hang", "reset")


# What all servers have in common


class Asked(NamedTuple):
    """A request. `params` are those of the address and of a form."""

    method: str
    path: str
    params: Params


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


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A request in the log. Times are those of `time.monotonic`; `ended` is None while it is in flight.

    It has ended when the last byte of the answer is about to leave, or when the client has hung up. `status` is 0 where
    none was sent.
    """

    arrived: float
    ended: float | None = None
    method: str
    path: str
    params: Params
    user_agent: str
    accept_encoding: str
    status: int = 0
    fault: str | None = None


class LoopbackServer(ABC):
    """An HTTP server on a free port: a context manager that keeps a log and fails as it is told.

    `faults` may be set at any time: it is called with the number of the request since the start or `clear`, from 0, and
    its parameters, and names what goes wrong. `latency` is the seconds that each answer takes. A server that could not
    make an answer raises the reason at the end of its block.
    """

    def __init__(self, *, faults: FaultPlan | None = None, latency: float = 0.0) -> None:
        self.faults = faults
        self.latency = latency
        self._lock = threading.Lock()
        self._serials = itertools.count()
        self._log: dict[int, Entry] = {}
        self._in_flight: dict[int, socket.socket] = {}
        self._most_in_flight = 0
        self._connections: set[socket.socket] = set()
        self._failures: list[Exception] = []
        self._stopped = threading.Event()

    @abstractmethod
    def answer(self, asked: Asked) -> Answer:
        """The answer where nothing goes wrong; called by many threads."""

    @property
    def root(self) -> str:
        """The address of the server, without a final slash."""
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    @property
    def log(self) -> list[Entry]:
        """What was asked so far, in the order of arrival."""
        with self._lock:
            return list(self._log.values())

    def clear(self) -> None:
        """Forgets what was asked so far."""
        with self._lock:
            self._log.clear()
            self._in_flight.clear()
            self._most_in_flight = 0

    def count(self, action: str | None = None) -> int:
        """How many requests came, or how many with this `action`; those that went wrong count too."""
        return sum(action is None or entry.params.get("action") == action for entry in self.log)

    def most_in_flight(self) -> int:
        """How many requests were at most in flight at once."""
        return self._most_in_flight

    def most_in_a_window(self, seconds: float = 60.0) -> int:
        """How many requests at most arrived within so many seconds."""
        times = [entry.arrived for entry in self.log]
        return max((bisect_left(times, begin + seconds) - i for i, begin in enumerate(times)), default=0)

    def __enter__(self) -> Self:
        self._http = _Http(self)
        threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, type_: type[BaseException] | None, *_: object) -> None:
        self._stopped.set()
        self._http.shutdown()
        with self._lock:
            for connection in self._connections:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        self._http.server_close()
        if self._failures and type_ is None:
            raise self._failures[0]

    def _arrives(self, entry: Entry, connection: socket.socket) -> tuple[int, Fault | None]:
        with self._lock:
            now = time.monotonic()
            plan = self.faults
            fault = plan(len(self._log), entry.params) if plan else None
            fault = Fault(fault) if isinstance(fault, str) else fault
            serial = next(self._serials)
            self._log[serial] = msgspec.structs.replace(entry, arrived=now, fault=fault and fault.kind)
            self._in_flight[serial] = connection
            # A client that gave up on a request may send the next before the thread of the first has noticed, or even
            # before this server has read the first.
            for other in [serial for serial, held in self._in_flight.items() if _hung_up(held)]:
                self._end(other, 0, now)
            self._most_in_flight = max(self._most_in_flight, len(self._in_flight))
        return serial, fault

    def _leaves(self, serial: int, status: int) -> None:
        with self._lock:
            self._end(serial, status, time.monotonic())

    def _end(self, serial: int, status: int, now: float) -> None:
        if self._in_flight.pop(serial, None):
            self._log[serial] = msgspec.structs.replace(self._log[serial], ended=now, status=status)

    def _idle(self, seconds: float, connection: socket.socket) -> None:
        """Waits until the time is over, the server stops, or the client has gone."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0 and not _hung_up(connection):
            if self._stopped.wait(min(left, 0.02)):
                return


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, owner: LoopbackServer) -> None:
        self.owner = owner
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no failure of the server."""


class _Handler(BaseHTTPRequestHandler):
    """Reads requests from one connection and writes the answers, or what goes wrong instead."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Http
    connection: socket.socket

    def setup(self) -> None:
        super().setup()
        with self.server.owner._lock:
            self.server.owner._connections.add(self.connection)

    def finish(self) -> None:
        with self.server.owner._lock:
            self.server.owner._connections.discard(self.connection)
        super().finish()

    def serve(self) -> None:
        owner = self.server.owner
        asked = self._asked()
        entry = Entry(
            arrived=0.0,
            method=asked.method,
            path=asked.path,
            params=asked.params,
            user_agent=self.headers.get("User-Agent", ""),
            accept_encoding=self.headers.get("Accept-Encoding", ""),
        )
        serial, fault = owner._arrives(entry, self.connection)
        try:
            if owner.latency:
                owner._idle(owner.latency, self.connection)
            self._respond(serial, asked, fault)
        except OSError:
            self.close_connection = True
        except Exception as error:
            owner._failures.append(error)
            raise
        finally:
            owner._leaves(serial, 0)

    def _asked(self) -> Asked:
        address = urllib.parse.urlsplit(self.path)
        form = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        is_form = self.headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded")
        pairs = urllib.parse.parse_qsl(address.query, keep_blank_values=True)
        if is_form:
            pairs += urllib.parse.parse_qsl(form.decode("utf-8", "replace"), keep_blank_values=True)
        return Asked(self.command, urllib.parse.unquote(address.path), dict(pairs))

    def _respond(self, serial: int, asked: Asked, fault: Fault | None) -> None:
        owner = self.server.owner
        if fault and fault.kind == "hang":
            owner._idle(fault.seconds, self.connection)
            self.close_connection = True
            return
        if fault and fault.kind == "reset":
            owner._leaves(serial, 0)
            self._reset()
            return
        halved = fault is not None and fault.kind == "half"
        answer = faulty_answer(fault, asked.params) if fault and not halved else owner.answer(asked)
        head, body = self._message(answer)
        if halved:
            body = body[: len(body) // 2]
            self.close_connection = True
        owner._leaves(serial, answer.status)
        self.wfile.write(head + body)

    def _message(self, answer: Answer) -> tuple[bytes, bytes]:
        headers, body = dict(answer.headers), answer.body
        if body and "gzip" in self.headers.get("Accept-Encoding", ""):
            headers["Content-Encoding"] = "gzip"
            body = igzip.compress(body)
        if answer.status not in {204, 304}:
            headers["Content-Length"] = str(len(body))
        lines = [f"HTTP/1.1 {answer.status} {_phrase(answer.status)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        head = "\r\n".join([*lines, "", ""]).encode("latin-1")
        return head, b"" if self.command == "HEAD" else body

    def _reset(self) -> None:
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        with self.server.owner._lock:
            self.server.owner._connections.discard(self.connection)
        os.close(self.connection.detach())  # the socket itself would be closed only after a proper goodbye

    def log_message(self, *_: object) -> None:
        """Nothing is written: there is a log."""

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = serve  # noqa: N815


def _hung_up(connection: socket.socket) -> bool:
    try:
        return connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def _phrase(status: int) -> str:
    return http.client.responses.get(status, "")


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


# Recorded answers


class Recording(msgspec.Struct, frozen=True):
    """A recorded exchange. The body is as it was before it was packed."""

    name: str
    method: str
    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    note: str | None


class _Line(msgspec.Struct):
    name: str
    method: str
    url: str
    status: int
    headers: dict[str, str]
    json: msgspec.Raw = msgspec.Raw(b"")
    text: str = ""
    note: str | None = None


_OF_THE_TRANSFER = {"content-length", "content-encoding", "transfer-encoding", "connection", "keep-alive", "date"}


class ReplayServer(LoopbackServer):
    """Gives the recorded answer to all that is asked below the address of a recording, however it is asked."""

    def __init__(self, recordings: Path, **options: Any) -> None:
        super().__init__(**options)
        self.recordings = tuple(map(_recording, recordings.read_bytes().splitlines()))
        self._numbers = {recording.name: number for number, recording in enumerate(self.recordings)}

    def url_of(self, name: str) -> str:
        """The address of the API that answers with this recording."""
        return f"{self.root}/{self._numbers[name]}/w/api.php"

    def answer(self, asked: Asked) -> Answer:
        """The recording that the address names."""
        recording = self.recordings[int(asked.path.split("/")[1])]
        return Answer(recording.status, recording.headers, recording.body)


def _recording(content: bytes) -> Recording:
    line = msgspec.json.decode(content, type=_Line)
    headers = {name: value for name, value in line.headers.items() if name.lower() not in _OF_THE_TRANSFER}
    body = msgspec.json.format(bytes(line.json), indent=-1) if bytes(line.json) else line.text.encode()
    return Recording(line.name, line.method, line.url, line.status, headers, body, line.note)


# The API over a slice of the sample

_API_PATH = "/w/api.php"
_ID = re.compile(r"[QqPp][1-9][0-9]{0,9}")
_ID_IN_SEARCH = re.compile(r"\W*(?:https?://\S+/entity/)?(Q[1-9][0-9]{0,9})\W*", re.IGNORECASE)
_LARGEST_ID = 2**31 - 1
_MOST_IDS = 50
_MOST_CONTINUED = 50
_MODIFIED = "2026-11-24T03:40:51Z"
_SEE = (
    "See {url} for API usage. Subscribe to the mediawiki-api-announce mailing list at "
    "&lt;https://lists.wikimedia.org/postorius/lists/mediawiki-api-announce.lists.wikimedia.org/&gt; "
    "for notice of API deprecations and breaking changes."
)
# The languages that the API knows, apart from others in which the items have texts.
_LANGUAGES = """
mul aa ab af ak als am an ang ar arc ary arz as ast av ay az azb ba bar bcl be be-tarask bg bho bm bn bo br bs ca ce
ceb ch chr ckb co cr crh cs cv cy da de de-at de-ch dsb dv dz ee el en en-ca en-gb en-us eo es et eu fa ff fi fj fo
fr frr fur fy ga gan gd gl gn got gsw gu gv ha hak haw he hi hif hr hsb ht hu hy ia id ie ig ik ilo io is it iu ja
jam jbo jv ka kaa kab kg ki kk kl km kn ko koi krc ks ku kv kw ky la lad lb lez lg li lij lmo ln lo lt lv lzh mai mdf
mg mhr mi min mk ml mn mr mrj ms mt mwl my mzn na nah nan nap nb nds ne new nl nn no nov nrm nv ny oc om or os pa pam
pap pcd pl pms pnb ps pt pt-br qu rm rn ro ru rue rw sa sah sc scn sco sd se sg sh si simple sk sl sm sn so sq sr
sr-ec sr-el ss st stq su sv sw szl ta te tet tg th ti tk tl tn to tpi tr ts tt tw ty tyv udm ug uk ur uz ve vec vep
vi vls vo vro wa war wo wuu xal xh yi yo yue za zea zh zh-cn zh-hans zh-hant zh-hk zh-tw zu
"""
_PROPS = ("info", "sitelinks", "aliases", "labels", "descriptions", "claims", "datatype")
_OF_EVERY_ACTION = """
action format formatversion maxlag smaxage maxage uselang errorformat errorlang errorsuselocal requestid servedby
curtimestamp responselanginfo origin assert assertuser ascii utf8 callback
"""
_OF_ACTION = {
    "wbsearchentities": "search language strictlanguage type limit continue props profile",
    "wbgetentities": "ids sites titles redirects props languages languagefallback normalize sitefilter",
    "query": "list prop meta titles continue srsearch srnamespace srlimit sroffset srwhat srinfo srprop srsort",
}


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
        return Answer(200, JSON | {"MediaWiki-API-Error": self._code}, _encoded(said | {"servedby": "loopback"}))


class _Call:
    """The parameters of a request, read as MediaWiki reads them, and the warnings that came of it."""

    def __init__(self, params: Params, module: str) -> None:
        self.params = params
        self._module = module
        self._is_new = params.get("formatversion") == "2"
        self._warnings: dict[str, list[str]] = defaultdict(list)

    def required(self, name: str) -> str:
        if not self.params.get(name):
            raise ApiError("missingparam", f'The "{name}" parameter must be set.')
        return self.params[name]

    def flag(self, name: str) -> bool:
        return name in self.params

    def integer(self, name: str, default: int, least: int, most: int) -> int:
        text = self.params.get(name, str(default))
        if text == "max":
            return most
        if not re.fullmatch(r"-?[0-9]+", text):
            raise ApiError("badinteger", f'Invalid value "{text}" for integer parameter "{name}".')
        if not least <= int(text) <= most:
            self.warn(f'The value "{text}" for parameter "{name}" must be between {least} and {most:,}.')
        return min(max(int(text), least), most)

    def one_of(self, name: str, value: str, known: Container[str]) -> str:
        if value not in known:
            raise ApiError("badvalue", f'Unrecognized value for parameter "{name}": {value}.')
        return value

    def several(self, name: str, known: Container[str]) -> list[str] | None:
        """The known ones of many values; None where the parameter is absent."""
        if name not in self.params:
            return None
        values = split_values(self.params[name])
        unknown = [value for value in values if value not in known]
        if unknown:
            self.warn(f'Unrecognized value{"s"[: len(unknown) - 1]} for parameter "{name}": {", ".join(unknown)}')
        return [value for value in values if value in known]

    def warn(self, text: str, module: str | None = None) -> None:
        self._warnings[module or self._module].append(text)

    def warnings(self) -> Json:
        if not self._warnings:
            return {}
        key = "warnings" if self._is_new else "*"
        return {"warnings": {module: {key: "\n".join(texts)} for module, texts in self._warnings.items()}}

    def complete(self) -> Json:
        return {"batchcomplete": True if self._is_new else ""}


def split_values(value: str) -> list[str]:
    """The values in a parameter that holds several; none where it is empty."""
    if value.startswith("\x1f"):
        return value[1:].split("\x1f")
    return value.split("|") if value else []


class SampleWikibase(LoopbackServer):
    """Wikidata's API over some items, given as the entities of its dump are.

    Knows `wbsearchentities`, `query` with `list=search`, and `wbgetentities`. `redirects` are ids that became others.
    An answer with entities never has more than `most_bytes` of them: what does not fit is left out with a warning.
    """

    def __init__(
        self,
        items: Iterable[Json],
        *,
        redirects: Mapping[str, str] | None = None,
        most_bytes: int = 8 << 20,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self._items = _Items(items)
        self._redirects = dict(redirects or {})
        self._most_bytes = most_bytes
        self._languages = self._items.languages.union(_LANGUAGES.split())
        self._actions: dict[str, Callable[[Params], Json]] = {
            "wbsearchentities": self._search_entities,
            "wbgetentities": self._get_entities,
            "query": self._query,
        }

    @property
    def url(self) -> str:
        """The address of the API."""
        return self.root + _API_PATH

    def answer(self, asked: Asked) -> Answer:
        """What MediaWiki would answer."""
        params = asked.params
        if asked.path != _API_PATH:
            return Answer(404, HTML, b"not found")
        if params.get("format") != "json" or "action" not in params:
            return Answer(200, HTML, b"<!DOCTYPE html>\n<title>MediaWiki API result</title>")
        try:
            return Answer(200, JSON, _encoded(self._content(asked)))
        except ApiError as error:
            answer = error.answer(params, self.url)
            return answer._replace(status=405) if asked.method not in _METHODS else answer

    def _content(self, asked: Asked) -> Json:
        params = asked.params
        if asked.method not in _METHODS:
            raise ApiError("invalidmethod", "Invalid HTTP method. Consider using GET or POST.")
        call = _Call(params, "main")
        action = call.one_of("action", params["action"], self._actions)
        call.integer("maxlag", 5, -1, _LARGEST_ID)
        unknown = [name for name in params if name not in (_OF_EVERY_ACTION + _OF_ACTION[action]).split()]
        if unknown:
            call.warn(f"Unrecognized parameter{'s'[: len(unknown) - 1]}: {', '.join(unknown)}.")
        content = self._actions[action](params)
        warnings = {**call.warnings().get("warnings", {}), **content.pop("warnings", {})}
        return ({"warnings": warnings} if warnings else {}) | content

    def _search_entities(self, params: Params) -> Json:
        call = _Call(params, "wbsearchentities")
        search = call.required("search")
        language = call.one_of("language", call.required("language"), self._languages)
        kind = call.one_of("type", params.get("type", "item"), ("item", "property"))
        limit = call.integer("limit", 7, 0, 50)
        begin = call.integer("continue", 0, 0, 10_000)
        found: list[Json] = []
        if kind == "item":
            shown = params.get("uselang", "en")
            by_id = self._hit_by_id(search)
            found += [self._hit(*by_id, shown)] if by_id else []
            ids = self._items.beginning(search, language if call.flag("strictlanguage") else None)
            ids = [id_ for id_ in ids if not by_id or id_ != by_id[1]["id"]]
            # The names of the hits before the page need not be looked at.
            page = ids[max(0, begin - len(found)) : begin + limit + 1]
            found = found[begin:] + [self._named_hit(id_, search, language, shown) for id_ in page]
        if params.get("props", "url") != "url":
            found = [{name: value for name, value in hit.items() if name != "url"} for hit in found]
        more = len(found) > limit and begin + limit <= _MOST_CONTINUED
        return {
            **call.warnings(),
            "searchinfo": {"search": search},
            "search": found[:limit],
            **({"search-continue": begin + limit} if more else {}),
            "success": 1,
        }

    def _hit_by_id(self, search: str) -> tuple[str, Json, Json] | None:
        match = _ID_IN_SEARCH.fullmatch(search)
        if not match:
            return None
        id_ = match[1].upper()
        item = self._items.by_id.get(self._redirects.get(id_, id_))
        return (id_, item, {"type": "entityId", "text": id_}) if item else None

    def _named_hit(self, id_: str, search: str, language: str, shown: str) -> Json:
        name = self._items.name_beginning(id_, search, language)
        match = {"type": "alias" if name.is_alias else "label", "language": name.language, "text": name.text}
        return self._hit(id_, self._items.by_id[id_], match, shown)

    def _hit(self, id_: str, item: Json, match: Json, language: str) -> Json:
        display = {}
        for name in ("label", "description"):
            terms = item.get(f"{name}s") or {}
            known = next((code for code in _fallbacks(language) if code in terms), None)
            if known:
                display[name] = {"value": terms[known]["value"], "language": known}
        shown = {name: term["value"] for name, term in display.items()}
        hit = {
            "id": id_,
            "title": id_,
            "pageid": _page_id(item),
            "concepturi": f"http://www.wikidata.org/entity/{id_}",
            "repository": "wikidata",
            "url": f"{self.root}/wiki/{id_}",
            "display": display,
            **shown,
            "match": match,
        }
        return hit if shown.get("label") == match["text"] else hit | {"aliases": [match["text"]]}

    def _query(self, params: Params) -> Json:
        call = _Call(params, "query")
        content = call.complete()
        if "search" in (call.several("list", {"search"}) or ()):
            content |= self._full_text(params)
        warnings = {**call.warnings().get("warnings", {}), **content.pop("warnings", {})}
        return content | ({"warnings": warnings} if warnings else {})

    def _full_text(self, params: Params) -> Json:
        call = _Call(params, "search")
        search = call.required("srsearch")
        limit = call.integer("srlimit", 10, 1, 500)
        begin = call.integer("sroffset", 0, 0, 10_000)
        spaces = call.several("srnamespace", {"0", "120"})
        ids = self._items.with_words(search) if spaces is None or "0" in spaces else []
        more = {"continue": {"sroffset": begin + limit, "continue": "-||"}} if len(ids) > begin + limit else {}
        pages = [self._page(id_) for id_ in ids[begin : begin + limit]]
        return {
            **call.warnings(),
            **more,
            "query": {"searchinfo": {"totalhits": len(ids)}, "search": pages},
        }

    def _page(self, id_: str) -> Json:
        item = self._items.by_id[id_]
        terms = item.get("descriptions") or {}
        text = next((terms[code]["value"] for code in _fallbacks("en") if code in terms), "")
        return {
            "ns": 0,
            "title": id_,
            "pageid": _page_id(item),
            "size": len(text),
            "wordcount": len(text.split()),
            "snippet": html.escape(text),
            "timestamp": item.get("modified", _MODIFIED),
        }

    def _get_entities(self, params: Params) -> Json:
        call = _Call(params, "wbgetentities")
        if "ids" not in params:
            raise ApiError("param-missing", 'Either provide the Item "ids" or pairs of "sites" and "titles"')
        asked = split_values(params["ids"])
        if len(asked) > _MOST_IDS:
            limits = {"limit": _MOST_IDS, "lowlimit": _MOST_IDS, "highlimit": 500}
            info = f'Too many values supplied for parameter "ids". The limit is {_MOST_IDS}.'
            raise ApiError("toomanyvalues", info, parameter="ids", **limits)
        for id_ in asked:
            if not _ID.fullmatch(id_) or qid_number(id_) > _LARGEST_ID:
                _no_such_entity(id_, params)
        props = call.several("props", {*_PROPS, "sitelinks/urls"})
        wanted = _Wanted(
            _PROPS if props is None else tuple(props),
            tuple(call.several("languages", self._languages) or ()) or None,
            call.flag("languagefallback"),
            tuple(split_values(params.get("sitefilter", ""))),
        )
        ids = dict.fromkeys(id_.upper() for id_ in asked)
        records = {id_: _encoded(self._record(id_, wanted, params.get("redirects") != "no")) for id_ in ids}
        fitting = self._fitting(records)
        if len(fitting) < len(records):
            reason = f"would otherwise be larger than the limit of {self._most_bytes:,} bytes."
            call.warn(f"This result was truncated because it {reason}", "result")
        entities = {id_: msgspec.Raw(records[id_]) for id_ in fitting}
        return {**call.warnings(), **({"entities": entities} if ids else {}), "success": 1}

    def _record(self, id_: str, wanted: "_Wanted", follow: bool) -> Json:
        target = self._redirects.get(id_, id_)
        item = self._items.by_id.get(target)
        if not item or (target != id_ and not follow):
            return {"id": id_, "missing": ""}
        record = wanted.of(item)
        return record if target == id_ else {"redirects": {"from": id_, "to": target}} | record

    def _fitting(self, records: Mapping[str, bytes]) -> list[str]:
        sizes = itertools.accumulate(map(len, records.values()))
        return [id_ for id_, size in zip(records, sizes, strict=True) if size <= self._most_bytes]


_METHODS = frozenset({"GET", "POST", "HEAD"})


def _no_such_entity(id_: str, params: Params) -> NoReturn:
    info = f'Could not find an entity with the ID "{id_}".'
    shown: Any = info if params.get("formatversion") == "2" else {"*": info}
    message = {"name": "wikibase-api-no-such-entity", "parameters": [id_], "html": shown}
    raise ApiError("no-such-entity", info, id=id_, messages=[message])


class _Wanted(NamedTuple):
    """Which parts of an item were asked for."""

    props: tuple[str, ...]
    languages: tuple[str, ...] | None
    falls_back: bool
    sites: tuple[str, ...]

    def of(self, item: Json) -> Json:
        """The parts of this item."""
        id_ = item["id"]
        parts: Json = {"type": "item", "id": id_}
        if "info" in self.props:
            parts = {
                "pageid": _page_id(item),
                "ns": 0,
                "title": id_,
                "lastrevid": item.get("lastrevid", 1_000_000_000 + qid_number(id_)),
                "modified": item.get("modified", _MODIFIED),
            } | parts
        for name in ("labels", "descriptions", "aliases"):
            if name in self.props:
                parts[name] = self._terms(item.get(name) or {}, self.falls_back and name != "aliases")
        if "claims" in self.props:
            parts["claims"] = item.get("claims") or {}
        if {"sitelinks", "sitelinks/urls"} & set(self.props):
            links = item.get("sitelinks") or {}
            parts["sitelinks"] = {site: link for site, link in links.items() if not self.sites or site in self.sites}
        return parts

    def _terms(self, terms: Json, falls_back: bool) -> Json:
        if self.languages is None:
            return terms
        if not falls_back:
            return {language: terms[language] for language in self.languages if language in terms}
        known = {
            language: next((code for code in _fallbacks(language) if code in terms), None)
            for language in self.languages
        }
        return {
            language: terms[code] if code == language else _stand_in(terms[code]["value"], code, language)
            for language, code in known.items()
            if code
        }


def _stand_in(value: str, language: str, wanted: str) -> Json:
    return {"value": value, "language": language, "for-language": wanted}


@cache
def _fallbacks(language: str) -> tuple[str, ...]:
    """The language and those whose texts stand in for it: "pt-br", "pt", "mul", "en"."""
    parts = language.split("-")
    shorter = ["-".join(parts[:size]) for size in range(len(parts), 0, -1)]
    return tuple(dict.fromkeys([*shorter, "mul", "en"]))


def _page_id(item: Json) -> int:
    return cast(int, item.get("pageid", 100 + qid_number(item["id"])))


def _encoded(content: Any) -> bytes:
    return msgspec.json.encode(content)


class Name(NamedTuple):
    """A label or an alias, as it is written and as it is compared."""

    key: str
    language: str
    is_alias: bool
    text: str


class _Items:
    """The items of a server and how they are found. The most popular come first everywhere."""

    def __init__(self, items: Iterable[Json]) -> None:
        found = {item["id"]: item for item in items}
        popularity = _popularity(found)
        order = sorted(found, key=lambda id_: (-popularity[id_], qid_number(id_)))
        self.by_id: dict[str, Json] = {id_: found[id_] for id_ in order}
        self._ids = order
        self._names = {id_: _names_of(item) for id_, item in self.by_id.items()}
        self.languages = frozenset(name.language for names in self._names.values() for name in names)
        keys = sorted(
            (key, rank) for rank, names in enumerate(self._names.values()) for key in {name.key for name in names}
        )
        self._keys = [key for key, _ in keys]
        self._ranks = [rank for _, rank in keys]
        self._with_name: dict[str, set[int]] = defaultdict(set)
        self._with_word: dict[str, set[int]] = defaultdict(set)
        self._read_words()

    def _read_words(self) -> None:
        fold_word = cache(fold_token)
        for rank, (id_, item) in enumerate(self.by_id.items()):
            folded = set(fold_all({name.text for name in self._names[id_]}, fold_word))
            described = fold_all({term["value"] for term in (item.get("descriptions") or {}).values()}, fold_word)
            for key in folded:
                self._with_name[key].add(rank)
            for word in {word for key in (*folded, *described) for word in key.split()}:
                self._with_word[word].add(rank)

    def beginning(self, search: str, language: str | None = None) -> list[str]:
        """The items with a name that begins so, those with exactly this name first."""
        key = compared(search)
        if not key:
            return []
        begin, end, stop = self._begin(key), bisect_right(self._keys, key), self._end(key)
        exact = set(self._ranks[begin:end])
        others = set(self._ranks[end:stop]) - exact
        ids = [self._ids[rank] for rank in (*sorted(exact), *sorted(others))]
        return [id_ for id_ in ids if not language or self._is_named(id_, key, language)]

    def name_beginning(self, id_: str, search: str, language: str) -> Name:
        """The name for which an item was found: the exact one, in the language, a label."""
        key = compared(search)
        preferred = {code: rank for rank, code in enumerate(_fallbacks(language))}
        names = (name for name in self._names[id_] if name.key.startswith(key))
        return min(
            names,
            key=lambda name: (name.key != key, preferred.get(name.language, len(preferred)), name.is_alias, name.text),
        )

    def with_words(self, search: str) -> list[str]:
        """The items that have all the words in names and descriptions, those with exactly this name first.

        A word with a tilde behind it may differ by two letters, as in CirrusSearch's fuzzy search.
        """
        sets = sorted((self._having(word) for word in search.split() if fold(word)), key=len)
        if not sets:
            return []
        exact = self._with_name.get(fold(search), set())
        return [self._ids[rank] for rank in sorted(set.intersection(*sets), key=lambda rank: (rank not in exact, rank))]

    def _having(self, word: str) -> set[int]:
        """The ranks of the items that have the word, or the words that it is folded to."""
        keys = fold(word).split()
        if not word.endswith("~"):
            return set.intersection(*(self._with_word.get(key, set()) for key in keys))
        near = (
            known
            for known in self._with_word
            if DamerauLevenshtein.distance(known, keys[-1], score_cutoff=_FUZZY_EDITS) <= _FUZZY_EDITS
        )
        return set().union(*(self._with_word[known] for known in near))

    def _begin(self, key: str) -> int:
        return bisect_left(self._keys, key)

    def _end(self, key: str) -> int:
        return bisect_left(self._keys, key + "\U0010ffff")

    def _is_named(self, id_: str, key: str, language: str) -> bool:
        return any(name.language == language and name.key.startswith(key) for name in self._names[id_])


_TO_SPACE = str.maketrans(dict.fromkeys("'’ʼ_-", " "))
_FUZZY_EDITS = 2
_ACCENTS = re.compile("[\u0300-\u036f\u0483-\u0487\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670]")


def compared(name: str) -> str:
    """A name as the prefix search compares it: without case, accents, and doubled spaces; a hyphen is a space."""
    spaced = name.translate(_TO_SPACE)
    plain = spaced if spaced.isascii() else _ACCENTS.sub("", unicodedata.normalize("NFKD", spaced))
    return " ".join(plain.casefold().split())


def _names_of(item: Json) -> list[Name]:
    labels = [(term, False) for term in (item.get("labels") or {}).values()]
    aliases = [(term, True) for terms in (item.get("aliases") or {}).values() for term in terms]
    return [
        Name(compared(term["value"]), term["language"], is_alias, term["value"]) for term, is_alias in labels + aliases
    ]


def _popularity(items: Mapping[str, Json]) -> Counter[str]:
    """Statements, sitelinks, and the other items that link to it."""
    counts: Counter[str] = Counter()
    for id_, item in items.items():
        statements = list(itertools.chain.from_iterable((item.get("claims") or {}).values()))
        counts[id_] += len(statements) + len(item.get("sitelinks") or {})
        counts.update({target for target in _targets(statements) if target in items} - {id_})
    return counts


def _targets(statements: Iterable[Json]) -> Iterator[str]:
    for statement in statements:
        value = statement["mainsnak"].get("datavalue", {}).get("value")
        if isinstance(value, dict) and "numeric-id" in value:
            yield value.get("id", f"Q{value['numeric-id']}")


# Slices of the shared sample


class _Term(msgspec.Struct, gc=False):
    value: str


class _Terms(msgspec.Struct, gc=False):
    labels: dict[str, _Term]
    descriptions: dict[str, _Term]
    aliases: dict[str, list[_Term]]

    def names(self) -> set[str]:
        """The labels and aliases of all languages."""
        aliases = itertools.chain.from_iterable(self.aliases.values())
        return {term.value for term in itertools.chain(self.labels.values(), aliases)}

    def described(self) -> set[str]:
        """The descriptions of all languages."""
        return {term.value for term in self.descriptions.values()}


def sample_slice(shared: Path, wanted: Container[str] | Callable[[Json], bool]) -> list[Json]:
    """The items of the shared sample with these QIDs (a few seconds), or for which the function holds (some more)."""
    if callable(wanted):
        return [item for item in map(_decoded, _lines(shared)) if wanted(item)]
    return [_decoded(line) for line in _lines(shared) if _id_of(line) in wanted]


def names_slice(shared: Path, names: Iterable[str], extra: Collection[str] = (), most: int = 50) -> list[Json]:
    """The items of the shared sample that a search for one of the names may find, and those with the `extra` QIDs.

    For each name: those that have it; of those whose name begins so, and of those that have all its words in names and
    descriptions, the `most` with the largest number of statements and sitelinks.
    """
    finder = _Finder(names)
    lines = _lines(shared)
    while batch := list(itertools.islice(lines, 5_000)):
        finder.see(batch)
    return sample_slice(shared, finder.chosen(most) | set(extra))


class _Finder:
    """Looks for names in the lines of the sample, seen batch by batch."""

    def __init__(self, names: Iterable[str]) -> None:
        self._keys = sorted({key for name in names if (key := fold(name))})
        self._shorter = _longest_beginnings(self._keys)
        self._by_word: dict[str, list[frozenset[str]]] = defaultdict(list)
        for words in {frozenset(key.split()) for key in self._keys}:
            # Under a word that few items have, most likely the longest: the others need no closer look.
            self._by_word[max(words, key=lambda word: (len(word), word))].append(words)
        self._exact: set[str] = set()
        self._ranked: dict[str | frozenset[str], list[tuple[int, str]]] = defaultdict(list)
        self._fold_word = cache(fold_token)

    def see(self, lines: Sequence[bytes]) -> None:
        """Notes for which names these items may be found."""
        items = [_TERMS.decode(line) for line in lines]
        names = self._folded(item.names() for item in items)
        descriptions = self._folded(item.described() for item in items)
        for line, keys, described in zip(lines, names, descriptions, strict=True):
            words = set(" ".join(keys + described).split())
            wanted: set[str | frozenset[str]] = {*self._held(words)}
            wanted.update(itertools.chain.from_iterable(map(self._begun, keys)))
            if wanted:
                self._note(line, wanted, set(keys))

    def chosen(self, most: int) -> set[str]:
        """The QIDs for all names."""
        best = (sorted(found)[:most] for found in self._ranked.values())
        return self._exact.union(id_ for found in best for _, id_ in found)

    def _folded(self, texts: Iterable[Collection[str]]) -> Iterator[list[str]]:
        texts = list(texts)
        folded = iter(fold_all(itertools.chain.from_iterable(texts), self._fold_word))
        return (list(itertools.islice(folded, len(some))) for some in texts)

    def _begun(self, key: str) -> Iterator[str]:
        """The names that it begins with."""
        at = bisect_right(self._keys, key) - 1
        while at >= 0:
            if key.startswith(self._keys[at]):
                yield self._keys[at]
            at = self._shorter[at]

    def _held(self, words: set[str]) -> Iterator[frozenset[str]]:
        """The words of names that are all among these."""
        for word in words & self._by_word.keys():
            yield from (wanted for wanted in self._by_word[word] if wanted <= words)

    def _note(self, line: bytes, wanted: Iterable[str | frozenset[str]], keys: set[str]) -> None:
        id_ = _id_of(line)
        ranked = (-line.count(_OF_STATEMENT) - line.count(_OF_SITELINK), id_)
        for each in wanted:
            if each in keys:
                self._exact.add(id_)
            else:
                self._ranked[each].append(ranked)


def _longest_beginnings(keys: Sequence[str]) -> list[int]:
    """For each of the sorted keys the place of the longest other one that it begins with, or -1.

    So all that a text begins with are found from the last key that is not greater: it and, in turn, its beginnings.
    """
    beginnings: list[int] = []
    for key in keys:
        at = len(beginnings) - 1
        while at >= 0 and not key.startswith(keys[at]):
            at = beginnings[at]
        beginnings.append(at)
    return beginnings


_TERMS = msgspec.json.Decoder(_Terms)
_OF_STATEMENT, _OF_SITELINK = b'"type":"statement"', b'"site":"'


def _lines(shared: Path) -> Iterator[bytes]:
    with igzip.open(shared / "wikidata-sample" / "sample.json.gz", "rb") as file:
        for line in file:
            if line.startswith(b"{"):
                yield line.rstrip(b",\r\n")


def _id_of(line: bytes) -> str:
    begin = line.index(b'"id":"') + 6
    return line[begin : line.index(b'"', begin)].decode()


def _decoded(line: bytes) -> Json:
    return cast(Json, msgspec.json.decode(line))
