"""Asking several questions at a time."""

from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from threading import Thread
from typing import TypeVar

from nedsvc.errors import SourceUnavailable

MOST_AT_ONCE = 3  # threads of one call; how many requests are in flight over all processes is the pace's business

Question = TypeVar("Question")
Answer = TypeVar("Answer")


def ask_together(ask: Callable[[Question], Answer], questions: Iterable[Question]) -> list[Answer | SourceUnavailable]:
    """The answers in the order of the questions, with the error in place of one that could not be had."""

    def answer(question: Question) -> Answer | SourceUnavailable:
        try:
            return ask(question)
        except SourceUnavailable as error:
            return error

    waiting = deque((question, Future[Answer | SourceUnavailable]()) for question in questions)
    answers = [future for _, future in waiting]
    # An interrupted process would wait for the threads of a pool, which may be asking for long.
    for _ in range(min(MOST_AT_ONCE, len(waiting))):
        Thread(target=_work, args=(answer, waiting), daemon=True).start()
    try:
        return [future.result() for future in answers]
    finally:
        waiting.clear()


def _work(answer: Callable[[Question], Answer], waiting: deque[tuple[Question, Future[Answer]]]) -> None:
    while True:
        try:
            question, future = waiting.popleft()
        except IndexError:
            return
        try:
            future.set_result(answer(question))
        except BaseException as error:
            future.set_exception(error)
