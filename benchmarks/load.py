"""Load for an HTTP server on this machine: a few connections that each send the next request once the last is answered.

It runs in a process of its own (`Loader`), speaks just enough HTTP/1.1 to take little from the server's processors,
and keeps when each request was sent, how long its answer took and what its head said of the cache.
"""

import re
import selectors
import socket
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from itertools import cycle
from multiprocessing import get_context
from types import TracebackType

import msgspec

HOST = "127.0.0.1"
NO_ANSWER = 0
_ANSWER_WITHIN = 30.0
_END_OF_HEAD = b"\r\n\r\n"
_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
_CACHE = re.compile(rb"(?i)\r\nx-nedsvc-cache: *(\w+)")
_CLOSES = re.compile(rb"(?i)\r\nconnection: *close")
_MOST_BYTES = 1 << 18


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """What to send, whole requests as bytes: for some seconds, over and over or until all were sent."""

    port: int
    requests: Sequence[bytes]
    seconds: float
    connections: int = 16
    over_and_over: bool = True


class Answer(msgspec.Struct, frozen=True):
    """When a request was sent (`time.monotonic`), the seconds it took, the status, and what served it."""

    sent: float
    seconds: float
    status: int
    cache: str

    @property
    def failed(self) -> bool:
        """Whether the client did not get what it asked for."""
        return self.status != 200


class Loader:
    """A process that does jobs, one at a time."""

    def __init__(self) -> None:
        self._pool = ProcessPoolExecutor(1, mp_context=get_context("spawn"))

    def start(self, job: Job) -> "Future[list[Answer]]":
        """Begin a job; its answers come when it is done."""
        return self._pool.submit(drive, job)

    def run(self, job: Job) -> list[Answer]:
        """The answers of a job."""
        return self.start(job).result()

    def __enter__(self) -> "Loader":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._pool.shutdown()


def drive(job: Job) -> list[Answer]:
    """Do a job: every connection sends until the time is over or nothing is left, then waits for its last answer."""
    end = time.monotonic() + job.seconds
    left = iter(cycle(job.requests) if job.over_and_over else job.requests)
    answers: list[Answer] = []
    with selectors.DefaultSelector() as selector:
        for request, _ in zip(left, range(job.connections), strict=False):
            connection = _Connection(job.port, selector)
            connection.send(request)
        while selector.get_map():
            for connection in _ready(selector):
                if (answer := connection.receive()) is None:
                    continue
                answers.append(answer)
                request_or_none = next(left, None) if time.monotonic() < end else None
                if request_or_none is None:
                    connection.close()
                else:
                    connection.send(request_or_none)
    return answers


def _ready(selector: selectors.BaseSelector) -> Iterator["_Connection"]:
    """The connections to read from: those with data, and those that waited too long."""
    ready = [key.data for key, _ in selector.select(timeout=1.0)]
    if not ready:
        too_long = time.monotonic() - _ANSWER_WITHIN
        ready = [key.data for key in selector.get_map().values() if key.data.sent < too_long]
    yield from ready


class _Connection:
    """A connection that is kept open from request to request, and opened anew when it broke."""

    def __init__(self, port: int, selector: selectors.BaseSelector) -> None:
        self._port = port
        self._selector = selector
        self._socket: socket.socket | None = None
        self._received = bytearray()
        self._expected = 0
        self.sent = 0.0

    def send(self, request: bytes) -> None:
        """Send a request; where that fails, `receive` tells."""
        self._received.clear()
        self._expected = 0
        self.sent = time.monotonic()
        self._open().sendall(request)

    def receive(self) -> Answer | None:
        """The answer, once all of it is there."""
        try:
            data = self._open().recv(_MOST_BYTES, socket.MSG_DONTWAIT)
        except OSError:
            data = b""
        if not data:
            self.close()
            return self._answer(NO_ANSWER, b"")
        self._received += data
        head, ends, _ = self._received.partition(_END_OF_HEAD) if not self._expected else (b"", b"", b"")
        if ends:
            length = _LENGTH.search(head)
            self._expected = len(head) + len(ends) + (int(length[1]) if length else 0)
        if not self._expected or len(self._received) < self._expected:
            return None
        return self._finished()

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        if self._socket is not None:
            self._selector.unregister(self._socket)
            self._socket.close()
            self._socket = None

    def _finished(self) -> Answer:
        head = bytes(self._received[: self._received.find(_END_OF_HEAD)])
        if _CLOSES.search(head):
            self.close()
        return self._answer(int(head[9:12]), head)

    def _answer(self, status: int, head: bytes) -> Answer:
        cache = _CACHE.search(head)
        return Answer(self.sent, time.monotonic() - self.sent, status, cache[1].decode() if cache else "")

    def _open(self) -> socket.socket:
        if self._socket is None:
            self._socket = socket.create_connection((HOST, self._port), _ANSWER_WITHIN)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._selector.register(self._socket, selectors.EVENT_READ, self)
        return self._socket


def get(path: str) -> bytes:
    """A GET request."""
    return f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()


def post(path: str, body: bytes) -> bytes:
    """A POST request with a JSON body."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
