"""The linker of a process that works for others: bulk's workers, and Spark's."""

from collections.abc import Sequence
from functools import cache

from nedsvc.bulk.work import Answer, answers
from nedsvc.factory import linker_from_settings
from nedsvc.linker import EntityLinker
from nedsvc.models import Options
from nedsvc.reading import Asked
from nedsvc.settings import Settings


@cache
def own_linker(settings: Settings, detector: str) -> EntityLinker:
    """The linker of this process, opened when it is asked for first; processes forked from it share it."""
    return linker_from_settings(settings, detector)


def link_tasks(settings: Settings, detector: str, options: Options, tasks: Sequence[Asked]) -> list[Answer]:
    """The answers of this process's linker."""
    return answers(own_linker(settings, detector), tasks, options)
