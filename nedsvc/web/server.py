"""The service under gunicorn: one master that loads everything, workers that share it."""

import gc
import os
import signal
import socket
from pathlib import Path
from typing import Any

import msgspec
from flask import Flask
from gunicorn.app.base import BaseApplication

from nedsvc.errors import NedError

THREADS = 8
SECONDS_A_REQUEST = 60
_ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)
_WAITING = 2048  # connections that wait to be accepted
_MEMORY = Path("/dev/shm")  # noqa: S108 (gunicorn makes its file there safely)


class CannotListen(NedError):  # noqa: N818
    """The address is taken, not allowed or not of this machine."""


class Binding(msgspec.Struct, frozen=True, kw_only=True):
    """Where to listen and with how many processes."""

    host: str
    port: int
    workers: int


class _Server(BaseApplication):  # type: ignore[misc]
    """Gunicorn with an application and a socket that are already there."""

    def __init__(self, app: Flask, listener: socket.socket, workers: int) -> None:
        self._app = app
        self._listener = listener
        self._workers = workers
        super().__init__()

    def load_config(self) -> None:
        settings: dict[str, Any] = {
            "bind": f"fd://{self._listener.detach()}",  # gunicorn takes it over
            "workers": self._workers,
            "worker_class": "gthread",
            "threads": THREADS,
            "timeout": SECONDS_A_REQUEST,
            "preload_app": True,
            "pre_fork": _share_memory,
            "post_worker_init": _heed_signals,
            "control_socket_disable": True,
            # A heartbeat file on a disk can block a worker; memory cannot.
            "worker_tmp_dir": str(_MEMORY) if _MEMORY.is_dir() else None,
        }
        for name, value in settings.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        return self._app


def serve(app: Flask, binding: Binding) -> None:
    """Serves the application until it is told to stop. Raises `CannotListen`."""
    listener = _listener(binding)
    # What tells a worker to end before it has handlers of its own would be lost in those of its master, and the
    # master would wait for it until it kills it.
    os.register_at_fork(before=_hold_signals, after_in_parent=_heed_signals)
    _Server(app, listener, binding.workers).run()


def _listener(binding: Binding) -> socket.socket:
    """The socket, bound at once: gunicorn would try for seconds and end in its own words."""
    try:
        family, *_, address = socket.getaddrinfo(
            binding.host, binding.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        return socket.create_server(address[:2], family=family, backlog=_WAITING)
    except (OSError, UnicodeError) as error:
        reason, _, _ = str(getattr(error, "strerror", None) or error).partition(" (while")
        raise CannotListen(f"cannot listen on {binding.host} port {binding.port}: {reason}") from error


def _hold_signals() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)


def _heed_signals(_worker: object = None) -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)


def _share_memory(_server: object, _worker: object) -> None:
    """Keeps the collector from touching, and so copying, what workers share with their master."""
    gc.freeze()
