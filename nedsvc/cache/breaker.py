"""Leaves a server alone that fails, and tries it again after a while."""

import time
from collections.abc import Callable
from threading import Lock


class Breaker:
    """Says whether a server may be asked: not for `pause` seconds once it failed `failures` times in a row.

    Nothing is locked while the server is asked, so that a slow answer holds up nobody else.
    """

    def __init__(self, failures: int, pause: float, timer: Callable[[], float] = time.monotonic) -> None:
        self._most = failures
        self._pause = pause
        self._timer = timer
        self._failures = 0
        self._end: float | None = None  # of the pause; None while the server is asked
        self._lock = Lock()

    def lets_through(self) -> bool:
        """Whether the server may be asked now; after a pause one caller may try it while the others go without."""
        with self._lock:
            if self._end is None:
                return True
            if self._timer() < self._end:
                return False
            self._end = self._timer() + self._pause
            return True

    def succeeded(self) -> None:
        """The server answered: it is asked again by all."""
        with self._lock:
            self._failures = 0
            self._end = None

    def failed(self) -> None:
        """The server failed or refused; after enough of that it has its pause."""
        with self._lock:
            self._failures += 1
            if self._failures >= self._most:
                self._end = self._timer() + self._pause
