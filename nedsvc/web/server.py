"""The service under gunicorn: one master that loads everything, workers that share it.

On SIGHUP the master loads everything anew and starts other workers; those before them end when they have answered.
"""

import gc
import mmap
import os
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from flask import Flask
from gunicorn import systemd
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter

from nedsvc.errors import NedError

THREADS = 8
SECONDS_A_REQUEST = 60
SECONDS_TO_FINISH = 600.0  # for what a worker is at when others take its place: only batches take as long
_HELD = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP)
_WAITING = 2048  # connections that wait to be accepted
_MEMORY = Path("/dev/shm")  # noqa: S108 (gunicorn makes its file there safely)


class CannotListen(NedError):  # noqa: N818
    """The address is taken, not allowed or not of this machine."""


class Binding(msgspec.Struct, frozen=True, kw_only=True):
    """Where to listen, unless systemd hands a socket over, and with how many processes."""

    host: str
    port: int
    workers: int


class Served(msgspec.Struct, frozen=True):
    """An application, and what it calls the knowledge that it answers with."""

    app: Flask
    index: str


class ReloadFailed:
    """Whether the last SIGHUP changed nothing, as what was there could not be opened.

    The master says so, and its workers know it: the memory is theirs together.
    """

    def __init__(self) -> None:
        self._shared = mmap.mmap(-1, 1)

    def tell(self, failed: bool) -> None:
        """Say whether it failed."""
        self._shared[0] = failed

    def __call__(self) -> bool:
        """Whether it did."""
        return bool(self._shared[0])


class _Server(BaseApplication):  # type: ignore[misc]
    """Gunicorn with a socket that is already there, and an application that may be opened anew."""

    def __init__(self, app: Flask, open_app: Callable[[], Served], listener: socket.socket, workers: int) -> None:
        self._open_app = open_app
        self._address = f"fd://{listener.detach()}"  # gunicorn takes it over
        self._workers = workers
        super().__init__()
        self.callable = app

    def load_config(self) -> None:
        settings: dict[str, Any] = {
            "bind": self._address,
            "workers": self._workers,
            "worker_class": "gthread",
            "threads": THREADS,
            "timeout": SECONDS_A_REQUEST,
            "preload_app": True,
            "pre_fork": _share_memory,
            "post_worker_init": _begin_work,
            "control_socket_disable": True,
            # A heartbeat file on a disk can block a worker; memory cannot.
            "worker_tmp_dir": str(_MEMORY) if _MEMORY.is_dir() else None,
        }
        for name, value in settings.items():
            self.cfg.set(name, value)

    def reopen(self) -> str:
        """Serve what can be opened now, and forget what was open before. Raises what opening raises."""
        served = self._open_app()
        self.callable = served.app
        # What was shared with workers was kept from the collector, and what was open is full of cycles.
        gc.unfreeze()
        gc.collect()
        return served.index

    def run(self, reload_failed: ReloadFailed) -> None:
        """Serve until told to stop."""
        _Master(self, reload_failed).run()


class _Master(Arbiter):  # type: ignore[misc]
    """Gunicorn's master, but for how it follows SIGHUP.

    Its own way starts the workers anew even where there is nothing new to serve, waits for the old ones before it heeds
    another signal, and counts them among those that serve.
    """

    def __init__(self, app: _Server, reload_failed: ReloadFailed) -> None:
        self._reload_failed = reload_failed
        self._retired: dict[int, float] = {}  # the ages of workers, with the moment at which they are broken off
        super().__init__(app)

    def reload(self) -> None:
        """Opens the application anew, for new workers; where it cannot be opened, all stays as it is."""
        try:
            index = self.app.reopen()
        except Exception as error:  # whatever it is, what is served goes on
            self._reload_failed.tell(True)
            unforeseen = not isinstance(error, NedError)
            self.log.error("Nothing was reloaded: %s", " ".join(str(error).split()), exc_info=unforeseen)  # noqa: TRY400
            return
        self._reload_failed.tell(False)
        replaced = self._serving()
        self._retired |= {worker.age: time.monotonic() + SECONDS_TO_FINISH for worker in replaced}
        self.manage_workers()
        for worker in replaced:
            self.kill_worker(worker.pid, signal.SIGTERM)
        self.log.info("Reloaded: %s is served from now on", index)

    def manage_workers(self) -> None:
        """Has as many workers as there are to be, apart from those that only finish what they are at."""
        serving = self._serving()
        for _ in range(self.num_workers - len(serving)):
            self.spawn_worker()
        for worker in serving[: max(0, len(serving) - self.num_workers)]:
            self.kill_worker(worker.pid, signal.SIGTERM)

    def murder_workers(self) -> None:
        """Ends workers that hang, and those that had their time to finish."""
        super().murder_workers()
        finishing = [worker for worker in self.WORKERS.values() if worker.age in self._retired]
        self._retired = {worker.age: self._retired[worker.age] for worker in finishing}
        for worker in finishing:
            if time.monotonic() > self._retired[worker.age]:
                self.log.warning(
                    "Worker (pid:%s) was replaced %.0f seconds ago; what it is still at is broken off",
                    worker.pid,
                    SECONDS_TO_FINISH,
                )
                self.kill_worker(worker.pid, signal.SIGKILL)

    def _serving(self) -> list[Any]:
        """The workers that take requests, the oldest first."""
        workers = sorted(self.WORKERS.values(), key=lambda worker: worker.age)
        return [worker for worker in workers if worker.age not in self._retired]


def serve(open_app: Callable[[], Served], binding: Binding, reload_failed: ReloadFailed) -> None:
    """Serves what `open_app` opens until it is told to stop; on SIGHUP it is opened anew.

    Raises `CannotListen`, and what `open_app` raises when it is called first. What it raises later is logged, told by
    `reload_failed`, and changes nothing.
    """
    # One that comes while this is opened asks for what may be newer: it waits until the master is there for it.
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGHUP])
    app = open_app().app
    server = _Server(app, open_app, _listener(binding), binding.workers)
    del app  # it is to be forgotten once another takes its place
    # What tells a worker to end before it has handlers of its own would be lost in those of its master, and the
    # master would wait for it until it kills it.
    os.register_at_fork(before=_hold_signals, after_in_parent=_heed_signals)
    server.run(reload_failed)


def _listener(binding: Binding) -> socket.socket:
    """The socket that systemd hands over, else one that is bound at once: gunicorn would try for seconds."""
    if systemd.listen_fds():
        return socket.socket(fileno=systemd.SD_LISTEN_FDS_START)
    try:
        family, *_, address = socket.getaddrinfo(
            binding.host, binding.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        return socket.create_server(address[:2], family=family, backlog=_WAITING)
    except (OSError, UnicodeError) as error:
        reason, _, _ = str(getattr(error, "strerror", None) or error).partition(" (while")
        raise CannotListen(f"cannot listen on {binding.host} port {binding.port}: {reason}") from error


def _hold_signals() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, _HELD)


def _heed_signals() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _HELD)


def _begin_work(worker: Any) -> None:
    """What a worker does first. One that is sent SIGHUP with its master leaves it to him."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    _heed_signals()
    # The master says when it is enough, sooner where the service is to stop.
    worker.cfg.set("graceful_timeout", int(SECONDS_TO_FINISH) + SECONDS_A_REQUEST)


def _share_memory(_server: object, _worker: object) -> None:
    """Keeps the collector from touching, and so copying, what workers share with their master."""
    gc.freeze()
