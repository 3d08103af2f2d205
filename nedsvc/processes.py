"""Processes that work: batches go out, their results come back in the order in which they went."""

import gc
import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from threading import Thread
from typing import TypeVar

from nedsvc.errors import NedError

_ENDING = (signal.SIGINT, signal.SIGTERM)
_AHEAD = 2  # batches a worker, so that none is idle while the parent reads and writes

Given = TypeVar("Given")
Batch = TypeVar("Batch")
Result = TypeVar("Result")


class WorkerKilled(NedError):  # noqa: N818
    """A worker ended without an answer."""

    title = "Worker killed"


def in_order(
    work: Callable[[Batch], Result], given: Iterable[tuple[Given, Batch]], workers: int, if_killed: str
) -> Generator[tuple[Given, Result]]:
    """What `work` makes of each batch, with what was given beside it; read ahead by a bounded number of batches.

    With one worker the work is done here. Else the processes begin before the first batch is asked for, so that what
    the batches are read with (its threads, say) is none of theirs. Raises `WorkerKilled` where a process ends that
    should not; `if_killed` says what is to be done then.
    """
    if workers == 1:
        yield from ((beside, work(batch)) for beside, batch in given)
        return
    # A forked process shares what this one has opened; where that is not to be had, each opens its own.
    method = "fork" if "fork" in multiprocessing.get_all_start_methods() else "spawn"
    with ProcessPoolExecutor(workers, multiprocessing.get_context(method), initializer=_begin) as pool:
        waiting: deque[tuple[Given, Future[Result]]] = deque()
        try:
            with _held_signals():
                pool.submit(_nothing)
            for beside, batch in given:
                waiting.append((beside, pool.submit(work, batch)))
                if len(waiting) == most_waiting(workers):
                    yield _first(waiting)
            while waiting:
                yield _first(waiting)
        except BrokenProcessPool as error:
            raise WorkerKilled(f"A worker was killed, perhaps for want of memory: {if_killed}") from error
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def most_waiting(workers: int) -> int:
    """How many batches may be with so many workers, or wait for them, when the next one is asked for."""
    return _AHEAD * workers


def _first(waiting: deque[tuple[Given, Future[Result]]]) -> tuple[Given, Result]:
    beside, result = waiting.popleft()
    return beside, result.result()


@contextmanager
def _held_signals() -> Iterator[None]:
    """Keeps what ends the process until the block is over: where Python forks, it drops what a handler raises."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _nothing() -> None:
    """What is asked for so that the processes begin."""


def _begin() -> None:
    """The parent is told of Ctrl-C, and ends its workers; one whose parent was killed ends itself."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)
    gc.freeze()  # the collector would touch, and so copy, what is shared with the parent
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
    os._exit(1)
