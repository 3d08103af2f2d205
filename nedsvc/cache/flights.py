"""One computation a key among the threads of a process."""

from collections.abc import Callable
from concurrent import futures
from concurrent.futures import Future
from threading import Lock
from typing import Generic, TypeVar

Result = TypeVar("Result")


class Flights(Generic[Result]):
    """Lets the first thread that asks for a key compute it, and the others wait for what it finds."""

    def __init__(self) -> None:
        self._running: dict[str, Future[Result]] = {}
        self._lock = Lock()

    def run(self, key: str, compute: Callable[[], Result], wait: float | None = None) -> tuple[Result, bool]:
        """The result, and whether this call computed it. An error of the computation is raised in every thread.

        A thread that has waited for `wait` seconds computes by itself.
        """
        with self._lock:
            running = self._running.get(key)
            if running is None:
                own: Future[Result] = Future()
                self._running[key] = own
        if running is not None:
            finished, _ = futures.wait([running], wait)
            return (running.result(), False) if finished else (compute(), True)
        try:
            result = compute()
        except BaseException as error:
            own.set_exception(error)
            raise
        else:
            own.set_result(result)
            return result, True
        finally:
            with self._lock:
                del self._running[key]
