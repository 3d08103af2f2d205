"""The service under gunicorn: one master that loads everything, workers that share it."""

import gc
from typing import Any

import msgspec
from flask import Flask
from gunicorn.app.base import BaseApplication

THREADS = 8
SECONDS_A_REQUEST = 60


class Binding(msgspec.Struct, frozen=True, kw_only=True):
    """Where to listen and with how many processes."""

    host: str
    port: int
    workers: int


class _Server(BaseApplication):  # type: ignore[misc]
    """Gunicorn with an application that is already there."""

    def __init__(self, app: Flask, binding: Binding) -> None:
        self._app = app
        self._binding = binding
        super().__init__()

    def load_config(self) -> None:
        settings: dict[str, Any] = {
            "bind": f"{self._binding.host}:{self._binding.port}",
            "workers": self._binding.workers,
            "worker_class": "gthread",
            "threads": THREADS,
            "timeout": SECONDS_A_REQUEST,
            "preload_app": True,
            "pre_fork": _share_memory,
            "control_socket_disable": True,
            # A heartbeat file on a disk can block a worker; memory cannot.
            "worker_tmp_dir": "/dev/shm",  # noqa: S108
        }
        for name, value in settings.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        return self._app


def serve(app: Flask, binding: Binding) -> None:
    """Serves the application until it is told to stop."""
    _Server(app, binding).run()


def _share_memory(_server: object, _worker: object) -> None:
    """Keeps the collector from touching, and so copying, what workers share with their master."""
    gc.freeze()
