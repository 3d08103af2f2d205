"""Asking several questions at a time."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
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

    with ThreadPoolExecutor(MOST_AT_ONCE) as pool:
        return list(pool.map(answer, questions))
