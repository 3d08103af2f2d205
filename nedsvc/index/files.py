"""Writing a folder that is either whole or not there."""

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nedsvc.errors import BuildError, InvalidInput
from nedsvc.index.format import MANIFEST, FileEntry


class HashedFile:
    """A file that is hashed while it is written and is on the disk when it is closed."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")
        self._hash = hashlib.sha256()
        self.size = 0

    def write(self, data: Any) -> None:
        """Append bytes, or anything that gives its bytes away."""
        self._hash.update(data)
        self.size += memoryview(data).nbytes
        self._file.write(data)

    def close(self) -> FileEntry:
        """Flush to the disk; what the manifest says of the file."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        return FileEntry(self.size, self._hash.hexdigest())

    def __enter__(self) -> "HashedFile":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def write_array(path: Path, array: NDArray[Any]) -> FileEntry:
    """Save an array as `.npy`."""
    array = np.ascontiguousarray(array)
    with HashedFile(path) as file:
        np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(array))
        file.write(array.data)
        return file.close()


def write_bytes(path: Path, data: bytes) -> FileEntry:
    """Save bytes."""
    with HashedFile(path) as file:
        file.write(data)
        return file.close()


@contextmanager
def built_aside(out: Path) -> Iterator[Path]:
    """A new folder beside `out` that takes its place when the block ends well, and vanishes when it does not."""
    out = Path(os.path.abspath(out))  # noqa: PTH100 (a link is to be refused, not followed)
    _check_replaceable(out)
    aside = out.with_name(f"{out.name}.tmp-{os.getpid()}")
    try:
        aside.mkdir(parents=True)
        yield aside
        _sync_folder(aside)
        _replace(aside, out)
        _sync_folder(out.parent)
    except OSError as error:
        raise BuildError(f"{out} could not be written: {error.strerror or error}. Nothing was left of it.") from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _check_replaceable(out: Path) -> None:
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        raise InvalidInput("-o", f"{out} is there and is no folder; choose another place")
    if out.is_dir() and any(out.iterdir()) and not (out / MANIFEST).is_file():
        raise InvalidInput("-o", f"{out} is a folder that holds something other than an index; choose another place")


def _replace(new: Path, out: Path) -> None:
    old = out.with_name(f"{out.name}.old-{os.getpid()}")
    if out.exists():
        out.rename(old)
    try:
        new.rename(out)
    except OSError:
        if old.exists():
            old.rename(out)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
