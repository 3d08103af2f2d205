"""What the servers on loopback that stand for others have in common: a log of what was asked, and faults on demand.

Nothing here needs pytest: benchmarks import it too.
"""

import http.client
import itertools
import os
import socket
import struct
import threading
import time
import urllib.parse
from abc import ABC, abstractmethod
from bisect import bisect_left
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, Self

import msgspec
from faults import Answer, Fault, FaultPlan, Params, faulty_answer
from isal import igzip


class Asked(NamedTuple):
    """A request. `params` are those of the address and of a form."""

    method: str
    path: str
    params: Params


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
