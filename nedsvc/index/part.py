"""The folder beside an index in which what a long build has done is kept, so that a stop does not undo it."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from nedsvc.errors import BuildError

ASIDE = ".new"
IF_KILLED = "what was done is kept: the same command goes on from there, perhaps with fewer --workers."


def part_folder(out: Path) -> Path:
    """Where a build of the index `out` keeps what it has done."""
    out = Path(os.path.abspath(out))  # noqa: PTH100 (as it is named, so that the message can be followed)
    return out.with_name(f"{out.name}.part")


def resumable(out: Path) -> str:
    """What to tell who wants to go on."""
    return f"what was done is kept in {part_folder(out)}: the same command goes on from there"


@contextmanager
def opened(folder: Path) -> Iterator[None]:
    """The folder, made if it is not there, for this process alone. Raises `BuildError` where another one has it."""
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY)
    try:
        _lock(handle, folder)
        yield
    finally:
        os.close(handle)


def _lock(handle: int, folder: Path) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise BuildError(f"Another build is at work in {folder}.") from error


def write_whole(path: Path, content: Any) -> None:
    """Write a file that is on the disk and whole before it has its name."""
    aside = path.with_suffix(ASIDE)
    with aside.open("wb") as file:
        file.write(msgspec.json.encode(content) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
