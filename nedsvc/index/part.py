"""The folder beside an index in which what a long build has done is kept, so that a stop does not undo it."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from nedsvc.errors import BuildError

ASIDE = ".new"
_OVER = ".over"
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
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise BuildError(f"{folder} could not be written: {error.strerror or error}.") from error
    try:
        _lock(handle, folder)
        yield
    finally:
        os.close(handle)


def _lock(handle: int, folder: Path) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise BuildError(f"Another build is at work in {folder}.") from error
    except OSError as error:
        raise BuildError(f"{folder} cannot be locked: {error.strerror or error}.") from error


def emptied(folder: Path, plan: str) -> None:
    """Remove all that is in the folder of a build whose plan has this name.

    The plan goes last, and by another name: where this stops on the way, what is left is known as a build's, and no
    build goes on from it.
    """
    path = folder / plan
    over = path.with_suffix(_OVER)
    if path.exists():
        path.rename(over)
    for entry in folder.iterdir():
        if entry != over:
            shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
    over.unlink(missing_ok=True)


def is_builds(folder: Path, plan: str) -> bool:
    """Whether nothing is in the folder, or what a build with a plan of this name made."""
    path = folder / plan
    begun = path.exists() or path.with_suffix(_OVER).exists()
    return begun or all(entry == path.with_suffix(ASIDE) for entry in folder.iterdir())


def write_whole(path: Path, content: Any) -> None:
    """Write a file that is on the disk and whole before it has its name."""
    aside = path.with_suffix(ASIDE)
    with aside.open("wb") as file:
        file.write(msgspec.json.encode(content) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
