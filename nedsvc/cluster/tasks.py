"""What Spark's Python workers do: each has one linker, to which it brings rows batch by batch."""

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import msgspec

from nedsvc import errors
from nedsvc.bulk.columns import Shown
from nedsvc.bulk.inputs import Row
from nedsvc.bulk.recent import Recent
from nedsvc.bulk.records import Manner
from nedsvc.bulk.run import Outcome, batch_of, groups, outcomes
from nedsvc.errors import InvalidInput, NedError
from nedsvc.index.reader import Index
from nedsvc.models import Options
from nedsvc.settings import Settings
from nedsvc.workers import link_tasks, own_linker

_TOLD = re.compile(r"nedsvc told: (\{.*\})")


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """All that a worker must know; it travels with the tasks."""

    settings: Settings
    detector: str
    options: Options
    manner: Manner
    shown: Shown


class Told(Exception):  # noqa: N818
    """An error of nedsvc in a worker, told so that it is found again in what Spark makes of it."""

    def __init__(self, error: NedError) -> None:
        told = {"kind": type(error).__name__, "sentence": str(error)}
        if isinstance(error, InvalidInput):
            told |= {"field": error.field, "reason": error.reason}
        super().__init__(f"nedsvc told: {msgspec.json.encode(told).decode()}")


def told_error(text: str) -> NedError | None:
    """The error of nedsvc that a worker told of, found in Spark's words; None where it is none of nedsvc's."""
    found = _TOLD.search(text)
    if not found:
        return None
    told = msgspec.json.decode(found[1])
    if "field" in told:
        return InvalidInput(told["field"], told["reason"])
    kind = getattr(errors, told["kind"], NedError)
    return kind(told["sentence"])


def linked(job: Job, rows: Iterable[Row], recent: Recent) -> Iterator[list[Outcome]]:
    """What becomes of the rows, in batches of bounded size; texts that are repeated are computed once.

    Raises `Told` where the worker cannot work at all.
    """
    try:
        settings = with_index_here(job.settings)
        for group, _ in groups(((row, 0) for row in rows), job.manner):
            own_linker(settings, job.detector).check(job.manner.language, job.options)
            batch = batch_of(group, recent)
            answers = link_tasks(settings, job.detector, job.options, batch.tasks) if batch.tasks else []
            yield list(outcomes(batch, answers))
    except NedError as error:
        raise Told(error) from error


def with_index_here(settings: Settings) -> Settings:
    """The settings with the index and its overlay as they are on this machine.

    That is the path itself or, where it is not there, what Spark unpacked or copied under that name.
    """
    return msgspec.structs.replace(
        settings, index=_here(settings.index, Path.is_dir), overlay=_here(settings.overlay, Path.is_file)
    )


def _here(path: Path | None, is_there: Callable[[Path], bool]) -> Path | None:
    if path is None or is_there(path):
        return path
    from pyspark import SparkFiles  # noqa: PLC0415 (an extra)

    root = Path(SparkFiles.getRootDirectory())
    return next((shipped for shipped in (root / path, root / path.name) if is_there(shipped)), path)


def with_local_index(job: Job) -> Job:
    """The job with whole paths where index and overlay are on this machine, for workers that stand elsewhere.

    Raises `IndexFormatError` where it is damaged.
    """
    index, overlay = job.settings.index, job.settings.overlay
    if index is not None and index.is_dir():
        Index.open(index)
        index = index.absolute()
    if overlay is not None and overlay.is_file():
        overlay = overlay.absolute()
    return msgspec.structs.replace(job, settings=msgspec.structs.replace(job.settings, index=index, overlay=overlay))
