"""Folders that are made once and kept in the cache for the next start."""

import atexit
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import platformdirs

from nedsvc.errors import NedError

Opened = TypeVar("Opened")


def cache_folder(cache: Path | None) -> Path:
    """The folder that is set, by default the user's cache folder."""
    return cache or Path(platformdirs.user_cache_dir("nedsvc"))


def kept(cache: Path | None, name: str, open_: Callable[[Path], Opened], build: Callable[[Path], object]) -> Opened:
    """What opening the folder of this name in the cache gives; it is built where it is missing or cannot be opened.

    Where the cache cannot be written it goes to a temporary folder and lasts as long as the process.
    """
    folder = cache_folder(cache) / name
    with suppress(NedError):
        return open_(folder)
    shutil.rmtree(folder, ignore_errors=True)  # what is there cannot be used, and would stand in the way
    with suppress(NedError, OSError):
        build(folder)
    with suppress(NedError):
        return open_(folder)  # another process may have been first
    temporary = _temporary_folder() / name
    build(temporary)
    return open_(temporary)


def _temporary_folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="nedsvc-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
